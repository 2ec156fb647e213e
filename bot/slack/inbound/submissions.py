"""Forms that were sent, and what is typed into their searching field, as our own values.

A form's metadata holds ids alone, and they are routing data: what they name is looked up.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.power import inputs, ports, request
from bot.power.command import form as form_fields
from bot.slack import action_ids
from bot.slack.blockkit import views
from bot.slack.inbound import payload_models, payloads


def form(body: Mapping[str, Any], *, at: float) -> ports.Inbound:
    """Read a form that was sent; its place is empty, a form has none of its own.

    Raises:
        Unreadable: the payload isn't one, or the form isn't ours.
    """
    read = payloads.checked(payload_models.ViewSubmission, body)
    sent = action_ids.read_callback_id(read.view.callback_id)
    if sent is None:
        raise payloads.Unreadable("no form of ours")
    if sent is inputs.Form.REQUEST:
        return _filled(read, at)
    field = action_ids.FIELDS[sent]
    # A form that is sent twice has the same view and hash.
    key = f"form:{read.view.id}:{read.view.hash}"
    typed = read.view.typed(field).strip()
    return ports.Inbound(
        key=key,
        person=payloads.person(read.user, read.team),
        place=request.Place(channel_id=""),
        input=inputs.FormSent(
            do=sent,
            request_id=read.view.private_metadata[: payloads.ID_CHARS],
            count=typed if field is action_ids.Field.COUNT else "",
            reason=typed if field is action_ids.Field.REASON else "",
            comment=typed if field is action_ids.Field.COMMENT else "",
            judgement=_judged(read.view.typed(action_ids.Field.JUDGEMENT)),
            view=views.external_id(key) if sent is inputs.Form.REVIEW else "",
        ),
        at=at,
    )


def _judged(chosen: str) -> inputs.Judgement | None:
    """Return what was chosen in a review, None where there was nothing to choose."""
    return inputs.Judgement(chosen) if chosen in set(inputs.Judgement) else None


def _filled(read: payload_models.ViewSubmission, at: float) -> ports.Inbound:
    """Read the request form; it carries the ids of its place, and perhaps a channel's field.

    A form may be sent again after a look at the plan, so the view alone is no key.
    """
    # Written by `request_modal`; ids have no spaces.
    known = read.view.private_metadata[: payloads.ID_CHARS].split(" ")
    channel_id, thread_ts, replaces = (*known, "", "")[:3]
    filled = {field.value: read.view.typed(field) for field in form_fields.FormField}
    chosen = filled.pop(form_fields.FormField.CHANNEL)
    # A form that was opened in a channel has no field to choose one.
    place = request.Place(channel_id=chosen) if chosen else _known_place(channel_id, thread_ts)
    key = f"form:{read.view.id}:{read.trigger_id or read.view.hash}"
    return ports.Inbound(
        key=key,
        person=payloads.person(read.user, read.team),
        place=place,
        input=inputs.RequestFilled(
            filled=filled,
            chose_channel=bool(chosen),
            replaces=replaces,
            # Whether the thread that the form was opened from has replies, nobody knows here.
            lone=True,
            view=views.external_id(key),
        ),
        at=at,
    )


def _known_place(channel_id: str, thread_ts: str) -> request.Place:
    """Return the place that a form was opened in."""
    return request.Place(channel_id=channel_id, thread_ts=thread_ts)


def suggestion(body: Mapping[str, Any]) -> tuple[request.Person, str, str]:
    """Read what was typed into a field that searches: who, which field, and the words.

    Raises:
        Unreadable: the payload isn't one.
    """
    read = payloads.checked(payload_models.Suggestion, body)
    return payloads.person(read.user, read.team), read.action_id, read.value
