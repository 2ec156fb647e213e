"""The few Block Kit pieces that our messages are made of, with Slack's sizes kept.

Numbers are those of "Block Kit: blocks" and "Block Kit: composition objects" in Slack's docs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from slack_sdk.models import blocks as kit

from bot.power import inputs
from bot.slack import action_ids
from bot.slack.blockkit import text

MOST_BLOCKS = 50  # Of a message; a view takes 100.
SECTION_CHARS = 3000
HEADER_CHARS = 150
BUTTON_CHARS = 75
CONFIRM_TITLE_CHARS = 100
CONFIRM_CHARS = 300
CONFIRM_BUTTON_CHARS = 30
CONTEXT_CHARS = 2000
BUTTON_VALUE_CHARS = 2000  # A line that is longer has no page buttons.
# Slack refuses about 13,200 characters over all blocks ("msg_blocks_too_long"); we stay below.
MESSAGE_CHARS = 12_000
FALLBACK_CHARS = 3000  # Of `text`, which is for notifications.
# "Table block": 100 rows; all cells together take about 10,000 characters.
TABLE_ROWS = 100
TABLE_CHARS = 7000

# Kinds that not every workspace takes yet ("Table block", "Plan block"); each message that has one
# says the same in older kinds, too.
NEWER = frozenset({"table", "plan"})

Block = dict[str, Any]


@dataclasses.dataclass(frozen=True, slots=True)
class Message:
    """What is posted: `text` stands alone in notifications and for screen readers.

    `plainer` are older kinds of blocks that say the same, for where Slack refuses newer ones.
    """

    text: str
    blocks: tuple[Block, ...] = ()
    metadata: Mapping[str, Any] | None = None
    plainer: tuple[Block, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Button:
    """One button; `value` is a request's id, `label` the contract's word unless given."""

    do: inputs.Do
    value: str
    style: str = ""
    confirm: Block | None = None
    label: str = ""
    spoken: str = ""
    apart: str = ""


def calls_group(message: Message) -> bool:
    """Whether a message calls a user group, which workspaces may keep to a few people."""
    return text.calls_group(message.text) or text.calls_group(repr(message.blocks))


def without_calls(message: Message) -> Message:
    """Return the message with its user groups named, and called no more."""
    return dataclasses.replace(
        message,
        text=text.without_calls(message.text),
        blocks=tuple(map(_without_calls, message.blocks)),
        plainer=tuple(map(_without_calls, message.plainer)),
    )


def _without_calls(piece: Any) -> Any:
    """Return a piece of a block with its texts changed."""
    if isinstance(piece, str):
        return text.without_calls(piece)
    if isinstance(piece, list):
        return [_without_calls(one) for one in piece]
    if isinstance(piece, dict):
        return {key: _without_calls(one) for key, one in piece.items()}
    return piece


def header(words: str) -> Block:
    """Return a heading of plain text."""
    shown = kit.PlainTextObject(text=text.cut(words, HEADER_CHARS), emoji=True)
    return _plain_dict(kit.HeaderBlock(text=shown))


def section(markdown: str) -> Block:
    """Return a paragraph of mrkdwn whose foreign parts have been through `text.plain`.

    It is verbatim: Slack links no address by itself, and no `#channel` or `@name`.
    """
    shown = kit.MarkdownTextObject(text=text.cut(markdown, SECTION_CHARS), verbatim=True)
    return _plain_dict(kit.SectionBlock(text=shown))


def paragraphs(markdown: str) -> list[Block]:
    """Return long mrkdwn as sections, parted at line ends."""
    parts: list[str] = [""]
    for line in markdown.split("\n"):
        # A section that is cut could end within a mention or an entity.
        if len(parts[-1]) + len(line) + 1 > SECTION_CHARS:
            parts.append("")
        parts[-1] += f"{line}\n"
    return [section(part.strip()) for part in parts if part.strip()]


def literal_section(words: str) -> Block:
    """Return a paragraph that Slack shows as it stands."""
    # Without emoji a foreign :word: stays as it was typed.
    shown = kit.PlainTextObject(text=text.cut(words, SECTION_CHARS) or text.CUT, emoji=False)
    return _plain_dict(kit.SectionBlock(text=shown))


def context(markdown: str) -> Block:
    """Return a line of small print."""
    shown = kit.MarkdownTextObject(text=text.cut(markdown, CONTEXT_CHARS), verbatim=True)
    return _plain_dict(kit.ContextBlock(elements=[shown]))


def table(rows: Sequence[Sequence[str]]) -> Block:
    """Return a table of plain words, its first row the heading ("Table block").

    The caller keeps its bounds: `TABLE_ROWS` rows, and `TABLE_CHARS` in all cells together.
    """
    # An empty cell is refused, so a dash stands in it.
    cells = [[{"type": "raw_text", "text": word or "–"} for word in row] for row in rows]
    # Otherwise a cell is cut at its column's edge ("Table block": column_settings).
    settings = [{"is_wrapped": True} for _ in rows[0]]
    return {"type": "table", "column_settings": settings, "rows": cells}


def button_row(buttons: Sequence[Button]) -> Block:
    """Return a row of buttons."""
    elements = [_button(button) for button in buttons]
    return {"type": "actions", "elements": elements}


def confirm(title: str, words: str, yes: str, *, danger: bool = False) -> Block:
    """Return the dialog that asks once more before a button acts; red where there is `danger`."""
    dialog = kit.ConfirmObject(
        title=text.cut(title, CONFIRM_TITLE_CHARS),
        text=kit.PlainTextObject(text=text.cut(words, CONFIRM_CHARS)),
        confirm=text.cut(yes, CONFIRM_BUTTON_CHARS),
        deny=text.cut("Go back", CONFIRM_BUTTON_CHARS),
        style="danger" if danger else None,
    )
    return _plain_dict(dialog)


def _button(button: Button) -> Block:
    """Return one button as Slack wants it."""
    words = button.label or action_ids.LABELS[button.do]
    made: Block = {
        "type": "button",
        "action_id": action_ids.action_id(button.do, button.apart),
        "text": {"type": "plain_text", "text": text.cut(words, BUTTON_CHARS)},
        "value": button.value,
        "accessibility_label": text.cut(button.spoken or words, BUTTON_CHARS),
    }
    if button.style:
        made["style"] = button.style
    if button.confirm is not None:
        made["confirm"] = button.confirm
    return made


def _plain_dict(piece: Any) -> Block:
    """Return a slack_sdk model as the JSON that is sent."""
    made: Block = piece.to_dict()
    return made


def characters(blocks: Sequence[Block]) -> int:
    """Return how many characters of text the blocks carry."""
    return sum(_text_length(block) for block in blocks)


def _text_length(piece: object) -> int:
    """Return the length of all texts within one piece of a message."""
    if isinstance(piece, dict):
        own = len(piece["text"]) if isinstance(piece.get("text"), str) else 0
        return own + sum(_text_length(part) for part in piece.values())
    if isinstance(piece, list):
        return sum(_text_length(part) for part in piece)
    return 0


def fitted(message: Message) -> Message:
    """Return the message within Slack's limits.

    One that is too large keeps its text and its buttons: a card must stay usable.
    """
    fits = len(message.blocks) <= MOST_BLOCKS and characters(message.blocks) <= MESSAGE_CHARS
    if fits:
        return dataclasses.replace(message, text=text.cut(message.text, FALLBACK_CHARS))
    rows = tuple(block for block in message.blocks if block["type"] == "actions")
    kept = (section(message.text), *rows[:1])
    return dataclasses.replace(message, text=text.cut(message.text, FALLBACK_CHARS), blocks=kept)


def newer_kinds(message: Message) -> frozenset[str]:
    """Return the kinds of blocks in a message that not every workspace takes."""
    return NEWER & {block["type"] for block in message.blocks}


def ways(message: Message, without: Collection[str] = ()) -> tuple[Message, ...]:
    """Return the message as it is best, then as it is sent when Slack refuses its blocks.

    `without` are kinds of blocks that the workspace is known to refuse.
    """
    first = fitted(message)
    plainer = dataclasses.replace(message, blocks=message.plainer)
    between = (fitted(plainer),) if message.plainer else ()
    # A call that is sure to be refused would only use up the rate.
    best = () if between and not newer_kinds(message).isdisjoint(without) else (first,)
    return (*best, *between, bare(first))


def bare(message: Message) -> Message:
    """Return the message as one literal paragraph, for when Slack refuses its blocks."""
    return dataclasses.replace(message, blocks=(literal_section(message.text),))
