"""What every part of a transaction stands on: a connection, the fence, and a guard for reads."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from bot.power import errors, ports
from bot.storage import plan_cache, precompiled, schema

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

# Values of one IN list; both databases take some 30,000 parameters in a statement.
SLICE = 512
# An insert that met a row which is there already tells so by its count alone.
_COUNTED = {"preserve_rowcount": True}

V = TypeVar("V")


class Link:
    """One transaction's hold on the database."""

    def __init__(
        self,
        connection: sa.Connection,
        *,
        plans: plan_cache.PlanCache,
        code_version: str = "",
        readonly: bool = False,
        lease_s: float = 30.0,
    ) -> None:
        """`lease_s` is how long a process may be silent before another takes a payload over."""
        self.lease_s = lease_s
        # What was appended to the audit log, to be logged once it is committed.
        self.appended: list[ports.AuditEntry] = []
        self.connection = connection
        self.plans = plans
        self.code_version = code_version
        self.readonly = readonly

    def query(
        self, statement: sa.Executable, parameters: Mapping[str, Any] | None = None
    ) -> sa.CursorResult[Any]:
        """Run a statement that only reads."""
        return self.connection.execute(statement, parameters)

    def change(
        self,
        statement: sa.Executable,
        parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    ) -> sa.CursorResult[Any]:
        """Run a statement that writes.

        Raises:
            RuntimeError: the transaction was begun to read alone.
        """
        self.must_write()
        return self.connection.execute(statement, parameters, execution_options=_COUNTED)

    def must_write(self) -> None:
        """Refuse to go on in a transaction that was begun to read alone.

        Raises:
            RuntimeError: it was; `Store.write` is the way.
        """
        if self.readonly:
            raise RuntimeError("a transaction that was begun to read can't write")

    def insert(self, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
        """Return an insert that can say what to do about a row that is there already."""
        if self.connection.dialect.name == "sqlite":
            return sqlite.insert(table)
        # This dialect loads every driver that it knows; who stores in SQLite needs none of them.
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)

    def hold_fence(self, request_id: str, epoch: int) -> None:
        """Make sure that this owner still has the request, until the end of the transaction.

        Raises:
            LostLease: the fence has moved on.
        """
        self.must_write()
        if _FENCE.run(self, {"of_request": request_id, "of_epoch": epoch}).fetchone() is None:
            raise errors.LostLease


def _fence(_tx: Link) -> sa.Executable:
    """Return the query for a request that still has this epoch, and its lock."""
    table = schema.requests.c
    mine = table.id == sa.bindparam("of_request"), table.epoch == sa.bindparam("of_epoch")
    return sa.select(table.id).where(*mine).with_for_update()


_FENCE = precompiled.Precompiled(_fence)


def slices(values: Iterable[V]) -> Iterator[list[V]]:
    """Cut values into lists that fit into one statement."""
    listed = list(values)
    for start in range(0, len(listed), SLICE):
        yield listed[start : start + SLICE]


def in_few_lengths(values: Sequence[V]) -> list[V]:
    """Return the values of an IN list, the last one repeated up to a power of two.

    Each length is a statement of its own, which every connection keeps with the room for its
    values: with any length there is, they would take up tens of megabytes.
    """
    length = 1 << (len(values) - 1).bit_length()
    return [*values, *itertools.repeat(values[-1], length - len(values))] if values else []
