"""Is it still right to act on these servers? Read again before each wave and before each call."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Iterator, Sequence

import structlog

from bot.execution import barring
from bot.power import errors, missing, ports, request, server
from bot.power.approval import granted, recheck
from bot.power.causes import Cause
from bot.power.lifecycle import ServerState
from bot.power.policy import keeping, policy
from bot.power.run import answering, ledger, losses, reasons, run, waves
from bot.power.run.bars import Bar, Kind
from bot.runtime import foreground as foreground_

log = structlog.get_logger()

# The sweep that a wave is checked on began at most this long before the wave's first call.
FRESH_S = 15.0
# A first call that has less time left than this to leave on a sweep waits for the next sweep.
LEAST_LEFT_S = 1.0
# How long to wait before a list that could not be read is tried again.
AGAIN_S = 15.0
# So many servers are judged in one turn of the event loop: a few hundred microseconds.
SLICE = 100
# How long to wait before it is looked again whether a rack has room.
RACK_LOOK_S = 5.0
NOTHING_STANDS = ledger.Standing((), frozenset())
UNCHECKED = "Slack can't say whether what was granted still stands"
STALE = "CloudDC's list takes longer to read than its states may be old"


@dataclasses.dataclass(frozen=True)
class Checking:
    """Holds the servers of a run against the world of this moment."""

    store: ports.RequestStore
    power: ports.PowerApi
    barring: barring.Barring
    policy: Callable[[], policy.Policy]
    rejudge: Callable[[ports.Request, server.Snapshot], Awaitable[str]]
    grants: Callable[[ports.Request, int], Awaitable[losses.Ruling]]
    clock: ports.Clock
    foreground: foreground_.Foreground

    async def snapshot(self, going: run.Run) -> server.Snapshot | None:
        """Read what a wave is checked on, waiting while CloudDC is away; None when halted."""
        while await self.barring.may_call(going, despite_failures=True):
            try:
                not_before = self.clock.now() - FRESH_S + LEAST_LEFT_S
                found = await self.power.snapshot(not_before=not_before)
            except errors.CloudError as error:
                wait_s = max(AGAIN_S, error.retry_after_s or 0.0)
                await self.barring.wait_for_cloud(going, answering.away(error), wait_s)
                continue
            # Reading it may have taken most of the time for which it is good.
            if self.leaves_within_s(found) >= LEAST_LEFT_S:
                await self.barring.cloud_is_back(going)
                return found
            await self.barring.wait_for_cloud(going, STALE, AGAIN_S)
        return None

    def leaves_within_s(self, snapshot: server.Snapshot) -> float:
        """Return for how long the first call of a wave may still leave on this snapshot."""
        return FRESH_S - snapshot.age_s(self.clock.now())

    def must_judge(self, going: run.Run) -> bool:
        """Whether the policy is another one than that of the plan."""
        return self.policy().version != going.request.plan.policy_version

    async def granted(self, going: run.Run, step: int) -> bool:
        """Whether what was granted still stands for another wave; halts the run otherwise.

        While it can't be checked nothing is sent, for as long as an approval may wait.
        """
        while await self.barring.may_call(going, despite_failures=True):
            try:
                ruling = await self.grants(going.request, step)
            except errors.SlackUnavailable as error:
                lacks = missing.told(error.missing).rstrip(".")
                why = f"{UNCHECKED}: {lacks}" if lacks else UNCHECKED
                await self.barring.wait_for_people(going, why)
                continue
            await self.barring.people_are_back(going)
            going.asker = ruling.groups
            if ruling.lost is None:
                return True
            await self._lost(going, ruling.lost)
        return False

    async def _lost(self, going: run.Run, lost: losses.Lost) -> None:
        """Halt a run that doesn't stand any more as it was granted."""
        now, going.halted = self.clock.now(), Bar(Kind.LOST, lost.sentence)
        await self.barring.books.write(lambda tx: losses.note(tx, going.request, lost, now=now))

    async def fits(self, going: run.Run, snapshot: server.Snapshot) -> bool:
        """Whether the policy of this moment still bears the request; halts it otherwise.

        Raises:
            SlackUnavailable: an edited policy could not be judged; the thread is told, and the
                run is taken up again a little later.
        """
        try:
            problem = "" if going.halted else await self.rejudge(going.request, snapshot)
        except errors.SlackUnavailable as error:
            await self.barring.tell(going, Bar(Kind.SLACK, error.user_message))
            raise
        if problem:
            going.halted = Bar(Kind.POLICY, problem)
        self._take_up(going, snapshot)
        return going.halted is None

    def _take_up(self, going: run.Run, snapshot: server.Snapshot) -> None:
        """Judge from now on by the policy of this moment, with what it has tightened."""
        rules, groups = self.policy(), going.asker
        given = going.grant
        if given is None or given.rules is not rules or given.groups != groups:
            plan, known = going.request.plan, snapshot.servers
            records = (known[id_] for id_ in plan.order.server_ids if id_ in known)
            going.grant = granted.grant(plan, rules, groups, records)

    def _outdated(
        self, going: run.Run, row: ports.RunServer, snapshot: server.Snapshot
    ) -> recheck.Change | None:
        """Return what has made another server of this one since the plan.

        A server that a cycle has switched off is brought back whatever it is called by now.
        """
        target = going.request.order.by_id.get(row.server_id)
        record = snapshot.servers.get(row.server_id)
        if target is None:
            return recheck.Change(ServerState.BLOCKED, "not in the plan")
        if record is None or row.step or going.grant is None:
            return None
        return going.grant.change(target, record)

    async def wave(
        self, going: run.Run, step: int, snapshot: server.Snapshot, most: int
    ) -> list[ports.RunServer]:
        """Choose up to `most` servers that may be sent; set those aside that may not.

        Servers are judged in the plan's order until the wave is full; the others are judged
        before their own.
        """
        method, queued = run.method(going.action, step), going.queued(step)
        standing = await self._standing(going, method, queued, snapshot, locks=False)
        per_rack = going.terms.max_per_rack if method is ports.Method.ON else None
        spare = await self._spare_racks(snapshot, queued, per_rack)
        chosen: list[ports.RunServer] = []
        async for some in self.foreground.slices(queued, SLICE):
            left = most - len(chosen)
            if not left:
                break
            right = self._right(going, method, some, snapshot, standing)
            chosen += waves.choose(
                right, left, per_rack=per_rack, spare=spare, place=_places(snapshot)
            )
        return self._without_kept(going, method, chosen, snapshot, standing)

    async def _spare_racks(
        self, snapshot: server.Snapshot, rows: Sequence[ports.RunServer], per_rack: int | None
    ) -> dict[waves.Rack, int]:
        """Read how many may still be switched on in racks where that is going on already."""
        if per_rack is None:
            return {}
        place = _places(snapshot)
        racks = list({place(row)[1] for row in rows})
        busy = await self.store.read(lambda tx: tx.busy_racks(racks))
        return waves.spare_racks(busy, per_rack)

    async def wait_for_racks(self, going: run.Run, step: int) -> None:
        """Wait a moment for room in the racks, where servers are queued and none may be sent.

        What is waited for is calls under way, each of which is watched to its end.
        """
        waiting = [
            dataclasses.replace(row, cause=Cause.RACK_FULL)
            for row in going.queued(step)
            if row.cause is Cause.NONE
        ]
        going.keep(waiting)
        await self.barring.books.progress(going)
        await self.barring.wait(going, RACK_LOOK_S)

    async def call(
        self,
        going: run.Run,
        method: ports.Method,
        rows: Sequence[ports.RunServer],
        snapshot: server.Snapshot,
        *,
        locks: bool,
    ) -> list[ports.RunServer]:
        """Return those of a call's servers that may still be sent; set the others aside.

        Their locks are asked for with the intent; with `locks`, now too.
        """
        standing = await self._standing(going, method, rows, snapshot, locks=locks)
        right = list(self._right(going, method, rows, snapshot, standing))
        return self._without_kept(going, method, right, snapshot, standing)

    def _right(
        self,
        going: run.Run,
        method: ports.Method,
        rows: Sequence[ports.RunServer],
        snapshot: server.Snapshot,
        standing: ledger.Standing,
    ) -> Iterator[ports.RunServer]:
        """Yield the servers that may be sent, setting aside on the way those that may not."""
        for row in rows:
            record = snapshot.servers.get(row.server_id)
            outdated = self._outdated(going, row, snapshot)
            change = outdated or self._change(going, method, row, record, standing)
            if change is None:
                yield row
            elif outdated is not None:
                self._set_aside(going, method, row, outdated, record)
            else:
                earlier = going.earlier.get(row.server_id)
                why = reasons.explained(change, row, snapshot, earlier)
                self._set_aside(going, method, row, why, record)

    def _set_aside(
        self,
        going: run.Run,
        method: ports.Method,
        row: ports.RunServer,
        change: recheck.Change,
        record: server.Server | None,
    ) -> None:
        """Take one server out of the run; one that turns out done goes on to its next step."""
        after = run.set_aside(method, row, change, record, now=self.clock.now())
        going.keep([run.next_step(going.action, after)])

    def _change(
        self,
        going: run.Run,
        method: ports.Method,
        row: ports.RunServer,
        record: server.Server | None,
        standing: ledger.Standing,
    ) -> recheck.Change | None:
        """Return what forbids a call to one server by itself."""
        if row.server_id in standing.not_ours:
            return recheck.Change(ServerState.BLOCKED, "another request has taken it over")
        # A cycle is never forced: what can't be seen to be on can't be proven to come back.
        goals = (request.Action.ON, request.Action.OFF)
        forced = going.request.order.options.break_glass and going.action in goals
        rules = self.policy()
        return recheck.since_plan(
            method, row, record, protected=rules.protects, unread=rules.unread, forced=forced
        )

    def _without_kept(
        self,
        going: run.Run,
        method: ports.Method,
        rows: Sequence[ports.RunServer],
        snapshot: server.Snapshot,
        standing: ledger.Standing,
    ) -> list[ports.RunServer]:
        """Set aside the servers that must stay on, over all requests.

        Our own that a call may have reached since the snapshot don't count as on any more.
        """
        if not self._keeping(method):
            return list(rows)
        keeps, fleet = self.policy().keeps, snapshot.servers
        ours = {row.server_id for row in going.rows.values() if row.sent_at >= snapshot.started_at}
        wanted = [fleet[row.server_id] for row in rows]
        held = keeping.held_back(keeps, fleet.values(), standing.leaving | ours, wanted)
        for row in rows:
            if why := held.get(row.server_id):
                change = recheck.Change(ServerState.BLOCKED, why)
                self._set_aside(going, method, row, change, fleet[row.server_id])
        return [row for row in rows if row.server_id not in held]

    def _keeping(self, method: ports.Method) -> bool:
        """Whether some servers must stay on that a call could turn off."""
        return method is not ports.Method.ON and bool(self.policy().keeps)

    async def _standing(
        self,
        going: run.Run,
        method: ports.Method,
        rows: Sequence[ports.RunServer],
        snapshot: server.Snapshot,
        *,
        locks: bool,
    ) -> ledger.Standing:
        """Read the locks that bear on these servers, where an answer is needed."""
        if not locks and not self._keeping(method):
            return NOTHING_STANDS
        ids = [row.server_id for row in rows]
        others = [
            record.id
            for keep in self.policy().keeps
            for record in snapshot.servers.values()
            if keep.servers.matches(record)
        ]
        return await self.store.read(
            lambda tx: ledger.standing(tx, going.id, ids, frozenset(others))
        )


def _places(snapshot: server.Snapshot) -> Callable[[ports.RunServer], waves.Rack]:
    """Return what tells a server's rack by its fresh record."""

    def place(row: ports.RunServer) -> waves.Rack:
        record = snapshot.servers.get(row.server_id)
        return (record.dc, record.rack) if record else (row.room, row.rack)

    return place
