"""A fresh database for each test, on SQLite and on PostgreSQL."""

from __future__ import annotations

import pathlib
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from bot.storage import opening
from bot.storage.store import Store
from tests.support import databases


@pytest.fixture(scope="session")
def settled_file(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A SQLite file that has the schema, to be copied."""
    folder = tmp_path_factory.mktemp("sqlite")
    databases.sqlite(folder)
    return folder / "powerbot.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def backend(request: pytest.FixtureRequest) -> str:
    """The database's kind."""
    return str(request.param)


@pytest.fixture
def empty_url(
    backend: str, request: pytest.FixtureRequest, tmp_path: pathlib.Path
) -> Iterator[str]:
    """The address of an empty database."""
    if backend == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    server: databases.Postgres = request.getfixturevalue("postgres")
    made = server.empty()
    yield made
    server.drop(made)


@pytest.fixture
def url(backend: str, request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> Iterator[str]:
    """The address of a database that has the schema and no rows."""
    if backend == "sqlite":
        yield databases.sqlite(tmp_path)
        return
    server: databases.Postgres = request.getfixturevalue("postgres")
    made = server.fresh()
    yield made
    server.drop(made)


@pytest.fixture
async def replicas(url: str) -> AsyncIterator[Callable[[], Store]]:
    """Opens stores on one database, as several processes would, and closes them at the end."""
    opened: list[Store] = []

    def open_one() -> Store:
        opened.append(opening.open_store(url, code_version="test"))
        return opened[-1]

    yield open_one
    for one in opened:
        await one.close()


@pytest.fixture
async def store(replicas: Callable[[], Store]) -> Store:
    """One store on a fresh database."""
    return replicas()
