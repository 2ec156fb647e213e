"""A no never waits for Slack: Stop, Cancel, Deny and freeze, by every door."""

from __future__ import annotations

import pytest

from bot.power import inputs
from bot.power.command import halts
from bot.power.lifecycle import State
from bot.power.run import ledger
from bot.workflow import answers
from tests.workflow.world import DANA, LEO, OLGA, ONCALL, ROSA, SAM, World

EVERYBODY = {DANA, SAM, ROSA, OLGA, LEO, ONCALL}
GROUPS_ALONE = (
    ('sre = ["U0DANA", "U0SAM", "U0LEO"]', 'sre = ["U0DANA", "U0SAM"]'),
    ('dc-ops = ["U0ROSA", "S0ONCALL"]', 'dc-ops = ["S0ONCALL"]'),
)


async def running(world: World) -> str:
    """Return the id of a request that runs and has sent nothing yet."""
    id_ = await world.ask("reboot web01 because x")
    await world.press(SAM, "approve", id_)
    await world.store.write(
        lambda tx: tx.transition(id_, State.APPROVED, State.RUNNING, at=world.clock.now())
    )
    return id_


async def stop(world: World, who: str, id_: str, door: str) -> str:
    """Press Stop, or type it as a command or after a mention; return the sentence."""
    if door == "button":
        return await world.told(who, "stop", id_)
    typed = inputs.Mentioned if door == "mention" else inputs.Typed
    said = await world.flow.handle(world.inbound(who, typed(text=f"stop {id_.lower()}")))
    assert isinstance(said, answers.Note), said
    return said.text


async def bar(world: World, id_: str) -> str:
    """Return why no call may leave for a request now."""
    barred = await world.store.read(lambda tx: ledger.bar(tx, id_, world.given.now()))
    return barred.reason if barred else ""


@pytest.mark.parametrize("door", ["button", "command", "mention"])
@pytest.mark.parametrize("who", [DANA, ROSA, SAM])
async def test_whoever_the_record_or_the_policy_knows_stops_without_slack(
    world: World, who: str, door: str
) -> None:
    """The requester and people of the policy are asked for nowhere."""
    id_ = await running(world)
    world.folk.away, began = EVERYBODY, world.clock.passed_s
    world.folk.asked.clear()

    said = await stop(world, who, id_, door)

    assert said == f"{id_} sends nothing more; what was already sent is still watched."
    assert (await bar(world, id_)) == "stopped before its call"
    assert world.folk.asked == []
    assert world.clock.passed_s == began


async def test_whoever_has_acted_on_a_request_stops_it_without_slack(world: World) -> None:
    """An approver by a Slack group was looked up then; that is enough for a no."""
    world.edit(*GROUPS_ALONE)
    id_ = await world.ask("reboot db01 because x")
    await world.press(LEO, "approve", id_)
    await world.press(SAM, "approve", id_)
    await world.store.write(lambda tx: tx.see(LEO, full=True, at=0.0))
    world.folk.away = EVERYBODY
    world.folk.asked.clear()

    assert await world.told(LEO, "stop", id_) == f"{id_} is stopped."
    assert world.folk.asked == []


async def test_member_who_was_seen_today_stops_without_slack(world: World) -> None:
    """Any look-up that let somebody read is remembered for a day, over a restart too."""
    id_ = await running(world)
    await world.type("status web01", OLGA)
    await world.later(86_000)
    id_ = await running(world)
    world.folk.away = EVERYBODY

    assert "sends nothing more" in await world.told(OLGA, "stop", id_)
    (row,) = await world.audit("person.known")
    assert row["detail"]["known"] == halts.Known.SEEN.value


async def test_nothing_leaves_while_a_stranger_to_the_record_is_looked_up(world: World) -> None:
    """A hold stands from the first moment; the answer of Slack turns it into a Stop."""
    id_ = await running(world)
    held: list[str] = []

    async def look() -> None:
        held.append(await bar(world, id_))

    world.folk.meanwhile[OLGA] = look

    assert "sends nothing more" in await world.told(OLGA, "stop", id_)
    assert held == [f"held while {OLGA}'s right to stop is looked up"]
    assert await bar(world, id_) == "stopped before its call"
    assert await world.store.read(lambda tx: tx.held_for(id_)) == ("", "")


async def test_guest_who_presses_stop_holds_a_run_no_longer_than_the_look_up(world: World) -> None:
    """Slack's answer refuses them, and the run goes on."""
    id_ = await running(world)
    world.folk.change(OLGA, is_restricted=True)

    said = await world.told(OLGA, "stop", id_)

    assert said == "Guests can't do this; a full member has to."
    assert await bar(world, id_) == ""


async def test_stop_of_somebody_whom_slack_cannot_tell_counts_after_a_minute(world: World) -> None:
    """To stop is safe; the thread says what was held for whom, and how it was decided."""
    id_ = await running(world)
    world.folk.away, began = EVERYBODY, world.clock.passed_s

    said = await world.told(OLGA, "stop", id_)

    assert said.endswith("say within 60 s who you are, and a no doesn't wait for Slack.")
    assert await bar(world, id_) == "stopped before its call"
    assert 59.0 <= world.clock.passed_s - began <= 61.0
    assert world.events(id_)[-3:] == ["looking_up", "not_looked_up", "stop_asked"]


async def test_guest_who_is_known_as_one_does_not_stop_because_slack_is_away(world: World) -> None:
    """What Slack said within a day isn't forgotten for its outage."""
    id_ = await running(world)
    world.folk.change(OLGA, is_restricted=True)
    await world.type("status web01", OLGA)
    world.folk.away = EVERYBODY

    said = await world.told(OLGA, "stop", id_)

    assert said.endswith("it said that you aren't a full member, so nothing was done.")
    assert await bar(world, id_) == ""


async def test_member_who_was_seen_two_days_ago_is_looked_up(world: World) -> None:
    """An old word lets nobody in at once."""
    await world.type("status web01", OLGA)
    await world.later(2 * 86_400)
    id_ = await running(world)
    world.folk.asked.clear()

    await world.told(OLGA, "stop", id_)

    assert world.folk.asked == [OLGA]


async def test_colleague_in_the_reason_of_a_cancel_is_named(world: World) -> None:
    """As in a request's reason; by id where Slack can't say who that is, and nobody waits."""
    ids = [await world.ask(f"reboot web0{number} because x") for number in (1, 2)]

    await world.type(f"cancel {ids[0]} because <@U0SAM> has mended it")
    world.folk.away.add(SAM)
    await world.type(f"cancel {ids[1]} because <@U0SAM> has mended it")

    named, unnamed = [(await world.audit(event="request.cancelled"))[n] for n in (0, 1)]
    assert "@u0sam has mended it" in repr(named)
    assert "@U0SAM has mended it" in repr(unnamed)


async def test_requester_cancels_while_slack_is_away(world: World) -> None:
    """One's own request is taken back at once."""
    id_ = await world.ask("reboot db01 because x")
    world.folk.away = EVERYBODY

    assert await world.told(DANA, "cancel", id_) == f"{id_} is cancelled."


async def test_approver_of_a_group_that_cannot_be_read_denies(world: World) -> None:
    """Whether they are in it can't be said; a no is taken, and the audit says so."""
    world.edit(*GROUPS_ALONE)
    id_ = await world.ask("reboot db01 because x")
    await world.type("status web01", LEO)
    world.folk.away = EVERYBODY

    assert await world.told(LEO, "deny", id_) == f"Denied {id_}."
    (row,) = await world.audit("request.denied")
    assert row["detail"]["evidence"] == "not checked: dc-ops could not be read"


async def test_person_of_the_policy_freezes_while_slack_is_away(world: World) -> None:
    """Nobody has to be asked who is named by user id."""
    world.folk.away = EVERYBODY
    world.folk.asked.clear()

    said = await world.type("freeze storm", ROSA)

    assert isinstance(said, answers.Note)
    assert said.good, said.text
    assert world.folk.asked == []


async def test_help_needs_no_look_up(world: World) -> None:
    """It tells nothing that isn't public."""
    world.folk.away = EVERYBODY
    world.folk.asked.clear()

    said = await world.type("help freeze", OLGA)

    assert isinstance(said, answers.HelpShown)
    assert world.folk.asked == []


async def test_sightings_are_forgotten_after_a_day(world: World) -> None:
    """The table is bounded by who was here within a day."""
    await world.type("status web01", OLGA)
    world.clock.passed_s += 90_000
    await world.type("status web01", SAM)

    assert await world.store.read(lambda tx: tx.seen(OLGA)) is None
    assert await world.store.read(lambda tx: tx.seen(SAM)) is not None


async def test_a_stop_looks_nobody_up_and_is_shown_with_names_later(world: World) -> None:
    """A colleague in its reason is named by whatever shows it, as soon as Slack says who it is."""
    id_ = await running(world)
    world.folk.away.add(ROSA)
    world.folk.asked.clear()

    await world.type(f"stop {id_} because <@U0ROSA> saw smoke", DANA)
    asked = list(world.folk.asked)
    unknown = await world.type(f"show {id_}", DANA)
    world.folk.away.clear()
    named = [await world.type(f"show {id_}", DANA), await world.press(DANA, "details", id_)]

    assert ROSA not in asked
    assert isinstance(unknown, answers.RequestShown)
    assert unknown.request.stop_reason == "@U0ROSA saw smoke"
    for one in named:
        assert isinstance(one, answers.RequestShown)
        assert one.request.stop_reason == "@u0rosa saw smoke"
