"""What kinds of steps are asked in tests, and where they ask."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

from aiohttp import web

from bot.power.steps import definition, protocol
from bot.steps import http_client

REQUEST = "PR-7F3K"
REASON = "kernel 6.8.5"
REQUESTER = "dana"


def subject(name: str, **facts: Any) -> protocol.Subject:
    """Return a server as a step sees it."""
    return protocol.Subject(id=f"id-{name}", name=name, **facts)


def subjects(*names: str) -> tuple[protocol.Subject, ...]:
    """Return servers of these names."""
    return tuple(map(subject, names))


def asked(step: definition.Step, *names: str, **changed: Any) -> protocol.Try:
    """Return one try for servers of these names."""
    given: dict[str, Any] = {
        "request_id": REQUEST,
        "wave": 2,
        "action": "reboot",
        "reason": REASON,
        "requester": REQUESTER,
        "servers": subjects(*names),
        "key": "key-1",
        "within_s": 5.0,
        "now": time.time(),
    }
    return protocol.Try(step, **(given | changed))


def words(answer: protocol.Answer | None) -> dict[str, tuple[str, str, bool]]:
    """Return what came of a try for each server: word, detail, and whether it stands."""
    assert answer is not None
    return {
        server.removeprefix("id-"): (one.word.value, one.detail, one.stands)
        for server, one in answer.each.items()
    }


@contextlib.asynccontextmanager
async def http() -> AsyncIterator[http_client.Client]:
    """Open the client of the steps while the block lasts."""
    made = http_client.Client(trust_env=False)
    try:
        yield made
    finally:
        await made.aclose()


@contextlib.asynccontextmanager
async def answering(answer: Callable[[web.Request], web.StreamResponse]) -> AsyncIterator[str]:
    """Serve an answer to every call while the block lasts; gives the address."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        await request.read()
        return answer(request)  # type: ignore[arg-type] # A plain server's requests are as good.

    runner = web.ServerRunner(web.Server(handle), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
