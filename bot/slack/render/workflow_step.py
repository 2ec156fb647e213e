"""The Workflow Builder step: what it asks for, and how it is told what came of it.

Its inputs are chosen by whoever built the workflow, so they say who is asked and not who asks:
the person whom the step names sees the plan, and only their own press of Request counts.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from bot.power import errors, ports
from bot.power.lifecycle import State
from bot.slack.blockkit import text, words
from bot.slack.render.phrases import about_request, outcomes
from bot.workflow import answers

SUMMARY_CHARS = 1000  # Of an output, which a workflow may post.
# Slack says so of a step that has ended already, or that it has given up ("functions.complete…").
OVER = frozenset({"function_execution_not_found", "execution_not_in_running_state"})


@dataclasses.dataclass(frozen=True, slots=True)
class Result:
    """How a step ends: with outputs, or with the reason why it failed."""

    outputs: Mapping[str, str] | None = None
    error: str = ""


def execution_id(source: str) -> str:
    """Return the step's id of a request's source, empty for one that no step has made."""
    return source.removeprefix(ports.STEP) if source.startswith(ports.STEP) else ""


def refusal(answer: answers.Answer) -> str:
    """Return why a step can't go on, or an empty text when its plan waits for the person."""
    match answer:
        # Only a plan that can be requested has an id.
        case answers.PlanShown(request_id=""):
            reasons = answer.plan.refusals or ("there is nothing to request",)
            return text.literal(reasons[0], SUMMARY_CHARS)
        case answers.PlanShown():
            return ""
        case answers.Mistake():
            return text.literal(errors.sentence(answer.token, answer.problem), SUMMARY_CHARS)
        case answers.Note():
            return text.literal(answer.text, SUMMARY_CHARS)
        case _:
            return "a step can't request this"


def result(found: ports.Request, servers: Sequence[ports.RunServer]) -> Result:
    """Return how a step ends whose request has ended: only a whole success completes it."""
    action = found.order.action
    told = outcomes.told(servers, action, limit=SUMMARY_CHARS) or found.end_reason
    said = told or words.MEANINGS[found.state]
    summary = f"{found.id} {found.told_as}: {about_request.title(found.order)}. {said}"
    if found.state is State.SUCCEEDED:
        outputs = {"request_id": found.id, "outcome": found.state.value, "summary": summary}
        return Result(outputs)
    return Result(error=text.cut(summary, SUMMARY_CHARS))
