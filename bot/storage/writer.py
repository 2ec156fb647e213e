"""The one connection that writes: a batch of transactions in, one outcome for each out.

When the connection breaks, a batch is tried once more only where it is certain that nothing of
it was stored; after a commit that got no answer nothing is certain, and the error says so.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog

from bot.power import errors, ports
from bot.storage import intake_batches
from bot.storage.engine import addresses, connections, dialects
from bot.storage.tables import transaction

log = structlog.get_logger()

Work = Callable[[transaction.Transaction], Any]

# "Powerbot" in ASCII: writers of several replicas take turns, batch by batch.
TURN = 0x506F776572626F74
# A replica that was frozen in the middle of its turn is cut off, and the others go on.
FROZEN_S = 15  # Seconds.
TURN_WAIT_S = 30  # Seconds: longer than a frozen one keeps its turn.
# A commit must be on disk even where the server's own default would not wait for it.
TURN_POSTGRESQL = f"""
    SELECT set_config('lock_timeout', '{TURN_WAIT_S}s', true),
           set_config('idle_in_transaction_session_timeout', '{FROZEN_S}s', true),
           CASE WHEN current_setting('synchronous_commit') = 'off'
                THEN set_config('synchronous_commit', 'on', true) END,
           pg_advisory_xact_lock({TURN})
"""

NOT_STORED = "The database can't be reached; nothing was changed. Try again in a moment."
UNCERTAIN = (
    "The database was lost in the middle of a commit, so what you asked for may or may not have "
    "been stored; check before you try again."
)


@dataclasses.dataclass(frozen=True, slots=True)
class Done:
    """A transaction was committed; `value` is what it returned."""

    value: Any


@dataclasses.dataclass(frozen=True, slots=True)
class RolledBack:
    """A transaction was rolled back alone, or the whole batch with it."""

    error: BaseException


Outcome = Done | RolledBack


class _BatchLost(Exception):
    """Nothing, or nobody knows what, of a batch was stored; `again` if it may be run once more."""

    def __init__(self, told: str, *, again: bool) -> None:
        super().__init__(told)
        self.told = told
        self.again = again


class Writer:
    """Commits batches on one connection, which is opened again when it was lost.

    It is used by one thread at a time.
    """

    def __init__(
        self,
        address: addresses.Address,
        make: Callable[[connections.Connection], transaction.Transaction],
    ) -> None:
        """`make` makes the Tx of a connection."""
        self.address = address
        self._make = make
        self._kept: connections.Connection | None = None

    def commit(self, works: Sequence[Work]) -> list[Outcome]:
        """Run transactions and commit them together.

        A transaction may be run a second time, so it changes nothing but through its Tx.
        """
        try:
            try:
                return self._commit_once(works)
            except _BatchLost as lost:
                if not lost.again:
                    raise
                return self._commit_once(works)
        except _BatchLost as lost:
            log.warning("store.batch_lost", why=lost.told, cause=repr(type(lost.__cause__)))
            return [RolledBack(_unavailable(lost.told, lost.__cause__)) for _ in works]

    def close(self) -> None:
        """Close the connection."""
        self._drop()

    def _commit_once(self, works: Sequence[Work]) -> list[Outcome]:
        """Run a batch in one transaction of the database.

        Raises:
            _BatchLost: the database broke the batch as a whole.
        """
        outcomes: list[Outcome] = []
        with contextlib.ExitStack() as undo:
            undo.callback(self._drop)
            try:
                batch = self._begin(works)
                outcomes.extend(batch.run_all(works))
            # Before its commit nothing of a batch is stored, whatever broke.
            except connections.away() as error:
                raise _BatchLost(NOT_STORED, again=self._is_cut_off()) from error
            undo.pop_all()
        self._end(batch.connection, keep=any(isinstance(outcome, Done) for outcome in outcomes))
        for entry in batch.appended:
            _log_step(entry)
        return outcomes

    def _begin(self, works: Sequence[Work]) -> _Batch:
        """Begin a transaction in which nobody else writes."""
        if self._kept is None:
            self._kept = connections.connect(self.address)
        tx = self._make(self._kept)
        if self._kept.dialect == dialects.SQLITE:
            self._kept.begin()
            return _Batch(self._kept, tx, {})
        # The words that begin a transaction share a trip with others.
        done = intake_batches.begin(tx, TURN_POSTGRESQL, works)
        return _Batch(self._kept, tx, {place: Done(value) for place, value in done.items()})

    def _end(self, connection: connections.Connection, *, keep: bool) -> None:
        """Commit, durably; or roll back where there is nothing to keep.

        Raises:
            _BatchLost: no answer came, so it may or may not have happened.
        """
        try:
            if keep:
                connection.commit()
            else:
                connection.rollback()
        except connections.driver_errors() as error:
            self._drop()
            if keep:
                raise _BatchLost(UNCERTAIN, again=False) from error

    def _is_cut_off(self) -> bool:
        """Tell whether a new connection could help: not so where a lock was waited for in vain."""
        kept = self._kept
        return kept is not None and kept.dialect != dialects.SQLITE and kept.state() == "lost"

    def _drop(self) -> None:
        """Close the connection, in whatever state it is."""
        if self._kept is not None:
            self._kept.close()
            self._kept = None


class _Batch:
    """One transaction of the database, in which each piece of work stands or falls alone.

    On PostgreSQL the commit releases all savepoints, for each by itself would be one more round
    trip; SQLite slows down with every one that is left.
    """

    def __init__(
        self,
        connection: connections.Connection,
        tx: transaction.Transaction,
        done: Mapping[int, Outcome],
    ) -> None:
        """`done` are the outcomes that came with the beginning, by place in the batch."""
        self.connection = connection
        self._done = done
        self.appended = tx.appended
        self._tx = tx
        self._execute = connection.driver.execute
        self._releases = connection.dialect == dialects.SQLITE

    def run_all(self, works: Sequence[Work]) -> list[Outcome]:
        """Run the works of a batch that are not done yet."""
        alone = len(works) == 1
        return [
            self._done[place] if place in self._done else self.run(work, alone=alone)
            for place, work in enumerate(works)
        ]

    def run(self, work: Work, *, alone: bool) -> Outcome:
        """Run one piece of work, and undo it if it raises.

        One that is alone in its batch needs no savepoint: the whole is rolled back.
        """
        kept = len(self.appended)
        self._tx.begin_work()
        try:
            if not alone:
                self._execute("SAVEPOINT work")
            value = work(self._tx)
            # A work that catches the database's refusal would pass as done.
            if self.connection.state() != "open":
                raise RuntimeError("a transaction went on after the database had refused")
            if self._releases and not alone:
                self._execute("RELEASE SAVEPOINT work")
        except Exception as error:  # Whatever a work raises is for its caller; others go on.
            # What this work has appended is undone with it.
            del self.appended[kept:]
            return self._undone(error, alone=alone)
        return Done(value)

    def _undone(self, error: Exception, *, alone: bool) -> Outcome:
        """Undo one piece of work; the error goes on when the whole batch is lost with it."""
        if self.connection.state() == "lost":
            if isinstance(error, connections.away()):
                raise error
            raise connections.TransactionLost from error
        if not alone:
            self._execute("ROLLBACK TO SAVEPOINT work")
        if isinstance(error, connections.away()):
            return RolledBack(_unavailable(NOT_STORED, error))
        return RolledBack(error)


def _log_step(entry: ports.AuditEntry) -> None:
    """Log a step of a request; what is in the audit log is in the log, and only once it is true."""
    log.info(
        entry.event,
        request=entry.request_id,
        said=entry.said,
        user=entry.person.user_id if entry.person else "",
        cloud_request=entry.detail.get("cloud_request_id", ""),
        detail={name: value for name, value in entry.detail.items() if name != "cloud_request_id"},
    )


def _unavailable(told: str, cause: BaseException | None) -> errors.StoreUnavailable:
    """Return an error of its own for everybody who waits: they are raised in several tasks."""
    error = errors.StoreUnavailable(told)
    error.__cause__ = cause
    return error
