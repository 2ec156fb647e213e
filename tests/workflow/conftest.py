"""A world on a fresh SQLite file."""

from __future__ import annotations

import pathlib
from collections.abc import AsyncIterator

import pytest_asyncio

from tests.support import databases
from tests.workflow import world as world_


@pytest_asyncio.fixture
async def world(tmp_path: pathlib.Path) -> AsyncIterator[world_.World]:
    """A world in which nothing has happened yet."""
    async with world_.running(databases.sqlite(tmp_path)) as made:
        yield made
