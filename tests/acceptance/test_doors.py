"""Every way to ask, by the real bot: they all end in the same plan, and the form teaches."""

from __future__ import annotations

import functools
import re

from bot.sandbox import workspace
from tests.acceptance.conftest import DANA, OLGA, OPS, ROSA, SAM, Stage

GIL = "U0GIL"
INC = "C0INC"
WHY = "kernel panic"
TARGETS = "web[01-03]"
LINE = f"reboot {TARGETS} because {WHY}"
PLAN = re.compile(r"PR-[0-9A-Z]{4}")
SEAL = re.compile(r"seal ([0-9a-f]{8})")


async def view(stage: Stage, callback_id: str, person: str = DANA) -> workspace.View:
    """Wait for a form in front of a person."""

    def in_front() -> workspace.View | None:
        found = stage.slack.views(person)[-1:]
        return next((one for one in found if one.callback_id == callback_id), None)

    return await stage.until(in_front)


async def form(stage: Stage, person: str = DANA) -> workspace.View:
    """Wait for the request form."""
    return await view(stage, "pb:request_form", person)


async def shows(stage: Stage, words: str, person: str = DANA) -> None:
    """Wait until the form in front of a person says something."""
    await stage.until(
        lambda: any(words in shown.words for shown in stage.slack.views(person)[-1:]) or None
    )


async def offered(stage: Stage, shown: workspace.View, typed: str) -> list[str]:
    """Type into the field for servers, and return what is offered."""
    found = await stage.slack.suggest(shown.user, shown, "servers", typed)
    return [option["value"] for option in found.answer["options"]]


async def send(stage: Stage, shown: workspace.View, **values: object) -> workspace.Outcome:
    """Fill the form in and send it."""
    filled = {"action": "reboot", "reason": WHY, **values}
    return await stage.slack.submit(
        shown.user, {name: {name: one} for name, one in filled.items()}, shown
    )


async def seal_of_form(stage: Stage, **values: object) -> str:
    """Fill in the form that is open, and return the seal of the plan that it shows."""
    shown = await form(stage)
    if "servers" in values:
        await offered(stage, shown, TARGETS)
    await send(stage, shown, **values)
    words = (await view(stage, "pb:review")).words
    await stage.slack.close(DANA, clear_all=True)
    return await seal_of(stage, words)


async def seal_of(stage: Stage, plan: str) -> str:
    """Return the seal of a plan by its words; only details have it."""
    named = PLAN.search(plan)
    assert named is not None
    await stage.slack.command(DANA, OPS, f"/power show {named[0]}")

    def shown() -> str | None:
        private = [m.words for m in stage.slack.ephemerals(DANA) if named[0] in m.words]
        found = [seal[1] for seal in map(SEAL.search, private) if seal]
        return found[0] if found else None

    return await stage.until(shown)


def step(channel: str, **inputs: str) -> dict[str, str]:
    """Return the inputs of a workflow's step."""
    given = {"action": "reboot", "servers": TARGETS, "reason": WHY}
    return {"requester": DANA, "channel": channel, **given, **inputs}


async def seal_of_message(stage: Stage, known: set[str]) -> str:
    """Return the seal of a plan that wasn't there before."""

    def newest() -> str | None:
        private = stage.slack.ephemerals(DANA)
        new = [m for m in private if m.ts not in known and "Request" in m.buttons]
        return new[-1].words if new else None

    return await seal_of(stage, await stage.until(newest))


async def test_the_same_request_through_every_door_has_the_same_seal(stage: Stage) -> None:
    """Slash command, mention, two shortcuts, bare /power and a workflow's step are one path."""
    slack = stage.slack
    alert = slack.say(SAM, OPS, f"ALERT: {TARGETS} don't answer")
    seals = {}
    known = {message.ts for message in slack.ephemerals(DANA)}
    await slack.command(DANA, OPS, f"/power {LINE}")
    seals["slash command"] = await seal_of_message(stage, known)
    known = {message.ts for message in slack.ephemerals(DANA)}
    slack.mention(DANA, OPS, LINE, alert.ts)
    seals["mention"] = await seal_of_message(stage, known)
    known = {message.ts for message in slack.ephemerals(DANA)}
    slack.begin_step("power_step", step(OPS))
    seals["workflow step"] = await seal_of_message(stage, known)
    await slack.command(DANA, OPS, "/power")
    seals["bare /power"] = await seal_of_form(stage, servers=[TARGETS])
    await slack.shortcut(DANA, "power_from_message", OPS, alert.ts)
    seals["message shortcut"] = await seal_of_form(stage)
    await slack.shortcut(DANA, "power_request")
    seals["global shortcut"] = await seal_of_form(stage, servers=[TARGETS], channel=OPS)

    assert len(seals) == 6
    assert len(set(seals.values())) == 1, seals
    assert re.fullmatch("[0-9a-f]{8}", seals["mention"])


async def test_a_person_chooses_reviews_and_asks_in_a_form(stage: Stage) -> None:
    """Bare /power: action, servers by typeahead, the plan, Request; the card says the same."""
    await stage.slack.command(DANA, OPS, "/power")
    shown = await form(stage)
    found = await offered(stage, shown, TARGETS)
    await send(stage, shown, servers=found)
    plan = await view(stage, "pb:review")
    words = plan.words
    await stage.slack.submit(DANA, view=plan)
    card = await stage.until(lambda: stage.new_card(set()))

    assert found == [TARGETS]
    assert "Reboot 3 servers?" in words
    assert TARGETS in card.text
    await shows(stage, "Requested as PR-")


async def test_the_form_shows_each_mistake_at_its_field(stage: Stage) -> None:
    """What a typed line would be told stands where it was chosen, all of it at once."""
    await stage.slack.command(DANA, OPS, "/power")
    shown = await form(stage)
    await offered(stage, shown, "@db")

    wrong = await send(stage, shown, servers=["@db"], batch="five", pause="3 days", reason="")
    loose = await send(stage, shown, batch="999", pause="", break_glass=["yes"])

    assert wrong.errors == {
        "batch": "This takes a whole number from 1 to 10,000, not five.",
        "pause": "This takes a number with ms, s, m or h right after it, not 3 days.",
    }
    assert loose.errors == {
        "batch": (
            "The policy allows at most 50, so --batch 999 doesn't work; type --batch with a "
            "number from 1 to 50."
        ),
        "break_glass": "Break glass isn't allowed in this channel.",
    }


async def test_an_alert_fills_the_form_and_the_card_stands_in_its_thread(stage: Stage) -> None:
    """The message's own servers are chosen already; nothing of the message is trusted."""
    alert = stage.slack.say(SAM, INC, "web02.example.com:9100 and db[01-02] are down <!channel>")
    await stage.slack.shortcut(DANA, "power_from_message", INC, alert.ts)
    shown = await form(stage)
    await send(stage, shown)
    await stage.slack.submit(DANA, view=await view(stage, "pb:review"))

    cards = await stage.until(
        lambda: [m for m in stage.slack.thread(INC, alert.ts) if "Approve" in m.buttons]
    )

    assert "db[01-02],web02" in cards[0].text


async def test_an_alert_without_a_server_says_so_in_the_form(stage: Stage) -> None:
    """The form is there all the same."""
    alert = stage.slack.say(SAM, OPS, "the coffee machine is down")
    await stage.slack.shortcut(DANA, "power_from_message", OPS, alert.ts)

    assert "That message names no server in the inventory" in (await form(stage)).words


async def test_a_door_without_a_channel_asks_for_one_that_is_allowed(stage: Stage) -> None:
    """Neither a shared channel nor one without the bot can be chosen."""
    await stage.slack.shortcut(DANA, "power_request")
    shown = await form(stage)

    field = next(block for block in shown.blocks if block["block_id"] == "channel")

    assert [option["value"] for option in field["element"]["options"]] == [INC, OPS]


async def test_a_guest_is_offered_nothing_and_told_why(stage: Stage) -> None:
    """Who may not look sees no name of a server."""
    await stage.slack.shortcut(GIL, "power_request")

    await shows(stage, "Guests", GIL)


async def test_a_large_plan_in_the_form_wants_its_count(stage: Stage) -> None:
    """Twelve servers: the number is typed in the review, and the card needs two approvals."""
    await stage.slack.command(DANA, OPS, "/power")
    shown = await form(stage)
    await offered(stage, shown, "web[01-12]")
    await send(stage, shown, servers=["web[01-12]"])
    plan = await view(stage, "pb:review")

    wrong = await stage.slack.submit(DANA, {"count": {"count": "11"}}, plan)
    await stage.slack.submit(DANA, {"count": {"count": "12"}}, plan)

    assert "number of servers" in wrong.errors["count"]
    assert "web[01-12]" in (await stage.until(lambda: stage.new_card(set()))).text
    assert stage.slack.views(ROSA) == []


async def test_a_step_completes_when_its_request_has_succeeded(stage: Stage) -> None:
    """The person whom it names presses Request; the outputs say what came of it."""
    execution_id = stage.slack.begin_step("power_step", step(OPS))
    plan = await stage.shown(DANA, "Request")
    assert stage.slack.calls("functions.completeSuccess") == []
    await stage.slack.click(DANA, plan, "Request")
    card = await stage.until(lambda: stage.new_card(set()))
    await stage.slack.click(SAM, card, "Approve")

    calls = await stage.until(lambda: stage.slack.calls("functions.completeSuccess"))

    outputs = calls[0].args["outputs"]
    assert calls[0].args["function_execution_id"] == execution_id
    assert outputs["outcome"] == "succeeded"
    assert "rebooted: web[01-03]" in outputs["summary"]
    assert outputs["request_id"].startswith("PR-")


async def test_a_step_fails_with_the_reason_of_a_denial(stage: Stage) -> None:
    """What nobody approved is no success."""
    stage.slack.begin_step("power_step", step(OPS))
    await stage.slack.click(DANA, await stage.shown(DANA, "Request"), "Request")
    card = await stage.until(lambda: stage.new_card(set()))
    await stage.slack.click(SAM, card, "Deny")
    await stage.until(lambda: stage.slack.views(SAM) or None)
    await stage.slack.submit(SAM, {"reason": {"reason": ""}})

    calls = await stage.until(lambda: stage.slack.calls("functions.completeError"))

    assert "denied" in calls[0].args["error"]


async def test_a_step_that_can_not_be_asked_for_fails_at_once(stage: Stage) -> None:
    """Unknown servers, a channel that isn't allowed, a person who may not: each with its reason."""
    for inputs, words in (
        (step(OPS, servers="web99"), "web99"),
        (step(OPS, action="explode"), "Choose what to do"),
        (step("C0DEV"), "channel"),
        (step(OPS, requester=GIL), "Guests"),
        (step(OPS, requester=OLGA), "requester"),
    ):
        before = len(stage.slack.calls("functions.completeError"))
        stage.slack.begin_step("power_step", inputs)
        calls = await stage.until(functools.partial(failures, stage, before))
        assert words in calls[0].args["error"], calls[0].args["error"]


def failures(stage: Stage, before: int) -> list[workspace.Call]:
    """Return the steps that have failed since."""
    return stage.slack.calls("functions.completeError")[before:]


async def test_a_plan_tells_of_alarms_and_ill_health(stage: Stage) -> None:
    """What CloudDC says is wrong with a server stands in its plan."""
    plan = await stage.plan("/power reboot worker[05-06] because test")

    assert "⚠️ worker06 is Warning: Fan speed low (minor)" in plan.words
