"""The data centre on a socket: bytes in, bytes out, waits and cuts; every decision is the core's.

It binds loopback unless told otherwise, and lives as a guest in whatever event loop starts it.
"""

import asyncio
from dataclasses import dataclass

from aiohttp import web

from bot.sandbox.data_centre.api import limits
from bot.sandbox.data_centre.api.exchange import Dropped, HttpRequest
from bot.sandbox.data_centre.centre import DataCentre

READ_DEADLINE_S = 30.0
_CHUNK_BYTES = 64 * 1024
_SHUTDOWN_S = 0.5


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A listening data centre; `url` has no closing slash."""

    url: str
    runner: web.ServerRunner

    async def stop(self) -> None:
        """Close the socket; answers that are still held back are given up."""
        await self.runner.cleanup()


async def start(centre: DataCentre, host: str = "127.0.0.1", port: int = 0) -> RunningServer:
    """Serve the data centre; port 0 takes any free one.

    Raises:
        OSError: when the address can't be had.
    """

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        return await _answer(centre, request)

    server = web.Server(
        answer,
        access_log=None,
        # A token header may be far longer than aiohttp's usual 8 KiB; the core sets the limits.
        max_line_size=2 * limits.MAX_TARGET_CHARS,
        max_field_size=limits.MAX_HEADER_BYTES,
        # The signature covers the body as it was sent.
        auto_decompress=False,
        keepalive_timeout=75.0,
    )
    runner = web.ServerRunner(server, shutdown_timeout=_SHUTDOWN_S)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError:
        await runner.cleanup()
        raise
    return RunningServer(shown_url(host, runner.addresses[0][1]), runner)


def shown_url(host: str, port: int) -> str:
    """The address to give to a client."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def _answer(centre: DataCentre, request: web.BaseRequest) -> web.StreamResponse:
    try:
        body = await _read_body(request)
    except ConnectionResetError:
        # The client died with its request half sent: nothing of it has arrived.
        return _cut(request)
    headers = tuple(request.headers.items())
    # The raw path, because signatures cover what was on the wire.
    outcome = centre.handle(HttpRequest(request.method, request.raw_path, headers, body))
    if isinstance(outcome, Dropped):
        return _cut(request)
    if outcome.delay_s:
        await asyncio.sleep(outcome.delay_s)
    response = web.Response(status=outcome.status, body=outcome.body)
    # The core names the content type; aiohttp's own default would stand beside it.
    response.headers.popall("Content-Type", None)
    response.headers.extend(outcome.headers)
    if len(body) > limits.MAX_BODY_BYTES:
        response.force_close()
    return response


async def _read_body(request: web.BaseRequest) -> bytes:
    """Read at most one byte more than is allowed, so that the core can refuse the rest."""
    body = bytearray()
    async with asyncio.timeout(READ_DEADLINE_S):
        while len(body) <= limits.MAX_BODY_BYTES:
            chunk = await request.content.read(_CHUNK_BYTES)
            if not chunk:
                break
            body += chunk
    return bytes(body)


def _cut(request: web.BaseRequest) -> web.StreamResponse:
    """Cut the connection as a dying gateway would: a reset, with no byte of an answer."""
    transport = request.transport
    if transport is not None:  # pragma: no branch -- None only when the client left first
        transport.abort()
    # aiohttp wants an answer from its handler; there is nobody left to send it to.
    return web.Response()
