"""One soak run, from the first command to the reckoning."""

from __future__ import annotations

import asyncio
import dataclasses
import pathlib
import random
import time
from collections import Counter

from tests.soak import faults, people, reckoning, stage
from tests.support.databases import database

OVER_S = 600.0


@dataclasses.dataclass(frozen=True)
class Wish:
    """What is wanted of a run; `factor` scales all time, `at_once` is how many people are busy."""

    requests: int = 50
    seconds: float = 600.0
    seed: int = 1
    database: str = "sqlite"
    replicas: int = 1
    factor: float = 10.0
    at_once: int = 20
    servers: int = 200
    calm: bool = False


@dataclasses.dataclass
class Report:
    """What a run came to."""

    wish: Wish
    took_s: float
    stories: Counter[str]
    caused: Counter[str]
    starts: int
    finding: reckoning.Finding

    def __str__(self) -> str:
        """Return it as lines to read."""
        found = self.finding
        lines = [
            f"{self.wish}",
            f"took {self.took_s:.0f} s, {self.starts} starts of replicas",
            f"stories: {dict(self.stories)}",
            f"faults: {dict(self.caused)}",
            f"requests: {dict(found.states)}",
            f"servers: {dict(found.servers)}",
            f"power calls {found.power_calls}, posts {found.posts}, twins {found.twins}, "
            f"audit rows {found.audit_rows}",
            f"WRONG: {len(found.wrong)}",
            *found.wrong[:50],
        ]
        return "\n".join(lines)


async def run(wish: Wish, folder: pathlib.Path) -> Report:
    """Play until so many requests were made or the time is up, then let all end, and reckon."""
    began = time.monotonic()
    # Long enough for people who are there, short enough to end what others walked away from.
    waits = f"{max(8, round(200 / wish.factor))}s"
    with database(wish.database, folder) as url:
        staged = stage.standing(
            folder,
            url,
            replicas=wish.replicas,
            factor=wish.factor,
            servers=wish.servers,
            expires=waits,
            use_within=waits,
            seed=wish.seed,
        )
        async with staged as on:
            for replica in on.replicas:
                replica.start()
            await on.ready()
            recorder = reckoning.Recorder(on.slack)
            recording = asyncio.create_task(recorder.run())
            chaos = faults.Faults(on, random.Random(f"{wish.seed}/faults"))
            crowd = _crowd(wish, on)
            await _play(wish, chaos, crowd)
            await reckoning.over(url, OVER_S)
            await asyncio.gather(*(replica.stop() for replica in on.replicas))
            recording.cancel()
            finding = await reckoning.reckon(on, recorder)
            starts = sum(replica.starts for replica in on.replicas)
    took_s = time.monotonic() - began
    return Report(wish, took_s, crowd.came_to, chaos.caused, starts, finding)


def _crowd(wish: Wish, on: stage.Stage) -> people.People:
    """Return the people, who know the servers that may be switched."""
    names = [
        machine.server.name
        for machine in on.centre.inventory.machines
        if not machine.server.name.startswith("pdu")
    ]
    return people.People(on.slack, names, random.Random(f"{wish.seed}/people"), patience_s=60.0)


async def _play(wish: Wish, chaos: faults.Faults, crowd: people.People) -> None:
    """Let people ask while things go wrong; at the end all faults are taken back."""
    until = time.monotonic() + wish.seconds
    places = asyncio.Semaphore(wish.at_once)
    stories: set[asyncio.Task[None]] = set()

    async def play(number: int) -> None:
        async with places:
            if time.monotonic() < until:
                await crowd.story(number)

    causing = asyncio.create_task(asyncio.sleep(0) if wish.calm else chaos.run())
    try:
        for number in range(wish.requests):
            stories.add(asyncio.create_task(play(number)))
        await asyncio.gather(*stories)
    finally:
        causing.cancel()
        await asyncio.gather(causing, return_exceptions=True)
        chaos.mend()
    if not causing.cancelled():
        # Faults that broke off would make a quiet run of a loud one.
        causing.result()
