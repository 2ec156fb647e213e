"""One wave leaves, call by call; everything that may forbid a call is asked before each."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from bot.execution import barring, calling, checking, look_times, watching
from bot.power import ports, server
from bot.power.run import answering, bars, run, waves


@dataclasses.dataclass
class Wave:
    """A wave of one run on its way.

    `sent` says that a call of it may have acted, `barred` that the store wouldn't have the
    newest intent. `waiting` are the servers for which there is no room in their racks now: they
    stay queued, for a later wave.
    """

    calls: calling.Calls
    barring: barring.Barring
    checking: checking.Checking
    watching: watching.Watching
    going: run.Run
    method: ports.Method
    snapshot: server.Snapshot
    despite_failures: bool = False
    sent: bool = False
    barred: bool = False
    waiting: frozenset[str] = frozenset()
    look: look_times.Look | None = None

    async def send(self, chosen: Sequence[ports.RunServer]) -> bool:
        """Send the servers in calls of at most 50, one after another; whether any call may act.

        It ends early when no call may leave, or when what it was checked on is too old by the
        time of its first call: who is still queued then belongs to the next wave.
        """
        try:
            for chunk in waves.calls(chosen):
                await self._look_in_passing()
                while rows := self._still_meant(chunk):
                    if not await self._send_one(rows):
                        return self.sent
            return self.sent
        finally:
            if self.sent:
                self.watching.sent()
            await self.calls.note_answer(self.going)

    def _still_meant(self, chunk: Sequence[ports.RunServer]) -> list[ports.RunServer]:
        """Return those of a call's servers that still wait for it."""
        queued = self.going.still_queued(chunk)
        return [row for row in queued if row.server_id not in self.waiting]

    async def _look_in_passing(self) -> None:
        """Look at what was sent, when it is time."""
        if self.look is not None and self.watching.is_due(self.look):
            await self.calls.note_answer(self.going)
            self.look = await self.watching.in_passing(self.going)

    async def _send_one(self, rows: Sequence[ports.RunServer]) -> bool:
        """Make one call for those of the servers that still may; False ends the wave."""
        if not await self._ready():
            return False
        right = await self.checking.call(
            self.going, self.method, rows, self.snapshot, locks=self.barred
        )
        if not right:
            return True
        within_s = self.calls.leaves_within_s
        if not self.sent:
            within_s = min(within_s, self.checking.leaves_within_s(self.snapshot))
        after = await self.calls.call(
            self.going, self.method, right, self.snapshot, within_s=within_s
        )
        if isinstance(after, bars.Bar) and after.kind is bars.Kind.RACKS_FULL:
            self.waiting |= after.full
            return True
        if isinstance(after, bars.Bar):
            # What bars it is looked at once more, and waited for or set aside.
            before, self.barred = self.barred, True
            return not before
        self.barred = False
        return await self._go_on(after)

    async def _ready(self) -> bool:
        """Whether the next call may leave; the first needs states that are fresh."""
        may = await self._may_call()
        left_s = self.checking.leaves_within_s(self.snapshot)
        if not may or (not self.sent and left_s < checking.LEAST_LEFT_S):
            return False
        if self.checking.must_judge(self.going):
            await self.calls.note_answer(self.going)
        return await self.checking.fits(self.going, self.snapshot)

    async def _may_call(self) -> bool:
        """Whether nothing bars the next call; the store, which bars few, is asked with its intent.

        Whatever may take a while to ask, or be waited for, doesn't hold up the answer of the call
        before.
        """
        despite = self.despite_failures
        if not self.barred and self.barring.may_intend(self.going, despite_failures=despite):
            return True
        await self.calls.note_answer(self.going)
        return await self.barring.may_call(self.going, despite_failures=despite)

    async def _go_on(self, after: answering.Answered) -> bool:
        """Do what an answer asks for before the next call; False ends the wave."""
        if after.away or after.wait_s:
            await self.calls.note_answer(self.going)
        if after.away:
            await self.barring.wait_for_cloud(self.going, after.away, after.wait_s)
            return False
        if not after.wait_s:
            await self.barring.cloud_is_back(self.going)
        if after.may_have_acted and not self.sent:
            self.sent, self.look = True, self.watching.called()
        await self.barring.hold_off(self.going, after.attempt.detail, after.wait_s)
        return True
