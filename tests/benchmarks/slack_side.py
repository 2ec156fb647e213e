"""The least of Slack that a program wants before it can be measured: tokens, sockets, people."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import json
import time
from collections.abc import AsyncIterator

from aiohttp import WSMsgType, web

from tests.benchmarks import load, payloads

DEADLINE_S = 60.0


class SlackSide:
    """Answers Web API calls, and holds the sockets that programs have opened, by app token."""

    def __init__(self) -> None:
        self.url = ""
        self.calls: collections.Counter[str] = collections.Counter()
        self._sockets: dict[str, list[web.WebSocketResponse]] = collections.defaultdict(list)
        self._acks: dict[str, asyncio.Future[float]] = {}
        self._opened = asyncio.Event()

    def routes(self) -> list[web.RouteDef]:
        """Return what is served."""
        return [
            web.route("*", "/api/{method}", self._answer),
            web.get("/socket/{token}", self._socket),
            web.post("/respond/{tail:.*}", self._take_answer),
        ]

    async def _answer(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        self.calls[method] += 1
        answer: dict[str, object] = {"ok": True, "ts": "1800000000.000100"}
        if method == "auth.test":
            answer |= {"team_id": payloads.TEAM, "team": "bench", "user_id": "U0BOT"}
            answer |= {"bot_id": "B0BOT", "url": "https://bench.slack.com/"}
        if method == "apps.connections.open":
            token = request.headers.get("Authorization", "").removeprefix("Bearer ")
            answer["url"] = f"{self.url.replace('http', 'ws')}/socket/{token}"
        return web.json_response(answer, headers={"x-oauth-scopes": "commands,chat:write"})

    async def _take_answer(self, request: web.Request) -> web.Response:
        """Take what a program answers later than by its acknowledgement."""
        await request.read()
        return web.Response(text="ok")

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str(json.dumps({"type": "hello", "num_connections": 1}))
        opened = self._sockets[request.match_info["token"]]
        opened.append(socket)
        self._opened.set()
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                waits = self._acks.pop(json.loads(message.data)["envelope_id"], None)
                if waits is not None and not waits.done():
                    waits.set_result(time.perf_counter())
        opened.remove(socket)
        return socket

    async def connected(self, token: str, sockets: int) -> None:
        """Wait until a program holds so many sockets."""
        async with asyncio.timeout(DEADLINE_S):
            while len(self._sockets[token]) < sockets:
                self._opened.clear()
                await self._opened.wait()

    async def envelopes(
        self, token: str, kind: str, *, in_flight: int, seconds: float
    ) -> load.Load:
        """Keep so many envelopes in flight to one program, over all of its sockets in turn."""
        latencies: list[float] = []
        began = time.perf_counter()

        async def keep_one(number: int) -> None:
            while time.perf_counter() - began < seconds:
                opened = self._sockets[token]
                latencies.append(await self._one(opened[number % len(opened)], kind))

        async with asyncio.timeout(DEADLINE_S):
            await asyncio.gather(*map(keep_one, range(in_flight)))
        return load.Load(len(latencies), time.perf_counter() - began, tuple(latencies), 0)

    async def _one(self, socket: web.WebSocketResponse, kind: str) -> float:
        """Send one envelope and return the seconds to its ack."""
        is_slash = kind == "slash"
        payload = payloads.slash(self.url) if is_slash else payloads.click(self.url)
        envelope_id = str(payload["trigger_id"])
        waits: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._acks[envelope_id] = waits
        text = json.dumps(
            {
                "envelope_id": envelope_id,
                "type": "slash_commands" if is_slash else "interactive",
                "accepts_response_payload": True,
                "payload": payload,
            }
        )
        sent_at = time.perf_counter()
        await socket.send_str(text)
        return await waits - sent_at


@contextlib.asynccontextmanager
async def serving() -> AsyncIterator[SlackSide]:
    """Serve it while the block lasts."""
    side = SlackSide()
    application = web.Application()
    application.add_routes(side.routes())
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    side.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield side
    finally:
        await runner.cleanup()
