"""Memory of a bot that has handled many requests, beside that of an idle one.

`python -m tests.soak.memory --requests 10000`; each request is planned, asked for and cancelled,
every tenth is approved and carried out. It reads the process's figures from `/proc`.
"""

from __future__ import annotations

import argparse
import asyncio
import pathlib
import random
import sys
import tempfile

from bot.sandbox import workspace
from tests.soak import people, stage
from tests.support import databases

FACTOR = 50.0
AT_ONCE = 30


class Short(people.People):
    """People whose requests are short stories."""

    def _wish(self) -> str:
        return f"reboot {self.dice.choice(self.names)}"

    async def _decide(
        self, requester: str, channel: str, word: str, card: workspace.Message
    ) -> str:
        if self.dice.random() < 0.1:
            other = next(one for one in stage.APPROVERS if one != requester)
            await self._click(other, card, "Approve")
            return "approved"
        await self._click(requester, card, "Cancel")
        return "cancelled"


def resident_mb(pid: int) -> float:
    """Return the memory of a process in MB."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    line = next(one for one in status.splitlines() if one.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


async def measure(requests: int, folder: pathlib.Path) -> None:
    """Print the memory after each tenth of the requests."""
    async with stage.standing(
        folder, databases.sqlite(folder), factor=FACTOR, servers=500, operation_s=10, expires="15m"
    ) as on:
        only = on.replicas[0]
        only.start()
        await on.ready()
        names = [machine.server.name for machine in on.centre.inventory.machines]
        crowd = Short(on.slack, names, random.Random(1), patience_s=60.0)
        await asyncio.sleep(3)
        print(f"idle: {resident_mb(only.pid):.1f} MB", flush=True)  # noqa: T201
        # The first sweep of the inventory is part of every bot that works.
        await crowd.story(0)
        print(f"after the first: {resident_mb(only.pid):.1f} MB", flush=True)  # noqa: T201
        places, done = asyncio.Semaphore(AT_ONCE), 0

        async def play(number: int) -> None:
            nonlocal done
            async with places:
                await crowd.story(number)
            done += 1
            if done % max(1, requests // 10) == 0:
                told = f"after {done}: {resident_mb(only.pid):.1f} MB, {dict(crowd.came_to)}"
                print(told, flush=True)  # noqa: T201

        await asyncio.gather(*(play(number) for number in range(1, requests + 1)))
        await asyncio.sleep(5)
        print(f"at rest: {resident_mb(only.pid):.1f} MB, {only.starts} start", flush=True)  # noqa: T201


def main() -> int:
    """Measure as the arguments say."""
    arguments = argparse.ArgumentParser(prog="python -m tests.soak.memory", description=__doc__)
    arguments.add_argument("--requests", type=int, default=10_000)
    with tempfile.TemporaryDirectory(prefix="powerbot-memory-") as folder:
        asyncio.run(measure(arguments.parse_args().requests, pathlib.Path(folder)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
