"""Connections to the database: what each must be set to before anything is trusted to it.

SQLite is WAL with a full sync for every commit; PostgreSQL is spoken to without session state,
so that a pooler may stand in between.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import sqlite3
import time
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc, pool

from bot.power import errors

BUSY_S = 30
# Connections for reading; each is used by one thread at a time.
READERS = 4
# What every SQLite file begins with (https://www.sqlite.org/fileformat.html, 1.3.1).
SQLITE_MAGIC = b"SQLite format 3\0"
# A peer that takes no byte for this long is gone, however the network hides it.
PEER_TIMEOUT_S = 30


def parsed(url: str) -> sa.URL:
    """Return the URL with the driver that is used for it.

    Raises:
        StoreUnavailable: it is no URL of a SQLite file or a PostgreSQL server.
    """
    try:
        made = sa.make_url(url)
    except (exc.ArgumentError, ValueError):
        raise errors.StoreUnavailable(
            "The database URL can't be read; write sqlite:///FILE or postgresql://..."
        ) from None
    match made.get_backend_name():
        case "sqlite" if made.database and made.database != ":memory:":
            return made.set(drivername="sqlite+pysqlite")
        case "sqlite":
            raise errors.StoreUnavailable("A SQLite database must be a file: sqlite:///FILE.")
        case "postgresql" | "postgres":
            return made.set(drivername="postgresql+psycopg")
        case other:
            raise errors.StoreUnavailable(
                f"{other} is no database that Powerbot can use; SQLite and PostgreSQL are."
            )


def sqlite_path(url: sa.URL) -> pathlib.Path | None:
    """Return the file of a SQLite database, None for PostgreSQL."""
    if url.get_backend_name() != "sqlite":
        return None
    return pathlib.Path(url.database or "").absolute()


def prepare_file(path: pathlib.Path) -> None:
    """Create the file and its folder, for nobody's eyes but the owner's.

    Raises:
        StoreUnavailable: the file system refuses, or it is a file of another kind.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        path.chmod(0o600)
        with path.open("rb") as file:
            beginning = file.read(len(SQLITE_MAGIC))
    except OSError as error:
        raise errors.StoreUnavailable(
            f"The database file {path} can't be used: {error.strerror}."
        ) from error
    if beginning not in (b"", SQLITE_MAGIC):
        raise errors.StoreUnavailable(f"The file {path} is no SQLite database.")


def write_engine(url: sa.URL) -> sa.Engine:
    """Return the engine of the one writer: every transaction is the writer's from its start."""
    if url.get_backend_name() == "sqlite":
        return _sqlite_engine(url, begin="BEGIN IMMEDIATE", readonly=False)
    return sa.create_engine(url, poolclass=pool.NullPool, connect_args=_postgresql_arguments(url))


def read_engine(url: sa.URL) -> sa.Engine:
    """Return the engine of the readers: each sees one snapshot, and no write succeeds."""
    if url.get_backend_name() == "sqlite":
        return _sqlite_engine(url, begin="BEGIN", readonly=True)
    engine = sa.create_engine(
        url,
        pool_size=READERS,
        max_overflow=0,
        pool_pre_ping=True,
        connect_args=_postgresql_arguments(url),
    )
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


@contextlib.contextmanager
def reading(url: str) -> Iterator[sa.Connection]:
    """Open a connection that only reads, beside a running Powerbot, for as long as the block.

    Raises:
        StoreUnavailable: the database can't be reached.
    """
    made = parsed(url)
    path = sqlite_path(made)
    if path is not None and not path.exists():
        raise errors.StoreUnavailable(f"There is no database at {path}.")
    engine = read_engine(made)
    try:
        with translated(), engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Turn what the driver says of a database that is away into StoreUnavailable."""
    try:
        yield
    except (exc.OperationalError, exc.InterfaceError, exc.TimeoutError) as error:
        raise errors.StoreUnavailable from error


def _sqlite_engine(url: sa.URL, *, begin: str, readonly: bool) -> sa.Engine:
    """Return an engine whose transactions begin with the given words.

    The driver would begin them late and by its own rules, which leaves half a migration behind
    (https://docs.sqlalchemy.org/en/21/dialects/sqlite.html#pysqlite-serializable).
    """
    options: dict[str, Any] = {"poolclass": pool.NullPool}
    if readonly:
        options = {"pool_size": READERS, "max_overflow": 0}
    engine = sa.create_engine(url, connect_args={"timeout": BUSY_S}, **options)

    @sa.event.listens_for(engine, "connect")
    def connected(dbapi_connection: Any, _record: Any) -> None:
        dbapi_connection.isolation_level = None
        _set_pragmas(dbapi_connection, readonly=readonly)

    @sa.event.listens_for(engine, "begin")
    def begun(connection: sa.Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _set_pragmas(dbapi_connection: Any, *, readonly: bool) -> None:
    """Make commits durable, waits bounded and references checked."""
    cursor = dbapi_connection.cursor()
    try:
        cursor.execute(f"PRAGMA busy_timeout={BUSY_S * 1000}")
        if readonly:
            cursor.execute("PRAGMA query_only=ON")
            return
        _switch_to_wal(cursor)
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
    finally:
        cursor.close()


def _switch_to_wal(cursor: sqlite3.Cursor) -> None:
    """Make a new file a WAL one, with the patience that SQLite itself doesn't have here.

    While two processes switch at once, one is told "busy" without any wait, since waiting could
    be a deadlock (https://www.sqlite.org/c3ref/busy_handler.html).
    """
    until = time.monotonic() + BUSY_S
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
            if not busy or time.monotonic() >= until:
                raise
            time.sleep(0.02)
        else:
            return


def _postgresql_arguments(url: sa.URL) -> dict[str, Any]:
    """Return libpq's settings that the URL leaves open, and no prepared statements.

    A pooler in transaction mode gives each transaction another session, where a statement that
    was prepared before isn't known (https://www.pgbouncer.org/features.html).
    """
    defaults: dict[str, Any] = {
        "connect_timeout": 10,
        "tcp_user_timeout": PEER_TIMEOUT_S * 1000,
        "application_name": "powerbot",
    }
    left_open = {name: value for name, value in defaults.items() if name not in url.query}
    return {"prepare_threshold": None, **left_open}
