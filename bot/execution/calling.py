"""One power call: written down, sent once, its answer written down.

What an answer means is decided in `power.answering`; nothing here decides to send again.
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
from bot.power import answering, errors, ledger, ports, run, server

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
    ) -> answering.Answered | None:
        """Write the intent, send once, write the answer; None when nothing may be sent.

        The call leaves within this time of being given to the power API, or not at all.
        """
        _check_lease(going, self.leaves_within_s)
        now, wave = self.clock.now(), going.wave
        intended = tuple(run.intended(row, snapshot, wave=wave, now=now) for row in rows)
        attempt = ports.Attempt(
            id=uuid.uuid4().hex,
            request_id=going.id,
            method=method,
            server_ids=tuple(row.server_id for row in intended),
            wave=wave,
            step=intended[0].step,
            intended_at=now,
        )
        barred = await self.store.write(
            lambda tx: ledger.intend(tx, attempt, intended, epoch=going.epoch)
        )
        if barred is not None:
            return None
        going.keep(intended)
        going.noted(intended)
        going.sent_at.update(dict.fromkeys(attempt.server_ids, self.clock.monotonic()))
        return await _to_the_end(self._exchange(going, attempt, intended, within_s))

    async def _exchange(
        self, going: run.Run, attempt: ports.Attempt, rows: answering.Rows, within_s: float
    ) -> answering.Answered:
        """Send the call and store its answer."""
        after = await self._ask(going, attempt, rows, within_s)
        await self._note_answer(going, after)
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

    async def _note_answer(self, going: run.Run, after: answering.Answered) -> None:
        """Store an answer, however long the database is away: it can't be asked for again."""
        attempt, now = after.attempt, self.clock.now()
        log.info(
            "call.answered",
            request=going.id,
            attempt=attempt.id,
            outcome=attempt.outcome,
            cloud_request=attempt.cloud_request_id,
        )
        going.keep(after.rows)
        try:
            await self.books.write(
                lambda tx: ledger.answered(tx, going.request, after, epoch=going.epoch, now=now)
            )
        except errors.LostLease:
            await self.books.write(lambda tx: ledger.late_answer(tx, going.request, after, now=now))
            raise
        going.noted(after.rows)


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
