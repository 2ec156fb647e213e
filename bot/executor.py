"""An approved request is carried out: wave by wave, each call written down before it is sent.

The story is `Executor.carry_out`. What an answer or a record means is decided in `power`; here it
is asked, stored and waited for. Nothing is ever sent without an intent row.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Awaitable, Callable, Sequence

import structlog

from bot import calling
from bot.power import (
    errors,
    judging,
    ledger,
    outcome,
    pace,
    policy,
    ports,
    recheck,
    request,
    run,
    server,
    settling,
    waves,
)
from bot.power.lifecycle import ServerState

log = structlog.get_logger()

# A snapshot that a wave is checked on began at most this long before the wave's first call.
FRESH_S = 15.0
# How long to wait before a freeze is looked at again.
HOLD_S = 2.0


@dataclasses.dataclass(frozen=True)
class Executor:
    """Carries approved requests out. One for the process; it keeps nothing between requests."""

    store: ports.RequestStore
    power: ports.PowerApi
    calls: calling.Calls
    policy: Callable[[], policy.Policy]
    rejudge: Callable[[ports.Request, server.Snapshot], Awaitable[str]]
    clock: ports.Clock
    limits: settling.Limits = settling.Limits()
    poll_first_s: float = 2.0
    poll_cap_s: float = 15.0
    wake: Callable[[], None] = lambda: None

    async def carry_out(self, lease: run.Lease) -> None:
        """Drive an approved or running request to its end.

        Raises:
            LostLease: another process drives it now; nothing more was sent.
        """
        going = await self._open(lease)
        if going is None:
            return
        await self._watch(going)
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
            lambda tx: ledger.open_run(tx, claim.request_id, epoch=claim.epoch, now=now)
        )
        self.wake()
        if opened is None:
            return None
        found, rows = opened
        log.info("run.opened", request=found.id, servers=len(rows), epoch=claim.epoch)
        by_id = {row.server_id: row for row in rows}
        wave = 1 + max((row.wave for row in rows), default=-1)
        return run.Run(found, lease, by_id, dict(by_id), wave=wave)

    async def _close(self, going: run.Run) -> None:
        """Give every server its last word and the request its end state."""
        now = self.clock.now()
        left = [row for row in going.rows.values() if row.state is ServerState.QUEUED]
        going.keep([run.not_sent(row, going.halted, now=now) for row in left])
        await self._store(going)
        rows = tuple(going.rows.values())
        await self.calls.write(
            lambda tx: ledger.close_run(
                tx, going.request, rows, halted=going.halted, epoch=going.epoch, now=now
            )
        )
        log.info("run.closed", request=going.id, halted=going.halted)

    # -- one wave

    async def _next_wave(self, going: run.Run) -> bool:
        """Check, choose and send one wave, and watch it to its end; False when none is left."""
        if not going.queued(0) or not await self._may_go_on(going):
            return False
        snapshot = await self._snapshot(going)
        if snapshot is None:
            return False
        if problem := await self.rejudge(going.request, snapshot):
            going.halted = problem
            return False
        method = run.method(going.action, 0)
        chosen = self._choose(going, method, snapshot)
        await self._store(going)
        if chosen:
            await self._send(going, method, chosen, snapshot)
            await self._watch(going)
            going.wave += 1
        return True

    async def _finish_steps(self, going: run.Run) -> None:
        """Send the second call of a cycle to all servers whose first is proven.

        The failure limit doesn't hold this back, since a server that a cycle left off is worse
        off dark than on; Stop, a freeze and the policy do.
        """
        while due := going.queued(1):
            if not await self._may_go_on(going, despite_failures=True):
                return
            snapshot = await self._snapshot(going)
            if snapshot is None:
                return
            method = run.method(going.action, 1)
            ready = self._checked(going, due, method, snapshot)
            await self._store(going)
            per_rack = going.request.plan.terms.max_per_rack
            chosen = waves.choose(ready, len(ready), per_rack=per_rack)
            await self._send(going, method, chosen, snapshot)
            await self._watch(going)

    def _choose(
        self, going: run.Run, method: ports.Method, snapshot: server.Snapshot
    ) -> list[ports.RunServer]:
        """Pick the next wave from the servers that may still be sent."""
        terms, options = going.request.plan.terms, going.request.order.options
        before = len(going.queued(0))
        ready = self._checked(going, going.queued(0), method, snapshot)
        if terms.on_change == "stop" and len(ready) < before:
            going.halted = "a server has changed since the plan"
            return []
        per_rack = terms.max_per_rack if method is ports.Method.ON else None
        return waves.choose(ready, waves.size(terms, options, going.wave), per_rack=per_rack)

    def _checked(
        self,
        going: run.Run,
        rows: Sequence[ports.RunServer],
        method: ports.Method,
        snapshot: server.Snapshot,
    ) -> list[ports.RunServer]:
        """Set aside the servers that may not be sent any more, and return the others."""
        protected = self.policy().protects
        # A cycle is never forced: what can't be seen to be on can't be proven to come back.
        goals = (request.Action.ON, request.Action.OFF)
        forced = going.request.order.options.break_glass and going.action in goals
        ready: list[ports.RunServer] = []
        for row in rows:
            record = snapshot.servers.get(row.server_id)
            change = recheck.since_plan(method, row, record, protected=protected, forced=forced)
            if change is None:
                ready.append(row)
            else:
                going.keep([run.set_aside(row, change, now=self.clock.now())])
        return ready

    # -- one call

    async def _send(
        self,
        going: run.Run,
        method: ports.Method,
        chosen: Sequence[ports.RunServer],
        snapshot: server.Snapshot,
    ) -> None:
        """Send a wave in calls of at most 50 servers, one after another."""
        for chunk in waves.calls(chosen):
            ids = {row.server_id for row in chunk}
            while rows := [row for row in going.queued(chunk[0].step) if row.server_id in ids]:
                if not await self.calls.call(going, method, rows, snapshot):
                    return

    # -- watching

    async def _watch(self, going: run.Run) -> None:
        """Read the records of sent servers until each has an end, or its time has passed."""
        waits = pace.Pace(self.poll_first_s, self.poll_cap_s, random.Random())
        while watched := [row for row in going.rows.values() if settling.watched(row)]:
            await self.clock.sleep(waits.next())
            if going.lease.left_s() <= 0:
                raise errors.LostLease
            seen = await self._sighting(going, watched)
            if seen is not None:
                self._settle(going, watched, seen)
            await self._store(going)

    async def _sighting(
        self, going: run.Run, watched: Sequence[ports.RunServer]
    ) -> ports.Sighting | None:
        """Read the watched servers; None when CloudDC can't be asked at this moment."""
        ids = [row.server_id for row in watched]
        not_before = max(row.sent_at for row in watched)
        try:
            return await self.power.sighting(ids, not_before=not_before)
        except errors.CloudError as error:
            log.warning("watch.unread", request=going.id, why=error.user_message)
            return None

    def _settle(
        self, going: run.Run, watched: Sequence[ports.RunServer], seen: ports.Sighting
    ) -> None:
        """Judge every watched server by what was seen of it."""
        now, ticks = self.clock.now(), self.clock.monotonic()
        # What was seen is as old as the sweep that saw it, which others may have begun.
        age_s = max(0.0, now - seen.started_at)
        for row in watched:
            # The wall clock may be set back and the process may be new: the later time counts.
            since = ticks - going.sent_at.get(row.server_id, ticks)
            after = settling.settle(
                run.method(going.action, row.step),
                row,
                seen.servers.get(row.server_id),
                elapsed_s=max(now - row.sent_at, since) - age_s,
                now=now,
                limits=self.limits,
            )
            going.keep([run.next_step(going.action, after)])

    async def _snapshot(self, going: run.Run) -> server.Snapshot | None:
        """Read the inventory that a wave is checked on, waiting while CloudDC is away."""
        while await self._may_go_on(going, despite_failures=True):
            try:
                return await self.power.snapshot(not_before=self.clock.now() - FRESH_S)
            except errors.CloudError as error:
                log.warning("check.unread", request=going.id, why=error.user_message)
                await self.clock.sleep(self.poll_cap_s)
        return None

    # -- may it go on?

    async def _may_go_on(self, going: run.Run, *, despite_failures: bool = False) -> bool:
        """Whether another call may leave: not stopped, not frozen, below the failure limit."""
        while not going.halted:
            barred = await self.store.read(lambda tx: ledger.bar(tx, going.id))
            barred = barred or self._policy_freeze(going)
            if barred is None:
                break
            await self._hold(going, barred)
        failures = outcome.tally(going.rows.values()).failures
        if failures >= run.failure_limit(going.request) and not despite_failures:
            plural = "" if failures == 1 else "s"
            going.halted = going.halted or f"stopped itself at {failures} failure{plural}"
        return not going.halted

    def _policy_freeze(self, going: run.Run) -> ledger.Bar | None:
        """Return the policy's freeze that holds this action now, if it isn't overridden."""
        passed = going.request.plan.terms.overrides
        freeze = judging.frozen_by(self.policy(), going.action, self.clock.now(), passed)
        return ledger.Bar(f"held by freeze: {freeze.name}", frozen=True) if freeze else None

    async def _hold(self, going: run.Run, barred: ledger.Bar) -> None:
        """Wait for a freeze to end, no longer than an approval may wait; else halt."""
        now = self.clock.now()
        going.held_since = going.held_since or now
        held_s = now - going.held_since
        if not barred.frozen or held_s >= going.request.plan.terms.use_within_s:
            going.halted = barred.reason
            return
        await self.calls.write(lambda tx: ledger.hold(tx, going.request, barred, now=now))
        await self.clock.sleep(HOLD_S)

    async def _rest(self, going: run.Run) -> None:
        """Keep the pause between waves."""
        terms, options = going.request.plan.terms, going.request.order.options
        pause_s = max(terms.pause_s, options.pause_s or 0.0)
        if pause_s and going.queued(0):
            await self.clock.sleep(pause_s * random.uniform(1.0, 1.2))

    # -- writing

    async def _store(self, going: run.Run) -> None:
        """Store the rows that have changed."""
        rows, now = going.unstored(), self.clock.now()
        if not rows:
            return
        await self.calls.write(
            lambda tx: ledger.progress(tx, going.request, rows, epoch=going.epoch, now=now)
        )
        going.stored.update((row.server_id, row) for row in rows)
