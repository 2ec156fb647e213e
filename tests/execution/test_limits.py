"""What stops a run, holds it, or keeps a server out of it; each asked again before every call."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
import itertools
import pathlib
from collections.abc import Sequence

import pytest

from bot.clouddc import auth
from bot.power import errors, plan, ports, server
from bot.power.lifecycle import ServerState, State
from bot.power.policy import policy
from bot.power.request import Action
from bot.power.run import blockers, ledger, runs
from bot.sandbox import data_centre
from bot.sandbox.data_centre import CallFault, CallFaultKind, CallKind, MachineFaultKind
from tests import bodies
from tests.execution import promises, world
from tests.support import leases, virtual


@dataclasses.dataclass(frozen=True)
class Named:
    """A selection of servers by name."""

    names: frozenset[str]
    asks: frozenset[server.RecordPart] = frozenset()

    def matches(self, record: server.Server) -> bool:
        """Whether this is one of them."""
        return record.name in self.names


def named(*names: str) -> Named:
    """Return a selection of these servers."""
    return Named(frozenset(names))


async def replies(here: world.World) -> list[dict[str, object]]:
    """Return what the threads were told, oldest first."""
    found: list[dict[str, object]] = []
    while due := await here.store.due_messages(now=here.clock.now(), limit=50):
        for message in due:
            if message.kind == "reply":
                found.append(bodies.of(message.said))
            await here.store.message_sent(message, now=here.clock.now())
    return found


async def driving(here: world.World) -> asyncio.Task[None]:
    """Carry the request that is due out, in the background."""
    lease = await here.claimed()
    return asyncio.create_task(here.drive(lease))


async def called(here: world.World, times: int) -> None:
    """Wait for so many power calls."""
    while len(here.centre.power_calls()) < times:
        await here.clock.sleep(0.01)


# -- the failure limit


@virtual.on_given_time
async def test_one_failure_in_each_wave_stops_at_the_limit_of_the_whole_run(
    tmp_path: pathlib.Path,
) -> None:
    """A limit for each batch would never see it: every wave has one failure only."""
    async with world.opened(tmp_path) as here:
        names = here.ready(60)
        for start in range(0, 60, 5):
            here.centre.set_fault(names[start + 2], MachineFaultKind.FAILS)
        terms = plan.Terms(ramp=(), batch=5, max_failures=3, max_per_rack=100)

        found, rows = await here.carried_out(Action.REBOOT, names, terms)

        assert found.state is State.PARTIAL
        assert found.end_reason == "stopped itself at 3 failures"
        assert here.calls() == [5, 5, 5]
        ends = [row.state for row in rows.values()]
        assert ends.count(ServerState.FAILED) == 3
        assert ends.count(ServerState.NOT_SENT) == 45
        await promises.hold(here, found, rows)


@virtual.on_given_time
async def test_unknown_and_timed_out_count_as_failures(tmp_path: pathlib.Path) -> None:
    """What isn't known to be good stops the run like what is known to be bad."""
    async with world.opened(tmp_path) as here:
        names = here.ready(9)
        here.centre.queue_fault(CallFaultKind.DROP_BEFORE, CallKind.POWER, 1)
        here.centre.set_fault(names[1], MachineFaultKind.STUCK)
        terms = plan.Terms(ramp=(), batch=1, max_failures=2, max_per_rack=100)

        found, rows = await here.carried_out(Action.REBOOT, names, terms)

        assert found.end_reason == "stopped itself at 2 failures"
        assert rows[names[0]].state is ServerState.UNKNOWN
        assert rows[names[1]].state is ServerState.TIMED_OUT
        assert here.calls() == [1, 1]


@virtual.on_given_time
async def test_a_long_wave_stops_between_its_calls(tmp_path: pathlib.Path) -> None:
    """A refusal of the first fifty keeps the other fifty from being sent."""
    async with world.opened(tmp_path) as here:
        here.centre.queue_fault(CallFaultKind.FORBIDDEN, CallKind.POWER, 1)

        found, rows = await here.carried_out(Action.REBOOT, here.ready(100))

        assert found.state is State.FAILED
        assert here.calls() == [50]
        assert [row.state for row in rows.values()].count(ServerState.NOT_SENT) == 50


# -- stop and freeze


@virtual.on_given_time
async def test_stop_lets_no_new_call_leave_and_says_what_became_of_each(
    tmp_path: pathlib.Path,
) -> None:
    """Sent ones are watched to their end, the others are not sent."""
    async with world.opened(tmp_path) as here:
        names = here.ready(9)
        id_ = await here.approved(Action.REBOOT, names, plan.Terms(ramp=(), batch=3))
        task = await driving(here)
        await called(here, 2)
        at = here.clock.now()
        assert await here.store.write(
            lambda tx: tx.request_stop(id_, user_id="U0SAM", reason="", at=at)
        )
        await task
        found, rows = await here.ended(id_)

        assert found.state is State.STOPPED
        assert here.calls() == [3, 3]
        ends = [row.state for row in rows.values()]
        assert ends.count(ServerState.PROVEN) == 6
        assert ends.count(ServerState.NOT_SENT) == 3
        await promises.hold(here, found, rows)


@virtual.on_given_time
async def test_a_freeze_in_the_middle_holds_the_run_and_lets_it_go_on(
    tmp_path: pathlib.Path,
) -> None:
    """No call leaves while it stands; two short ones don't add up to a long one."""
    async with world.opened(tmp_path) as here:
        names = here.ready(3)
        id_ = await here.approved(Action.REBOOT, names, plan.Terms(ramp=(), batch=1))
        task = await driving(here)
        spans = []
        for wave in (1, 2):
            await called(here, wave)
            await here.store.write(lambda tx: tx.freeze(ports.Freeze("U0", "storm", 0.0)))
            start = here.clock.monotonic()
            await here.clock.sleep(800.0)
            await here.store.write(lambda tx: tx.freeze(ports.Freeze("U0", "over", 0.0, 0.1)))
            spans.append((start, here.clock.monotonic()))
        await task
        found, _ = await here.ended(id_)

        assert found.state is State.SUCCEEDED
        for entry in here.centre.power_calls():
            assert not any(start < entry.at < end for start, end in spans)
        told = [one for one in await replies(here) if one["event"] == "held"]
        assert [one["reason"] for one in told] == [
            "held by freeze of U0 (storm) since 1970-01-01 00:00 UTC"
        ]


async def test_a_thread_is_told_once_of_each_thing_that_holds_its_run(
    tmp_path: pathlib.Path,
) -> None:
    """Which one it is decides, not the words for it."""
    async with world.opened(tmp_path) as here:
        id_ = await here.approved(Action.REBOOT, here.ready(1))
        storm, fire = ports.Freeze("U0", "storm", 1.0), ports.Freeze("U1", "fire", 2.0)
        held = (
            blockers.Blocker(blockers.BlockerKind.FREEZE, "held by a storm", (storm,)),
            blockers.Blocker(blockers.BlockerKind.FREEZE, "held by a storm, still", (storm,)),
            blockers.Blocker(blockers.BlockerKind.FREEZE, "held by a storm", (storm, fire)),
            blockers.Blocker(blockers.BlockerKind.CLOUD, "no answer for 2 s"),
            blockers.Blocker(blockers.BlockerKind.CLOUD, "no answer for 3 s"),
            blockers.Blocker(blockers.BlockerKind.POLICY_FREEZE, "held", of="year end"),
            blockers.Blocker(blockers.BlockerKind.POLICY_FREEZE, "held", of="month end"),
        )

        def work(tx: ports.Tx) -> None:
            found = tx.request(id_)
            assert found is not None
            for bar in held:
                ledger.hold(tx, found, bar, now=here.clock.now())

        await here.store.write(work)
        told = [one for one in await replies(here) if one["event"] == "held"]
        assert [one["reason"] for one in told] == [
            "held by a storm", "held by a storm", "no answer for 2 s", "held", "held",
        ]  # fmt: skip


# -- protection, keep, policy, locks


@virtual.on_given_time
async def test_a_server_protected_between_two_calls_of_a_wave_is_left_out(
    tmp_path: pathlib.Path,
) -> None:
    """The policy is read before each call, not before each wave alone."""
    async with world.opened(tmp_path) as here:
        names = here.ready(100)
        rules = [policy.EMPTY]
        here.rule(policy=lambda: rules[0])
        id_ = await here.approved(Action.REBOOT, names)
        task = await driving(here)
        await called(here, 1)
        rules[0] = dataclasses.replace(policy.EMPTY, protected=named(names[70]))
        await task
        found, rows = await here.ended(id_)

        assert here.calls() == [50, 49]
        assert (rows[names[70]].state, rows[names[70]].detail) == (
            ServerState.BLOCKED,
            "protected",
        )
        assert found.state is State.PARTIAL


@virtual.on_given_time
async def test_a_policy_that_forbids_the_request_ends_it_between_two_calls(
    tmp_path: pathlib.Path,
) -> None:
    """The rest isn't sent, and the end names the rule."""
    async with world.opened(tmp_path) as here:
        verdict = [""]

        async def rejudge(_: ports.Request, __: server.Records) -> str:
            return verdict[0]

        here.rule(rejudge=rejudge)
        id_ = await here.approved(Action.REBOOT, here.ready(100))
        task = await driving(here)
        await called(here, 1)
        verdict[0] = 'the policy has changed: rule "web" now needs 2 from sre'
        await task
        found, _ = await here.ended(id_)

        assert here.calls() == [50]
        assert found.state is State.STOPPED
        assert found.end_reason == verdict[0]


@virtual.on_given_time
async def test_enough_servers_stay_on_over_two_requests_at_once(tmp_path: pathlib.Path) -> None:
    """Of three that must keep two on, only one is switched off, whoever asks."""
    async with world.opened(tmp_path) as here:
        trio = here.ready(3)
        rules = dataclasses.replace(policy.EMPTY, keeps=(policy.Keep(named(*trio), "@trio", 2),))
        here.rule(policy=lambda: rules)
        ids = [
            await here.approved(Action.OFF, [trio[0]]),
            await here.approved(Action.OFF, [trio[1]]),
        ]
        await asyncio.gather(*[await driving(here) for _ in ids])
        rows = [row for id_ in ids for row in (await here.ended(id_))[1].values()]

        off = [row for row in rows if row.state is ServerState.PROVEN]
        kept = [row for row in rows if row.state is ServerState.BLOCKED]
        assert len(off) <= 1
        assert all(row.detail == "at least 2 of @trio must stay on" for row in kept)
        assert len(off) + len(kept) == 2


@virtual.on_given_time
async def test_a_keep_that_came_after_the_approval_holds_back_what_is_too_much(
    tmp_path: pathlib.Path,
) -> None:
    """One request for all three: as many go as may."""
    async with world.opened(tmp_path) as here:
        trio = here.ready(3)
        rules = dataclasses.replace(policy.EMPTY, keeps=(policy.Keep(named(*trio), "@trio", 2),))
        here.rule(policy=lambda: rules)

        _, rows = await here.carried_out(Action.OFF, trio)

        assert [rows[name].state for name in trio] == [
            ServerState.PROVEN,
            ServerState.BLOCKED,
            ServerState.BLOCKED,
        ]


@pytest.mark.parametrize(
    ("second", "state", "words"),
    [
        (Action.REBOOT, ServerState.SKIPPED, "already under way in PR-2222: watch it"),
        (Action.OFF, ServerState.BLOCKED, "busy with PR-2222"),
    ],
)
@virtual.on_given_time
async def test_one_thing_at_a_time_is_done_to_a_server(
    second: Action, state: ServerState, words: str, tmp_path: pathlib.Path
) -> None:
    """The same action is left to the request that does it; another is told who, what and since."""
    async with world.opened(tmp_path) as here:
        names = here.ready(3)
        await here.approved(Action.REBOOT, names[:2])
        first = await driving(here)
        await called(here, 1)
        id_ = await here.approved(second, names[1:])
        await (await driving(here))
        await first
        _, rows = await here.ended(id_)

        assert (rows[names[1]].state, rows[names[1]].detail) == (state, words)
        assert rows[names[2]].state is ServerState.PROVEN
        assert here.calls() == [2, 1]


@virtual.on_given_time
async def test_a_lock_goes_with_its_holder(tmp_path: pathlib.Path) -> None:
    """A request that ended, however badly, holds nobody up."""
    async with world.opened(tmp_path) as here:
        names = here.ready(2)
        here.centre.queue_fault(CallFaultKind.DROP_BEFORE, CallKind.POWER, 1)
        await here.carried_out(Action.REBOOT, names)

        found, _ = await here.carried_out(Action.OFF, names)

        assert found.state is State.SUCCEEDED


@virtual.on_given_time
async def test_power_on_is_spread_over_racks(tmp_path: pathlib.Path) -> None:
    """At most so many of one rack at once: a rack's fuse is the limit."""
    async with world.opened(tmp_path, resting=data_centre.Power.OFF) as here:
        names = here.ready(60, data_centre.Power.OFF)
        racks = {name: here.centre.machine(name).server.rack for name in names}
        terms = plan.Terms(ramp=(), batch=50, max_per_rack=4)

        found, rows = await here.carried_out(Action.ON, names, terms)

        assert found.state is State.SUCCEEDED
        for wave in {row.wave for row in rows.values()}:
            used = [racks[row.name] for row in rows.values() if row.wave == wave]
            assert max(used.count(rack) for rack in set(used)) <= 4


@pytest.mark.parametrize(("on_change", "calls"), [("skip", [1]), ("stop", [])])
@virtual.on_given_time
async def test_a_change_since_the_plan_skips_or_stops(
    on_change: str, calls: Sequence[int], tmp_path: pathlib.Path
) -> None:
    """As the rule says."""
    async with world.opened(tmp_path) as here:
        names = [*here.ready(1), *here.ready(1, data_centre.Power.OFF)]

        found, rows = await here.carried_out(
            Action.REBOOT, names, plan.Terms(ramp=(), on_change=on_change)
        )

        assert here.calls() == calls
        assert rows[names[1]].state is ServerState.BLOCKED
        assert found.state is (State.PARTIAL if calls else State.STOPPED)


@virtual.on_given_time
async def test_the_pause_between_waves_is_kept_and_states_are_read_again(
    tmp_path: pathlib.Path,
) -> None:
    """A pause longer than states may be old costs one more sweep, and is spread a little."""
    async with world.opened(tmp_path) as here:
        terms = plan.Terms(ramp=(), batch=1, pause_s=100.0)

        found, rows = await here.carried_out(Action.REBOOT, here.ready(3), terms)

        proven = sorted(row.settled_at for row in rows.values())
        sent = sorted(row.sent_at for row in rows.values())
        gaps = [after - before for before, after in zip(proven, sent[1:], strict=False)]
        assert all(100.0 <= gap <= 121.0 for gap in gaps)
        assert len(set(gaps)) == 2
        await promises.hold(here, found, rows)


@virtual.on_given_time
async def test_the_pause_between_waves_is_kept_by_whoever_takes_the_run_over(
    tmp_path: pathlib.Path,
) -> None:
    """A kill, or a deploy, in the middle of it sends nothing early."""
    async with world.opened(tmp_path) as here:
        terms = plan.Terms(ramp=(), batch=1, pause_s=100.0)
        id_ = await here.approved(Action.REBOOT, here.ready(2), terms)
        task = await driving(here)
        await called(here, 1)
        await here.clock.sleep(60.0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await leases.end_all(here.store)
        taken_at = here.clock.now()

        await here.restarted().drive(await here.claimed())

        found, rows = await here.ended(id_)
        assert found.state is State.SUCCEEDED
        assert max(row.sent_at for row in rows.values()) >= taken_at + 100.0
        await promises.hold(here, found, rows)


@virtual.on_given_time
async def test_a_cycle_leaves_nobody_off_for_the_pause_between_waves(
    tmp_path: pathlib.Path,
) -> None:
    """Its on leaves when its off is proven; the next wave waits."""
    async with world.opened(tmp_path) as here:
        terms = plan.Terms(ramp=(), batch=1, pause_s=600.0)

        await here.carried_out(Action.CYCLE, here.ready(2), terms)

        off, on, next_off, next_on = [one.at for one in here.centre.power_calls()]
        assert max(on - off, next_on - next_off) < 100.0
        assert next_off - on >= 600.0


@virtual.on_given_time
async def test_stop_ends_a_long_pause_at_once(tmp_path: pathlib.Path) -> None:
    """Nobody waits ten minutes to read that nothing more is sent."""
    async with world.opened(tmp_path) as here:
        terms = plan.Terms(ramp=(), batch=1, pause_s=600.0)
        id_ = await here.approved(Action.REBOOT, here.ready(2), terms)
        task = await driving(here)
        await called(here, 1)
        await here.clock.sleep(100.0)
        pressed_at = here.clock.now()
        await here.store.write(
            lambda tx: tx.request_stop(id_, user_id="U0", reason="", at=pressed_at)
        )
        await task
        found, _ = await here.ended(id_)

        assert found.state is State.STOPPED
        assert found.ended_at - pressed_at <= 3.0


# -- evidence


@virtual.on_given_time
async def test_a_sticky_success_of_yesterday_never_counts(tmp_path: pathlib.Path) -> None:
    """A reboot that never happens, on a record that says `reboot-succeed` all the time."""
    async with world.opened(tmp_path) as here:
        (name,) = here.ready(1)
        here.centre.act_externally(name, data_centre.Action.REBOOT)
        await here.clock.sleep(3600.0)
        here.centre.set_fault(name, MachineFaultKind.DEAD_BMC)

        found, rows = await here.carried_out(Action.REBOOT, [name])

        assert here.centre.machine(name).performed[data_centre.Action.REBOOT] == 0
        assert rows[name].state is ServerState.NOT_PROVEN
        assert found.state is State.PARTIAL


@virtual.on_given_time
async def test_a_processing_phase_that_was_missed_is_accepted_and_not_proven(
    tmp_path: pathlib.Path,
) -> None:
    """It did happen, too quickly to be seen, and the record can't show it."""
    async with world.opened(tmp_path) as here:
        (name,) = here.ready(1)
        here.centre.act_externally(name, data_centre.Action.REBOOT)
        await here.clock.sleep(3600.0)
        here.centre.set_fault(name, MachineFaultKind.INSTANT)

        _, rows = await here.carried_out(Action.REBOOT, [name])

        assert here.centre.machine(name).performed[data_centre.Action.REBOOT] == 1
        assert rows[name].state is ServerState.NOT_PROVEN
        assert rows[name].detail == "its record can't show whether it happened"


@virtual.on_given_time
async def test_a_long_wave_is_looked_at_while_it_is_still_being_sent(
    tmp_path: pathlib.Path,
) -> None:
    """The first fifty are seen at work long before the last fifty are sent.

    Reads stand behind calls and looks have jitter, so that two looks may be seven seconds apart:
    an operation that is shorter may be missed, and is then honestly not proven.
    """
    async with world.opened(
        tmp_path,
        1200,
        per_s=2.0,
        pace=data_centre.Pace(12.0, 0.0, 0.0),
        resting=data_centre.Power.ON,
    ) as here:
        names = here.ready(1000)
        for name in names:
            here.centre.act_externally(name, data_centre.Action.REBOOT)
        await here.clock.sleep(3600.0)

        found, rows = await here.carried_out(Action.REBOOT, names)

        first_call = min(entry.at for entry in here.centre.power_calls())
        looks = [
            entry.at
            for entry in here.centre.log
            if entry.operation is data_centre.Operation.LIST and entry.at > first_call
        ]
        assert looks[0] - first_call <= 4.0
        assert found.state is State.SUCCEEDED
        await promises.hold(here, found, rows)


# -- a cycle


@virtual.on_given_time
async def test_a_server_that_a_cycle_leaves_off_is_cried_out_at_once(
    tmp_path: pathlib.Path,
) -> None:
    """With its name, the reason and the people, while the others go on; Undo finds it."""
    async with world.opened(tmp_path) as here:
        names = here.ready(4)
        machine = here.centre.machine(names[0])
        terms = plan.Terms(ramp=(), batch=2, max_failures=9)
        id_ = await here.approved(Action.CYCLE, names, terms)
        task = await driving(here)
        while machine.performed[data_centre.Action.OFF] == 0:
            await here.clock.sleep(0.5)
            machine.look(here.clock.monotonic())
        here.centre.set_fault(names[0], MachineFaultKind.FAILS)
        await task
        found, rows = await here.ended(id_)

        assert rows[names[0]].state is ServerState.FAILED
        assert rows[names[0]].step == 1
        told = await replies(here)
        loud = [one for one in told if one["event"] == "left_dark"]
        assert [one["names"] for one in loud] == [[names[0]]]
        assert loud[0]["mention"] == [world.PERSON.user_id]
        assert found.state is State.PARTIAL
        await promises.hold(here, found, rows)


@virtual.on_given_time
async def test_a_stopped_cycle_says_who_is_left_off(tmp_path: pathlib.Path) -> None:
    """Stop is obeyed even half-way; that leaves servers off, and that is said."""
    async with world.opened(tmp_path, pace=data_centre.Pace(20.0, 0.0, 0.0)) as here:
        names = here.ready(2)
        id_ = await here.approved(Action.CYCLE, names)
        task = await driving(here)
        await called(here, 1)
        at = here.clock.now()
        await here.store.write(lambda tx: tx.request_stop(id_, user_id="U0", reason="", at=at))
        await task
        found, rows = await here.ended(id_)

        assert found.state is State.STOPPED
        assert {row.detail for row in rows.values()} == {"left off: stopped before its call"}
        told = [one for one in await replies(here) if one["event"] == "left_dark"]
        assert sorted(name for one in told for name in one["names"]) == sorted(names)  # type: ignore[attr-defined]


# -- credentials and the way to CloudDC


def signed(here: world.World, *, skew_s: float = 0.0, key: str = "") -> world.World:
    """Return the world with a client that signs, with a clock that is off or with a wrong key."""
    account = here.centre.iam.account
    wall = virtual.VirtualClock(asyncio.get_running_loop(), set_s=skew_s)
    signer = auth.SignedAuth(account.ak, key or account.sk, account.project_id, clock=wall)
    power = world.cloud_power(here.line, here.clock, signer=signer)
    return dataclasses.replace(
        here, power=power, context=world.acting(here.store, power, here.clock, like=here.context)
    )


@pytest.mark.parametrize("wrong", [{"key": "not-the-secret-key"}, {"skew_s": 1200.0}])
@virtual.on_given_time
async def test_refused_credentials_pause_the_queue_and_tell_the_thread(
    wrong: dict[str, object], tmp_path: pathlib.Path
) -> None:
    """One call in five minutes at most, so that the key isn't locked; then the run is given up."""
    async with world.opened(tmp_path) as here:
        good, here = here, signed(here, **wrong)  # type: ignore[arg-type]
        found, rows = await here.carried_out(Action.REBOOT, here.ready(2))

        assert found.state is State.STOPPED
        assert {row.state for row in rows.values()} == {ServerState.NOT_SENT}
        at = [entry.at for entry in here.centre.log if entry.status == 401]
        # Each is asked once more at once, with a fresh date.
        assert 4 <= len(at) <= 8
        assert all(after - before >= 290.0 for before, after in itertools.pairwise(at[::2]))
        told = [one for one in await replies(here) if one["event"] == "held"]
        assert len(told) == 1
        reason = str(told[0]["reason"])
        assert "CloudDC refuses the bot's credentials (APIGW.0301: " in reason
        # What is wrong, and whose matter it is, are each said once.
        assert [reason.count(one) for one in ("credentials", "an operator")] == [1, 1]
        await here.power.aclose()
        # The key was never locked: with the right credentials it goes on at once.
        mended = signed(good)
        found, _ = await mended.carried_out(Action.REBOOT, mended.ready(2))
        assert found.state is State.SUCCEEDED
        await mended.power.aclose()


@virtual.on_given_time
async def test_credentials_that_are_mended_let_the_run_go_on(tmp_path: pathlib.Path) -> None:
    """Refused once on the power call; nothing was rebooted twice, nobody had to ask again."""
    async with world.opened(tmp_path) as here:
        here.centre.call_faults.queue(CallFault(CallFaultKind.UNAUTHORIZED, CallKind.POWER), 2)

        found, rows = await here.carried_out(Action.REBOOT, here.ready(2))

        assert found.state is State.SUCCEEDED
        at = [entry.at for entry in here.centre.power_calls()]
        assert len(at) == 3
        # The first refusal is asked once more at once; the second one in a row makes it wait.
        assert at[1] - at[0] < 5.0
        assert at[2] - at[1] >= 59.0
        await promises.hold(here, found, rows)


@virtual.on_given_time
async def test_a_run_waits_for_a_list_that_cannot_be_read(tmp_path: pathlib.Path) -> None:
    """Nothing is sent on states that nobody knows; the thread is told, and it goes on."""
    async with world.opened(tmp_path) as here:
        away = CallFault(CallFaultKind.INTERNAL_ERROR, CallKind.LIST)
        here.centre.call_faults.at_random(away, 1.0)
        id_ = await here.approved(Action.REBOOT, here.ready(2))
        task = await driving(here)
        await here.clock.sleep(300.0)
        assert here.calls() == []
        here.centre.call_faults.clear()
        await task
        found, _ = await here.ended(id_)

        assert found.state is State.SUCCEEDED
        assert [one["event"] for one in await replies(here)][:2] == ["started", "held"]


@virtual.on_given_time
async def test_a_process_that_has_lost_its_lease_sends_nothing(tmp_path: pathlib.Path) -> None:
    """Another may have taken over by the time that a call leaves."""
    async with world.opened(tmp_path) as here:
        await here.approved(Action.REBOOT, here.ready(2))
        lease = await here.claimed()

        with pytest.raises(errors.LostLease):
            await here.drive(runs.Lease(lease.claim, lambda: 5.0))

        assert here.calls() == []


@virtual.on_given_time
async def test_a_freeze_of_the_policy_that_is_overridden_holds_nobody(
    tmp_path: pathlib.Path,
) -> None:
    """Its approvals were among those that were given."""
    async with world.opened(tmp_path) as here:
        start = datetime.datetime.fromtimestamp(here.clock.now(), datetime.UTC)
        end = start + datetime.timedelta(days=1)
        window = policy.FreezeWindow("year end", start, end, frozenset({Action.REBOOT}))
        rules = dataclasses.replace(policy.EMPTY, freezes=(window,))
        here.rule(policy=lambda: rules)

        found, _ = await here.carried_out(
            Action.REBOOT, here.ready(1), plan.Terms(overrides=("year end",))
        )

        assert found.state is State.SUCCEEDED
