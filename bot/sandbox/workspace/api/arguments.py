"""The arguments of a Web API call: from the query, a form, or a JSON body, whichever was sent."""

import json
from typing import Any, Final

from aiohttp import web

from bot.sandbox.workspace.base.json_types import Json
from bot.sandbox.workspace.base.refusal import RefusedError

_NESTED: Final = {
    "attachments": "invalid_arguments",
    "blocks": "invalid_blocks_format",
    "metadata": "invalid_metadata_format",
    "outputs": "invalid_arguments",
    "view": "invalid_arguments",
}


async def read(request: web.Request) -> Json:
    """Read all arguments; JSON strings inside of form fields become objects.

    Raises:
        RefusedError: invalid_json, json_not_object, or the error of a field that isn't JSON.
    """
    args: Json = dict(request.query)
    if request.content_type == "application/json":
        args |= _json_object(await request.text())
    elif request.method == "POST":
        form = await request.post()
        args |= {key: value for key, value in form.items() if isinstance(value, str)}
    for name, error in _NESTED.items():
        if isinstance(args.get(name), str) and args[name]:
            args[name] = _nested(args[name], error)
    return args


def flag(value: Any) -> bool:
    """Read a boolean as Slack's clients send it."""
    return value in (True, 1, "1", "true", "True")


def whole_number(value: Any, default: int) -> int:
    """Read a number from a query or a JSON body.

    Raises:
        RefusedError: invalid_arguments when it isn't a whole number.
    """
    if value in (None, ""):
        return default
    try:
        return int(value)
    except (TypeError, ValueError):
        raise RefusedError("invalid_arguments", [f"[ERROR] must be a number: {value!r}"]) from None


def _json_object(body: str) -> Json:
    if not body:
        return {}
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise RefusedError("invalid_json") from None
    if not isinstance(value, dict):
        raise RefusedError("json_not_object")
    return value


def _nested(text: str, error: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise RefusedError(error) from None
