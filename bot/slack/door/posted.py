"""A request that Slack has posted, read once and handed to Bolt as values.

Bolt takes a command whose text has the word "payload" in it for an empty one, so it isn't left to
read forms.
"""

from __future__ import annotations

import json
from typing import Any

import yarl
from aiohttp import web
from slack_bolt.request.async_request import AsyncBoltRequest

JSON = "application/json"


def bolt_request(body: str, request: web.Request) -> AsyncBoltRequest:
    """Return a request whose signature was checked, with its values read from `body`."""
    # Bolt takes values instead of a text in this mode alone; it changes nothing else.
    return AsyncBoltRequest(
        mode="socket_mode",
        body=read(body, request.content_type),
        headers=dict(request.headers.items()),
    )


def read(body: str, content_type: str) -> dict[str, Any]:
    """Return a body's values; one that can't be read has none, and nobody signs such a one."""
    found: Any
    try:
        if content_type == JSON or body.startswith("{"):
            found = json.loads(body)
        else:
            found = dict(yarl.query_to_pairs(body))
            found = json.loads(found["payload"]) if "payload" in found else found
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
