"""Runs the migrations: all of them in one transaction, one process at a time.

SQLAlchemy works over our own connections, here and for moving a database. The running bot never
loads it: it would be a sixth of its memory and a fifth of its start.
"""

from __future__ import annotations

import contextlib
import pathlib
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import command, config, script
from sqlalchemy import exc, pool

from bot.power import errors
from bot.storage import writer
from bot.storage.engine import addresses, connections

FOLDER = pathlib.Path(__file__).parent


def check_known(revision: str, folder: pathlib.Path = FOLDER) -> None:
    """Accept an empty database and every revision that this version has a migration from.

    Raises:
        StoreUnavailable: a newer version of Powerbot has made the schema.
    """
    scripts = script.ScriptDirectory.from_config(_configuration(folder))
    known = {found.revision for found in scripts.walk_revisions()}
    if revision and revision not in known:
        raise errors.StoreUnavailable(
            f"The database's schema {revision} was made by a newer version of Powerbot; "
            "start that version."
        )


def upgrade(address: addresses.Address, folder: pathlib.Path = FOLDER, *, to: str = "head") -> None:
    """Bring the schema to a revision; a failure on the way leaves nothing behind.

    Raises:
        StoreUnavailable: the database is away.
    """
    configuration = _configuration(folder)
    opened = engine(address)
    with translated(), opened.begin() as connection:
        if address.path is None:
            # In the writers' turn: two pods that migrate at once go one after the other.
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(writer.TURN)))
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, to)


def _configuration(folder: pathlib.Path) -> config.Config:
    """Return Alembic's configuration, which needs no file of its own."""
    made = config.Config()
    # A percent sign would begin a variable (Python's configparser, "Interpolation of values").
    made.set_main_option("script_location", str(folder).replace("%", "%%"))
    return made


def engine(address: addresses.Address, *, readonly: bool = False) -> sa.Engine:
    """Return the engine of an address; its transactions begin with the words of `connections`."""

    def connect() -> Any:
        return connections.connect(address, readonly=readonly).driver

    url = "postgresql+psycopg://" if address.path is None else "sqlite+pysqlite://"
    # A pool would keep SQLite's file open after the work.
    made = sa.create_engine(url, creator=connect, poolclass=pool.NullPool)

    # On a connection in autocommit SQLAlchemy begins nothing that the database sees.
    @sa.event.listens_for(made, "begin")
    def begun(connection: sa.Connection) -> None:
        driver = connection.connection.driver_connection
        connections.Connection(driver, connection.dialect.name).begin(readonly=readonly)

    return made


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Turn what SQLAlchemy says of a database that is away into StoreUnavailable."""
    try:
        with connections.translated():
            yield
    except (exc.OperationalError, exc.InterfaceError, exc.TimeoutError) as error:
        raise errors.StoreUnavailable from error
