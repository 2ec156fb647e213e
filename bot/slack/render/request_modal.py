"""The request form: choose instead of type; and its second step, the plan with Request.

Every field is read by the same rules as a typed line. Its metadata holds the ids of a channel, a
thread and the plan that it changes, the review's a request's id.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bot.power import inputs, ports, request
from bot.power.command.form import FormField
from bot.power.request import Action
from bot.power.targets import search
from bot.slack import action_ids
from bot.slack.blockkit import blocks, text, views, words
from bot.slack.render import plans
from bot.workflow import answers

TITLE = "Request a power change"
# "Composition objects: option": text and description have 75 characters, the value 150.
OPTION_CHARS = 75
MOST_CHOSEN = 100
REASON_CHARS = 500
INCIDENT_CHARS = 80
NUMBER_CHARS = 10
COUNT_CHARS = 6
# Of three the name says all that happens.
DOES: dict[Action, str] = {
    Action.REBOOT: "",
    Action.OFF: "",
    Action.ON: "",
    Action.CYCLE: "off and, once that is confirmed, on again",
}
LIMITS = "*Limits* (optional, stricter than the policy only)"
SEARCH = "A name, web[01-20], db*, @group; tag:role=web, rack:R12 narrow; ! takes out"


def render(shown: answers.FormShown) -> views.View:
    """Return the form."""
    body = [blocks.section(f"⚠️ {text.plain(note, 300)}") for note in shown.notes]
    # There is no channel to ask from, and the notes say why.
    if shown.channels == ():
        return views.modal(TITLE, body, close="Close")
    body += _fields(shown)
    place = shown.place
    # Where the channel is chosen in the form, it carries none.
    where = (place.channel_id, place.thread_ts) if shown.channels is None else ("", "")
    known = " ".join((*where, shown.replaces)).rstrip()
    return views.modal(
        TITLE,
        body,
        submit="Review",
        callback=inputs.Form.REQUEST,
        metadata=known,
    )


def _fields(shown: answers.FormShown) -> Iterator[blocks.Block]:
    """Yield the fields, the needed ones first."""
    order = shown.order
    given = order.options if order else request.Options()
    action = _radio([_action(one) for one in DOES])
    if order is not None:
        action["initial_option"] = _action(order.action)
    yield views.field(FormField.ACTION, "Action", action)
    yield views.field(FormField.SERVERS, "Servers", _servers(shown), hint=SEARCH)
    if shown.channels is not None:
        options = [_channel(channel) for channel in shown.channels]
        placeholder = views.plain("Where the request and its thread are posted")
        select = {"type": "static_select", "options": options, "placeholder": placeholder}
        yield views.field(FormField.CHANNEL, "Channel", select)
    reason = views.text_input(REASON_CHARS, multiline=True, example="kernel panic after 6.8.4")
    reason = _typed(reason, order.reason if order else "")
    yield views.field(FormField.REASON, "Reason", reason, optional=True)
    incident = _typed(views.text_input(INCIDENT_CHARS, example="INC-42"), given.incident)
    yield views.field(FormField.INCIDENT, "Incident", incident, optional=True)
    yield blocks.context(LIMITS)
    pause = f"{given.pause_s:g}s" if given.pause_s is not None else ""
    for name, label, example, value in (
        (FormField.BATCH, "Servers in a wave, at most", "5", given.batch),
        (FormField.PAUSE, "Pause between waves", "30s", pause),
        (FormField.MAX_FAILURES, "Stop at this many failures", "1", given.max_failures),
    ):
        typed = _typed(views.text_input(NUMBER_CHARS, example=example), f"{value or ''}")
        yield views.field(name, label, typed, optional=True)
    glass = _option(
        "At once, without approval", "yes", "in public, and somebody reviews it afterwards"
    )
    checks: dict[str, Any] = {"type": "checkboxes", "options": [glass]}
    if given.break_glass:
        checks["initial_options"] = [glass]
    yield views.field(FormField.BREAK_GLASS, "Break glass", checks, optional=True)


def _typed(element: dict[str, Any], value: str) -> dict[str, Any]:
    """Return a field that is filled in already where there is something to fill in.

    Slack refuses a form whose field holds more than it takes.
    """
    fits = value and len(value) <= element["max_length"]
    return {**element, "initial_value": text.clean(value, len(value))} if fits else element


def _radio(options: list[dict[str, Any]]) -> dict[str, Any]:
    """Return buttons of which one can be chosen."""
    return {"type": "radio_buttons", "options": options}


def _action(action: Action) -> dict[str, Any]:
    """Return one action as a choice."""
    return _option(words.VERBS[action].capitalize(), action.value, DOES[action])


def _channel(channel: ports.Channel) -> dict[str, Any]:
    """Return one channel as a choice."""
    return _option(f"#{channel.name or channel.channel_id}", channel.channel_id)


def _servers(shown: answers.FormShown) -> dict[str, Any]:
    """Return the field that searches the inventory."""
    element: dict[str, Any] = {
        "type": "multi_external_select",
        "min_query_length": 0,  # Servers are offered before the first letter.
        "max_selected_items": MOST_CHOSEN,
        "placeholder": views.plain("Type a name, a range, a group or a tag"),
    }
    if shown.servers:
        element["initial_options"] = [option(one) for one in shown.servers]
    return element


def option(offer: search.Offer) -> dict[str, Any]:
    """Return what a search offers, as Slack wants it."""
    return _option(offer.label, offer.value, offer.note)


def _option(label: str, value: str, note: str = "") -> dict[str, Any]:
    """Return a choice; foreign words in it are literal."""
    made: dict[str, Any] = {
        # Slack refuses an empty text.
        "text": views.plain(text.literal(label, OPTION_CHARS) or text.CUT),
        "value": value,
    }
    if told := text.literal(note, OPTION_CHARS):
        made["description"] = views.plain(told)
    return made


def review(shown: answers.PlanShown) -> views.View:
    """Return the second step: the plan, and Request when it may be asked for."""
    message = plans.render(shown)
    # The form's own submit stands for the buttons.
    body = [block for block in message.blocks if block["type"] != "actions"]
    if not plans.may_be_asked(shown):
        return views.modal("Review", body, close="Back")
    if shown.plan.terms.confirm_count:
        count = len(shown.plan.order.targets)
        question = f"{words.title(shown.plan.order.action, count)}? Type {count} to request it."
        body.append(views.field(action_ids.Field.COUNT, question, views.text_input(COUNT_CHARS)))
    return views.modal(
        "Review",
        body,
        close="Back",
        submit=words.at_once(shown.plan.order.action)
        if plans.breaks_glass(shown.plan)
        else action_ids.LABELS[inputs.Do.REQUEST],
        callback=inputs.Form.REVIEW,
        metadata=shown.request_id,
    )
