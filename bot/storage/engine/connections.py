"""Connections to the database: what each must be set to before anything is trusted to it.

SQLite is WAL with a full sync for every commit; PostgreSQL is spoken to without session state,
so that a pooler may stand in between.
"""

from __future__ import annotations

import collections
import contextlib
import functools
import sqlite3
import sys
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any

from bot.power import errors
from bot.storage.engine import addresses, database_file, dialects

BUSY_S = 30  # Seconds that one writer waits for another.
# What SQLite fails with that no waiting mends (https://www.sqlite.org/rescode.html).
_RIGHTS = (
    "The database file can't be opened or written ({said}); check POWERBOT_DATABASE_URL, and this "
    "user's rights to the file and its folder."
)
_DISK = "The database's disk can't be used ({said}); check that it has free space."
_FOREIGN = (
    "The database isn't Powerbot's, or it is damaged ({said}); check POWERBOT_DATABASE_URL, or "
    "restore a backup."
)
LASTING = {
    sqlite3.SQLITE_CANTOPEN: _RIGHTS,
    sqlite3.SQLITE_PERM: _RIGHTS,
    sqlite3.SQLITE_READONLY: _RIGHTS,
    sqlite3.SQLITE_FULL: _DISK,
    sqlite3.SQLITE_IOERR: _DISK,
    sqlite3.SQLITE_ERROR: _FOREIGN,
}
# A peer that takes no byte for this long is gone, however the network hides it.
PEER_TIMEOUT_S = 30  # Seconds.
# Rows that are held at once where all of a table is read.
SLICE = 1000
# Rows that a query brings at once: making records of so many takes less than a millisecond.
READ_AT_ONCE = 100


class TransactionLost(Exception):
    """The transaction is gone, and with it all that was done in it."""


class Connection:
    """A connection of SQLite's driver or of PostgreSQL's, used by one thread at a time.

    No transaction begins by itself: the drivers would begin them late and by rules of their own,
    which leaves half a migration behind.
    """

    def __init__(self, driver: Any, dialect: str) -> None:
        """`driver` is the driver's own connection."""
        self.driver = driver
        self.dialect = dialect
        self._is_sqlite = dialect == dialects.SQLITE
        self._translate = dialects.sqlite if self._is_sqlite else dialects.postgresql
        self._execute = driver.execute

    def execute(self, statement: str, values: Mapping[str, Any] | None = None) -> Any:
        """Run a statement in the words of `dialects` and return the driver's cursor."""
        given = values or {}
        if self._is_sqlite:
            given = dialects.sqlite_values(given)
        return self._execute(self._translate(statement), given)

    def execute_each(self, statement: str, rows: Sequence[Mapping[str, Any]]) -> int:
        """Run a statement for each of these values and return the number of rows it changed."""
        cursor = self.driver.cursor()
        cursor.executemany(self._translate(statement), rows)
        return int(cursor.rowcount)

    def rows(self, statement: str, **values: Any) -> list[Any]:
        """Run a query and return its rows, each with its columns as attributes."""
        cursor = self.execute(statement, values)
        return [*map(_maker(cursor), cursor.fetchall())]

    def each(self, statement: str, **values: Any) -> Generator[Any]:
        """Run a query and yield its rows, fetched some at a time."""
        cursor = self.execute(statement, values)
        make = _maker(cursor)
        while some := cursor.fetchmany(READ_AT_ONCE):
            yield from map(make, some)

    def stream(self, statement: str, **values: Any) -> Generator[Any]:
        """Run a query and yield its rows without holding all of them."""
        if self._is_sqlite:
            cursor = self.execute(statement, values)
        else:
            # A cursor of the server's own; without a name the driver would fetch every row.
            cursor = self.driver.cursor("stream")
            cursor.execute(self._translate(statement), values)
        with contextlib.closing(cursor):
            make = _maker(cursor)
            while some := cursor.fetchmany(SLICE):
                yield from map(make, some)

    def value(self, statement: str, **values: Any) -> Any:
        """Run a query and return the first column of its first row, None where there is none."""
        row = self.execute(statement, values).fetchone()
        return row[0] if row else None

    def begin(self, *, readonly: bool = False) -> None:
        """Begin a transaction: to write, alone from its start on SQLite; to read, one snapshot."""
        if self._is_sqlite:
            # A read that turns into a write is refused when somebody else wrote since
            # ("Transaction").
            self._execute("BEGIN" if readonly else "BEGIN IMMEDIATE")
        elif readonly:
            # By itself each statement would have its own snapshot ("Transaction Isolation").
            self._execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        else:
            self._execute("BEGIN")

    def commit(self) -> None:
        """Make durable what was done since `begin`."""
        self.driver.commit()

    def rollback(self) -> None:
        """Undo what was done since `begin`."""
        self.driver.rollback()

    def close(self) -> None:
        """Close it, in whatever state it is."""
        with contextlib.suppress(*driver_errors()):
            self.driver.close()

    def state(self) -> str:
        """Return whether the transaction is `open`, `refused` (by PostgreSQL) or `lost`.

        SQLite gives a whole transaction up by itself, when the disk is full for example; what came
        after would be committed statement by statement.
        """
        if self._is_sqlite:
            return "open" if self.driver.in_transaction else "lost"
        status = self.driver.info.transaction_status.name
        return {"INTRANS": "open", "INERROR": "refused"}.get(status, "lost")


def connect(address: addresses.Address, *, readonly: bool = False) -> Connection:
    """Open a connection; on one that is `readonly`, and begins so, no write succeeds."""
    if address.path is not None:
        return _sqlite(address, readonly=readonly)
    return Connection(_psycopg_driver(address), dialects.POSTGRESQL)


@contextlib.contextmanager
def reading(url: str) -> Iterator[Connection]:
    """Open a connection that only reads, beside a running Powerbot, for as long as the block.

    It sees one snapshot.

    Raises:
        StoreUnavailable: the database can't be reached, or the file is no database.
    """
    address = addresses.parsed(url)
    if address.path is not None:
        if not addresses.is_there(address.path):
            raise errors.StoreUnavailable(f"There is no database at {address.path}.")
        database_file.refuse_planted(address.path)
    with translated(), contextlib.closing(connect(address, readonly=True)) as connection:
        connection.begin(readonly=True)
        try:
            yield connection
        except sqlite3.DatabaseError as error:
            # The low byte is the primary code ("SQLite Result and Error Codes").
            if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
                raise
            raise errors.StoreUnavailable(
                f"The file {address.path} isn't an SQLite database, or it is damaged."
            ) from error


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Turn what the driver says of a database that is away into StoreUnavailable."""
    try:
        yield
    except away() as error:
        raise errors.StoreUnavailable(_lasting(error)) from error


def _lasting(error: Exception) -> str:
    """Return what somebody must mend first; empty where to try again may help."""
    code = getattr(error, "sqlite_errorcode", None)
    return LASTING.get(code & 0xFF, "").format(said=error) if code else ""


def away() -> tuple[type[Exception], ...]:
    """Return what is raised when the database, or a transaction of it, is away."""
    return (TransactionLost, *_named("OperationalError"), *_named("InterfaceError"))


def refused() -> tuple[type[Exception], ...]:
    """Return what is raised when a row breaks a rule of its table."""
    return _named("IntegrityError")


def driver_errors() -> tuple[type[Exception], ...]:
    """Return what the drivers raise, whatever the reason."""
    return _named("Error")


def _named(name: str) -> tuple[type[Exception], ...]:
    """Return the drivers' errors of a name; one that was never loaded has raised nothing."""
    loaded = (sqlite3, sys.modules.get("psycopg"))
    return tuple(getattr(driver, name) for driver in loaded if driver)


def _sqlite(address: addresses.Address, *, readonly: bool) -> Connection:
    """Open a SQLite file: commits durable, waits bounded, references checked."""
    # One thread of a pool at a time has it, which the driver can't know.
    driver = sqlite3.connect(
        str(address.path), timeout=BUSY_S, isolation_level=None, check_same_thread=False
    )
    with contextlib.ExitStack() as undo:
        undo.callback(driver.close)
        if readonly:
            driver.execute("PRAGMA query_only=ON")
        else:
            _switch_to_wal(driver)
            # With NORMAL a power cut may take the last commits of a WAL ("PRAGMA synchronous").
            driver.execute("PRAGMA synchronous=FULL")
            # Off by itself on every new connection ("SQLite Foreign Key Support").
            driver.execute("PRAGMA foreign_keys=ON")
        undo.pop_all()
    return Connection(driver, dialects.SQLITE)


def _switch_to_wal(driver: sqlite3.Connection) -> None:
    """Make a new file a WAL one, with the patience that SQLite itself doesn't have here.

    While two processes switch at once, one is told "busy" without any wait, since waiting could
    be a deadlock (https://www.sqlite.org/c3ref/busy_handler.html).
    """
    until = time.monotonic() + BUSY_S
    while True:
        try:
            driver.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
            if not busy or time.monotonic() >= until:
                raise
            time.sleep(0.02)
        else:
            return


def _psycopg_driver(address: addresses.Address) -> Any:
    """Connect to PostgreSQL with libpq's settings that the URL leaves open.

    No statement is prepared: a pooler in transaction mode gives each transaction another session,
    where it isn't known (https://www.pgbouncer.org/features.html).
    """
    import psycopg
    from psycopg import conninfo

    given = conninfo.conninfo_to_dict(address.uri)
    defaults: dict[str, Any] = {
        "connect_timeout": 10,  # Seconds (the same page).
        "tcp_user_timeout": PEER_TIMEOUT_S * 1000,  # Milliseconds ("Parameter Key Words").
        "application_name": "powerbot",
    }
    settings: dict[str, Any] = {**defaults, **given}
    return psycopg.connect(autocommit=True, prepare_threshold=None, **settings)


def _maker(cursor: Any) -> Any:
    """Return what makes a row of a cursor one with attributes."""
    return _row_type(tuple(column[0] for column in cursor.description))._make


@functools.cache
def _row_type(columns: tuple[str, ...]) -> Any:
    """Return the type of rows with these columns."""
    return collections.namedtuple("Row", columns)
