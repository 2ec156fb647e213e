"""A store for what reads one."""

from __future__ import annotations

import pathlib
from collections.abc import AsyncIterator

import pytest

from bot.storage import opening
from bot.storage.store import Store
from tests.support import databases


@pytest.fixture
async def store(tmp_path: pathlib.Path) -> AsyncIterator[Store]:
    """A store on a fresh database."""
    found = opening.open_store(databases.sqlite(tmp_path))
    yield found
    await found.close()
