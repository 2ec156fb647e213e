"""What people read of the steps around waves."""

from __future__ import annotations

import dataclasses
from typing import Any

from bot.power import plan, ports
from bot.power.lifecycle import ServerState, State as RequestState
from bot.power.messages import running
from bot.power.request import Action
from bot.power.steps import definition, protocol, wave_parts
from bot.power.steps.states import StepState
from bot.slack.render import cards, thread_replies
from bot.slack.render.phrases import about_steps, outcomes
from bot.workflow import answers
from tests.slack import builders

QUIET = definition.Step(name="quiet", kind="silence", lasts_s=7200.0)
DRAIN = definition.Step(name="drain", kind="drain", node="{name}")


def part(made: definition.Step, *servers: tuple[str, StepState], **more: Any) -> wave_parts.Part:
    """Return a part whose servers are in these states."""
    taken = tuple(
        wave_parts.Taken(
            protocol.Subject(id=f"id-{name}", name=name), state, since=builders.NOW - 60
        )
        for name, state in servers
    )
    return dataclasses.replace(
        wave_parts.Part(f"k-{made.name}", "PR-7F3K", 2, made, servers=taken), **more
    )


def ended(*found: wave_parts.Part) -> ports.Request:
    """Return an ended request with these parts."""
    request = builders.request_in(RequestState.PARTIAL)
    return dataclasses.replace(request, taken_out=found, ended_at=builders.NOW)


OUT = (
    part(
        QUIET, ("web07", StepState.OWED), ("web08", StepState.PUT_BACK), until=builders.NOW + 3600
    ),
    part(DRAIN, ("web07", StepState.OWED), ("web08", StepState.PUT_BACK)),
)


def test_an_ended_card_says_what_is_still_out_and_offers_to_put_it_back() -> None:
    """Server by server, with what stands and until when; the button asks once more."""
    card = cards.render(ended(*OUT))
    told = str(card.blocks)
    assert "*still out:* web07 (silenced until" in told
    assert ", drained)" in told
    assert "web08" not in about_steps.still_out(ended(*OUT))
    (button,) = [one for one in card.blocks[-1]["elements"] if one["text"]["text"] == "Put back"]
    assert button["action_id"] == "pb:put_back"
    assert button["confirm"]


def test_of_two_servers_of_one_name_it_is_said_which_is_out() -> None:
    """The card, Home and `owed` name the place, as the plan did."""
    twin = wave_parts.Taken(
        protocol.Subject(id="id-2", name="web07", apart="R12 U20"),
        StepState.OWED,
        since=builders.NOW,
    )
    found = dataclasses.replace(part(DRAIN), servers=(twin,))

    told = (
        about_steps.still_out(ended(found)),
        about_steps.out_on_home(answers.StillOut(ended(found), (found,), may=True), "PR-7F3K"),
        about_steps.owed(answers.OwedShown((found,), builders.NOW)).text,
    )

    assert all("web07 (R12 U20)" in one for one in told)


def test_what_nobody_knows_was_done_is_not_told_as_done() -> None:
    """The answer was lost: a silence may stand, or not."""
    lost = wave_parts.Taken(
        protocol.Subject(id="id-1", name="web07"), StepState.OWED, missed="the answer was lost"
    )
    found = dataclasses.replace(part(QUIET), servers=(lost,))

    assert "web07 (silence not confirmed)" in about_steps.still_out(ended(found))


def test_what_is_out_as_planned_is_no_warning() -> None:
    """After an off its servers stay drained; what should be back and isn't is another matter."""
    planned = ended(part(DRAIN, ("web07", StepState.DONE)))
    owed = ended(part(DRAIN, ("web07", StepState.DONE)), part(QUIET, ("web08", StepState.OWED)))

    assert about_steps.still_out(planned) == "🔧 Left as planned, *still out:* web07 (drained)"
    assert about_steps.still_out(owed).startswith("⚠️ Not put back, *still out:* web07")


def test_nothing_out_has_no_line_and_no_button() -> None:
    """Once all is back, or settled."""
    back = part(DRAIN, ("web07", StepState.PUT_BACK), ("web08", StepState.SETTLED))
    card = cards.render(ended(back))
    assert "still out" not in str(card.blocks)
    assert "Put back" not in str(card.blocks)


def test_a_running_card_says_what_is_done_around_its_wave() -> None:
    """In the words of the step."""
    running = dataclasses.replace(
        builders.request_in(RequestState.RUNNING),
        taken_out=(part(DRAIN, ("web07", StepState.INTENDED), says="draining web07: 3 pods left"),),
    )
    assert "draining web07: 3 pods left" in str(cards.render(running).blocks)


def test_a_server_that_is_not_well_is_told_by_its_probe() -> None:
    """`rebooted, not answering: web07 (HTTP 503)`."""
    row = ports.RunServer(
        "1", "web07", state=ServerState.UNWELL, detail="HTTP 503", probe="answering"
    )
    told = outcomes.told([row], Action.REBOOT)
    assert told == "rebooted, not answering: web07 (HTTP 503)"


def test_a_waves_reply_tells_its_steps_in_order() -> None:
    """What was done, what became of it, which probe said so, and that it is back."""
    body = running.WaveOver(
        wave=2,
        steps=(
            running.StepName(name="quiet", kind="silence"),
            running.StepName(name="drain", kind="drain"),
            running.StepName(name="balancer", kind="webhook"),
            running.StepName(name="answering", kind="probe"),
        ),
        counts={"proven": 5},
        back=5,
    )
    request = builders.request_in(RequestState.RUNNING)
    said = thread_replies.render(request, (), body).text
    assert said == "Wave 2: silenced, drained, told balancer · 5 rebooted · answering · put back"


def test_a_waves_reply_does_not_say_that_a_step_was_done_of_which_nobody_knows() -> None:
    """After a hang nobody knows whether anything is silenced."""
    quiet = running.StepName(name="quiet", kind="silence", unsure=("web04",), confirmed=False)
    drain = running.StepName(name="drain", kind="drain", unsure=("web05",))
    body = running.WaveOver(wave=1, steps=(quiet, drain), counts={"blocked": 2})
    said = thread_replies.render(builders.request_in(RequestState.RUNNING), (), body).text
    assert said == (
        "Wave 1: silence not confirmed: web04, drained (not confirmed: web05) · 2 blocked"
    )


def test_a_waves_reply_says_what_it_went_on_without() -> None:
    """For a step that need not be done, with the outside's words."""
    missed = running.Missed(name="balancer", names=("web04",), why="the pool is locked")
    body = running.WaveOver(wave=1, counts={"proven": 1}, missed=(missed,))
    said = thread_replies.render(builders.request_in(RequestState.RUNNING), (), body).text
    assert said == "Wave 1: 1 rebooted · without balancer: web04 (the pool is locked)"


def test_a_waves_reply_says_who_was_set_aside_and_for_which_step() -> None:
    """With the outside's words, or the record's."""
    missed = running.Missed(name="drain", names=("web04",), why="3 pods left", must=True)
    body = running.WaveOver(wave=1, counts={"proven": 1, "blocked": 1}, missed=(missed,))
    said = thread_replies.render(builders.request_in(RequestState.RUNNING), (), body).text
    assert said.endswith(" · set aside: web04 (drain: 3 pods left)")


def test_the_end_in_the_thread_names_what_is_still_out() -> None:
    """With the outcome."""
    body = running.Ended(state=RequestState.PARTIAL, head="ab", seq=1)
    assert "still out:* web07 (silenced until" in thread_replies.render(ended(*OUT), (), body).text


def test_owed_lists_each_server_and_step_with_its_age() -> None:
    """Owed ones stand out."""
    message = about_steps.owed(answers.OwedShown(OUT, builders.NOW))
    assert message.text.startswith("*2 out*, 2 of them owed")
    assert "web07 drained" in message.text
    assert "owed for 1 min" in message.text
    assert about_steps.owed(answers.OwedShown((), builders.NOW)).text == about_steps.NOTHING


def test_the_plan_names_its_steps() -> None:
    """On the plan and on the card, where it is decided."""
    request = builders.request_in(RequestState.PENDING)
    stepped = (
        plan.Stepped(name="quiet", kind="silence"),
        plan.Stepped(name="answering", kind="probe", within_s=300.0, settle_s=30.0),
    )
    made = request.plan.model_copy(update={"around": (plan.RuleSteps(rule="web", steps=stepped),)})
    card = cards.render(dataclasses.replace(request, plan=made))
    said = "Around each wave: quiet; then answering for 30s (within 5m)"
    assert said in str(card.blocks)
