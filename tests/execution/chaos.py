"""Random runs on given time, with everything going wrong, and every promise asserted.

`python -m tests.execution.chaos --runs 10000 --seed 1` prints what happened; a run that breaks a
promise prints its own seed, and `--only SEED` plays that one run again.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import contextlib
import dataclasses
import itertools
import pathlib
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator

from bot.execution import executor
from bot.power import lifecycle, ports
from bot.power.plan import Terms
from bot.power.request import Action
from bot.power.run import settling
from bot.sandbox import data_centre
from bot.sandbox.data_centre import CallFault, CallFaultKind, CallKind, MachineFaultKind, RetryAfter
from bot.storage import opening, store
from tests.execution import crashing, promises, world
from tests.support import leases, virtual

LIMITS = settling.WatchLimits(settle_s=30.0, power_s=150.0, reboot_s=200.0)
SERVERS = 24
MOST_CRASHES = 6
# A store is used for so many runs; a longer one would only get slower.
RUNS_A_STORE = 500
# By this time of its own clock every run has ended, or it hangs.
LONGEST_S = 6 * 3600.0

LOSSES = (
    CallFaultKind.DROP_BEFORE,
    CallFaultKind.DROP_AFTER,
    CallFaultKind.INTERNAL_ERROR,
    CallFaultKind.BAD_GATEWAY,
    CallFaultKind.REDIRECT,
    CallFaultKind.GARBAGE,
    CallFaultKind.DELAY,
)
REFUSALS = (
    CallFaultKind.THROTTLED_JSON,
    CallFaultKind.THROTTLED_GATEWAY,
    CallFaultKind.THROTTLED_STRING,
    CallFaultKind.THROTTLED_TEXT,
    CallFaultKind.UNAUTHORIZED,
    CallFaultKind.FORBIDDEN,
)
ODDITIES = (CallFaultKind.REF_IDS, CallFaultKind.MISSING_IDS)


@dataclasses.dataclass
class Story:
    """One random run: what was asked, and what is going to go wrong."""

    seed: int
    rng: random.Random
    action: Action
    names: list[str]
    terms: Terms
    faults: dict[str, MachineFaultKind]
    crashes: int
    stop_after_s: float | None = None
    freeze: tuple[float, float] | None = None
    visits: list[tuple[str, data_centre.Action, float]] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Told:
    """What a batch of runs has shown."""

    runs: int = 0
    crashes: int = 0
    calls: int = 0
    reads: int = 0
    virtual_s: float = 0.0
    ends: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    servers: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    broken: list[tuple[int, str]] = dataclasses.field(default_factory=list)


def drawn(seed: int, cloud: data_centre.DataCentre) -> Story:
    """Draw a story; the same seed draws the same."""
    rng = random.Random(seed)
    action = rng.choice(list(Action))
    wanted = data_centre.Power.OFF if action is Action.ON else data_centre.Power.ON
    machines = sorted(cloud.inventory.machines, key=lambda one: one.server.name)
    likely = [one.server.name for one in machines if one.look(0.0).power is wanted]
    others = [one.server.name for one in machines if one.server.name not in likely]
    names = rng.sample(likely, min(len(likely), rng.randint(1, 12)))
    names += rng.sample(others, min(len(others), rng.choice((0, 0, 0, 1, 2))))
    broken = rng.random() < 0.5
    faults = {
        name: rng.choice(list(MachineFaultKind)) for name in names if broken and rng.random() < 0.25
    }
    terms = Terms(
        ramp=rng.choice(((), (1,), (1, 2), (1, 5))),
        batch=rng.choice((1, 2, 3, 5, 50, 60)),
        max_failures=rng.choice((1, 1, 2, 4, 100)),
        max_per_rack=rng.choice((1, 3, 10)),
        pause_s=rng.choice((0.0, 0.0, 5.0, 40.0)),
        on_change=rng.choice(("skip", "skip", "stop")),
    )
    crashes = rng.choice((0, 1, 1, 2, 3, MOST_CRASHES))
    story = Story(seed, rng, action, names, terms, faults, crashes)
    if rng.random() < 0.2:
        story.stop_after_s = rng.uniform(0.0, 120.0)
    if rng.random() < 0.1:
        start = rng.uniform(0.0, 60.0)
        story.freeze = (start, start + rng.uniform(1.0, 1200.0))
    if rng.random() < 0.15:
        for name in rng.sample(names, 1):
            what = rng.choice(list(data_centre.Action))
            story.visits.append((name, what, rng.uniform(0.0, 90.0)))
    return story


def spoil(story: Story, cloud: data_centre.DataCentre) -> None:
    """Let machines and calls go wrong as the story has it."""
    rng = story.rng
    for name, kind in story.faults.items():
        cloud.set_fault(name, kind)
    for name, what, after_s in story.visits:
        cloud.act_externally(name, what, after_s)
    for kinds, chance in ((LOSSES, 0.5), (REFUSALS, 0.3), (ODDITIES, 0.2)):
        if rng.random() >= chance:
            continue
        for _ in range(rng.choice((1, 1, 2, 4))):
            cloud.call_faults.queue(_fault(rng, rng.choice(kinds), CallKind.POWER))
    if rng.random() < 0.3:
        probability = rng.choice((0.02, 0.1, 0.3))
        cloud.call_faults.at_random(_fault(rng, rng.choice(LOSSES), CallKind.LIST), probability)
        cloud.call_faults.at_random(_fault(rng, rng.choice(REFUSALS), CallKind.SHOW), probability)


def _fault(rng: random.Random, kind: CallFaultKind, operation: CallKind) -> CallFault:
    return CallFault(
        kind,
        operation,
        applied=kind is CallFaultKind.INTERNAL_ERROR and rng.random() < 0.5,
        retry_after=rng.choice(list(RetryAfter)),
        retry_after_s=rng.choice((1, 3, 20)),
        delay_s=rng.choice((0.0, 3.0, 25.0)) if kind is CallFaultKind.DELAY else 0.0,
    )


async def play(seed: int, kept: store.Store, numbers: Iterator[int], told: Told) -> None:
    """Play one story to its end and hold it against every promise.

    Raises:
        AssertionError: a promise was broken; its text says which.
    """
    loop = asyncio.get_running_loop()
    clock = virtual.VirtualClock(loop)
    began = clock.monotonic()
    rng = random.Random(f"{seed}/centre")
    cloud = world.centre(
        clock,
        SERVERS,
        pace=data_centre.Pace(rng.choice((0.5, 3.0, 10.0, 40.0)), spread=0.4),
        switches=data_centre.Switches(
            generation=rng.choice(list(data_centre.Generation)),
            marker_as_url=rng.random() < 0.5,
            partial_acceptance=rng.random() < 0.3,
            dangerous_empty=True,
        ),
        seed=seed,
    )
    story = drawn(seed, cloud)
    spoil(story, cloud)
    here = _world(clock, kept, cloud, numbers)
    id_ = await here.approved(story.action, story.names, story.terms)
    async with interrupted(here, story, id_):
        async with asyncio.timeout(LONGEST_S):
            told.crashes += await _to_the_end(here, story, id_)
    await here.line.quiet()
    await here.power.aclose()
    await clock.sleep(3600.0)
    found, rows = await here.ended(id_)
    await promises.hold(here, found, rows, story.visits)
    told.runs += 1
    told.calls += len(cloud.power_calls())
    told.reads += here.reads()
    told.virtual_s += clock.monotonic() - began
    told.ends[found.state.value] += 1
    told.servers.update(row.state.value for row in rows.values())


def _world(
    clock: virtual.VirtualClock,
    kept: store.Store,
    cloud: data_centre.DataCentre,
    numbers: Iterator[int],
) -> world.World:
    line = world.Line(cloud)
    power = world.cloud_power(line, clock)
    act = world.acting(kept, power, clock, limits=LIMITS)
    return world.World(clock, kept, cloud, line, power, act, numbers)


async def _to_the_end(here: world.World, story: Story, id_: str) -> int:
    """Carry the request out, killing the process on the way; return how often it died."""
    for crash in itertools.count():
        doomed = crash < story.crashes
        doom = crashing.Doom.drawn(story.rng, 60) if doomed else crashing.Doom.never()
        lease = await here.claimed()
        assert lease.claim.request_id == id_
        power = world.cloud_power(here.line, here.clock)
        act = world.acting(
            crashing.DoomedStore(here.store, doom),
            crashing.DoomedPower(power, doom),
            crashing.DoomedClock(here.clock, doom),
            like=here.context,
        )
        try:
            await executor.carry_out(act, lease)
        except crashing.Crash:
            # What the dead process has put on the line arrives all the same, sometimes late.
            await here.clock.sleep(story.rng.choice((0.0, 1.0, 40.0)))
            await leases.end_all(here.store)
            found, _ = await here.ended(id_)
            if found.state in lifecycle.ENDED:
                # It died after its last word was stored: nothing is left to carry on.
                return crash + 1
        else:
            return crash
        finally:
            await power.aclose()
    raise AssertionError("unreachable")


@contextlib.asynccontextmanager
async def interrupted(here: world.World, story: Story, id_: str) -> AsyncIterator[None]:
    """Let people press Stop and freeze while the block runs."""
    tasks = []
    if story.stop_after_s is not None:
        tasks.append(asyncio.create_task(_stop(here, id_, story.stop_after_s)))
    if story.freeze is not None:
        tasks.append(asyncio.create_task(_freeze(here, *story.freeze)))
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await here.store.write(lambda tx: tx.freeze(ports.Freeze("U0SAM", "over", 0.0, 0.1)))


async def _stop(here: world.World, id_: str, after_s: float) -> None:
    await here.clock.sleep(after_s)
    now = here.clock.now()
    await here.store.write(
        lambda tx: tx.request_stop(id_, user_id="U0SAM", reason="enough", at=now)
    )


async def _freeze(here: world.World, start_s: float, end_s: float) -> None:
    await here.clock.sleep(start_s)
    await here.store.write(lambda tx: tx.freeze(ports.Freeze("U0SAM", "storm", 0.0)))
    await here.clock.sleep(end_s - start_s)
    await here.store.write(lambda tx: tx.freeze(ports.Freeze("U0SAM", "over", 0.0, 0.1)))


async def batch(seeds: list[int], told: Told) -> None:
    """Play some stories, one after another, on one store."""
    with tempfile.TemporaryDirectory() as folder:
        kept = opening.open_store(f"sqlite:///{pathlib.Path(folder) / 'chaos.db'}")
        numbers = itertools.count()
        for seed in seeds:
            try:
                await play(seed, kept, numbers, told)
            except (AssertionError, TimeoutError) as error:
                told.broken.append((seed, f"{type(error).__name__}: {error}"))
                # What hangs must not be claimed by the next story.
                await _give_up(kept)
        await promises.hold_audit(kept)
        await kept.close()


async def _give_up(kept: store.Store) -> None:
    def work(tx: ports.Tx) -> None:
        for found in tx.requests(states=promises.OPEN):
            for after in promises.WAYS_OUT[found.state]:
                tx.transition(found.id, found.state, after, at=0.0, reason="given up")

    await kept.write(work)
    await kept.write(work)


def play_all(runs: int, seed: int) -> Told:
    """Play so many stories, the first with this seed, the next with the next."""
    told = Told()
    seeds = list(range(seed, seed + runs))
    for start in range(0, runs, RUNS_A_STORE):
        some = seeds[start : start + RUNS_A_STORE]
        with world.quiet():
            virtual.run(lambda some=some: batch(some, told))  # type: ignore[misc]
    return told


def main() -> int:
    """Play, and print what happened."""
    parser = argparse.ArgumentParser(prog="python -m tests.execution.chaos")
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int)
    given = parser.parse_args()
    began = time.monotonic()
    told = play_all(1, given.only) if given.only is not None else play_all(given.runs, given.seed)
    say = sys.stdout.write
    say(f"{told.runs} runs, {told.crashes} crashes, {told.virtual_s / 3600:,.0f} h of given time ")
    say(f"in {time.monotonic() - began:.0f} s; seeds from {given.only or given.seed}\n")
    say(f"{told.calls} power calls, {told.reads} reads\n")
    say(f"requests: {dict(told.ends.most_common())}\nservers: {dict(told.servers.most_common())}\n")
    for seed, why in told.broken:
        say(f"BROKEN with --only {seed}: {why}\n")
    return 1 if told.broken else 0


if __name__ == "__main__":
    sys.exit(main())
