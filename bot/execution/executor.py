"""An approved request is carried out: wave by wave, each call written down before it is sent.

The story is `Executor.carry_out`. What an answer or a record means is decided in `power`; here it
is asked, stored and waited for. Nothing is ever sent without an intent row.
"""

from __future__ import annotations

import dataclasses
import functools
import random
from collections.abc import Awaitable, Callable, Sequence

import structlog

from bot.execution import barring, bookkeeping, calling, checking, watching, wave
from bot.power import ports, server
from bot.power.lifecycle import ServerState
from bot.power.policy import policy
from bot.power.run import aftermath, beginnings, ledger, losses, run, settling, waves
from bot.power.run.bars import Bar, Kind
from bot.runtime import foreground as foreground_

log = structlog.get_logger()


@dataclasses.dataclass(frozen=True)
class Executor:
    """Carries approved requests out. One for the process; it keeps nothing of a request."""

    store: ports.RequestStore
    power: ports.PowerApi
    calls: calling.Calls
    policy: Callable[[], policy.Policy]
    rejudge: Callable[[ports.Request, server.Snapshot], Awaitable[str]]
    grants: Callable[[ports.Request, int], Awaitable[losses.Ruling]]
    clock: ports.Clock
    limits: settling.Limits = settling.Limits()
    poll_first_s: float = 2.0
    poll_cap_s: float = 15.0
    wake: Callable[[], None] = lambda: None
    foreground: foreground_.Foreground = dataclasses.field(default_factory=foreground_.Foreground)

    @functools.cached_property
    def books(self) -> bookkeeping.Books:
        """What is written down on the way."""
        return bookkeeping.Books(self.store, self.clock, self.wake)

    @functools.cached_property
    def barring(self) -> barring.Barring:
        """What may keep a call from leaving."""
        return barring.Barring(self.store, self.books, self.policy, self.clock)

    @functools.cached_property
    def checking(self) -> checking.Checking:
        """What must still be so when a call leaves."""
        return checking.Checking(
            self.store,
            self.power,
            self.barring,
            self.policy,
            self.rejudge,
            self.grants,
            self.clock,
            self.foreground,
        )

    @functools.cached_property
    def watching(self) -> watching.Watching:
        """How the servers are watched."""
        rhythm = watching.rhythm(self.poll_first_s, self.poll_cap_s)
        return watching.Watching(
            self.power, self.books, self.clock, rhythm, self.foreground, self.limits
        )

    async def carry_out(self, lease: run.Lease) -> None:
        """Drive an approved or running request to its end.

        Raises:
            LostLease: another process drives it now; nothing more was sent.
        """
        going = await self._open(lease)
        if going is None:
            return
        await self.watching.to_the_end(going, at_once=True)
        while True:
            await self._finish_steps(going)
            if not await self._next_wave(going):
                break
            await self._rest(going)
        await self._close(going)

    async def _open(self, lease: run.Lease) -> run.Run | None:
        """Start a request, or take over one that a process left; None when it has ended."""
        now, claim = self.clock.now(), lease.claim
        opened = await self.store.write(
            lambda tx: beginnings.open_run(tx, claim.request_id, epoch=claim.epoch, now=now)
        )
        self.wake()
        if opened is None:
            return None
        found, rows = opened
        earlier = await self.store.read(lambda tx: beginnings.earlier_calls(tx, found, now=now))
        log.info("run.opened", request=found.id, servers=len(rows), epoch=claim.epoch)
        wave = 1 + max((row.wave for row in rows), default=-1)
        by_id = {row.server_id: row for row in rows}
        sent_at = self._sent_before(found, rows)
        return run.Run(found, lease, by_id, wave=wave, earlier=earlier, sent_at=sent_at)

    def _sent_before(
        self, found: ports.Request, rows: Sequence[ports.RunServer]
    ) -> dict[str, float]:
        """Return when the calls that are taken over left, by this process's monotonic clock."""
        now, ticks, action = self.clock.now(), self.clock.monotonic(), found.order.action
        return {
            row.server_id: run.sent_before(row, self.limits, action, now=now, ticks=ticks)
            for row in rows
            if settling.watched(row)
        }

    async def _close(self, going: run.Run) -> None:
        """Give every server its last word and the request its end state."""
        now = self.clock.now()
        left = [row for row in going.rows.values() if row.state is ServerState.QUEUED]
        why = going.halted.reason if going.halted else ""
        going.keep([run.not_sent(row, why, now=now) for row in left])
        await self.books.progress(going)
        rows = tuple(going.rows.values())

        def work(tx: ports.Tx) -> None:
            ledger.close_run(
                tx, going.request, rows, halted=going.halted, epoch=going.epoch, now=now
            )
            aftermath.begin(tx, going.request, rows, now)

        await self.books.write(work)
        log.info("run.closed", request=going.id, halted=why)

    async def _next_wave(self, going: run.Run) -> bool:
        """Check, choose and send one wave, and watch it to its end; False when none is left."""
        if not going.queued(0) or not await self.barring.may_call(going):
            return False
        if not await self._send_wave(going):
            return False
        await self.watching.to_the_end(going)
        return True

    async def _send_wave(self, going: run.Run) -> bool:
        """Choose and send one wave; False when it can't be checked.

        What it was checked on is let go of at the end: a fleet of records is large.
        """
        if not await self.checking.granted(going, 0):
            return False
        snapshot = await self.checking.snapshot(going)
        if snapshot is None or not await self.checking.fits(going, snapshot):
            return False
        terms, options = going.terms, going.request.order.options
        before, most = len(going.queued(0)), waves.size(terms, options, going.wave)
        chosen = await self.checking.wave(going, 0, snapshot, most)
        if terms.on_change == "stop" and len(going.queued(0)) < before:
            going.halted = Bar(Kind.CHANGED, "a server has changed since the plan")
        await self.books.progress(going)
        if not going.halted and await self._wave(going, 0, snapshot).send(chosen):
            going.wave += 1
        if not chosen and not going.halted and going.queued(0):
            await self.checking.wait_for_racks(going, 0)
        return True

    async def _finish_steps(self, going: run.Run) -> None:
        """Send the second call of a cycle to all servers whose first is proven.

        The failure limit doesn't hold this back, since a server that a cycle left off is worse
        off dark than on; Stop, a freeze and the policy do.
        """
        while due := going.queued(1):
            if not await self.checking.granted(going, 1):
                return
            snapshot = await self.checking.snapshot(going)
            if snapshot is None or not await self.checking.fits(going, snapshot):
                return
            chosen = await self.checking.wave(going, 1, snapshot, len(due))
            await self.books.progress(going)
            await self._wave(going, 1, snapshot).send(chosen)
            await self.watching.to_the_end(going)
            if not chosen and going.queued(1):
                await self.checking.wait_for_racks(going, 1)

    def _wave(self, going: run.Run, step: int, snapshot: server.Snapshot) -> wave.Wave:
        """Return a wave that is about to leave."""
        method = run.method(going.action, step)
        return wave.Wave(
            self.calls,
            self.barring,
            self.checking,
            self.watching,
            going,
            method,
            snapshot,
            despite_failures=step > 0,
        )

    async def _rest(self, going: run.Run) -> None:
        """Keep the pause between waves."""
        terms, options = going.terms, going.request.order.options
        pause_s = max(terms.pause_s, options.pause_s or 0.0)
        if pause_s and going.queued(0):
            await self.barring.wait(going, pause_s * random.uniform(1.0, 1.2))
