"""What all forms are made of, and the views that only say something while one waits.

Sizes are those of "Views" and "Block elements" in Slack's docs. A form's metadata holds ids alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from bot.power import inputs
from bot.slack import action_ids
from bot.slack.blockkit import blocks, text

View = dict[str, Any]

TITLE = "Power change"  # Of the 24 characters that a title may have.
LABEL_CHARS = 2000
HINT_CHARS = 300
PLANNING = "Making the plan…"
ASKING = "Asking…"
OPENING = "Reading the inventory…"
# A view takes 100 blocks.
MOST_BLOCKS = 100


def external_id(key: str) -> str:
    """Return the id by which the view that a payload opens can be found again.

    It is made of the payload's key, so that a process that takes over finds the same view.
    """
    # 128 bits name a view without a double, well below the 255 characters of an id.
    return action_ids.PREFIX + hashlib.sha256(key.encode()).hexdigest()[:32]


def modal(
    title: str,
    body: Sequence[Mapping[str, Any]],
    *,
    close: str = "Cancel",
    submit: str = "",
    callback: inputs.Form | None = None,
    metadata: str = "",
) -> View:
    """Return a view; without `submit` it has nothing to send."""
    view: View = {
        "type": "modal",
        "title": plain(title),
        "close": plain(close),
        "blocks": [dict(block) for block in body[:MOST_BLOCKS]],
    }
    if submit:
        view["submit"] = plain(submit)
    if callback:
        view["callback_id"] = action_ids.callback_id(callback)
    if metadata:
        view["private_metadata"] = metadata
    return view


def loading(external: str, words: str = OPENING) -> View:
    """Return the view that is shown at once: a trigger id lives three seconds, an answer may not.

    It carries the id by which it is changed as soon as there is something to show.
    """
    return {**modal(TITLE, [blocks.section(f"⏳ {words}")]), "external_id": external}


def saying(message: blocks.Message) -> View:
    """Return a view that says how it ended; closing it closes the forms below it too."""
    # Tables are for messages alone ("Table block": surfaces).
    shown = message.plainer or message.blocks
    body = [block for block in shown if block["type"] != "actions"]
    return {**modal(TITLE, body or [blocks.section(message.text)], close="Close")} | {
        "clear_on_close": True
    }


def field(
    name: str,
    label: str,
    element: Mapping[str, Any],
    *,
    hint: str = "",
    optional: bool = False,
) -> blocks.Block:
    """Return an input with its label; block and element carry the field's name."""
    block: blocks.Block = {
        "type": "input",
        "block_id": name,
        "label": plain(text.cut(label, LABEL_CHARS)),
        "element": {**element, "action_id": name},
        "optional": optional,
    }
    if hint:
        block["hint"] = plain(text.cut(hint, HINT_CHARS))
    return block


def text_input(longest: int, *, multiline: bool = False, example: str = "") -> dict[str, Any]:
    """Return a field to type into."""
    element: dict[str, Any] = {
        "type": "plain_text_input",
        "multiline": multiline,
        "max_length": longest,  # Slack lets nobody type more.
    }
    if example:
        element["placeholder"] = plain(example)
    return element


def plain(shown: str) -> dict[str, Any]:
    """Return a plain_text object."""
    return {"type": "plain_text", "text": shown}
