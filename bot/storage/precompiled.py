"""Statements of the paths of an ack and of a power call: compiled once, then the driver's own.

SQLAlchemy's own way to such a statement costs more than the statement itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

if TYPE_CHECKING:
    from bot.storage import link


class Precompiled:
    """One statement, in the words of each database that it was used on."""

    def __init__(self, make: Callable[[link.Link], sa.Executable]) -> None:
        """`make` returns the statement, with a bind parameter for each value."""
        self._make = make
        self._compiled: dict[str, Any] = {}

    def run(self, tx: link.Link, values: Mapping[str, Any]) -> Any:
        """Run it with these values and return the driver's cursor."""
        compiled = self._in_words_of(tx)
        return _driver(tx).execute(compiled.string, _given(compiled, values))

    def run_many(self, tx: link.Link, many: Sequence[Mapping[str, Any]]) -> Any:
        """Run it once for each of the values; the cursor's `rowcount` is that of all together."""
        compiled = self._in_words_of(tx)
        cursor = _driver(tx).cursor()
        cursor.executemany(compiled.string, [_given(compiled, values) for values in many])
        return cursor

    def _in_words_of(self, tx: link.Link) -> Any:
        """Return the statement as the database of this transaction understands it."""
        dialect = tx.connection.dialect
        compiled = self._compiled.get(dialect.name)
        if compiled is None:
            statement: Any = self._make(tx)
            compiled = self._compiled.setdefault(dialect.name, statement.compile(dialect=dialect))
        return compiled


def _driver(tx: link.Link) -> Any:
    """Return the driver's own connection."""
    return tx.connection.connection.driver_connection


def _given(compiled: Any, values: Mapping[str, Any]) -> Any:
    """Return the values as the driver wants them: by place or by name."""
    given = {**compiled.params, **values}
    return tuple([given[name] for name in compiled.positiontup]) if compiled.positional else given
