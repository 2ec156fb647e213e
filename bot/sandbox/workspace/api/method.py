"""How a Web API method is described: its arguments, scopes, token, and the function behind it."""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from bot.sandbox.workspace.api import arguments
from bot.sandbox.workspace.base.json_types import Json
from bot.sandbox.workspace.base.refusal import RefusedError
from bot.sandbox.workspace.state.state import WorkspaceState

Item = TypeVar("Item")
_PAGE: Final = 100
_LARGEST_PAGE: Final = 1000
# What every method takes: a token in the body, and the team that Bolt adds for org-wide installs.
_ALWAYS: Final = frozenset({"token", "team_id"})


@dataclass(frozen=True, slots=True)
class Method:
    """One method; any one of `scopes` is enough, and none at all means no scope is needed."""

    name: str
    run: Callable[[WorkspaceState, Json], Json]
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    app_token: bool = False

    def check_arguments(self, args: Json) -> None:
        """See that what is needed is there, and nothing that the method doesn't know.

        Slack itself takes no notice of unknown arguments; here they are most likely a typing
        error in the app, so they are refused.

        Raises:
            RefusedError: invalid_arguments.
        """
        known = {*self.required, *self.optional, *_ALWAYS}
        missing = [name for name in self.required if args.get(name) in (None, "")]
        problems = [f"[ERROR] missing required field: {name}" for name in missing]
        problems += [f"[ERROR] unknown field: {name}" for name in args if name not in known]
        if problems:
            raise RefusedError("invalid_arguments", problems)


def page(items: Sequence[Item], args: Json) -> tuple[list[Item], Json]:
    """Cut one page out of a list; the second part goes into the answer's response_metadata.

    Raises:
        RefusedError: invalid_limit or invalid_cursor.
    """
    size = arguments.whole_number(args.get("limit"), _PAGE) or _PAGE
    if not 0 < size <= _LARGEST_PAGE:
        raise RefusedError("invalid_limit")
    # The cursor is opaque to callers, as Slack's is, so that nobody counts on its inside.
    start = _offset(str(args.get("cursor") or ""))
    end = start + size
    cursor = base64.b64encode(f"next:{end}".encode()).decode() if end < len(items) else ""
    return list(items[start:end]), {"next_cursor": cursor}


def _offset(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        return int(base64.b64decode(cursor).decode().removeprefix("next:"))
    except ValueError:
        raise RefusedError("invalid_cursor") from None
