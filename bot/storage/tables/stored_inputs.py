"""Inputs as the inbox keeps them: JSON with a `type`; rows of older versions have none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

import pydantic
import structlog

from bot.power import inputs

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


def written(given: inputs.Input) -> str:
    """Return an input as compact JSON in ASCII, which every database stores as it is."""
    return given.model_dump_json(ensure_ascii=True)


def read(kind: str, text: str) -> inputs.Input:
    """Return the input that a row's `kind` and `body` are; Unknown for what can't be read."""
    body = json.loads(text)
    if "\\ud" in text:  # Half a character, perhaps, which no model takes.
        body = json.loads(json.dumps(body, ensure_ascii=False).encode(errors="replace"))
    try:
        return _MODEL.validate_python(body if "type" in body else _of_old(kind, body))
    except pydantic.ValidationError as error:
        log.warning("store.input_unknown", kind=kind, fields=[one["loc"] for one in error.errors()])
        return inputs.Unknown()


def _of_old(kind: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a body from before inputs had types, with the type that its keys stand for."""
    found = _OF_KIND.get(kind, "unknown")
    if kind == "command" and "do" in body:
        found = "repeated"
    elif kind == "form" and "filled" in body:
        found = "request_filled"
    return {**body, "type": found}
