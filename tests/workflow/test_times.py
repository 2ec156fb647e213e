"""Expiry, use-within, reminders and nudges at their exact edges, on a given clock."""

from __future__ import annotations

import asyncio
import datetime
import os
import pathlib
import time
import zoneinfo
from collections.abc import Iterator

import pytest

from bot.power import ports
from bot.power.lifecycle import State
from bot.runtime import clocks
from bot.workflow import answers
from tests.support import databases, ticks
from tests.workflow import world as world_
from tests.workflow.world import DANA, LEO, OLGA, ROSA, SAM, World

EXPIRES_S, USE_WITHIN_S = 1800.0, 900.0


@pytest.mark.parametrize(
    ("after_s", "state", "said"),
    [
        (EXPIRES_S - 0.001, State.SUCCEEDED, "Approved"),
        (EXPIRES_S, State.EXPIRED, "has expired"),
        (EXPIRES_S + 0.001, State.EXPIRED, "has expired"),
    ],
    ids=["before", "at", "after"],
)
async def test_request_expires_at_its_instant_and_not_before(
    world: World, after_s: float, state: State, said: str
) -> None:
    """The last moment counts, the instant itself doesn't; whoever looks first."""
    id_ = await world.ask("reboot web01 because x")
    world.clock.passed_s = (await world.found(id_)).expires_at - EXPIRES_S - world.clock.start
    world.clock.passed_s += after_s

    told = await world.told(SAM, "approve", id_)
    await world.drive()

    assert said in told
    assert await world.state(id_) is state


async def test_expiry_is_worded_apart_from_a_denial(world: World) -> None:
    """Nobody said no: thread, card and late clicks say that nobody answered."""
    id_ = await world.ask("reboot web01 because x")
    await world.later(EXPIRES_S)

    late = await world.told(SAM, "deny", id_)

    assert world.events(id_)[-1] == "expired"
    assert (await world.found(id_)).end_reason == "not answered in time"
    assert late == "This request has expired; ask again if it is still needed."
    assert [row["event"] for row in await world.audit(request_id=id_)][-2:] == [
        "request.expired",
        "denial.refused",
    ]
    assert world.thread(id_)[-1]["head"]


@pytest.mark.parametrize(
    ("late_s", "state"), [(-0.001, State.SUCCEEDED), (0.0, State.VOID), (5.0, State.VOID)]
)
async def test_approval_is_used_within_its_time_or_void(
    world: World, late_s: float, state: State
) -> None:
    """A freeze may hold it back until then, and no longer."""
    id_ = await world.ask("reboot web01 because x")
    await world.told(SAM, "approve", id_)
    await world.store.write(lambda tx: tx.freeze(ports.Freeze(ROSA, "storm", 0.0)))
    await world.drive()
    assert await world.state(id_) is State.APPROVED

    use_by = (await world.found(id_)).use_by
    world.clock.passed_s = use_by + late_s - world.clock.start
    await world.store.write(lambda tx: tx.freeze(ports.Freeze(ROSA, "over", 0.0, 0.1)))
    await world.drive()

    assert await world.state(id_) is state


async def test_freeze_of_the_policy_holds_an_approved_request_as_well(world: World) -> None:
    """It waits approved, as under the switch, and starts when the window has passed."""
    begins = datetime.datetime.fromtimestamp(world.clock.start + 5, datetime.UTC)
    until = begins + datetime.timedelta(seconds=300)
    id_ = await world.ask("reboot web01 because x")
    world.edit(
        (
            '[[rule]]\nname = "databases"',
            f'[[freeze]]\nname = "window"\nfrom = {begins.isoformat()}\n'
            f'until = {until.isoformat()}\n[[rule]]\nname = "databases"',
        )
    )
    await world.told(SAM, "approve", id_)
    world.clock.passed_s = 6.0

    await world.drive()
    assert await world.state(id_) is State.APPROVED
    await world.later(400)

    assert await world.state(id_) is State.SUCCEEDED


@pytest.mark.parametrize(
    ("gone_s", "state"), [(EXPIRES_S - 1, State.PENDING), (EXPIRES_S, State.EXPIRED)]
)
async def test_deadline_is_kept_over_a_restart(world: World, gone_s: float, state: State) -> None:
    """It is an instant in the store, and not a timer of a process."""
    id_ = await world.ask("reboot web01 because x")
    asked_at = (await world.found(id_)).expires_at - EXPIRES_S

    async with world_.running(world.url, clock=world.clock, centre=world.centre) as again:
        again.clock.passed_s = asked_at + gone_s - again.clock.start
        await again.drive()
        assert await again.state(id_) is state


@pytest.fixture
def berlin() -> Iterator[zoneinfo.ZoneInfo]:
    """A process that lives in Berlin's time."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "Europe/Berlin"
    time.tzset()
    yield zoneinfo.ZoneInfo("Europe/Berlin")
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


@pytest.mark.parametrize(
    "eve",
    [
        datetime.datetime.fromisoformat("2026-10-25T02:45:00+02:00"),
        datetime.datetime.fromisoformat("2027-03-28T01:45:00+01:00"),
    ],
    ids=["autumn", "spring"],
)
async def test_deadlines_pass_daylight_saving_unchanged(
    tmp_path: os.PathLike[str], berlin: zoneinfo.ZoneInfo, eve: datetime.datetime
) -> None:
    """Half an hour is half an hour, also where the clock on the wall skips or repeats one."""
    clock = ticks.GivenClock(eve.timestamp())
    async with world_.running(f"sqlite:///{os.fspath(tmp_path)}/dst.db", clock=clock) as world:
        early = await world.ask("reboot web01 because x")
        late = await world.ask("reboot web02 because x")
        clock.passed_s += EXPIRES_S - 60
        jumped = datetime.datetime.fromtimestamp(clock.now(), berlin).utcoffset()
        assert "Approved" in await world.told(SAM, "approve", early)
        await world.drive()
        clock.passed_s += 120
        await world.drive()

        assert jumped != eve.utcoffset()
        assert await world.state(early) is State.SUCCEEDED
        assert await world.state(late) is State.EXPIRED


async def test_reminder_and_escalation_call_everybody_who_may_approve(world: World) -> None:
    """By name, those whose approval is missing: not the requester, not who has approved."""
    id_ = await world.ask("reboot db01 because x")
    await world.told(SAM, "approve", id_)

    await world.later(600)
    await world.later(600)
    await world.later(60)

    said = {body["event"]: body for body in world.thread(id_)}
    assert world.events(id_) == ["asked", "approved", "reminder", "escalated"]
    assert said["reminder"]["ask"] == said["escalated"]["ask"] == {"dc-ops": [ROSA, LEO]}


async def test_reminder_calls_the_group_itself_where_it_can_not_be_read(world: World) -> None:
    """Slack's user group is mentioned as a group, so that nobody is left out."""
    id_ = await world.ask("reboot db01 because x")
    world.folk.away.add(world_.ONCALL)

    await world.later(600)

    assert world.thread(id_)[-1]["ask"] == {"sre": [SAM, LEO], "dc-ops": [ROSA, world_.ONCALL]}


async def test_requester_may_nudge_once_in_five_minutes(world: World) -> None:
    """Those who are missing are called again, within bounds, by the requester alone."""
    id_ = await world.ask("reboot db01 because x")

    first = await world.told(DANA, "nudge", id_)
    second = await world.told(DANA, "nudge", id_)
    world.clock.passed_s += 300
    third = await world.told(DANA, "nudge", id_)
    other = await world.told(SAM, "nudge", id_)
    await world.told(SAM, "deny", id_)
    late = await world.told(DANA, "nudge", id_)

    assert first == third == "Asked them again in the thread."
    assert second == "They were asked a moment ago; you can nudge them again in 5 min."
    assert other == "Only the requester can nudge."
    assert late == f"{id_} has already ended: denied by {SAM}."
    assert world.events(id_) == ["asked", "nudged", "nudged", "denied"]
    assert world.thread(id_)[0]["ask"] == world.thread(id_)[1]["ask"]
    assert world.thread(id_)[0]["ask"] == {"sre": [SAM, LEO], "dc-ops": [ROSA, LEO]}


async def test_words_are_added_to_a_decision_once_and_by_who_made_it(world: World) -> None:
    """A comment on an approval, a reason for a denial; nobody else's."""
    id_ = await world.ask("reboot db01 because x")
    await world.told(SAM, "approve", id_)
    form = await world.press(SAM, "comment", id_)
    added = await world.told(SAM, "comment", id_, comment="looks right")
    again = await world.told(SAM, "comment", id_, comment="still")
    foreign = await world.told(OLGA, "comment", id_, comment="hello")
    await world.told(ROSA, "deny", id_)
    why = await world.told(ROSA, "comment", id_, comment="wrong rack")

    assert form == answers.CommentWanted(id_)
    assert added == why == "Comment posted."
    assert again == "You have already commented on it; write more in its thread."
    assert foreign.startswith("Only people who approved or denied")
    assert (await world.found(id_)).approvals[0].comment == "looks right"
    assert [row["detail"]["comment"] for row in await world.audit("request.commented")] == [
        "looks right",
        "wrong rack",
    ]


async def test_denial_wants_its_reason_where_the_policy_says_so(world: World) -> None:
    """Without words the form comes; with them the card says who and why."""
    world.edit(("[defaults]", "[defaults]\ndeny_reason = true"))
    id_ = await world.ask("reboot web01 because x")

    form = await world.press(SAM, "deny", id_)
    await world.told(SAM, "deny", id_, reason="not during the sale")

    found = await world.found(id_)
    assert form == answers.ReasonWanted(id_)
    assert found.end_reason == f"denied by {SAM}: not during the sale"
    assert world.thread(id_)[-1]["reason"] == "not during the sale"


def test_steady_clock_isnt_moved_by_a_jump_that_comes_back() -> None:
    """An hour forward, or back, for some minutes: nothing of it is left."""
    for jump_s in (3600.0, -3600.0):
        wall = ticks.GivenClock()
        steady = clocks.SteadyClock(wall)
        wall.set_s = jump_s
        for _ in range(5):
            wall.passed_s += 60.0
            assert steady.now() == pytest.approx(wall.start + wall.passed_s)
        wall.set_s = 0.0
        wall.passed_s += 60.0

        assert steady.now() == wall.now()
        assert (steady.monotonic(), steady.wall) == (wall.passed_s, wall)


@pytest.mark.parametrize(
    ("set_s", "patience_s"), [(3600.0, clocks.FORWARD_S), (-3600.0, clocks.BACK_S)]
)
def test_steady_clock_follows_a_wall_that_was_set_for_good_and_back_at_once(
    set_s: float, patience_s: float
) -> None:
    """Set forward it is believed sooner; where it was before, it is believed at once."""
    wall = ticks.GivenClock()
    steady = clocks.SteadyClock(wall)
    steady.now()
    wall.set_s = set_s
    steady.now()
    wall.passed_s += patience_s - 1.0
    assert steady.now() == pytest.approx(wall.start + wall.passed_s)
    wall.passed_s += 1.0
    assert steady.now() == wall.now()

    wall.set_s = 0.0

    assert steady.now() == wall.now()


@pytest.mark.parametrize("off_s", [3600.0, -3600.0])
def test_steady_clock_begins_where_another_puts_it_whose_wall_is_wrong_from_the_start(
    off_s: float,
) -> None:
    """A machine boots before its clock is set: requests of others must not expire for that."""
    wall = ticks.GivenClock()
    wall.set_s = off_s
    steady = clocks.SteadyClock(wall, off_s)
    for minute in range(180):
        # It drifts by several seconds, too.
        wall.set_s = off_s + minute * 0.1
        wall.passed_s += 60.0
        assert steady.now() == pytest.approx(wall.start + wall.passed_s)

    wall.set_s = 0.5

    assert steady.now() == wall.now()


def test_steady_clock_follows_its_wall_where_another_is_a_moment_off() -> None:
    """The date of an answer has whole seconds, and was under way."""
    wall = ticks.GivenClock()

    assert clocks.SteadyClock(wall, clocks.WRONG_S / 2).now() == wall.now()


def test_a_wall_that_moves_from_step_to_step_is_never_believed_too_soon() -> None:
    """Each new setting is doubted anew."""
    wall = ticks.GivenClock()
    steady = clocks.SteadyClock(wall)
    for step in range(1, 30):
        wall.set_s = step * 100.0
        wall.passed_s += 500.0
        assert steady.now() == pytest.approx(wall.start + wall.passed_s)


def test_a_little_drift_is_followed_both_ways() -> None:
    """A wall that is slowed down or sped up by a good time service is the same wall."""
    wall = ticks.GivenClock()
    steady = clocks.SteadyClock(wall)
    for drift_s in (0.2, 0.4, 0.1, -0.3):
        wall.set_s = drift_s
        wall.passed_s += 60.0
        assert steady.now() == wall.now()


def test_what_must_not_end_early_is_asked_at_every_instant_that_it_may_be() -> None:
    """Ours, the wall's, and the one by the setting at the start."""
    wall = ticks.GivenClock()
    steady = clocks.SteadyClock(wall)
    wall.set_s, wall.passed_s = 3600.0, 10.0

    ours, on_the_wall, by_the_start = steady.readings()

    assert ours == by_the_start == wall.start + 10.0
    assert on_the_wall == wall.start + 3610.0
    assert ports.readings(steady) == steady.readings()
    assert ports.readings(wall) == (wall.now(),)


@pytest.mark.parametrize("jump_s", [7200.0, -7200.0])
async def test_a_jump_of_the_wall_in_mid_run_ends_nothing(
    jump_s: float, tmp_path: pathlib.Path
) -> None:
    """Neither timed out nor expired nor void: a minute later the wall is back, and all is done."""
    wall = ticks.GivenClock()
    async with world_.running(databases.sqlite(tmp_path), clock=clocks.SteadyClock(wall)) as world:
        waits = await world.ask("reboot web02")
        id_ = await world.ask("off web01")
        await world.press(SAM, "approve", id_)
        task = asyncio.create_task(world.drive())
        while not world.calls():
            await wall.sleep(0.0)
        wall.set_s = jump_s
        await wall.sleep(1.0)
        await task
        await world.drive()
        wall.set_s = 0.0
        await world.drive()

        assert await world.state(id_) is State.SUCCEEDED
        assert await world.state(waits) is State.PENDING
        assert world.calls() == [1]


async def test_request_expires_in_time_though_the_wall_clock_is_set_back(
    tmp_path: pathlib.Path,
) -> None:
    """Half an hour after it was asked for, whatever the clock on the wall says then."""
    wall = ticks.GivenClock()
    async with world_.running(databases.sqlite(tmp_path), clock=clocks.SteadyClock(wall)) as world:
        id_ = await world.ask("reboot web01 because x")
        wall.set_s = -7200.0
        wall.passed_s += EXPIRES_S

        told = await world.told(SAM, "approve", id_)
        await world.drive()

        assert "has expired" in told
        assert await world.state(id_) is State.EXPIRED


async def test_request_of_a_wall_that_was_ahead_counts_its_time_from_when_the_wall_came_back(
    tmp_path: pathlib.Path,
) -> None:
    """Long enough ahead to be believed, it had put the deadline an hour off; the card says both."""
    wall = ticks.GivenClock()
    steady = clocks.SteadyClock(wall)
    async with world_.running(databases.sqlite(tmp_path), clock=steady) as world:
        wall.set_s = 3600.0
        steady.now()
        wall.passed_s += clocks.FORWARD_S
        id_ = await world.ask("reboot web01 because x")
        wall.set_s = 0.0
        for _ in range(2):
            await world.store.look_again(now=steady.now())
        assert (await world.found(id_)).expires_at == steady.now() + EXPIRES_S
        [card] = [
            one for one in await world.store.due_messages(now=steady.now()) if one.kind == "card"
        ]
        wall.passed_s += EXPIRES_S

        told = await world.told(SAM, "approve", id_)
        await world.drive()

        assert card.request_id == id_
        assert "has expired" in told
        assert await world.state(id_) is State.EXPIRED
        assert world.calls() == []


async def test_looking_again_takes_no_time_from_a_request_of_another_replica(world: World) -> None:
    """Its clock may be a little ahead, and nothing was set back."""
    id_ = await world.ask("reboot web01 because x")
    before = await world.found(id_)

    await world.store.look_again(now=world.clock.now() - 50.0)

    after = await world.found(id_)
    assert (after.expires_at, after.changed_at) == (before.expires_at, before.changed_at)
