"""Statements of the path of an ack: compiled once, then given to the driver as they are.

SQLAlchemy's own way to such a statement costs more than the statement itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa

from bot.storage import link


class Precompiled:
    """One statement, in the words of each database that it was used on."""

    def __init__(self, make: Callable[[link.Link], sa.Executable]) -> None:
        """`make` returns the statement, with a bind parameter for each value."""
        self._make = make
        self._compiled: dict[str, Any] = {}

    def run(self, tx: link.Link, values: Mapping[str, Any]) -> Any:
        """Run it with these values and return the driver's cursor."""
        dialect = tx.connection.dialect
        compiled = self._compiled.get(dialect.name)
        if compiled is None:
            statement: Any = self._make(tx)
            compiled = self._compiled.setdefault(dialect.name, statement.compile(dialect=dialect))
        given: Any = {**compiled.params, **values}
        if compiled.positional:
            given = tuple(given[name] for name in compiled.positiontup)
        driver: Any = tx.connection.connection.driver_connection
        return driver.execute(compiled.string, given)
