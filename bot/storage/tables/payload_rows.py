"""A payload as the inbox has it, with a mark that only a process with the bot's secret can make.

Whoever can write to the database could else put a click into it, as if Slack had brought it, and
every approval that follows would be as good as a real one.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from typing import Any

from bot.power import ports, request
from bot.storage.tables import stored_json
from bot.storage.tables.rows import storable

# What the mark is made of, in this order.
_MARKED = (
    "key",
    "kind",
    "user_id",
    "team_id",
    "channel_id",
    "thread_ts",
    "body",
    "response_url",
    "at",
)
# The batch on PostgreSQL makes an array of each, in this order.
COLUMNS = (*_MARKED, "mark")


def written(inbound: ports.Inbound, marking_key: bytes) -> dict[str, Any]:
    """Return the columns of a payload."""
    row = {
        "key": storable(inbound.key),
        "kind": inbound.kind.value,
        "user_id": storable(inbound.person.user_id),
        "team_id": storable(inbound.person.team_id),
        "channel_id": storable(inbound.place.channel_id),
        "thread_ts": storable(inbound.place.thread_ts),
        "body": stored_json.written_input(inbound.input),
        "response_url": storable(inbound.response_url),
        "at": float(inbound.at),
    }
    return {**row, "mark": _mark(row, marking_key)}


def read(row: Any) -> ports.Inbound:
    """Return the payload that a row is."""
    return ports.Inbound(
        key=row.key,
        person=request.Person(user_id=row.user_id, team_id=row.team_id),
        place=request.Place(channel_id=row.channel_id, thread_ts=row.thread_ts),
        input=stored_json.read_input(row.kind, row.body),
        at=row.at,
        response_url=row.response_url,
    )


def is_ours(row: Any, marking_key: bytes) -> bool:
    """Whether a process with this secret has stored a row, and nobody has changed it since."""
    return hmac.compare_digest(mark_of(row, marking_key), row.mark)


def mark_of(row: Any, marking_key: bytes) -> str:
    """Return the mark that a stored row would have from a process with this secret."""
    return _mark({name: getattr(row, name) for name in _MARKED}, marking_key)


def _mark(row: Mapping[str, Any], marking_key: bytes) -> str:
    """Return the mark of a row."""
    # A list in JSON, so that no value can pass for a part of the one beside it.
    told = json.dumps([row[name] for name in _MARKED])
    return hmac.digest(marking_key, told.encode(), "sha256").hex()
