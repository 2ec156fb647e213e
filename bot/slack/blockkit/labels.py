"""The label of this bot, where several live in one workspace: before every title, in its name."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Any

from bot.slack.blockkit import blocks, text

APP_NAME = "Powerbot"
_NOT_IN_A_NAME = re.compile(r"[^a-z0-9._-]+")
# "Views" and "Blocks" in Slack's docs.
MOST_BLOCKS = 100
# "App manifest reference" in Slack's docs.
MOST_SHORTCUT_CHARS = 24


def app_name(label: str) -> str:
    """Return what the app is called."""
    return f"{APP_NAME} ({label})" if label else APP_NAME


def bot_name(label: str) -> str:
    """Return the bot's display name ("App manifest reference": which letters it may have)."""
    name = APP_NAME.lower()
    return f"{name}-{_NOT_IN_A_NAME.sub('-', label.lower())}" if label else name


def shortcut_name(name: str, brief: str, label: str) -> str:
    """Return what a shortcut is called: its name, or a brief one, after the label where it fits."""
    if not label:
        return name
    named = (f"{label}: {name}", f"{label}: {brief}")
    # A label alone still tells two bots apart.
    return next((one for one in named if len(one) <= MOST_SHORTCUT_CHARS), label)


def mentioned(label: str) -> str:
    """Return how people mention the bot."""
    return f"@{bot_name(label) if label else APP_NAME}"


def on_message(message: blocks.Message, label: str) -> blocks.Message:
    """Return a message with the label before its title; one without a title stays as it is."""
    if not label or not _titled(message.blocks):
        return message
    return dataclasses.replace(
        message,
        text=f"{label}: {message.text}",
        blocks=_labelled(message.blocks, label),
        plainer=_labelled(message.plainer, label),
    )


def on_help(message: blocks.Message, label: str) -> blocks.Message:
    """Return help, which has no title, below the label."""
    if not label:
        return message
    title = blocks.section(f"*{text.plain(label, len(label))}*")
    return dataclasses.replace(
        message, text=f"{label}\n{message.text}", blocks=(title, *message.blocks)
    )


def on_home(view: Mapping[str, Any], label: str) -> dict[str, Any]:
    """Return a Home tab that begins with the label."""
    shown = dict(view)
    if label:
        title = blocks.header(app_name(label))
        # In a full Home the label takes the last block's place.
        shown["blocks"] = [title, *view["blocks"]][:MOST_BLOCKS]
    return shown


def on_form(view: Mapping[str, Any], label: str) -> dict[str, Any]:
    """Return a window whose first title, if it has one, begins with the label."""
    return {**view, "blocks": list(_labelled(view.get("blocks", ()), label))}


def _titled(given: Sequence[blocks.Block]) -> bool:
    return bool(given) and given[0].get("type") == "header"


def _labelled(given: Sequence[blocks.Block], label: str) -> tuple[blocks.Block, ...]:
    """Return blocks with the label before the title that they begin with."""
    if not label or not _titled(given):
        return tuple(given)
    first, *rest = given
    return (blocks.header(f"{label} · {first['text']['text']}"), *rest)
