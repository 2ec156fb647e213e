"""The HTTP address: how many may hold it open, for how long, and how much they may send.

Whoever can reach it may connect, so a connection that hasn't sent a whole request gives way to a
new one, and has little time. Who may reach it at all is for the firewall or proxy in front.
"""

from __future__ import annotations

import asyncio
import dataclasses
import errno
import logging
import resource
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, cast

from aiohttp import http_exceptions, web

from bot.slack.door import turned_away
from bot.slack.door.turned_away import Check

# Descriptors that are wanted, and how many of them are kept for other things than connections.
DESCRIPTORS = 65_536
DESCRIPTORS_KEPT = 256
# Connections that wait to be accepted; this many are accepted before anything else is done.
BACKLOG = 128
# What accept() fails with when there is no descriptor, or no memory, for one more connection.
SHORT = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclasses.dataclass(frozen=True, slots=True)
class Bounds:
    """What a caller may take; times in seconds, sizes in bytes."""

    connections: int = 256
    # From the connection, or from a request's first byte, to the end of its head.
    head_s: float = 10.0
    # From there to the end of its body.
    body_s: float = 10.0
    # Between two requests of one connection.
    keep_alive_s: float = 75.0
    line: int = 8_190  # As aiohttp has it by itself.
    field: int = 8_190
    fields: int = 64
    # Slack's largest: a form with everything in it, each letter escaped twice.
    body: int = 1 << 20


USUAL = Bounds()


class Caller(asyncio.Protocol):
    """One connection, of which aiohttp's protocol sees everything; it is closed when it idles."""

    def __init__(self, owner: BoundedServer, inner: asyncio.Protocol) -> None:
        """`inner` is the protocol that reads requests and answers."""
        self.inner = inner
        self._owner = owner
        self._timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None
        # Whether it has sent a whole request before, and whether one is being answered.
        self.known = False
        self.answering = False
        self._begun = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, if there is room or room can be made."""
        self._transport = cast(asyncio.Transport, transport)
        self.inner.connection_made(transport)
        if self._owner.enter(self):
            self._expect_head()

    def data_received(self, data: bytes) -> None:
        """Hand bytes on; the first of a request start its time."""
        if not self._begun and self._timer is None:
            self._expect_head()
        self.inner.data_received(data)

    def eof_received(self) -> bool | None:
        """Pass on that the peer has finished sending."""
        return self.inner.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_timer()
        self._owner.leave(self)
        self.inner.connection_lost(exc)

    def pause_writing(self) -> None:
        """Pass on that the peer reads too slowly."""
        self.inner.pause_writing()

    def resume_writing(self) -> None:
        """Pass on that the peer reads again."""
        self.inner.resume_writing()

    def begin(self) -> None:
        """Note that a head is complete."""
        self._begun = True
        self._stop_timer()

    def end(self) -> None:
        """Note that a request was answered."""
        self._begun = self.answering = False
        self.known = True

    def drop(self) -> None:
        """Close the connection at once, whatever it has left to say."""
        if self._transport is not None:
            self._transport.abort()

    def _expect_head(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._owner.bounds.head_s, self._too_slow)

    def _too_slow(self) -> None:
        self._owner.turned_away.note(Check.HEAD_SLOW)
        self.drop()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class BoundedServer:
    """Serves routes within bounds."""

    def __init__(self, away: turned_away.TurnedAway, bounds: Bounds = USUAL) -> None:
        """`away` counts what is refused here."""
        self.turned_away = away
        self.bounds = bounds
        self.port = 0
        # By the protocol that aiohttp's requests name.
        self._callers: dict[object, Caller] = {}
        self._runner: web.AppRunner | None = None
        self._server: asyncio.Server | None = None

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._callers)

    async def open(self, routes: Iterable[web.RouteDef], host: str, port: int) -> None:
        """Open the port and listen on it.

        Raises:
            OSError: the address can't be had.
        """
        site = web.Application(client_max_size=self.bounds.body, middlewares=[self._middleware()])
        site.add_routes(routes)
        self._runner = web.AppRunner(site, access_log=None, shutdown_timeout=2.0, **self._options())
        await self._runner.setup()
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._loop_failed)
        self._server = await loop.create_server(self._called, host, port, backlog=BACKLOG)
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Take no more connections, and let those that are answered end."""
        if self._server is not None:
            self._server.close()
        if self._runner is not None:
            await self._runner.cleanup()

    def enter(self, caller: Caller) -> bool:
        """Take a connection in; one that has sent nothing whole gives way when there is no room.

        Among those, whoever has never sent a request goes first, and then who came first.
        """
        if len(self._callers) >= self.bounds.connections:
            idle = [one for one in self._callers.values() if not one.answering]
            leaving = min(idle, key=lambda one: one.known, default=caller)
            self.turned_away.note(Check.CROWDED)
            self.leave(leaving)
            leaving.drop()
            if leaving is caller:
                return False
        self._callers[caller.inner] = caller
        return True

    def leave(self, caller: Caller) -> None:
        """Forget a connection."""
        self._callers.pop(caller.inner, None)

    def _options(self) -> dict[str, Any]:
        """Return aiohttp's own bounds, and a logger that an attacker can't fill the disk with."""
        malformed = (http_exceptions.HttpProcessingError, Check.HTTP_MALFORMED)
        quiet = turned_away.OneLine(self.turned_away, (malformed,), "http.failed")
        return {
            "keepalive_timeout": self.bounds.keep_alive_s,
            "lingering_time": 1.0,
            "max_line_size": self.bounds.line,
            "max_field_size": self.bounds.field,
            "max_headers": self.bounds.fields,
            # Slack compresses nothing, and what is small here could be large when unpacked.
            "auto_decompress": False,
            # What is no HTTP at all, it only says at that level.
            "logger": turned_away.logger("http", quiet, logging.DEBUG),
        }

    def _called(self) -> Caller:
        """Return the protocol of a new connection."""
        serving = self._runner.server if self._runner is not None else None
        if serving is None:
            raise RuntimeError("the address isn't open")
        return Caller(self, serving())

    def _middleware(self) -> Any:
        """Return what aiohttp calls around every request."""

        @web.middleware
        async def bounded(request: web.Request, handler: Handler) -> web.StreamResponse:
            return await self._bounded(request, handler)

        return bounded

    async def _bounded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer a request whose body has come in time."""
        caller = self._callers.get(request.protocol)
        if caller is None:
            raise web.HTTPServiceUnavailable
        caller.begin()
        try:
            await self._read(request)
            caller.answering = True
            return await handler(request)
        except web.HTTPRequestEntityTooLarge:
            self.turned_away.note(Check.BODY_LARGE)
            raise
        except web.HTTPNotFound:
            self.turned_away.note(Check.PATH_UNKNOWN)
            raise
        except web.HTTPMethodNotAllowed:
            self.turned_away.note(Check.METHOD_WRONG)
            raise
        finally:
            caller.end()

    async def _read(self, request: web.Request) -> None:
        """Read the body; whoever asks for it afterwards has it."""
        try:
            async with asyncio.timeout(self.bounds.body_s):
                await request.read()
        except TimeoutError:
            self.turned_away.note(Check.BODY_SLOW)
            raise web.HTTPRequestTimeout(headers={"Connection": "close"}) from None
        except web.RequestPayloadError:
            self.turned_away.note(Check.HTTP_MALFORMED)
            raise web.HTTPBadRequest(headers={"Connection": "close"}) from None

    def _loop_failed(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Say once a minute that descriptors are short; the loop says it thousands of times."""
        error = context.get("exception")
        if isinstance(error, OSError) and error.errno in SHORT:
            self.turned_away.note(Check.NO_DESCRIPTORS)
        else:
            loop.default_exception_handler(context)


def raise_descriptors(wanted: int = DESCRIPTORS) -> int:
    """Raise the soft limit of this process's descriptors to what it may have; return it.

    A shell's usual 1,024 would be gone with so many connections.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        return most
    return soft if soft != resource.RLIM_INFINITY else wanted


def bounds_for(descriptors: int) -> Bounds:
    """Return the bounds for a process that may have so many descriptors."""
    room = max(16, descriptors - DESCRIPTORS_KEPT)
    return dataclasses.replace(USUAL, connections=min(USUAL.connections, room))
