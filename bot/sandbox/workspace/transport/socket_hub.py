"""Socket Mode: single-use addresses, hello, one socket for each envelope, acks from any socket.

The hub knows nothing of what is in an envelope.
"""

import asyncio
import contextlib
import json
from collections import OrderedDict
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from bot.sandbox.workspace.base import limits
from bot.sandbox.workspace.base.json_types import Json
from bot.sandbox.workspace.state.state import WorkspaceState
from bot.sandbox.workspace.transport.delivery import Envelope, NotAcknowledgedError

_PING_EVERY_S: Final = 15.0
_CLOSE_S: Final = 0.5


@dataclass(slots=True, eq=False)
class _Connection:
    socket: web.WebSocketResponse
    request: web.Request
    leaving: bool = False


class SocketHub:
    """The open sockets of the app and the envelopes that wait for an ack."""

    def __init__(self, state: WorkspaceState) -> None:
        self._app_id = state.app.id
        self._journal = state.journal
        self._changes = state.changes
        self._chaos = state.chaos
        self._clock = state.clock
        self._rng = state.rng
        self._tickets: OrderedDict[str, float] = OrderedDict()
        self._connections: list[_Connection] = []
        self._next = 0
        self._pending: dict[str, asyncio.Future[Json]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.connections_seen = 0

    @property
    def connected(self) -> int:
        """How many sockets can take an envelope."""
        return len(self._ready())

    def new_ticket(self) -> str:
        """Make the secret part of a socket's address; it can be used once."""
        ticket = f"{self._rng.getrandbits(96):024x}"
        self._tickets[ticket] = self._clock()
        if len(self._tickets) > limits.SOCKET_TICKETS:
            self._tickets.popitem(last=False)
        return ticket

    def has_ticket(self, ticket: str) -> bool:
        """Say whether this address was given out here and is unused."""
        return ticket in self._tickets

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Serve one socket until it closes."""
        # Popping makes the address single-use, whatever becomes of the connection.
        born_at = self._tickets.pop(request.match_info["ticket"], None)
        if born_at is None or self._clock() - born_at > limits.SOCKET_TICKET_S:
            return web.Response(status=408, text="this address was used or is too old")
        socket = web.WebSocketResponse(heartbeat=_PING_EVERY_S, timeout=_CLOSE_S)
        await socket.prepare(request)
        connection = _Connection(socket, request)
        if len(self._connections) >= limits.SOCKETS:
            await socket.send_json({"type": "disconnect", "reason": "too_many_websockets"})
            await socket.close()
            return socket
        self._connections.append(connection)
        self.connections_seen += 1
        self._note("open")
        try:
            await self._talk(connection)
        finally:
            self._connections.remove(connection)
            self._note("closed")
        return socket

    async def deliver(self, envelope: Envelope, copies: int, timeout_s: float) -> Json:
        """Send an envelope to one socket, and wait for an ack from any.

        Raises:
            NotAcknowledgedError: not_connected, or timeout.
        """
        if len(self._pending) >= limits.PENDING_ENVELOPES:
            raise NotAcknowledgedError("not_connected")
        acked = asyncio.get_running_loop().create_future()
        self._pending[envelope.id] = acked
        try:
            for _ in range(copies):
                await self._send(envelope.as_socket_message())
            return await asyncio.wait_for(acked, timeout_s)
        except TimeoutError:
            raise NotAcknowledgedError("timeout") from None
        finally:
            del self._pending[envelope.id]

    async def disconnect(self, reason: str = "refresh_requested") -> None:
        """Ask every socket to come back on a new connection; a `warning` is only said."""
        for connection in list(self._connections):
            message = {
                "type": "disconnect",
                "reason": reason,
                "debug_info": {"host": "slack-stand-in"},
            }
            # One that was cut a moment ago is told nothing any more.
            with contextlib.suppress(ConnectionResetError):
                await connection.socket.send_json(message)
            if reason != "warning":
                # A leaving socket gets no more envelopes, but its acks still count.
                connection.leaving = True
                self._later(self._close_after_grace(connection))

    async def send_frame(self, text: str) -> None:
        """Send any text to one socket, as Slack never should.

        An acknowledgement of it stands in the journal as a late one.
        """
        for connection in self._in_turn():
            await connection.socket.send_str(text)
            return
        raise NotAcknowledgedError("not_connected")

    async def drop(self) -> None:
        """Cut every connection without a word."""
        for connection in list(self._connections):
            connection.leaving = True
            if connection.request.transport is not None:
                connection.request.transport.abort()

    async def stop(self) -> None:
        """Close every socket."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for connection in list(self._connections):
            await connection.socket.close()

    async def _talk(self, connection: _Connection) -> None:
        hello = {
            "type": "hello",
            "num_connections": len(self._connections),
            "debug_info": {
                "host": "slack-stand-in",
                "approximate_connection_time": limits.CONNECTION_TIME_S,
            },
            "connection_info": {"app_id": self._app_id},
        }
        await connection.socket.send_json(hello)
        async for message in connection.socket:
            if isinstance(message.data, str):
                self._take_ack(message.data)

    def _note(self, what: str) -> None:
        self._journal.note("socket", what, open=len(self._connections))
        self._changes.bump()

    def _take_ack(self, text: str) -> None:
        try:
            ack = json.loads(text)
        except (ValueError, RecursionError):
            return
        if not isinstance(ack, dict) or self._chaos.loses_ack():
            return
        waiting = self._pending.get(str(ack.get("envelope_id")))
        if waiting is None or waiting.done():
            # The person has been told that it failed, or a doubled envelope was acked twice.
            self._journal.note("ack", "late", ack=ack)
            self._changes.bump()
            return
        payload = ack.get("payload") or {}
        waiting.set_result(payload if isinstance(payload, dict) else {"text": str(payload)})

    async def _send(self, message: Json) -> None:
        """Send to the socket whose turn it is; one that has just died passes the turn on."""
        for connection in self._in_turn():
            try:
                await connection.socket.send_json(message)
            except ConnectionError:
                connection.leaving = True
            else:
                return
        raise NotAcknowledgedError("not_connected")

    def _in_turn(self) -> list[_Connection]:
        ready = self._ready()
        if not ready:
            return []
        self._next = (self._next + 1) % len(ready)
        return ready[self._next :] + ready[: self._next]

    def _ready(self) -> list[_Connection]:
        return [one for one in self._connections if not one.leaving and not one.socket.closed]

    def _later(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _close_after_grace(self, connection: _Connection) -> None:
        await asyncio.sleep(limits.DISCONNECT_GRACE_S)
        await connection.socket.close()
