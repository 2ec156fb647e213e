"""What every part of a transaction stands on: a connection, the fence, and a guard for reads."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bot.power import errors, ports
from bot.storage.engine import connections, plan_cache

KEEP_OLD = "ON CONFLICT DO NOTHING"  # A key that comes twice is the same thing said twice.


class Link:
    """One transaction's hold on the database; statements are in the words of `dialects`."""

    def __init__(
        self,
        connection: connections.Connection,
        *,
        plans: plan_cache.PlanCache,
        code_version: str = "",
        readonly: bool = False,
        lease_s: float = 30.0,
        marking_key: bytes = b"",
    ) -> None:
        """`lease_s` is how long a process may be silent before another takes a payload over.

        `marking_key` is the secret by which payloads that Powerbot has stored itself are known.
        """
        self.lease_s = lease_s
        self.marking_key = marking_key
        # What was appended to the audit log, to be logged once it is committed.
        self.appended: list[ports.AuditEntry] = []
        # The fences that this transaction holds: each is asked for once.
        self._fences: dict[str, int] = {}
        self.connection = connection
        self.plans = plans
        self.code_version = code_version  # Stands in every audit row.
        self.readonly = readonly

    def query(self, statement: str, **values: Any) -> list[Any]:
        """Run a statement that only reads and return its rows, columns as attributes."""
        return self.connection.rows(statement, **values)

    def each(self, statement: str, **values: Any) -> Iterator[Any]:
        """Run a statement that only reads and yield its rows, fetched some at a time."""
        return self.connection.each(statement, **values)

    def value(self, statement: str, **values: Any) -> Any:
        """Run a statement that only reads and return its one value, None where there is no row."""
        return self.connection.value(statement, **values)

    def change(self, statement: str, values: Mapping[str, Any] | None = None, **more: Any) -> int:
        """Run a statement that writes and return the number of rows it changed.

        Raises:
            RuntimeError: the transaction was begun to read alone.
        """
        self.must_write()
        return int(self.connection.execute(statement, {**(values or {}), **more}).rowcount)

    def change_each(self, statement: str, rows: Sequence[Mapping[str, Any]]) -> int:
        """Run a statement that writes for each of these values; return how many rows it changed.

        Raises:
            RuntimeError: the transaction was begun to read alone.
        """
        self.must_write()
        return self.connection.execute_each(statement, rows)

    def insert(self, table: str, row: Mapping[str, Any], conflict: str = "") -> int:
        """Insert a row, which names its columns; return how many rows are new or changed.

        `conflict` is the clause for a row that is there already.

        Raises:
            RuntimeError: the transaction was begun to read alone.
        """
        return self.change(_insertion(table, tuple(row), conflict), row)

    def insert_each(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows, all of which name the same columns.

        Raises:
            RuntimeError: the transaction was begun to read alone.
        """
        if rows:
            self.change_each(_insertion(table, tuple(rows[0])), rows)

    def begin_work(self) -> None:
        """Forget what the work before has held; it may have been rolled back."""
        self._fences.clear()

    def must_write(self) -> None:
        """Refuse to go on in a transaction that was begun to read alone.

        Raises:
            RuntimeError: it was; `Store.write` is the way.
        """
        if self.readonly:
            raise RuntimeError("a transaction that was begun to read can't write")

    def hold_fence(self, request_id: str, epoch: int) -> None:
        """Make sure that this owner still has the request, until the end of the transaction.

        Raises:
            LostLease: the fence has moved on.
        """
        self.must_write()
        if self._fences.get(request_id) == epoch:
            return
        # Locked, so that nobody moves the fence on before this transaction's commit.
        mine = "SELECT id FROM requests WHERE id = :id AND epoch = :epoch FOR UPDATE"
        if self.value(mine, id=request_id, epoch=epoch) is None:
            raise errors.LostLease
        self._fences[request_id] = epoch

    def drop_fence(self, request_id: str) -> None:
        """Note that this transaction itself has moved a fence on."""
        self._fences.pop(request_id, None)


@functools.cache
def _insertion(table: str, columns: tuple[str, ...], conflict: str = "") -> str:
    """Return the insert of one row, each column with the value of its name."""
    given = ", ".join(f":{column}" for column in columns)
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({given}) {conflict}"
