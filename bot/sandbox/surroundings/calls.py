"""A call to one of the surroundings: its fault, its secret, its body, and the log of what came."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from bot.sandbox.surroundings.faults import Fault, Faults, Part

MOST_BODY_BYTES = 1024 * 1024
MOST_NOTED = 10_000
HANG_S = 3600.0
_CHUNK = b"x" * 65_536
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Unreadable(ValueError):
    """A body is no JSON object."""


@dataclass(frozen=True, slots=True)
class Noted:
    """A call as it came: `did` says whether it got past its faults; status 0 means no answer."""

    seq: int
    part: Part
    method: str
    path: str
    status: int
    did: bool


class Calls:
    """Runs calls through the faults, and keeps the newest ones."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self._noted: deque[Noted] = deque(maxlen=MOST_NOTED)
        self._count = 0

    def noted(self, after: int = 0) -> list[Noted]:
        """Return the calls behind this number, oldest first."""
        return [one for one in self._noted if one.seq > after]

    def through(self, part: Part, handler: Handler) -> Handler:
        """Return the handler with the faults of a part in front of it, and the log behind it."""

        async def answered(request: web.Request) -> web.StreamResponse:
            fault = self.faults.take(part, request.method)
            if fault not in (None, Fault.LOST, Fault.GARBLED):
                self._note(part, request, _STATUSES.get(fault, 0), did=False)
                return await _instead(request, fault)
            response = await handler(request)
            self._note(part, request, 0 if fault else response.status, did=True)
            if fault is Fault.LOST:
                return cut(request)
            return web.Response(text="<html>ok</html>") if fault else response

        return answered

    def _note(self, part: Part, request: web.Request, status: int, *, did: bool) -> None:
        self._count += 1
        self._noted.append(Noted(self._count, part, request.method, request.raw_path, status, did))


def cut(request: web.Request) -> web.Response:
    """Cut the connection with no byte of an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


async def hang(request: web.Request) -> web.Response:
    """Hold the call until its sender gives up."""
    await asyncio.sleep(HANG_S)
    return cut(request)


async def json_object(request: web.Request) -> dict[str, object]:
    """Read a body.

    Raises:
        Unreadable: it is too long, or no JSON object.
    """
    body = await request.content.read(MOST_BODY_BYTES + 1)
    with contextlib.suppress(ValueError, RecursionError):
        found = json.loads(body) if len(body) <= MOST_BODY_BYTES else None
        if isinstance(found, dict):
            return found
    raise Unreadable("The body must be a JSON object.")


_STATUSES = {fault: int(fault) for fault in Fault if fault.isdigit()}


async def _instead(request: web.Request, fault: Fault) -> web.StreamResponse:
    """Answer in place of the part."""
    match fault:
        case Fault.HANGS:
            return await hang(request)
        case Fault.DROPPED:
            return cut(request)
        case Fault.ENDLESS:
            return await _without_end(request)
        case Fault.REDIRECTS:
            raise web.HTTPTemporaryRedirect("http://127.0.0.1:9/elsewhere")
        case Fault.UNAUTHORIZED | Fault.FORBIDDEN:
            said = f"not for {request.headers.get('Authorization', 'nobody')}"
            return _problem(int(fault), said)
        case Fault.LIMITED:
            return _problem(429, "too many requests", {"Retry-After": "1"})
        case _:
            return _problem(int(fault), SAID.get(fault, "upstream error"))


SAID = {
    Fault.CONFLICT: "the pool would be left without a member",
    Fault.PRECONDITION: "the pool is being changed",
    Fault.LOCKED: "the pool is locked by the night's change",
    Fault.TOO_EARLY: "the last change was a moment ago",
}


def _problem(status: int, detail: str, headers: dict[str, str] | None = None) -> web.Response:
    """Answer as RFC 9457 has it, which Kubernetes and Alertmanager don't; they answer worse."""
    body = json.dumps({"title": "refused", "status": status, "detail": detail, "message": detail})
    return web.Response(
        status=status, text=body, content_type="application/problem+json", headers=headers
    )


async def _without_end(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    with contextlib.suppress(ConnectionError):
        while True:
            await response.write(_CHUNK)
    return response
