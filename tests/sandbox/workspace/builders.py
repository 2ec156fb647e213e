"""Blocks and views that tests need again and again."""

from typing import Any

from bot.sandbox.workspace import Workspace
from bot.sandbox.workspace.transport.delivery import Envelope

Json = dict[str, Any]
QUIET: dict[str, Any] = {"unfurl_links": False, "unfurl_media": False}


class Mailbox:
    """A transport that keeps what it is given, and acks with what it was told."""

    def __init__(self) -> None:
        self.received: list[Json] = []
        self.answer: Json = {}

    async def deliver(self, envelope: Envelope, copies: int, timeout_s: float) -> Json:
        """Keep the payload."""
        self.received.append(envelope.payload)
        return self.answer


def mailbox_of(workspace: Workspace) -> Mailbox:
    """Put a mailbox in the place of the app."""
    box = Mailbox()
    workspace.deliver_by(box)
    return box


def plain(text: str) -> Json:
    """A plain_text object."""
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> Json:
    """A mrkdwn object."""
    return {"type": "mrkdwn", "text": text}


def section(text: str = "hello") -> Json:
    """A section of mrkdwn."""
    return {"type": "section", "text": mrkdwn(text)}


def button(**changes: Any) -> Json:
    """A button that says Approve."""
    return {"type": "button", "action_id": "approve", "text": plain("Approve"), **changes}


def actions(*elements: Json) -> Json:
    """An actions block."""
    return {"type": "actions", "elements": list(elements)}


def option(text: str = "web01", value: str = "id-1") -> Json:
    """An option."""
    return {"text": plain(text), "value": value}


def select(**changes: Any) -> Json:
    """A static select with one option."""
    return {"type": "static_select", "action_id": "pick", "options": [option()], **changes}


def entry(element: Json, **changes: Any) -> Json:
    """An input block."""
    return {"type": "input", "label": plain("Label"), "element": element, **changes}


def rich_text(*inline: Json) -> Json:
    """A rich_text block of one section."""
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [*inline]}]}


def table(rows: int, columns: int, text: str = "x") -> Json:
    """A table in which every cell says the same."""
    cell = {"type": "raw_text", "text": text}
    return {"type": "table", "rows": [[cell] * columns] * rows}


def task(**changes: Any) -> Json:
    """One task of a plan."""
    return {"type": "task_card", "task_id": "t1", "title": "web01", "status": "pending", **changes}


def modal(*blocks: Json, **changes: Any) -> Json:
    """A modal that can be submitted."""
    return {
        "type": "modal",
        "callback_id": "review",
        "title": plain("Review"),
        "submit": plain("Next"),
        "blocks": list(blocks) or [{"type": "divider"}],
        **changes,
    }
