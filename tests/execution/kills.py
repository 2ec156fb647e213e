"""Runs whose process is killed again and again, for real, and held against the promises.

`python -m tests.execution.kills --runs 200 --seed 1`: the data centre lives in this process, the
executor in a child that gets SIGKILL at random moments and is started again until all has ended.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import contextlib
import dataclasses
import datetime
import functools
import itertools
import pathlib
import random
import sys
import tempfile
import time

from bot.power import lifecycle, plan, ports
from bot.power.request import Action
from bot.runtime import clocks
from bot.sandbox import data_centre
from bot.sandbox.data_centre import CallFault, CallFaultKind, CallKind, MachineFaultKind, serve
from bot.storage import opening
from tests.execution import child, promises, world

SERVERS = 120
RUNS_A_CHILD = 10
# After so many kills a child may live, so that the story ends.
MOST_KILLS = 12
# On the simulated clock this many seconds pass in one.
FASTER = 20.0
PATIENCE_S = 240.0
LOST = (
    CallFaultKind.DROP_BEFORE,
    CallFaultKind.DROP_AFTER,
    CallFaultKind.BAD_GATEWAY,
    CallFaultKind.MISSING_IDS,
)
BROKEN = (MachineFaultKind.FAILS, MachineFaultKind.DEAD_BMC, MachineFaultKind.SLOW)


@dataclasses.dataclass
class Told:
    """What the killed runs have shown."""

    runs: int = 0
    kills: int = 0
    ends: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    servers: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)


class FastClock:
    """The time of the simulated machines, and the real one for what reads it."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def monotonic(self) -> float:
        """Return the seconds that have passed for the machines."""
        return (time.monotonic() - self._began) * FASTER


async def play(runs: int, seed: int, told: Told) -> None:
    """Play some runs at once under one child after another.

    Raises:
        AssertionError: a promise was broken.
    """
    rng = random.Random(seed)
    clock = FastClock()
    cloud = data_centre.DataCentre(
        [
            dataclasses.replace(one, power=data_centre.Power.ON, manage_state="in-use")
            for one in data_centre.build(SERVERS, seed=seed)
            if not one.frozen_state
        ],
        clock=clock.monotonic,
        wall=lambda: datetime.datetime.now(datetime.UTC),
        account=data_centre.Account(token=child.TOKEN),
        pace=data_centre.Pace(6.0, 0.5),
        seed=seed,
    )
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{pathlib.Path(folder) / 'kills.db'}"
        asked = await _asked(url, cloud, runs, rng)
        for kind in LOST:
            cloud.call_faults.at_random(CallFault(kind, CallKind.POWER), 0.08)
        api = await serve.start(cloud)
        try:
            async with asyncio.timeout(PATIENCE_S):
                told.kills += await _to_the_end(url, api.url, rng)
        finally:
            await api.stop()
        await asyncio.sleep(1.0)
        await _hold(url, cloud, clock, asked, told)


async def _asked(
    url: str, cloud: data_centre.DataCentre, runs: int, rng: random.Random
) -> list[str]:
    """Store approved requests, each for servers of its own, and return their ids."""
    names = [machine.server.name for machine in cloud.inventory.machines]
    rng.shuffle(names)
    kept = opening.open_store(url)
    here = world.World.__new__(world.World)
    here.store, here.centre = kept, cloud
    here.clock, here.numbers = clocks.SystemClock(), itertools.count()
    found = []
    for _ in range(runs):
        some = [names.pop() for _ in range(rng.randint(1, SERVERS // runs - 2))]
        for name in some:
            if rng.random() < 0.1:
                cloud.set_fault(name, rng.choice(BROKEN))
        action = rng.choice((Action.OFF, Action.REBOOT, Action.REBOOT, Action.CYCLE))
        terms = plan.Terms(
            ramp=(1,), batch=rng.choice((1, 3, 50)), max_failures=rng.choice((1, 100))
        )
        found.append(await here.approved(action, some, terms))
    await kept.close()
    return found


async def _to_the_end(url: str, endpoint: str, rng: random.Random) -> int:
    """Start the child again and again until it ends by itself; return how often it was killed."""
    for kills in itertools.count():
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.execution.child", url, endpoint),
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            assert process.stdout is not None
            await process.stdout.readline()
            lives_s = rng.uniform(0.0, 1.2) if kills < MOST_KILLS else None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(lives_s):
                    assert await process.wait() == 0, "the child ended badly"
                    return kills
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    raise AssertionError("unreachable")


async def _hold(
    url: str, cloud: data_centre.DataCentre, clock: FastClock, asked: list[str], told: Told
) -> None:
    """Hold every run against the promises, each by itself."""
    kept = opening.open_store(url)
    for id_ in asked:
        found, rows, attempts = await kept.read(functools.partial(_stored, id_))
        assert found.state in lifecycle.ENDED, f"{id_} is still {found.state}"
        by_name = {row.name: row for row in rows}
        promises.reboots_at_most_once(cloud, found, attempts)
        promises.no_false_success(cloud, clock.monotonic(), found, by_name)
        promises.counts_add_up(found, by_name)
        told.runs += 1
        told.ends[found.state.value] += 1
        told.servers.update(row.state.value for row in rows)
    await promises.hold_audit(kept)
    await kept.close()


def _stored(
    id_: str, tx: ports.Tx
) -> tuple[ports.Request, list[ports.RunServer], list[ports.Attempt]]:
    """Read all that is known of a run."""
    found = tx.request(id_)
    assert found is not None
    return found, tx.run_servers(id_), tx.attempts(id_)


def play_all(runs: int, seed: int) -> Told:
    """Play so many runs, ten of them at once."""
    told = Told()
    for number in range(-(-runs // RUNS_A_CHILD)):
        some = min(RUNS_A_CHILD, runs - number * RUNS_A_CHILD)
        asyncio.run(play(some, seed + number, told))
    return told


def main() -> int:
    """Play, and print what happened."""
    parser = argparse.ArgumentParser(prog="python -m tests.execution.kills")
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    began = time.monotonic()
    with world.quiet():
        told = play_all(given.runs, given.seed)
    sys.stdout.write(
        f"{told.runs} runs, {told.kills} kills in {time.monotonic() - began:.0f} s; "
        f"seeds from {given.seed}\nrequests: {dict(told.ends.most_common())}\n"
        f"servers: {dict(told.servers.most_common())}\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
