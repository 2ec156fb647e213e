"""SQLAlchemy over our own connections, for what goes through whole tables: migrations and moving.

The running bot never loads it: it would be a sixth of its memory and a fifth of its start.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc, pool

from bot.power import errors
from bot.storage.engine import addresses, connections


def engine(address: addresses.Address, *, readonly: bool = False) -> sa.Engine:
    """Return the engine of an address; its transactions begin with the words of `connections`."""

    def connect() -> Any:
        return connections.connect(address, readonly=readonly).driver

    url = "postgresql+psycopg://" if address.path is None else "sqlite+pysqlite://"
    made = sa.create_engine(url, creator=connect, poolclass=pool.NullPool)

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
