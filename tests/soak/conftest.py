"""One PostgreSQL server for all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.soak import databases


@pytest.fixture(scope="session")
def postgres() -> Iterator[databases.Postgres]:
    """A PostgreSQL server of this test run."""
    with databases.postgres() as server:
        yield server
