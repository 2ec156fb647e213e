"""The words of a message: text and blocks as an app sends them, checked before they are shown."""

from dataclasses import dataclass

from bot.sandbox.workspace.base import limits
from bot.sandbox.workspace.base.json_types import Json
from bot.sandbox.workspace.base.refusal import RefusedError
from bot.sandbox.workspace.blockkit import blocks
from bot.sandbox.workspace.state.state import WorkspaceState


@dataclass(frozen=True, slots=True)
class Words:
    """What a message says: its fallback text, and its blocks, which may be none."""

    text: str
    blocks: list[Json]


def read(state: WorkspaceState, where: str, args: Json) -> Words:
    """Check text and blocks; `where` is the method that gets the blame.

    Raises:
        RefusedError: no_text, msg_too_long, invalid_blocks, msg_blocks_too_long or forged_text.
    """
    text, given = args.get("text") or "", args.get("blocks") or []
    if not isinstance(text, str):
        raise RefusedError("invalid_arguments", ["[ERROR] must be a string: text"])
    if not isinstance(given, list):
        raise RefusedError("invalid_blocks_format")
    if not text.strip() and not given:
        raise RefusedError("no_text")
    if len(text) > limits.MESSAGE_TEXT:
        raise RefusedError("msg_too_long")
    blocks.check_message(given)
    state.check_text(where, args)
    return Words(text, given)
