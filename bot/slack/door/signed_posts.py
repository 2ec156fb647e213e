"""A request that Slack has posted: whether Slack has signed it, and its values as Bolt takes them.

The rules are of https://docs.slack.dev/authentication/verifying-requests-from-slack/. Bolt checks
the same once more; it tells no reasons, and it fails on a timestamp that is no number. Nor is it
left to read forms: it takes a command whose text has the word "payload" in it for an empty one.
"""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import json
from collections.abc import Sequence
from typing import Any

import yarl
from aiohttp import web
from multidict import MultiMapping
from slack_bolt.request.async_request import AsyncBoltRequest

from bot.slack.door.turned_away import Check

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


TIMESTAMP = "X-Slack-Request-Timestamp"
SIGNATURE = "X-Slack-Signature"
# A request that is older may have been recorded and played again.
MOST_AGE_S = 300
# A number of seconds since 1970 has ten digits until the year 2286.
MOST_DIGITS = 12


@dataclasses.dataclass(frozen=True, slots=True)
class PostRefusal:
    """What a request fails at; `off_s` is by how many seconds, where it is its time."""

    check: Check
    off_s: int = 0


def refusal(
    secret: str, headers: MultiMapping[str], body: bytes, *, instants: Sequence[float]
) -> PostRefusal | None:
    """Return what is wrong with a request, or None for one that Slack has signed.

    `instants` are all that it may be, in seconds since 1970: several where the clock was set.
    """
    stamps, signatures = headers.getall(TIMESTAMP, []), headers.getall(SIGNATURE, [])
    if not stamps:
        return PostRefusal(Check.TIMESTAMP_MISSING)
    if not signatures:
        return PostRefusal(Check.SIGNATURE_MISSING)
    if len(stamps) > 1 or len(signatures) > 1:
        return PostRefusal(Check.HEADER_TWICE)
    if (late := _too_far(stamps[0], instants)) is not None:
        return late
    signed = b"v0:" + stamps[0].encode() + b":" + body
    wanted = "v0=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    # Bytes, since texts that aren't ASCII can't be compared in constant time.
    given = signatures[0].encode(errors="surrogateescape")
    same = hmac.compare_digest(wanted.encode(), given)
    return None if same else PostRefusal(Check.SIGNATURE_DIFFERS)


def _too_far(stamp: str, instants: Sequence[float]) -> PostRefusal | None:
    """Return what is wrong with a timestamp."""
    if not (stamp.isascii() and stamp.isdecimal() and len(stamp) <= MOST_DIGITS):
        return PostRefusal(Check.TIMESTAMP_UNREADABLE)
    age_s = min((round(now - int(stamp)) for now in instants), key=abs)
    if abs(age_s) <= MOST_AGE_S:
        return None
    return PostRefusal(Check.TIMESTAMP_OLD if age_s > 0 else Check.TIMESTAMP_AHEAD, abs(age_s))
