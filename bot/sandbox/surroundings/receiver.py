"""A load balancer that is told by webhooks, signed as Standard Webhooks 1.0 has it.

The signature is checked here by a few lines of its own (spec/standard-webhooks.md), not by the
library that the bot signs with.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from aiohttp import web

from bot.sandbox.surroundings import calls
from bot.sandbox.surroundings.faults import Part

TOLERANCE_S = 300.0
MOST_KEPT = 1000


class BadSignature(ValueError):
    """A webhook isn't from who it should be from; the words say what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook that was taken; `tries` of one id are told apart by `again`."""

    id: str
    type: str
    data: Mapping[str, object]
    again: bool


@dataclass(slots=True)
class Receiver:
    """Takes webhooks; `wall` is the time of day in seconds, `secrets` those that are known.

    `out` are the names of servers that get no traffic, each with the request that took it out.
    """

    wall: Callable[[], float]
    secrets: list[str]
    hooks: list[Hook] = field(default_factory=list)
    out: dict[str, str] = field(default_factory=dict)

    def routes(self, prefix: str, through: calls.Calls) -> list[web.RouteDef]:
        """Return the route under a prefix."""
        return [web.post(f"{prefix}/power", through.through(Part.BALANCER, self._receive))]

    async def _receive(self, request: web.Request) -> web.StreamResponse:
        body = await request.content.read(calls.MOST_BODY_BYTES)
        try:
            hook_id = check(body, request.headers, self.secrets, self.wall())
            self._take(hook_id, json.loads(body))
        except BadSignature as error:
            return web.json_response({"title": "bad signature", "detail": str(error)}, status=401)
        except (ValueError, KeyError, TypeError, AttributeError):
            return web.json_response({"title": "bad body", "detail": "no such event"}, status=422)
        return web.Response(status=204)

    def _take(self, hook_id: str, body: Mapping[str, object]) -> None:
        """Do what a webhook says, once for each id."""
        kind, data = str(body["type"]), body["data"]
        if not isinstance(data, dict):
            raise ValueError("data")
        again = any(one.id == hook_id for one in self.hooks)
        if not again:
            self._do(kind, data)
        self.hooks.append(Hook(hook_id, kind, data, again))
        del self.hooks[:-MOST_KEPT]

    def _do(self, kind: str, data: Mapping[str, object]) -> None:
        if kind == "powerbot.test":
            return
        rows = data["servers"]
        if not isinstance(rows, list):
            raise ValueError("servers")
        names = [str(row["name"]) for row in rows]
        if kind == "powerbot.wave.before":
            self.out |= dict.fromkeys(names, str(data["request"]))
        elif kind == "powerbot.wave.after":
            for name in names:
                self.out.pop(name, None)
        else:
            raise ValueError(kind)


def check(body: bytes, headers: Mapping[str, str], secrets: list[str], now: float) -> str:
    """Return a webhook's id, if one of the secrets has signed it.

    Raises:
        BadSignature: a header is missing, it is too old or too new, or no signature fits.
    """
    hook_id, sent = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not hook_id or not (sent.isascii() and sent.isdigit()):
        raise BadSignature("webhook-id or webhook-timestamp is missing")
    if abs(now - int(sent)) > TOLERANCE_S:
        raise BadSignature("webhook-timestamp is too old or too new")
    signed = hook_id.encode() + b"." + sent.encode() + b"." + body
    given = headers.get("webhook-signature", "").split(" ")
    for secret in secrets:
        made = hmac.new(_key(secret), signed, hashlib.sha256).digest()
        wanted = "v1," + base64.b64encode(made).decode()
        if any(hmac.compare_digest(wanted.encode(), one.encode()) for one in given):
            return hook_id
    raise BadSignature("no signature fits")


def _key(secret: str) -> bytes:
    """Return the bytes of a `whsec_` secret."""
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        raise BadSignature("the receiver's own secret isn't base64") from None
