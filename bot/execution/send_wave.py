"""Sends one wave, call by call; whatever could forbid a call is checked before each."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from bot.execution import (
    approval_check,
    gate,
    keeping,
    poll,
    poll_schedule,
    power_call,
    preflight,
)
from bot.execution.context import Context
from bot.power import ports, server
from bot.power.run import blockers, call_answers, runs, waves


@dataclasses.dataclass
class Wave:
    """A wave of one run on its way.

    `sent` says that a call of it may have acted, `barred` that the store wouldn't have the
    newest intent. `waiting` are the servers for which there is no room in their racks now: they
    stay queued, for a later wave.
    """

    context: Context
    run: runs.Run
    records: server.Records
    step: int = 0
    sent: bool = dataclasses.field(init=False, default=False)
    barred: bool = dataclasses.field(init=False, default=False)
    waiting: frozenset[str] = dataclasses.field(init=False, default=frozenset())
    poll: poll_schedule.Poll | None = dataclasses.field(init=False, default=None)

    @property
    def method(self) -> ports.Method:
        """The power call that it makes."""
        return runs.method(self.run.action, self.step)

    @property
    def despite_failures(self) -> bool:
        """Whether the failure limit doesn't hold it back: who is off must come back on."""
        return self.step > 0

    async def send(self, chosen: Sequence[ports.RunServer]) -> bool:
        """Send the servers in calls of at most 50, one after another; whether any call may act.

        It ends early when no call may leave, or when what it was checked on is too old by the
        time of its first call: who is still queued then belongs to the next wave.
        """
        try:
            for chunk in waves.calls(chosen):
                await self._poll_between_calls()
                # A refusal that names ids leaves the others queued, who are sent once more.
                while rows := self._still_meant(chunk):
                    if not await self._send_one(rows):
                        return self.sent
            return self.sent
        finally:
            self.run.let_go()
            # Polls wait for the last call: what was sent together is read together.
            if self.sent:
                poll.sent(self.context)
            await power_call.save_answer(self.context, self.run)

    def _still_meant(self, chunk: Sequence[ports.RunServer]) -> list[ports.RunServer]:
        """Return those of a call's servers that still wait for it."""
        queued = self.run.still_queued(chunk)
        return [row for row in queued if row.server_id not in self.waiting]

    async def _poll_between_calls(self) -> None:
        """Poll what was sent, when it is time."""
        if self.poll is not None and poll.is_due(self.context, self.poll):
            await power_call.save_answer(self.context, self.run)
            self.poll = await poll.between_calls(self.context, self.run)

    async def _send_one(self, rows: Sequence[ports.RunServer]) -> bool:
        """Make one call for those of the servers that still may; False ends the wave."""
        if not await self._ready():
            return False
        context, run, records = self.context, self.run, self.records
        right = await preflight.still_right(
            context, run, self.method, rows, records, locks=self.barred
        )
        if not right:
            return True
        within_s = context.pacing.leaves_within_s
        # What a wave was checked on must be fresh for its first call alone.
        if not self.sent:
            within_s = min(within_s, preflight.leaves_within_s(context, records))
        after = await power_call.call(context, run, self.method, right, records, within_s=within_s)
        if isinstance(after, blockers.Blocker) and after.kind is blockers.BlockerKind.RACKS_FULL:
            self.waiting |= after.full
            return True
        if isinstance(after, blockers.Blocker):
            # What blocks it is checked once more, and waited for or set aside.
            # Barred twice in a row: nothing here can help, and the wave ends.
            before, self.barred = self.barred, True
            return not before
        self.barred = False
        return await self._go_on(after)

    async def _ready(self) -> bool:
        """Whether the next call may leave; the first needs states that are fresh."""
        may = await self._may_call()
        left_s = preflight.leaves_within_s(self.context, self.records)
        if not may or (not self.sent and left_s < preflight.LEAST_LEFT_S):
            return False
        # The policy may have come to count others, whom nobody has looked at.
        if keeping.lacks_list(self.context, self.method, self.records):
            return False
        # Judging asks Slack, and a crash meanwhile would lose an answer that isn't stored.
        if approval_check.must_judge(self.context, self.run):
            await power_call.save_answer(self.context, self.run)
        return await approval_check.fits(self.context, self.run, self.records)

    async def _may_call(self) -> bool:
        """Whether nothing bars the next call; the store, which bars few, is asked with its intent.

        Whatever may take a while to ask, or be waited for, doesn't hold up the answer of the call
        before.
        """
        context, run, despite = self.context, self.run, self.despite_failures
        if not self.barred and gate.may_intend(context, run, despite_failures=despite):
            return True
        await power_call.save_answer(context, run)
        return await gate.may_call(context, run, despite_failures=despite)

    async def _go_on(self, after: call_answers.Answered) -> bool:
        """Do what an answer asks for before the next call; False ends the wave."""
        context, run = self.context, self.run
        if after.away or after.wait_s:
            await power_call.save_answer(context, run)
        if after.away:
            await gate.wait_for_cloud(context, run, after.away, after.wait_s)
            return False
        if not after.wait_s:
            await gate.cloud_is_back(context, run)
        if after.may_have_acted and not self.sent:
            self.sent, self.poll = True, poll.called(context)
        await gate.hold_off(context, run, after.attempt.detail, after.wait_s)
        return True
