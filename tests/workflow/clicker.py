"""One of several bots on one database: takes a share of the clicks, all at once, and drives.

    python -m tests.workflow.clicker DATABASE_URL CLOUD_URL

Standard input has one JSON list of clicks a line, each a list of [who, what, request]; what each
was told goes to standard output as one JSON list. An empty line ends it.
"""

from __future__ import annotations

import asyncio
import json
import sys

import structlog

from bot import runner
from bot.power import errors, ports
from bot.runtime import clocks
from bot.workflow import answers
from tests.workflow import world as world_


async def pressed(world: world_.World, who: str, do: str, id_: str, key: str) -> list[str]:
    """Press one button, or send its form; return whether it was taken, and the sentence."""
    inbound = world.inbound(who, world_.pressed(do, id_), key=key)
    try:
        if not await world.store.write(lambda tx: tx.receive(inbound)):
            return ["doubled", ""]
        said = await world.flow.handle(inbound)
    except errors.PowerbotError as error:
        return ["failed", error.user_message]
    if isinstance(said, answers.Note):
        return ["taken" if said.good else "refused", said.text]
    return ["shown", type(said).__name__]


async def run(url: str, cloud_url: str) -> None:
    """Answer lines of clicks while the runner drives what is due."""
    clock: ports.Clock = clocks.SystemClock()
    async with world_.beside(url, cloud_url, clock) as world:
        due = asyncio.Event()
        driving = runner.Runner(world.store, world.flow.advance, clock, due=due)
        task = asyncio.create_task(driving.run())
        print("ready", flush=True)  # noqa: T201 -- the parent waits for it
        while line := (await asyncio.to_thread(sys.stdin.readline)).strip():
            clicks = json.loads(line)
            said = await asyncio.gather(*(pressed(world, *click) for click in clicks))
            due.set()
            print(json.dumps(said), flush=True)  # noqa: T201 -- the parent reads it
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    asyncio.run(run(*sys.argv[1:3]))
