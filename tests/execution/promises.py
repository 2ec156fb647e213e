"""What must be true after every run, whatever went wrong: asked of the centre, not of the bot."""

from __future__ import annotations

import collections
from collections.abc import Sequence

from bot.power import causes, lifecycle, ports
from bot.power.lifecycle import ServerState, State
from bot.power.request import Action
from bot.power.run import outcome, retry_and_undo, settling
from bot.sandbox import data_centre
from bot.slack.render.phrases import outcomes
from bot.storage import store
from tests.execution import world

OPEN = lifecycle.OPEN
WAYS_OUT = {State.APPROVED: (State.VOID,), State.RUNNING: (State.FAILED,)}
FRESH_S = 15.0
Visits = Sequence[tuple[str, data_centre.Action, float]]
EXPECTED = {
    Action.ON: (data_centre.Action.ON,),
    Action.OFF: (data_centre.Action.OFF,),
    Action.REBOOT: (data_centre.Action.REBOOT,),
    Action.CYCLE: (data_centre.Action.OFF, data_centre.Action.ON),
}
# Servers that go off by themselves after they came on, or say nothing of their power.
FICKLE = {
    data_centre.MachineFaultKind.FALLS_BACK,
    data_centre.MachineFaultKind.SOMEONE_ELSE,
}
HARMLESS = {
    None,
    data_centre.MachineFaultKind.SLOW,
    data_centre.MachineFaultKind.INSTANT,
}


async def hold(
    here: world.World,
    found: ports.Request,
    rows: dict[str, ports.RunServer],
    visits: Visits = (),
) -> None:
    """Hold one ended run against the promises.

    Raises:
        AssertionError: one is broken.
    """
    assert found.state in lifecycle.ENDED, f"still {found.state}"
    attempts = await here.store.read(lambda tx: tx.attempts(found.id))
    never_wide_open(here, found)
    reboots_at_most_once(here.centre, found, attempts)
    no_false_success(here.centre, here.clock.monotonic(), found, rows, visits)
    goals_are_met(here, found, rows, visits)
    nobody_is_left_dark_in_silence(here, found, rows, visits)
    counts_add_up(found, rows)
    checked_again(here, attempts)
    stops_at_once(found, attempts)
    await lets_go(here, found)


def never_wide_open(here: world.World, found: ports.Request) -> None:
    """P1: 1 to 50 distinct ids in each call, all of the plan."""
    plan = set(found.order.server_ids)
    for entry in here.centre.power_calls():
        assert 1 <= len(entry.ids) <= 50, "a call without, or with too many, ids"
        assert len(set(entry.ids)) == len(entry.ids), "an id twice in a call"
        assert plan.issuperset(entry.ids), "an id that nobody approved"


def reboots_at_most_once(
    centre: data_centre.DataCentre, found: ports.Request, attempts: Sequence[ports.Attempt]
) -> None:
    """P5: a reboot is received once at most; on and off are sent three times at most."""
    for target in found.order.targets:
        machine = centre.machine(target.name)
        reboots = machine.received[data_centre.Action.REBOOT]
        most = 1 if found.order.action is Action.REBOOT else 0
        assert reboots <= most, f"{target.name} was rebooted {reboots} times"
    sent: collections.Counter[tuple[str, ports.Method]] = collections.Counter()
    for attempt in attempts:
        if attempt.outcome not in ("not sent", "refused"):
            sent.update((id_, attempt.method) for id_ in attempt.server_ids)
    for (_, method), times in sent.items():
        most = 1 if method is ports.Method.REBOOT else settling.MOST_SENDS
        assert times <= most, f"{method} may have been sent {times} times"


def no_false_success(
    centre: data_centre.DataCentre,
    now: float,
    found: ports.Request,
    rows: dict[str, ports.RunServer],
    visits: Visits = (),
) -> None:
    """P6: who is called proven has done it, unless somebody else acted at the same time."""
    for row in rows.values():
        machine = centre.machine(row.name)
        machine.look(now)
        if row.name in {name for name, _, _ in visits} or any(machine.external.values()):
            # The record doesn't say who did it.
            continue
        for action in EXPECTED[found.order.action]:
            done = machine.performed[action]
            assert row.state is not ServerState.PROVEN or done, f"{row.name} is falsely proven"


def goals_are_met(
    here: world.World,
    found: ports.Request,
    rows: dict[str, ports.RunServer],
    visits: Visits,
) -> None:
    """P5: on and off converge wherever the server can be reached."""
    if found.order.action not in (Action.ON, Action.OFF):
        return
    disturbed = {name for name, _, _ in visits}
    goal = data_centre.Power(found.order.action.value)
    for row in rows.values():
        machine = here.centre.machine(row.name)
        kind = machine.fault.kind if machine.fault else None
        if row.name in disturbed or kind not in HARMLESS:
            continue
        received = sum(machine.received.values())
        is_there = machine.look(here.clock.monotonic()).power is goal
        assert is_there or not received, f"{row.name} got the call and isn't {goal}"
        told = row.state in (ServerState.PROVEN, ServerState.SKIPPED)
        if received and kind is None and found.state is State.SUCCEEDED:
            assert told, f"{row.name} is {row.state}"
        # Only a server that is read shows that its call came to nothing, and may be asked again.
        was_read = bool(row.last_seen)
        kept_back = row.cause is causes.Cause.NOT_ASKED_AGAIN
        if row.state is ServerState.UNKNOWN and was_read and not kept_back:
            assert row.sends == settling.MOST_SENDS, f"{row.name}: given up after {row.sends} calls"


def nobody_is_left_dark_in_silence(
    here: world.World,
    found: ports.Request,
    rows: dict[str, ports.RunServer],
    visits: Visits,
) -> None:
    """P6: a server that a cycle has switched off, and that is off in the end, is told as such."""
    if found.order.action is not Action.CYCLE:
        return
    disturbed = {name for name, _, _ in visits}
    for row in rows.values():
        machine = here.centre.machine(row.name)
        kind = machine.fault.kind if machine.fault else None
        ours = machine.performed[data_centre.Action.OFF] and row.name not in disturbed
        if ours and kind not in FICKLE and not any(machine.external.values()):
            is_off = machine.look(here.clock.monotonic()).power is data_centre.Power.OFF
            told = retry_and_undo.left(found.order.action, row) is not causes.Left.NONE
            assert told or not is_off, f"{row.name} is off, and told as {row.state}"


def counts_add_up(found: ports.Request, rows: dict[str, ports.RunServer]) -> None:
    """P6: each server has one end, and what people read says so."""
    if found.state is State.VOID:
        return
    targets = found.order.targets
    counts = outcome.tally(rows.values())
    assert counts.total == len(targets) == len(rows), "the counts don't add up"
    assert counts.settled, "a server is still on its way"
    counted = outcomes.counted(list(rows.values()), found.order.action)
    shown = sum(int(part.split()[0].replace(",", "")) for part in counted.split(" · "))
    assert shown == len(targets), f"people read {counted}"
    stopped = found.state is State.STOPPED
    assert outcome.end_state(rows.values(), stopped=stopped) is found.state


def checked_again(here: world.World, attempts: Sequence[ports.Attempt]) -> None:
    """P4: each server was read at most 15 s before the first call of its wave, by list or alone."""
    swept = [entry.at for entry in here.centre.log if entry.operation is data_centre.Operation.LIST]
    shown: dict[str, list[float]] = collections.defaultdict(list)
    for entry in here.centre.log:
        if entry.operation is data_centre.Operation.SHOW and entry.status == 200:
            shown[entry.path.rpartition("/")[2]].append(entry.at)
    arrived = {
        tuple(entry.ids): entry.at for entry in here.centre.power_calls() if entry.status == 200
    }
    seen: set[tuple[int, int]] = set()
    for attempt in attempts:
        at = arrived.get(attempt.server_ids)
        if (attempt.wave, attempt.step) in seen or attempt.outcome != "accepted" or at is None:
            continue
        seen.add((attempt.wave, attempt.step))
        for server_id in attempt.server_ids:
            read = (at - one for one in (*swept, *shown[server_id]) if one <= at)
            age_s = min(read, default=1e9)
            assert age_s <= FRESH_S + world.ROUND_TRIP_S, (
                f"a wave was checked on states {age_s:.1f} s old"
            )


def stops_at_once(found: ports.Request, attempts: Sequence[ports.Attempt]) -> None:
    """P8: after Stop no new call."""
    # The audit has when Stop was pressed; a request that was stopped has no later intent.
    if found.state is State.STOPPED and found.stopped_by:
        assert found.ended_at >= max((one.intended_at for one in attempts), default=0.0)


async def lets_go(here: world.World, found: ports.Request) -> None:
    """P9: an ended request holds no lock."""
    held = await here.store.read(lambda tx: tx.lock_holders(found.order.server_ids))
    assert not held, "locks are left"


async def hold_audit(kept: store.Store) -> None:
    """P10: the chain of all runs holds."""
    last, _ = await kept.read(lambda tx: tx.audit_head())
    rows = await kept.read(lambda tx: tx.audit_rows(limit=1))
    assert not rows or int(rows[0]["seq"]) == last
