"""Which servers may be sent? Read again before each wave and before each call."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

import msgspec

from bot.execution import gate, keeping, recorder
from bot.execution.context import Context
from bot.power import errors, ports, request, server
from bot.power.approval import recheck
from bot.power.causes import Cause
from bot.power.lifecycle import ServerState
from bot.power.run import call_answers, ledger, reasons, runs, waves
from bot.runtime import priority

# The reading that a wave is checked on began at most this long before the wave's first call.
FRESH_S = 15.0
# A first call that has less time left than this to leave on a reading waits for the next one.
LEAST_LEFT_S = 1.0
# How long to wait before a list that could not be read is tried again.
AGAIN_S = 15.0
# Servers that are judged in one turn of the event loop: a few hundred microseconds.
SLICE = 100
# How long to wait before checking again whether a rack has room, in seconds.
RACK_LOOK_S = 5.0
STALE = "CloudDC's list takes so long to read that its states are too old"


async def records(
    context: Context, run: runs.Run, step: int, *, not_before: float = 0.0
) -> server.Records | None:
    """Read what a wave is checked on, waiting while CloudDC is away; None when halted.

    Those are all servers of the plan, and the whole list where others are counted. The read began
    at `not_before` (epoch seconds) or later, and no earlier than the proof of the wave before.
    """
    ids, method = run.request.order.server_ids, runs.method(run.action, step)
    while await gate.may_call(context, run, despite_failures=True):
        try:
            now = context.clock.now()
            # A clock that was set back would have the proof in the future.
            fresh = max(not_before, now - FRESH_S + LEAST_LEFT_S, min(run.looked_at, now))
            whole = keeping.counts(context, method)
            found = await context.power.records(ids, not_before=fresh, whole=whole)
        except errors.CloudError as error:
            wait_s = max(AGAIN_S, error.retry_after_s or 0.0)
            await gate.wait_for_cloud(context, run, call_answers.away(error), wait_s)
            continue
        # Reading it may have taken most of the time for which it is good.
        if leaves_within_s(context, found) >= LEAST_LEFT_S:
            await gate.cloud_is_back(context, run)
            return found
        await gate.wait_for_cloud(context, run, STALE, AGAIN_S)
    return None


def leaves_within_s(context: Context, records: server.Records) -> float:
    """Return for how long the first call of a wave may still leave on these records."""
    return FRESH_S - records.age_s(context.clock.now())


def _outdated(
    run: runs.Run, row: ports.RunServer, records: server.Records
) -> recheck.ServerChange | None:
    """Return what has made another server of this one since the plan.

    A server that a cycle has switched off is brought back whatever it is called by now.
    """
    target = run.targets.get(row.server_id)
    record = records.servers.get(row.server_id)
    # Nothing outside the sealed plan is ever sent, whatever the run's rows say.
    if target is None:
        return recheck.ServerChange(ServerState.BLOCKED, "not in the plan")
    if record is None or row.step or run.grant is None:
        return None
    return run.grant.change(target, record)


async def choose(
    context: Context,
    run: runs.Run,
    step: int,
    records: server.Records,
    most: int,
    *,
    among: Collection[str] | None = None,
) -> list[ports.RunServer]:
    """Choose up to `most` servers that may be sent; set those aside that may not.

    Servers are judged in the plan's order until the wave is full; the others are judged
    before their own. `among` are the ids of those that may be chosen; without it, all of the
    group whose turn it is.
    """
    method, queued = runs.method(run.action, step), run.queued(step)
    if among is not None:
        queued = [row for row in queued if row.server_id in among]
    elif not step:
        queued = _whose_turn(context, run, queued, records)
    standing = await keeping.standing(context, run, method, queued, records, locks=False)
    # Only a power-on draws the inrush current that a rack's fuse must bear.
    per_rack = run.terms.max_per_rack if method is ports.Method.ON else None
    spare = await _spare_racks(context, records, queued, per_rack)
    chosen: list[ports.RunServer] = []
    async for some in priority.slices(queued, SLICE):
        left = most - len(chosen)
        if not left:
            break
        right = _right(context, run, method, some, records, standing)
        chosen += waves.choose(right, left, per_rack=per_rack, spare=spare, place=_places(records))
    return _without_kept(context, run, method, chosen, records, standing)


def _whose_turn(
    context: Context, run: runs.Run, queued: list[ports.RunServer], records: server.Records
) -> list[ports.RunServer]:
    """Return the servers of the first group in the policy's order that is still queued."""
    order = context.rules.policy().order
    if not order.groups(run.action):
        return queued
    known = records.servers
    # A server without a record is set aside, whenever it is looked at.
    places = [
        order.place(run.action, known[row.server_id]) if row.server_id in known else None
        for row in queued
    ]
    first = min((one for one in places if one is not None), default=None)
    return [row for row, place in zip(queued, places, strict=True) if place in (first, None)]


async def _spare_racks(
    context: Context,
    records: server.Records,
    rows: Sequence[ports.RunServer],
    per_rack: int | None,
) -> dict[ports.Rack, int]:
    """Read how many may still be switched on in racks where others are being switched on."""
    if per_rack is None:
        return {}
    place = _places(records)
    racks = list({place(row)[1] for row in rows})
    # Over all requests: three of them would else switch on three times the limit.
    busy = await context.store.read(lambda tx: tx.busy_racks(racks))
    return waves.spare_racks(busy, per_rack)


async def wait_for_racks(context: Context, run: runs.Run, step: int) -> None:
    """Wait a moment for room in the racks, where servers are queued and none may be sent.

    What is waited for is calls under way, each of which is watched to its end.
    """
    waiting = [
        msgspec.structs.replace(row, cause=Cause.RACK_FULL)
        for row in run.queued(step)
        if row.cause is Cause.NONE
    ]
    run.keep(waiting)
    await recorder.progress(context, run)
    await gate.wait(context, run, RACK_LOOK_S)


async def still_right(
    context: Context,
    run: runs.Run,
    method: ports.Method,
    rows: Sequence[ports.RunServer],
    records: server.Records,
    *,
    locks: bool,
) -> list[ports.RunServer]:
    """Return those of a call's servers that may still be sent; set the others aside.

    Their locks are asked for with the intent; with `locks`, now too.
    """
    standing = await keeping.standing(context, run, method, rows, records, locks=locks)
    right = list(_right(context, run, method, rows, records, standing))
    return _without_kept(context, run, method, right, records, standing)


def _right(
    context: Context,
    run: runs.Run,
    method: ports.Method,
    rows: Sequence[ports.RunServer],
    records: server.Records,
    standing: ledger.OtherRequests,
) -> Iterator[ports.RunServer]:
    """Yield the servers that may be sent, setting aside on the way those that may not."""
    for row in rows:
        record = records.servers.get(row.server_id)
        # Asked first, for a server of another name may be another machine altogether.
        outdated = _outdated(run, row, records)
        change = outdated or _change(context, run, method, row, record, standing)
        if change is None:
            yield row
        elif outdated is not None:
            _set_aside(context, run, method, row, outdated, record)
        else:
            earlier = run.earlier.get(row.server_id)
            why = reasons.explained(change, row, records, earlier)
            _set_aside(context, run, method, row, why, record)


def _set_aside(
    context: Context,
    run: runs.Run,
    method: ports.Method,
    row: ports.RunServer,
    change: recheck.ServerChange,
    record: server.Server | None,
) -> None:
    """Take one server out of the run; one that turns out done goes on to its next step."""
    after = runs.set_aside(method, row, change, record, now=context.clock.now())
    run.keep([runs.next_step(run.action, after)])


def _change(
    context: Context,
    run: runs.Run,
    method: ports.Method,
    row: ports.RunServer,
    record: server.Server | None,
    standing: ledger.OtherRequests,
) -> recheck.ServerChange | None:
    """Return what forbids a call to one server by itself."""
    if row.server_id in standing.not_ours:
        return recheck.ServerChange(ServerState.BLOCKED, "another request has taken it over")
    # A cycle is never forced: what can't be seen to be on can't be proven to come back.
    goals = (request.Action.ON, request.Action.OFF)
    forced = run.request.order.options.break_glass and run.action in goals
    rules = context.rules.policy()
    return recheck.since_plan(
        method, row, record, protected=rules.protects, unread=rules.unread, forced=forced
    )


def _without_kept(
    context: Context,
    run: runs.Run,
    method: ports.Method,
    rows: Sequence[ports.RunServer],
    records: server.Records,
    standing: ledger.OtherRequests,
) -> list[ports.RunServer]:
    """Set aside the servers that must stay on; none may be sent while the others aren't known."""
    if not keeping.counts(context, method):
        return list(rows)
    if not isinstance(records, server.Snapshot):
        return []
    held = keeping.held_back(context, run, rows, records, standing)
    for row in rows:
        if why := held.get(row.server_id):
            change = recheck.ServerChange(ServerState.BLOCKED, why)
            _set_aside(context, run, method, row, change, records.servers[row.server_id])
    return [row for row in rows if row.server_id not in held]


def _places(records: server.Records) -> Callable[[ports.RunServer], ports.Rack]:
    """Return what tells a server's rack by its fresh record."""

    def place(row: ports.RunServer) -> ports.Rack:
        record = records.servers.get(row.server_id)
        # One that is gone from the list still stands where the intent found it.
        return waves.rack_of(record.dc, record.rack) if record else row.stood

    return place
