"""Messages as tests write and read them: by the JSON that the outbox keeps."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bot.power.messages import messages
from bot.storage.tables import stored_json


def message(body: Mapping[str, Any]) -> messages.Message:
    """Return the message that a stored body is."""
    return stored_json.read_message(json.dumps(body))


def news(body: Mapping[str, Any]) -> messages.News:
    """Return what a channel is told by a stored body."""
    return stored_json.read_news(json.dumps(body))


def of(said: messages.Message | messages.News | None) -> dict[str, Any]:
    """Return what the outbox keeps of a message; a card has nothing."""
    found: dict[str, Any] = (
        json.loads(stored_json.written_message(said)) if said is not None else {}
    )
    return found
