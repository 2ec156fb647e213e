"""The Web API's blocks.validate: whether blocks, a message or a view would be taken."""

import json
from typing import Any, Final

from bot.sandbox.workspace.api.method import Method
from bot.sandbox.workspace.base.json_types import Json
from bot.sandbox.workspace.base.refusal import RefusedError
from bot.sandbox.workspace.blockkit import blocks
from bot.sandbox.workspace.state.state import WorkspaceState

_ONE_OF: Final = ("blocks", "message", "view")


def validate(state: WorkspaceState, args: Json) -> Json:
    """Answer blocks.validate; what is wrong stands in `errors`, each with its JSON pointer."""
    given = [name for name in _ONE_OF if args.get(name)]
    if len(given) != 1:
        raise RefusedError("invalid_arguments", ["[ERROR] provide one of blocks, message, view"])
    [what] = given
    asked = _decoded(args[what])
    try:
        if what == "view":
            blocks.check_view(asked, str(asked.get("type") if isinstance(asked, dict) else ""))
        else:
            blocks.check_message(asked.get("blocks", []) if what == "message" else asked)
    except RefusedError as refused:
        said = refused.messages or [refused.error]
        raise RefusedError(f"invalid_{what}", errors=[_error(one) for one in said]) from None
    return {}


def _decoded(value: Any) -> Any:
    """Read an argument that is JSON in a text."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except json.JSONDecodeError:
        raise RefusedError("invalid_arguments", ["[ERROR] must be JSON"]) from None


def _error(said: str) -> Json:
    """Part a mistake from the pointer behind it."""
    message, _, pointer = said.removeprefix("[ERROR] ").partition(" [json-pointer:")
    return {"pointer": pointer.rstrip("]"), "code": "failed_constraint", "message": message}


METHODS: Final = (Method("blocks.validate", validate, (), _ONE_OF),)
