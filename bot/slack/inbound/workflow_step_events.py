"""A Workflow Builder step that has begun, read from Slack's event.

Its inputs are chosen by whoever built the workflow, so they say who is asked and not who asks:
the person whom the step names sees the plan, and only their own press of Request counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.power import inputs, ports, request
from bot.power.command import form
from bot.slack import app_features
from bot.slack.inbound import payload_models, payloads

# A step is never at once and without approval.
INPUTS = tuple(field for field in form.FormField if field is not form.FormField.BREAK_GLASS)


def read(body: Mapping[str, Any], *, at: float) -> ports.Inbound | None:
    """Read a step that has begun; None for one that isn't ours.

    Raises:
        Unreadable: the payload isn't what Slack's docs promise.
    """
    found = payloads.checked(payload_models.StepEvent, body)
    event = found.event
    if event.function.callback_id != app_features.STEP.callback_id:
        return None
    filled = {name.value: _text(event.inputs.get(name.value)) for name in INPUTS}
    channel_id = filled.pop(form.FormField.CHANNEL.value)
    return ports.Inbound(
        # By this id the step is told how its request has ended.
        key=ports.STEP + event.function_execution_id,
        # Whether this person is one of us, the directory is asked like for any other.
        person=request.Person(user_id=_text(event.inputs.get("requester")), team_id=found.team_id),
        place=request.Place(channel_id=channel_id),
        input=inputs.StepBegun(filled=filled),
        at=at,
    )


def _text(value: object) -> str:
    """Return an input as text; what is no text counts as left empty.

    One that is too long for any field stays too long, so that the form refuses it.
    """
    return (
        payload_models.storable(value[: payload_models.TEXT_CHARS + 1])
        if isinstance(value, str)
        else ""
    )
