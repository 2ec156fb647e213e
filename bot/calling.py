"""One power call: written down, sent once, its answer written down.

What an answer means is decided in `power.answering`; nothing here decides to send again.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable, Sequence

import structlog

from bot.power import answering, errors, ledger, ports, run, server

log = structlog.get_logger()

# The first byte of a call leaves at most this long after it was given to the power API.
LEAVES_WITHIN_S = 10.0
# How long to wait before a database that is away is tried again.
AGAIN_S = 2.0


@dataclasses.dataclass(frozen=True)
class Calls:
    """Makes the power calls of runs. It keeps nothing between them."""

    store: ports.RequestStore
    power: ports.PowerApi
    clock: ports.Clock
    wake: Callable[[], None] = lambda: None

    async def call(
        self,
        going: run.Run,
        method: ports.Method,
        rows: Sequence[ports.RunServer],
        snapshot: server.Snapshot,
    ) -> bool:
        """Write the intent, send once, write the answer; False when nothing may be sent."""
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
            return False
        going.keep(intended)
        going.sent_at.update(dict.fromkeys(attempt.server_ids, self.clock.monotonic()))
        after = await self._ask(going, attempt, intended)
        await self._note_answer(going, after)
        await self.clock.sleep(after.wait_s)
        return True

    async def _ask(
        self, going: run.Run, attempt: ports.Attempt, rows: answering.Rows
    ) -> answering.Answered:
        """Make the one call of an attempt and say what its answer means."""
        if going.lease.left_s() < LEAVES_WITHIN_S:
            # A process that was frozen here must not send what another has taken over.
            raise errors.LostLease
        try:
            taken = await self.power.switch(attempt.method, attempt.server_ids, attempt.id)
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
            await self.write(
                lambda tx: ledger.answered(tx, going.request, after, epoch=going.epoch, now=now)
            )
        except errors.LostLease:
            await self.write(lambda tx: ledger.late_answer(tx, going.request, after, now=now))
            raise
        going.stored.update((row.server_id, row) for row in after.rows)

    async def write(self, work: Callable[[ports.Tx], None]) -> None:
        """Write under the fence, waiting for a database that is away.

        Raises:
            LostLease: another process has taken over.
        """
        while True:
            try:
                await self.store.write(work)
            except errors.StoreUnavailable as error:
                log.warning("store.away", why=error.user_message)
                await self.clock.sleep(AGAIN_S)
            else:
                self.wake()
                return
