"""A plan that is over says so and leaves; what was never sent can be asked for again."""

from __future__ import annotations

from bot.power.lifecycle import State
from bot.power.plan import Verdict
from bot.sandbox.data_centre import MachineFaultKind
from bot.slack.render import cards, private_answers as private
from bot.workflow import answers
from tests.workflow.world import DANA, SAM, World

LINE = "reboot web[01-02] because kernel panic"


async def test_a_plan_that_is_too_old_offers_to_plan_again(world: World) -> None:
    """It isn't asked for; its button goes, and another one plans the same."""
    shown = await world.plan(LINE)
    await world.later(33 * 60)

    said = await world.press(DANA, "request", shown.request_id)
    again = await world.press(DANA, "again", shown.request_id)

    assert isinstance(said, answers.Note)
    assert (said.text, said.over) == ("This plan is 33 minutes old, so it wasn't requested.", True)
    assert "Plan again" in str(private.render(said).blocks)
    assert isinstance(again, answers.PlanShown)
    assert again.plan.order.server_ids == shown.plan.order.server_ids
    assert again.plan.order.reason == "kernel panic"
    assert again.request_id != shown.request_id


async def test_a_plan_that_was_let_go_of_says_what_to_do(world: World) -> None:
    """Its details have left the store, so there is nothing to plan from."""
    shown = await world.plan(LINE)
    await world.later(61 * 60)

    for do in ("request", "again"):
        said = await world.press(DANA, do, shown.request_id)
        assert isinstance(said, answers.Note)
        assert said.over
        assert "Type the command again" in said.text


async def test_a_plan_that_does_not_fit_any_more_offers_to_plan_again(world: World) -> None:
    """The world has changed since; the old plan is refused and its button goes."""
    shown = await world.plan(LINE)
    world.edit(('allow = ["C0OPS", "C0INC"]', 'allow = ["C0INC"]'))

    said = await world.press(DANA, "request", shown.request_id)

    assert isinstance(said, answers.Note)
    assert said.over
    assert said.plan_again == shown.request_id


async def test_an_undo_says_what_it_undoes_and_not_the_old_reason_as_if_it_were_new(
    world: World,
) -> None:
    """In the plan's title, on the card and in its notification; the order keeps the reason."""
    id_ = await world.ask("off web09 because cooling work CHG-77")
    await world.press(SAM, "approve", id_)
    await world.drive()

    shown = await world.press(DANA, "undo", id_)
    other = await world.press(SAM, "undo", id_)

    assert isinstance(shown, answers.PlanShown)
    assert isinstance(other, answers.PlanShown)
    plan = private.render(shown)
    undo = f"Undo of {id_} (cooling work CHG-77)"
    assert plan.blocks[0]["text"]["text"] == f"↩️ {undo}: power on 1 server?"
    assert plan.text.startswith(f"Undo of {id_}: Power on 1 server (web09)?")
    assert shown.plan.order.reason == "cooling work CHG-77"
    assert str(plan.blocks).count("CHG-77") == 1
    assert private.render(other).blocks[0] == plan.blocks[0]

    await world.press(DANA, "request", shown.request_id)
    card = cards.render(await world.found(shown.request_id))
    assert f"> *Reason:* {undo}" in str(card.blocks)
    assert f"): {undo}. Needs sre." in card.text


async def test_a_denied_request_is_asked_again_as_a_plan_of_whoever_presses(world: World) -> None:
    """Nothing is asked by the button itself; another person's reason is told as another's."""
    id_ = await world.ask(LINE)
    await world.told(SAM, "deny", id_, reason="not now")

    own = await world.press(DANA, "again", id_)
    other = await world.press(SAM, "again", id_)

    assert isinstance(own, answers.PlanShown)
    assert isinstance(other, answers.PlanShown)
    assert await world.state(own.request_id) is State.PLANNED
    assert (own.plan.order.reason, own.plan.order.retry_of) == ("kernel panic", id_)
    assert other.plan.order.requester.user_id == SAM
    assert id_ in other.plan.order.reason


async def done(world: World, line: str, who: str, approver: str) -> str:
    """Ask for a change, have it approved, and carry it out."""
    id_ = await world.ask(line, who)
    await world.press(approver, "approve", id_)
    await world.drive()
    return id_


def spared(said: object) -> dict[str, str]:
    """Return the servers that a plan leaves alone, each with the reason."""
    assert isinstance(said, answers.PlanShown), said
    return {line.name: line.reason for line in said.plan.lines_with(Verdict.BLOCKED)}


async def test_undo_does_not_undo_what_somebody_did_since(world: World) -> None:
    """Hands may be in a server that a later request has switched off."""
    first = await done(world, "off web[01-02] because one", DANA, SAM)
    await done(world, "on web01 because two", DANA, SAM)
    last = await done(world, "off web01 because disks are swapped", SAM, DANA)

    said = await world.press(DANA, "undo", first)

    assert spared(said) == {"web01": f"{last} has acted on it since"}
    assert isinstance(said, answers.PlanShown)
    assert [target.name for target in said.plan.order.targets] == ["web02"]


async def test_undo_brings_a_server_back_that_a_later_power_on_did_not(world: World) -> None:
    """Whoever tried to switch it on wants what the button does."""
    first = await done(world, "off web01 because one", DANA, SAM)
    world.centre.set_fault("web01", MachineFaultKind.FAILS)
    await done(world, "on web01 because two", DANA, SAM)
    world.centre.set_fault("web01", None)

    said = await world.press(DANA, "undo", first)

    assert spared(said) == {}


async def test_retry_does_not_repeat_what_another_request_has_done_since(world: World) -> None:
    """A reboot that failed and was made up for isn't made a second time by an old button."""
    world.centre.set_fault("web01", MachineFaultKind.FAILS)
    first = await done(world, "reboot web01 because one", DANA, SAM)
    world.centre.set_fault("web01", None)
    later = await done(world, "reboot web01 because two", SAM, DANA)

    said = await world.press(DANA, "retry", first)

    assert spared(said) == {"web01": f"{later} has acted on it since"}


async def test_buttons_act_on_no_server_under_another_name(world: World) -> None:
    """What was asked for as web01 isn't done to db99; what was left off is brought back."""
    world.centre.set_fault("web01", MachineFaultKind.FAILS)
    first = await done(world, "off web[01-02] because one", DANA, SAM)
    denied = await world.ask("off web[04-05] because two")
    await world.press(SAM, "deny", denied)
    world.centre.set_fault("web01", None)
    for before, now in (("web01", "db99"), ("web04", "db98"), ("web02", "cache97")):
        world.centre.change_server(before, name=now)
    world.clock.passed_s += 60.0

    retried = await world.press(DANA, "retry", first)
    again = await world.press(DANA, "again", denied)
    undone = await world.press(DANA, "undo", first)

    assert spared(retried) == {"db99": f"it was called web01 in {first}"}
    assert spared(again) == {"db98": f"it was called web04 in {denied}"}
    assert isinstance(undone, answers.PlanShown)
    assert [target.name for target in undone.plan.order.targets] == ["cache97"]
