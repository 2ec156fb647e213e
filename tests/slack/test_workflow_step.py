"""A workflow's step asks a person, keeps no secret, and always hears how it ended."""

from __future__ import annotations

from typing import Any

import pytest

from bot.power import inputs, ports, request
from bot.power.lifecycle import ENDED, State
from bot.slack.inbound import payloads, workflow_step_events
from bot.slack.render import workflow_step
from bot.workflow import answers
from tests.slack import builders
from tests.slack.conftest import Side


def begun(**inputs: Any) -> dict[str, Any]:
    """Return a step that has begun."""
    given = {"requester": "U0DANA", "channel": "C0OPS", "action": "reboot", "servers": "web01"}
    event = {
        "type": "function_executed",
        "function": {"callback_id": "power_step"},
        "function_execution_id": "Fx1",
        "inputs": {**given, **inputs},
        "bot_access_token": "xwfp-secret",
    }
    return {"team_id": builders.TEAM, "event_id": "Ev1", "event": event}


def test_a_step_names_a_person_a_place_and_the_fields_of_the_form() -> None:
    """Its token is not kept, and break glass is no input."""
    read = workflow_step_events.read(begun(reason="why", break_glass="yes"), at=1)

    assert read is not None
    assert (read.key, read.kind, read.person) == ("step:Fx1", "step", builders.REQUESTER)
    assert read.place == request.Place(channel_id="C0OPS")
    assert isinstance(read.input, inputs.StepBegun)
    assert read.input.filled["servers"] == "web01"
    assert "break_glass" not in read.input.filled
    assert "secret" not in repr(read)


def test_a_step_of_another_app_is_left_alone() -> None:
    """A callback id that isn't ours, or nonsense for one."""
    other = begun()
    other["event"]["function"] = {"callback_id": "other"}

    assert workflow_step_events.read(other, at=1) is None
    with pytest.raises(payloads.Unreadable):
        workflow_step_events.read({"team_id": "T", "event": {"inputs": 3}}, at=1)


def test_an_input_that_is_no_text_counts_as_left_empty() -> None:
    """Whoever built the workflow may have joined the wrong thing to it."""
    read = workflow_step_events.read(begun(servers=["web01"], channel=None), at=1)

    assert read is not None
    assert isinstance(read.input, inputs.StepBegun)
    assert read.input.filled["servers"] == ""
    assert read.place.channel_id == ""


@pytest.mark.parametrize("state", sorted(ENDED))
def test_only_a_whole_success_completes_a_step(state: State) -> None:
    """Anything else fails it, with a sentence that says what it was."""
    found = builders.request_in(state, end_reason="because <!here>")

    ended = workflow_step.result(found, builders.rows(proven=["web01"], failed=["web02"]))

    assert (ended.outputs is None) == (state is not State.SUCCEEDED)
    said = (ended.outputs or {"summary": ended.error})["summary"]
    assert said.startswith(f"PR-7F3K {found.told_as}:")
    assert len(ended.error) <= workflow_step.SUMMARY_CHARS


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (answers.PlanShown(builders.planned(), "PR-7F3K", 0), ""),
        (answers.PlanShown(builders.planned(refusals=("Frozen.",)), "", 0), "Frozen."),
        (answers.PlanShown(builders.planned(), "", 0), "there is nothing to request"),
        (answers.Mistake("There is none.", "web99", "x"), "web99: There is none."),
        (answers.Note("No <!here>.", good=False), "No ‹!here›."),
        (answers.HelpShown("help"), "a step can't request this"),
    ],
)
def test_a_step_that_can_not_go_on_says_why(answer: answers.Answer, why: str) -> None:
    """A plan that may be asked for waits for its person instead."""
    assert workflow_step.refusal(answer) == why


async def ended_step(side: Side, state: State, *, card: bool = True) -> None:
    """Let a request that a step has made end."""
    found = builders.request_in(
        state, source="step:Fx1", card=ports.Card("C0OPS") if card else None
    )
    side.store.add(found)
    side.store.queue(found.id, "card", {})
    side.store.queue(found.id, "reply", {"event": state.value})
    await side.settle()


async def test_a_step_hears_the_end_before_the_thread_does(connected: Side) -> None:
    """The reason stands in Slack's own list of the workflow's runs."""
    connected.workspace.run_step("Fx1")

    await ended_step(connected, State.DENIED)

    calls = connected.workspace.calls("functions.completeError")
    assert "denied" in calls[0].args["error"]
    assert connected.workspace.violations == []


async def test_a_step_that_was_never_asked_for_hears_it_too(connected: Side) -> None:
    """Its plan has no card and no thread; the workflow would wait for ever."""
    connected.workspace.run_step("Fx1")

    await ended_step(connected, State.EXPIRED, card=False)

    assert len(connected.workspace.calls("functions.completeError")) == 1
    assert [m for m in connected.workspace.messages("C0OPS") if m.bot] == []


async def test_a_step_that_is_over_does_not_hold_the_thread_up(connected: Side) -> None:
    """Told twice, or given up by Slack: the thread gets its word all the same."""
    await ended_step(connected, State.DENIED)

    assert any("Denied" in m.text for m in connected.workspace.messages("C0OPS"))


@pytest.mark.parametrize("code", ["access_denied", "missing_scope", "parameter_validation_failed"])
async def test_a_step_that_slack_refuses_for_good_does_not_hold_the_thread_up(
    connected: Side, code: str
) -> None:
    """The thread gets its word at once and once, and the audit has what the step didn't hear."""
    connected.workspace.run_step("Fx1")
    connected.workspace.chaos.refuse("functions.completeError", code)

    await ended_step(connected, State.DENIED)
    await connected.clock.pass_s(60)
    await connected.settle()

    said = [m.text for m in connected.workspace.messages("C0OPS") if "Denied by" in m.text]
    lost = [one for one in connected.store.audited if one.event == "reply.undeliverable"]
    assert len(said) == 1
    assert [(one.detail["kind"], one.detail["why"]) for one in lost] == [("step", code)]
    assert connected.store.outbox == []


async def test_a_step_is_told_again_when_slack_was_away(connected: Side) -> None:
    """The end waits in the outbox until the step has heard it."""
    connected.workspace.run_step("Fx1")
    connected.workspace.chaos.fail("functions.completeError", "error", 2, error="internal_error")

    await ended_step(connected, State.DENIED)
    await connected.clock.pass_s(60)
    await connected.settle()

    calls = connected.workspace.calls("functions.completeError")
    assert calls[-1].answer["ok"]
    words = [m.text for m in connected.workspace.messages("C0OPS") if "Denied" in m.text]
    assert len([one for one in words if one.startswith("⛔ Denied by")]) == 1


@pytest.mark.parametrize("fails", [False, True], ids=["told", "slack-away"])
async def test_a_step_that_can_not_be_asked_for_is_told_and_so_is_its_person(
    side: Side, fails: bool
) -> None:
    """Even when Slack doesn't take the end of the step."""
    side.workspace.run_step("Fx1")
    if fails:
        side.workspace.chaos.fail("functions.completeError", "error", 3, error="internal_error")
    side.workflow.says = [answers.Note("No rule names you.", good=False)]
    inbound = workflow_step_events.read(begun(), at=1)
    assert inbound is not None
    await side.processor.store(inbound)

    side.processor.begin(inbound)
    await side.processor.close()

    calls = side.workspace.calls("functions.completeError")
    assert [one.args["error"] for one in calls if one.answer["ok"]] == ["No rule names you."]
    assert "No rule names you" in side.whispers("dana")[-1].text
