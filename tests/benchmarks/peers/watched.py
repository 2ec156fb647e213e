"""The bot as it runs, with a ticker in its event loop that notes how late it is woken.

Who puts a load on it is told nothing: the clicks of `payloads.LOADERS` end with their ack. When the
process ends, it leaves the seconds of lateness, and the seconds of processor time that
the loop's thread has used between two ticks, in the file that `BENCH_TICKS` names. The second
list doesn't know what else the machine was busy with.
"""

from __future__ import annotations

import asyncio
import functools
import json
import os
import pathlib
import time
from collections.abc import Awaitable, Callable
from typing import Any

from bot import cli, serving
from bot.power import ports
from bot.workflow import answers, workflow
from tests.benchmarks import payloads

TICK_S = 0.005
Handle = Callable[[workflow.Workflow, ports.Inbound], Awaitable[answers.Answer | None]]


async def _tick(late_s: list[tuple[float, float, float]]) -> None:
    """Note how late each tick comes, until cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        due, used = loop.time() + TICK_S, time.thread_time()
        await asyncio.sleep(TICK_S)
        late_s.append((time.time(), loop.time() - due, time.thread_time() - used))


def _leave(ticks: list[tuple[float, float, float]]) -> None:
    if path := os.environ.get("BENCH_TICKS"):
        pathlib.Path(path).write_text(json.dumps(ticks))


def watched(serve: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """Return the coroutine with a ticker beside it."""

    @functools.wraps(serve)
    async def serve_and_tick(*given: Any, **named: Any) -> None:
        late_s: list[tuple[float, float, float]] = []
        ticking = asyncio.create_task(_tick(late_s))
        try:
            await serve(*given, **named)
        finally:
            ticking.cancel()
            _leave(late_s)

    return serve_and_tick


def deaf_to_loads(handle: Handle) -> Handle:
    """Return a workflow's handling that leaves undone what the load asks for."""
    loaders = frozenset(payloads.LOADERS)

    async def handled(flow: workflow.Workflow, inbound: ports.Inbound) -> answers.Answer | None:
        if inbound.person.user_id in loaders:
            return None
        return await handle(flow, inbound)

    return handled


if __name__ == "__main__":
    workflow.Workflow.handle = deaf_to_loads(  # type: ignore[assignment, method-assign]
        workflow.Workflow.handle
    )
    serving.serve = watched(serving.serve)  # type: ignore[assignment]
    cli.main()
