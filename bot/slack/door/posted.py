"""A request that Slack has posted, made ready for Bolt.

Bolt reads a form with urllib, which takes more time than all that Bolt does besides, and it takes
a command whose text has the word "payload" in it for an empty one.
"""

from __future__ import annotations

import binascii
import json
import urllib.parse
from typing import Any

from aiohttp import web
from slack_bolt.context.async_context import AsyncBoltContext
from slack_bolt.request.async_internals import build_async_context
from slack_bolt.request.async_request import AsyncBoltRequest

JSON = "application/json"


def bolt_request(body: str, request: web.Request) -> AsyncBoltRequest:
    """Return a request as Bolt takes it, with its body as text; its signature was checked."""
    made = AsyncBoltRequest(body="", headers=dict(request.headers.items()))
    made.raw_body = body
    made.body = read(body, request.content_type)
    made.context = build_async_context(AsyncBoltContext({}), made.body)
    return made


def read(body: str, content_type: str) -> dict[str, Any]:
    """Return a body's values; one that can't be read has none, and nobody signs such a one."""
    found: Any
    try:
        if content_type == JSON or body.startswith("{"):
            found = json.loads(body)
        else:
            found = form(body)
            found = json.loads(found["payload"]) if "payload" in found else found
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def form(body: str) -> dict[str, str]:
    """Return the fields of a form ("application/x-www-form-urlencoded")."""
    pairs = (field.partition("=") for field in body.split("&") if field)
    return {unquoted(name): unquoted(value) for name, _, value in pairs}


def unquoted(text: str) -> str:
    """Return a form's text without its escapes, as `urllib.parse.unquote_plus` does.

    The escapes of quoted-printable differ from a form's only by their sign, and the standard
    library reads those in C: a press of a button has a thousand of them.
    """
    if "%" not in text:
        return text.replace("+", " ")
    given = text.replace("+", " ").replace("=", "%3D").replace("%", "=").encode()
    taken = binascii.a2b_qp(given)
    # Each whole escape is two bytes shorter. One that is none reads otherwise there, and so does
    # one at the end of a line.
    if len(given) - len(taken) != 2 * given.count(b"=") or "\n" in text or "\r" in text:
        return urllib.parse.unquote_plus(text)
    return taken.decode(errors="replace")
