"""What Slack would send: slash commands and clicks, each with an id of its own, signed.

They come from the people of a large workspace in turn, as so many payloads would: the bot takes
no more of one person than a person sends. `slack` is the address of the Slack that sends them,
which takes the answers, too.
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import time
import urllib.parse
from typing import Any

from bot.sandbox import workspace

SECRET = "a-signing-secret-that-guards-nothing"
TEAM = workspace.Workspace().directory.team.id
# One of these people sends a payload, then the next.
LOADERS = tuple(f"U0LOADER{number:04}" for number in range(4_000))
_numbers = itertools.count(1)
_turns = itertools.cycle(LOADERS)


def slash(slack: str) -> dict[str, str]:
    """Return the fields of a slash command."""
    number = next(_numbers)
    return {
        "token": "verification",
        "team_id": TEAM,
        "team_domain": "bench",
        "channel_id": "C0OPS",
        "channel_name": "ops",
        "user_id": next(_turns),
        "user_name": "dana",
        "command": "/power",
        "text": "reboot web[01-20] !web07 because kernel panic after 6.8.4",
        "api_app_id": "A0BENCH",
        "is_enterprise_install": "false",
        "response_url": f"{slack}/respond/1234567890/{number}",
        "trigger_id": f"1{number:012}.98765.{number:032x}",
    }


def click(slack: str) -> dict[str, Any]:
    """Return the payload of a press of Approve under a card of thirteen blocks."""
    number = next(_numbers)
    user = {"id": next(_turns), "username": "dana", "name": "dana", "team_id": TEAM}
    return {
        "type": "block_actions",
        "team": {"id": TEAM, "domain": "bench"},
        "enterprise": None,
        "api_app_id": "A0BENCH",
        "token": "verification",
        "is_enterprise_install": False,
        "user": user,
        "container": {
            "type": "message",
            "message_ts": "1800000000.000100",
            "channel_id": "C0OPS",
            "is_ephemeral": False,
        },
        "channel": {"id": "C0OPS", "name": "ops"},
        "message": {"type": "message", "ts": "1800000000.000100", "blocks": _BLOCKS},
        "state": {"values": {}},
        "response_url": f"{slack}/respond/1234567890/{number}",
        "trigger_id": f"2{number:012}.98765.{number:032x}",
        "actions": [
            {
                "action_id": "pb:approve",
                "block_id": "buttons",
                "type": "button",
                "value": "PR-7F3K",
                "action_ts": "1800000001.000200",
                "text": {"type": "plain_text", "text": "Approve", "emoji": True},
            }
        ],
    }


_WORDS = "web[01-06,08-20] reboot because kernel panic after 6.8.4, asked by dana, in cn-east-3; "
_BLOCKS = [
    {
        "type": "section",
        "block_id": f"b{number}",
        "text": {"type": "mrkdwn", "text": _WORDS * 3, "verbatim": False},
    }
    for number in range(13)
]


def body(kind: str, slack: str) -> bytes:
    """Return the body of a request to the bot's address: `slash` or `click`."""
    fields = slash(slack) if kind == "slash" else {"payload": json.dumps(click(slack))}
    return urllib.parse.urlencode(fields).encode()


def signed_request(port: int, kind: str, slack: str) -> bytes:
    """Return a whole HTTP request, signed as Slack does ("Verifying requests from Slack")."""
    content = body(kind, slack)
    stamp = str(int(time.time()))
    base = b"v0:" + stamp.encode() + b":" + content
    digest = hmac.new(SECRET.encode(), base, hashlib.sha256).hexdigest()
    head = (
        f"POST /slack/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n"
        f"X-Slack-Request-Timestamp: {stamp}\r\nX-Slack-Signature: v0={digest}\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content
