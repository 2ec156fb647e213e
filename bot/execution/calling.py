"""One power call: written down, sent once, its answer written down.

The answer of one call and the intent of the next are stored together, where the next follows at
once. What an answer means is decided in `power.answering`; nothing here decides to send again.
"""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import uuid
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

import structlog

from bot.execution import bookkeeping
from bot.power import errors, ports, server
from bot.power.run import answering, ledger, run
from bot.power.run.bars import Bar

log = structlog.get_logger()
T = TypeVar("T")

# The first byte of a call leaves at most this long after it was given to the power API.
LEAVES_WITHIN_S = 10.0


@dataclasses.dataclass(frozen=True)
class Calls:
    """Makes the power calls of runs. It keeps nothing between them."""

    store: ports.RequestStore
    power: ports.PowerApi
    clock: ports.Clock
    wake: Callable[[], None] = lambda: None
    leaves_within_s: float = LEAVES_WITHIN_S

    @functools.cached_property
    def books(self) -> bookkeeping.Books:
        """What is written down after a call."""
        return bookkeeping.Books(self.store, self.clock, self.wake)

    async def call(
        self,
        going: run.Run,
        method: ports.Method,
        rows: Sequence[ports.RunServer],
        snapshot: server.Snapshot,
        *,
        within_s: float = LEAVES_WITHIN_S,
    ) -> answering.Answered | Bar:
        """Write the intent and send once; the answer, which is owed to the store, or what bars it.

        The call leaves within this time of being given to the power API, or not at all.
        """
        _check_lease(going, self.leaves_within_s)
        now, wave = self.clock.now(), going.wave
        switches_on = method is ports.Method.ON
        rack_limit = going.terms.max_per_rack if switches_on else 0
        intended = tuple(
            run.intended(row, snapshot, wave=wave, now=now, rack_limit=rack_limit) for row in rows
        )
        attempt = ports.Attempt(
            id=uuid.uuid4().hex,
            request_id=going.id,
            method=method,
            server_ids=tuple(row.server_id for row in intended),
            wave=wave,
            step=intended[0].step,
            intended_at=now,
        )
        if (barred := await self._intend(going, attempt, intended)) is not None:
            return barred
        going.sent_at.update(dict.fromkeys(attempt.server_ids, self.clock.monotonic()))
        return await _to_the_end(self._exchange(going, attempt, intended, within_s))

    async def note_answer(self, going: run.Run) -> None:
        """Store the answer that is owed, if one is, however long the database is away.

        Raises:
            LostLease: another process has taken over; the answer is in the audit.
        """
        if going.owed is not None:
            await _to_the_end(self._note_answer(going, going.owed))

    async def _intend(
        self, going: run.Run, attempt: ports.Attempt, rows: answering.Rows
    ) -> Bar | None:
        """Store an intent, and the answer of the call before it, unless something bars the call."""
        owed, now = going.owed, attempt.intended_at

        def work(tx: ports.Tx) -> Bar | None:
            if owed is not None:
                ledger.answered(tx, going.request, owed, epoch=going.epoch, now=now)
            return ledger.intend(tx, attempt, rows, epoch=going.epoch)

        async def stored() -> Bar | None:
            barred = await self.store.write(work)
            if owed is not None:
                going.paid(owed)
            if barred is None:
                going.keep(rows)
                going.noted(rows)
            return barred

        try:
            return await _to_the_end(stored())
        except asyncio.CancelledError:
            if going.rows[rows[0].server_id] is rows[0]:
                stopped = errors.NotSent("Powerbot was stopped; nothing was sent")
                self._owe(going, answering.not_sent(attempt, rows, stopped, tries=0))
            raise

    async def _exchange(
        self, going: run.Run, attempt: ports.Attempt, rows: answering.Rows, within_s: float
    ) -> answering.Answered:
        """Send the call and owe the store its answer."""
        after = await self._ask(going, attempt, rows, within_s)
        log.info(
            "call.answered",
            request=going.id,
            attempt=attempt.id,
            outcome=after.attempt.outcome,
            cloud_request=after.attempt.cloud_request_id,
        )
        self._owe(going, after)
        return after

    async def _ask(
        self, going: run.Run, attempt: ports.Attempt, rows: answering.Rows, within_s: float
    ) -> answering.Answered:
        """Make the one call of an attempt and say what its answer means."""
        _check_lease(going, self.leaves_within_s)
        try:
            taken = await self.power.switch(
                attempt.method, attempt.server_ids, attempt.id, within_s=within_s
            )
        except errors.NotSent as error:
            going.tries += 1
            return answering.not_sent(attempt, rows, error, tries=going.tries)
        except errors.Refused as error:
            going.tries += 1
            return answering.refused(attempt, rows, error, tries=going.tries)
        except errors.OutcomeUnknown as error:
            return answering.unknown(attempt, rows, error)
        going.tries = 0
        return answering.accepted(attempt, rows, taken)

    def _owe(self, going: run.Run, after: answering.Answered) -> None:
        """Remember an answer that the store doesn't have yet."""
        going.keep(after.rows)
        going.owed = after

    async def _note_answer(self, going: run.Run, after: answering.Answered) -> None:
        """Store an answer: it can't be asked for again."""
        now = self.clock.now()
        try:
            await self.books.write(
                lambda tx: ledger.answered(tx, going.request, after, epoch=going.epoch, now=now)
            )
        except errors.LostLease:
            await self.books.write(lambda tx: ledger.late_answer(tx, going.request, after, now=now))
            going.owed = None
            raise
        going.paid(after)


def _check_lease(going: run.Run, leaves_within_s: float) -> None:
    """Refuse to send what another process may have taken over by the time that it leaves.

    Raises:
        LostLease: the lease ends too soon.
    """
    if going.lease.left_s() < leaves_within_s:
        raise errors.LostLease


async def _to_the_end(exchange: Coroutine[Any, Any, T]) -> T:
    """Let a call and the note of its answer come to their end, even when the process stops.

    Whoever is cancelled here waits for both, so that a stop leaves no call without its answer.
    """
    under_way = asyncio.ensure_future(exchange)
    try:
        return await asyncio.shield(under_way)
    except asyncio.CancelledError:
        await asyncio.wait({under_way})
        if not under_way.cancelled():
            under_way.exception()
        raise
