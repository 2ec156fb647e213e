"""Inputs as the inbox and messages as the outbox keep them: JSON that older versions' rows fit too.

An input has a `type`, which rows of older versions lack; a message has its `event` and all that a
step has given it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, get_args

import pydantic
import structlog

from bot.power import inputs
from bot.power.messages import messages

log = structlog.get_logger()

_MODEL: pydantic.TypeAdapter[inputs.Input] = pydantic.TypeAdapter(
    Annotated[inputs.Input, pydantic.Field(discriminator="type")]
)
# What the listener's word stood for before inputs had types.
_OF_KIND = {
    "command": "typed",
    "mention": "mentioned",
    "button": "pressed",
    "form": "form_sent",
    "shortcut": "shortcut_used",
    "step": "step_begun",
    "home": "home_opened",
}


def written_input(given: inputs.Input) -> str:
    """Return an input as compact JSON in ASCII, which every database stores as it is."""
    return given.model_dump_json(ensure_ascii=True)


def read_input(kind: str, text: str) -> inputs.Input:
    """Return the input that a row's `kind` and `body` are; Unknown for what can't be read."""
    body = json.loads(text)
    if "\\ud" in text:  # Half a character, perhaps, which no model takes.
        body = json.loads(json.dumps(body, ensure_ascii=False).encode(errors="replace"))
    try:
        return _MODEL.validate_python(body if "type" in body else _of_old(kind, body))
    except pydantic.ValidationError as error:
        log.warning("store.input_unknown", kind=kind, fields=[one["loc"] for one in error.errors()])
        # One payload that nobody understands must not hold up those behind it.
        return inputs.Unknown()


def _of_old(kind: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a body from before inputs had types, with the type that its keys stand for."""
    found = _OF_KIND.get(kind, "unknown")
    if kind == "command" and "do" in body:
        found = "repeated"
    elif kind == "form" and "filled" in body:
        found = "request_filled"
    return {**body, "type": found}


def _model(union: Any) -> pydantic.TypeAdapter[Any]:
    """Return the reader of a union's messages, by their events."""
    known = tuple(one for one in get_args(union) if one is not messages.Unknown)
    joined: Any = known[0]
    for one in known[1:]:
        joined |= one
    if len(known) == 1:
        return pydantic.TypeAdapter(joined)
    return pydantic.TypeAdapter(Annotated[joined, pydantic.Field(discriminator="event")])


_MESSAGE = _model(messages.Message)
_NEWS = _model(messages.News)


def written_message(message: messages.Message | messages.News) -> str:
    """Return a message as compact JSON in ASCII, which every database stores as it is."""
    # Without defaults: another version's may differ, and what was said stays said.
    given = message.model_dump(mode="json", exclude_unset=True)
    whole = {"event": message.event, **given}
    return json.dumps(whole, separators=(",", ":"), ensure_ascii=True)


def read_message(text: str) -> messages.Message:
    """Return the message that a body is; Unknown for what only a newer version can read."""
    found: messages.Message = _read(_MESSAGE, json.loads(text))
    return found


def read_news(text: str) -> messages.News:
    """Return the notice that a stored body holds."""
    found: messages.News = _read(_NEWS, json.loads(text))
    return found


def _read(model: pydantic.TypeAdapter[Any], body: Mapping[str, Any]) -> Any:
    """Return the message of a body."""
    try:
        return model.validate_python(body)
    except pydantic.ValidationError as error:
        fields = [one["loc"] for one in error.errors()]
        log.warning("store.message_unknown", of=str(body.get("event")), fields=fields)
        # Enough for one line of what has happened.
        words = {name: str(body.get(name) or "") for name in ("event", "reason")}
        return messages.Unknown.model_validate(words)
