"""Messages as the outbox keeps them: JSON of all that a step has given, under its `event`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, get_args

import pydantic
import structlog

from bot.power.messages import messages

log = structlog.get_logger()


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


def written(message: messages.Message | messages.News) -> str:
    """Return a message as compact JSON in ASCII, which every database stores as it is."""
    given = message.model_dump(mode="json", exclude_unset=True)
    whole = {"event": message.event, **given}
    return json.dumps(whole, separators=(",", ":"), ensure_ascii=True)


def read(text: str) -> messages.Message:
    """Return the message that a body is; Unknown for what only a newer version can read."""
    found: messages.Message = _read(_MESSAGE, json.loads(text))
    return found


def read_news(text: str) -> messages.News:
    """Return what a channel is told by a body."""
    found: messages.News = _read(_NEWS, json.loads(text))
    return found


def _read(model: pydantic.TypeAdapter[Any], body: Mapping[str, Any]) -> Any:
    """Return the message of a body."""
    try:
        return model.validate_python(body)
    except pydantic.ValidationError as error:
        fields = [one["loc"] for one in error.errors()]
        log.warning("store.message_unknown", of=str(body.get("event")), fields=fields)
        words = {name: str(body.get(name) or "") for name in ("event", "reason")}
        return messages.Unknown.model_validate(words)
