"""Freezes: each its holder's own, perhaps with an end, told where requests are made."""

from __future__ import annotations

import asyncio
import pathlib
from collections.abc import Awaitable, Callable

import pytest

from bot.power import inputs, ports
from bot.power.lifecycle import State
from bot.power.policy import freezes
from bot.runtime import clocks
from bot.slack.render import home
from bot.workflow import answers, freeze
from tests import bodies
from tests.support import databases, ticks
from tests.workflow import world as world_
from tests.workflow.world import DANA, INC, LEO, OLGA, OPS, ROSA, SAM, World

# The world's clock starts on 2027-01-15 at 08:00 UTC.
NOW = "2027-01-15 08:00 UTC"
SINCE = f"since {NOW}"


async def said(world: World, text: str, who: str, channel: str = OPS) -> str:
    """Type something and return the sentence."""
    answer = await world.type(text, who, channel)
    assert isinstance(answer, answers.Note), answer
    return answer.text


async def standing(world: World) -> list[ports.Freeze]:
    """Return the freezes that stand."""
    return await world.store.read(lambda tx: tx.freezes(now=world.given.now()))


async def told(world: World) -> list[tuple[str, str, str, str]]:
    """Return what channels are told, each with the channel, the holder and the reason."""
    found: list[tuple[str, str, str, str]] = []
    while due := await world.store.due_notices(now=world.given.now() + 1e6):
        for notice in due:
            body = bodies.of(notice.news)
            found.append((notice.channel_id, body["event"], body["holder"], body["reason"]))
            await world.store.notice_sent(notice, now=world.given.now())
    return sorted(found)


async def test_one_persons_freeze_stands_when_another_lifts_theirs(world: World) -> None:
    """A freezes, B freezes, B unfreezes: nothing leaves yet, and B is told who still holds it."""
    await said(world, "freeze cooling", ROSA)
    await said(world, "freeze network", SAM)

    lifted = await said(world, "unfreeze", SAM)
    plan = await world.plan("reboot web01 because x")

    assert (
        lifted == f"Your freeze is lifted, but everything stays frozen by U0ROSA (cooling) {SINCE}."
    )
    assert plan.plan.refusals == (
        f"Everything is frozen by U0ROSA (cooling) {SINCE}; ask again when it is over.",
    )
    assert await said(world, "unfreeze", ROSA) == "The freeze is over."
    assert not (await world.plan("reboot web01 because x")).plan.refusals


async def lift(world: World, who: str, freeze: ports.Freeze) -> str:
    """Press Unfreeze of a freeze and return the sentence."""
    return await world.told(who, "unfreeze", freezes.key(freeze))


async def test_holder_lifts_their_freeze_by_its_button(world: World) -> None:
    """It takes no right but that it is theirs; the audit has it, the channels are told."""
    await said(world, "freeze cooling", ROSA)
    [frozen] = await standing(world)

    assert await lift(world, ROSA, frozen) == "The freeze is over."
    assert await standing(world) == []
    assert [row["user_id"] for row in await world.audit("freeze.off")] == [ROSA]
    assert (OPS, "freeze.off", ROSA, "cooling") in await told(world)


async def test_approver_lifts_the_one_freeze_whose_button_they_press(world: World) -> None:
    """Another's stays, and so does what somebody without the right presses."""
    await said(world, "freeze cooling", ROSA)
    await said(world, "freeze network", DANA)
    network, cooling = sorted(await standing(world), key=lambda one: one.holder)

    refused = await lift(world, OLGA, cooling)
    lifted = await lift(world, SAM, cooling)

    assert "no rule names you" in refused
    assert lifted.startswith(
        "That freeze is lifted, but everything stays frozen by U0DANA (network)"
    )
    assert await standing(world) == [network]
    late = await world.press(OLGA, "unfreeze", freezes.key(cooling))
    assert isinstance(late, answers.Note)
    assert late.text == f"That freeze was lifted by {SAM} at {NOW}."
    assert late.people == (SAM,)
    assert late.ended == ports.FreezeEnd(cooling, SAM, world.given.now())


async def test_button_of_a_freeze_that_ended_by_itself_says_so(world: World) -> None:
    """Nobody is named, but when."""
    await said(world, "freeze cooling until 23:00", ROSA)
    [frozen] = await standing(world)
    world.clock.passed_s += 86400.0
    await freeze.end_due(world.flow.context)

    late = await lift(world, SAM, frozen)

    assert late.startswith("That freeze ended by itself at ")


async def test_button_of_an_old_freeze_lifts_no_later_one(world: World) -> None:
    """The same holder froze again since; another end of the same freeze is the same freeze."""
    await said(world, "freeze cooling", ROSA)
    [first] = await standing(world)
    await lift(world, ROSA, first)
    world.clock.passed_s += 60.0
    await said(world, "freeze cooling again", ROSA)
    [later] = await standing(world)

    assert await lift(world, ROSA, first) == f"That freeze was lifted by {ROSA} at {NOW}."
    await said(world, "freeze cooling again until 23:00", ROSA)
    assert await lift(world, ROSA, later) == "The freeze is over."


async def post(world: World) -> None:
    """Note that all channels were told what they are to be told."""
    while due := await world.store.due_notices(now=world.given.now() + 1e6):
        for notice in due:
            assert notice.end is None, notice
            await world.store.notice_sent(notice, now=world.given.now(), ts=f"{notice.id}.1")


async def edits(world: World) -> set[tuple[str, str, str]]:
    """Return what is edited: the channel, how the message began, and who has lifted the freeze."""
    due = await world.store.due_notices(now=world.given.now() + 1e6)
    return {(one.channel_id, one.news.event, one.end.by) for one in due if one.end is not None}


async def _by_command(world: World, _: ports.Freeze) -> str:
    await said(world, "unfreeze", ROSA)
    return ROSA


async def _by_all(world: World, _: ports.Freeze) -> str:
    await said(world, "unfreeze all", SAM)
    return SAM


async def _at_home(world: World, frozen: ports.Freeze) -> str:
    pressed = inputs.Pressed(do=inputs.Do.UNFREEZE, request_id=freezes.key(frozen), home=True)
    await world.flow.handle(world.inbound(SAM, pressed, channel=""))
    return SAM


async def _by_time(world: World, _: ports.Freeze) -> str:
    world.clock.passed_s += 86400.0
    await freeze.end_due(world.flow.context)
    return ""


async def _under_a_new_one(world: World, _: ports.Freeze) -> str:
    # Its holder freezes again after its end, and before anybody has told of that.
    world.clock.passed_s += 86400.0
    await said(world, "freeze cooling again", ROSA)
    return ""


@pytest.mark.parametrize(
    "over",
    [_by_command, _by_all, _at_home, _by_time, _under_a_new_one],
    ids=lambda one: one.__name__,
)
async def test_every_end_of_a_freeze_closes_its_announcements(
    world: World, over: Callable[[World, ports.Freeze], Awaitable[str]]
) -> None:
    """In each channel, that of its beginning and that of a change."""
    await said(world, "freeze cooling", ROSA)
    await said(world, "freeze cooling until 23:00", ROSA)
    await post(world)
    [frozen] = await standing(world)

    by = await over(world, frozen)

    assert await edits(world) == {
        (channel, event, by) for channel in (INC, OPS) for event in ("freeze.on", "freeze.changed")
    }


@pytest.mark.parametrize("known", [True, False])
async def test_pressed_announcement_is_changed_with_the_others(world: World, known: bool) -> None:
    """Once, where it is known to stand; otherwise, as a message of before, by the press itself."""
    await said(world, "freeze cooling", ROSA)
    [frozen] = await standing(world)
    for one in await world.store.due_notices(now=world.given.now()):
        ts = f"{one.channel_id}.1" if known else ""
        await world.store.notice_sent(one, now=world.given.now(), ts=ts)
    pressed = inputs.Pressed(
        do=inputs.Do.UNFREEZE, request_id=freezes.key(frozen), message_ts=f"{OPS}.1"
    )

    lifted = await world.flow.handle(world.inbound(SAM, pressed))

    assert isinstance(lifted, answers.Note)
    assert (lifted.ended is None) == known
    assert {channel for channel, _, _ in await edits(world)} == ({INC, OPS} if known else set())


@pytest.mark.parametrize("value", ["", " ", "x", "1.0 ", "nan U0ROSA"])
async def test_forged_button_lifts_nothing(world: World, value: str) -> None:
    """Only what stands has a name."""
    await said(world, "freeze cooling", ROSA)

    assert await world.told(SAM, "unfreeze", value) == "That freeze is already over."
    assert len(await standing(world)) == 1


async def test_home_has_the_button_for_who_may_lift(world: World) -> None:
    """Its holder without a further question, approvers with one, others not at all."""
    await said(world, "freeze cooling", ROSA)
    buttons = {}
    for who in (ROSA, SAM, OLGA):
        shown = await world.flow.handle(world.inbound(who, inputs.HomeOpened()))
        assert isinstance(shown, answers.HomeShown)
        drawn = str(home.render(shown))
        buttons[who] = ("pb:unfreeze" in drawn, "Lift this freeze?" in drawn)

    assert buttons == {ROSA: (True, False), SAM: (True, True), OLGA: (False, False)}


YEAR_END = """
[[freeze]]
name = "year end"
from = 2027-01-15T08:10:00+00:00
until = 2027-01-15T08:20:00+00:00
actions = ["reboot"]
"""


async def test_pending_card_is_drawn_anew_when_a_freeze_of_the_policy_begins_and_ends(
    world: World,
) -> None:
    """Nobody turns it, so the clock does; a card of another action isn't held back."""
    first = '[[rule]]\nname = "databases"'
    world.edit((first, YEAR_END + first))
    id_ = await world.ask("reboot web01 because x")
    found = await world.found(id_)
    drawn = []
    standing: tuple[ports.Freeze, ...] = ()
    for minute in (1, 5, 11, 12, 21, 22):
        world.clock.passed_s = 60.0 * minute
        standing = await freeze.redraw_due(world.flow.context, standing)
        due = await world.store.due_messages(now=world.given.now())
        drawn.append([one.kind for one in due if one.kind == "card"])
        for one in due:
            await world.store.message_sent(one, now=world.given.now())

    assert drawn == [["card"], [], ["card"], [], ["card"], []]
    then = world.clock.start + 660.0
    assert [one.reason for one in freezes.over(world.rules, found, then)] == ["year end"]
    assert freezes.over(world.rules, found, then + 600.0) == ()


async def test_two_who_freeze_at_once_both_hold(world: World) -> None:
    """Neither overwrites the other, whichever comes first."""
    await asyncio.gather(said(world, "freeze cooling", ROSA), said(world, "freeze network", SAM))

    assert {one.holder for one in await standing(world)} == {ROSA, SAM}


async def test_replicas_share_freezes_and_each_lifts_only_its_holders(world: World) -> None:
    """What one process froze holds in the other."""
    async with world_.running(world.url, clock=world.clock, centre=world.centre) as other:
        await said(world, "freeze cooling", ROSA)
        await said(other, "freeze network", SAM)
        await said(world, "unfreeze", SAM)

        assert [one.holder for one in await standing(other)] == [ROSA]


async def test_holder_who_freezes_again_changes_reason_and_end(world: World) -> None:
    """One holder has one freeze: it stands since the first, and both words say so."""
    await said(world, "freeze cooling", ROSA)
    world.clock.passed_s += 600
    again = await said(world, "freeze still cooling until 09:00Z", ROSA)

    (held,) = await standing(world)
    assert again == (
        "Your freeze now has this reason and end: nothing new is sent. It lasts until 2027-01-15 "
        "09:00 UTC."
    )
    assert (held.reason, held.since) == ("still cooling", world.clock.start)
    assert held.until == world.clock.start + 3600
    assert ("C0OPS", "freeze.changed", ROSA, "still cooling") in await told(world)


async def test_approver_lifts_every_freeze(world: World) -> None:
    """Each holder's end is told and audited."""
    await said(world, "freeze cooling", ROSA)
    await said(world, "freeze network", DANA)
    await told(world)

    assert await said(world, "unfreeze all", SAM) == "The freeze is over."

    assert await standing(world) == []
    assert await told(world) == [
        (INC, "freeze.off", DANA, "network"),
        (INC, "freeze.off", ROSA, "cooling"),
        (OPS, "freeze.off", DANA, "network"),
        (OPS, "freeze.off", ROSA, "cooling"),
    ]
    rows = await world.audit(event="freeze.off")
    assert sorted(row["detail"]["holder"] for row in rows) == [DANA, ROSA]


async def test_person_who_holds_none_lifts_none(world: World) -> None:
    """They are told whose stand; an approver's right counts only with all."""
    await said(world, "freeze cooling", ROSA)

    told_sam = await said(world, "unfreeze", SAM)
    told_olga = await said(world, "unfreeze all", OLGA)

    assert told_sam == (
        f"You have no freeze of your own. Everything is frozen by U0ROSA (cooling) {SINCE}. "
        "unfreeze all lifts every freeze."
    )
    assert told_olga.startswith("Only people named as approver in a rule")
    assert len(await standing(world)) == 1


async def test_freeze_is_told_in_every_allowed_channel(world: World) -> None:
    """With holder, reason and end, each once, also when it was typed in another channel."""
    await said(world, "freeze cooling until 09:00Z", ROSA, INC)

    due = await world.store.due_notices(now=world.given.now())

    assert sorted(one.channel_id for one in due) == [INC, OPS]
    assert bodies.of(due[0].news) == {
        "event": "freeze.on",
        "by": ROSA,
        "holder": ROSA,
        "reason": "cooling",
        "since": world.clock.start,
        "until": world.clock.start + 3600,
    }


async def test_freeze_ends_by_itself_at_its_instant(world: World) -> None:
    """Not a moment before; then it is told and audited once, however many look."""
    await said(world, "freeze cooling until 09:00Z", ROSA)
    await told(world)
    world.clock.passed_s = 3599.9
    await freeze.end_due(world.flow.context)
    before = await standing(world)
    refused = (await world.plan("reboot web01 because x")).plan.refusals

    world.clock.passed_s = 3600.0
    assert not (await world.plan("reboot web01 because x")).plan.refusals
    await asyncio.gather(freeze.end_due(world.flow.context), freeze.end_due(world.flow.context))

    assert len(before) == 1
    assert refused == (
        f"Everything is frozen by U0ROSA (cooling) {SINCE}, until 2027-01-15 09:00 UTC; "
        "ask again when it is over.",
    )
    assert await told(world) == [
        (INC, "freeze.ended", ROSA, "cooling"),
        (OPS, "freeze.ended", ROSA, "cooling"),
    ]
    assert len(await world.audit(event="freeze.ended")) == 1


async def test_colleague_in_a_freezes_reason_is_named(world: World) -> None:
    """By name in every refusal; by id where Slack can't say who that is, and nobody waits."""
    await said(world, "freeze <@U0SAM> mends the cooling", ROSA)
    refused = (await world.plan("reboot web01 because x")).plan.refusals[0]
    world.folk.away.add(SAM)
    await said(world, "freeze <@U0SAM> mends it still", ROSA)

    assert "U0ROSA (@u0sam mends the cooling)" in refused
    assert [one.reason for one in await standing(world)] == ["@U0SAM mends it still"]


async def test_wall_clock_that_is_wrong_for_long_ends_no_freeze(tmp_path: pathlib.Path) -> None:
    """After ten minutes the wall is believed; a freeze is only over when it is by every clock."""
    wall = ticks.GivenClock()
    steady = clocks.SteadyClock(wall)
    async with world_.running(databases.sqlite(tmp_path), clock=steady) as world:
        await said(world, "freeze cooling for 2h", ROSA)
        wall.set_s = 7 * 3600.0
        for _ in range(30):
            wall.passed_s += 30.0
            await freeze.end_due(world.flow.context)
        wall.set_s = 0.0

        assert [one.holder for one in await standing(world)] == [ROSA]
        assert "Everything is frozen" in (await world.plan("reboot web01")).plan.refusals[0]

        wall.passed_s += 7200.0
        await freeze.end_due(world.flow.context)

        assert await standing(world) == []


async def test_freeze_goes_on_in_mid_run_until_its_end(world: World) -> None:
    """An approved request waits, and starts by itself when the freeze has ended."""
    id_ = await world.ask("reboot web01 because x")
    await world.told(SAM, "approve", id_)
    await said(world, "freeze cooling for 5m", ROSA)
    await world.drive()
    held = await world.state(id_)

    await world.later(301)

    assert held is State.APPROVED
    assert await world.state(id_) is State.SUCCEEDED


async def test_time_without_a_zone_is_the_holders(world: World) -> None:
    """It is understood in the zone of their profile, and said so."""
    world.folk.change(ROSA, timezone="Europe/Berlin", utc_offset_s=3600)

    answer = await said(world, "freeze cooling until 04:00", ROSA)

    assert answer.endswith("It lasts until 2027-01-16 04:00 Europe/Berlin.")
    (held,) = await standing(world)
    assert held.until == world.clock.start + 19 * 3600


async def test_freeze_with_an_end_that_is_none_freezes_nothing(world: World) -> None:
    """The mistake has a line to type; nobody is told of anything."""
    answer = await world.type("freeze cooling until 25:00", ROSA)

    assert isinstance(answer, answers.Mistake)
    assert answer.suggestion == "/power freeze cooling"
    assert await standing(world) == []
    assert await told(world) == []


async def test_last_approval_held_by_two_freezes_names_both(world: World) -> None:
    """The click isn't lost, and says who, since when, why and until when."""
    id_ = await world.ask("reboot web01 because x")
    await said(world, "freeze cooling", ROSA)
    await said(world, "freeze network until 09:00Z", LEO)

    answer = await world.told(SAM, "approve", id_)

    assert answer == (
        f"Everything is frozen by U0LEO (network) {SINCE}, until 2027-01-15 09:00 UTC; and by "
        f"U0ROSA (cooling) {SINCE}. This request can't get its last approval until that is over; "
        "press Approve again then."
    )
    assert await world.state(id_) is State.PENDING


@pytest.mark.parametrize("verb", ["status", "requests"])
async def test_reader_sees_each_freeze_that_stands(world: World, verb: str) -> None:
    """Servers and requests are shown below who holds everything back."""
    await said(world, "freeze cooling", ROSA)
    await said(world, "freeze network", SAM)

    shown = await world.type(verb, OLGA)

    assert isinstance(shown, answers.FleetShown | answers.RequestsShown)
    assert [one.holder for one in shown.freezes] == [ROSA, SAM]


async def test_cards_of_open_requests_are_shown_anew_when_a_freeze_turns(world: World) -> None:
    """Whoever looks at a pending card sees the freeze, and later that it is over."""
    id_ = await world.ask("reboot web01 because x")
    for message in await world.store.due_messages(now=world.given.now()):
        await world.store.message_sent(message, now=world.given.now())

    await said(world, "freeze cooling", ROSA)
    frozen = await world.store.due_messages(now=world.given.now())
    for message in frozen:
        await world.store.message_sent(message, now=world.given.now())
    await said(world, "unfreeze", ROSA)
    lifted = await world.store.due_messages(now=world.given.now())

    assert [(one.request_id, one.kind) for one in (*frozen, *lifted)] == [(id_, "card")] * 2


async def test_holder_from_the_host_stands_beside_people(world: World) -> None:
    """A holder that is nobody in Slack is named as it is, and only all lifts it."""
    made = ports.Freeze("host:deploy", "kernel", world.clock.start)
    await world.store.write(lambda tx: tx.freeze(made))

    refused = (await world.plan("reboot web01 because x")).plan.refusals
    own = await said(world, "unfreeze", SAM)
    every = await said(world, "unfreeze all", SAM)

    assert refused[0].startswith("Everything is frozen by host:deploy (kernel) since")
    assert own.startswith("You have no freeze of your own.")
    assert every == "The freeze is over."


async def test_request_that_a_freeze_outlasts_says_whose_it_was(world: World) -> None:
    """Approved, held back, and void in the end: the reason names holder, time and reason."""
    id_ = await world.ask("reboot web01 because x")
    await world.told(SAM, "approve", id_)
    await said(world, "freeze cooling", ROSA)

    await world.later(901)

    assert await world.state(id_) is State.VOID
    assert (await world.found(id_)).end_reason == (
        f"approved, but not started in time: held by freeze of U0ROSA (cooling) {SINCE}"
    )
