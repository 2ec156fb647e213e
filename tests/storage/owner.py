"""What somebody may do who owns the database, past all of Powerbot."""

from __future__ import annotations

import contextlib

from bot.storage.engine import addresses, connections


def execute(url: str, *statements: str) -> None:
    """Run statements in one transaction."""
    with contextlib.closing(connections.connect(addresses.parsed(url))) as connection:
        connection.begin()
        for statement in statements:
            connection.driver.execute(statement)
        connection.commit()


def dialect(url: str) -> str:
    """Return which kind of database it is."""
    with connections.reading(url) as connection:
        return connection.dialect
