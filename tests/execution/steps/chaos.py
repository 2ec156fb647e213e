"""Random runs with steps around their waves, everything going wrong: what stands is what is stored.

`python -m tests.execution.steps.chaos --runs 1000 --seed 1` prints what happened; a run that
breaks a promise is played again with `--only SEED`. Time is given, so that an hour takes a moment.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import dataclasses
import itertools
import pathlib
import random
import sys
import tempfile
import time

from bot.execution import executor
from bot.power import lifecycle
from bot.power.request import Action
from bot.power.steps.states import StepState
from tests.execution import chaos, crashing, promises, world
from tests.execution.steps import dying, stage
from tests.support import leases, virtual

SERVERS = 20
LONGEST_S = 40 * 3600.0


@dataclasses.dataclass
class Told:
    """What a batch of runs has shown."""

    runs: int = 0
    crashes: int = 0
    asked: int = 0
    ends: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    servers: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    steps: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    broken: list[tuple[int, str]] = dataclasses.field(default_factory=list)


def spoil(play: stage.Stage, rng: random.Random, names: list[str]) -> None:
    """Let the outside go wrong: lost and dropped questions, refusals, pods that stay, flapping."""
    out = play.outside
    out.half_s = rng.choice((0.01, 0.2, 4.0))
    out.lost = rng.choice((0, 0, 1, 2, 5))
    out.dropped = rng.choice((0, 0, 1, 3))
    if rng.random() < 0.2:
        out.refuses[rng.choice(names)] = "403 forbidden"
    if rng.random() < 0.2:
        out.refuses[f"back {rng.choice(names)}"] = "503 away"
    if rng.random() < 0.2:
        out.stuck = {rng.choice(names)}
    if rng.random() < 0.2:
        out.foreign = {name for name in names[:2] if not out.notes.get(name)}
    sick = {name for name in names if rng.random() < 0.15}
    flapping = {name for name in names if rng.random() < 0.1}

    def answer(name: str, now: float) -> str:
        bad = name in sick or (name in flapping and int(now) % 17 < 6)
        return "HTTP 503" if bad else ""

    out.answers = answer


async def to_the_end(play: stage.Stage, story: chaos.Story, id_: str) -> int:
    """Carry the request out, killing the process on the way; return how often it died."""
    for crash in itertools.count():
        doomed = crash < story.crashes
        doom = crashing.Doom.drawn(story.rng, 120) if doomed else crashing.Doom.never()
        mortal = dying.doomed(play.restarted(), doom)
        try:
            await executor.carry_out(mortal.here.context, await play.here.claimed())
        except crashing.Crash:
            await play.here.clock.sleep(story.rng.choice((0.0, 1.0, 40.0)))
            await leases.end_all(play.here.store)
            found, _ = await play.here.ended(id_)
            if found.state in lifecycle.ENDED:
                return crash + 1
        else:
            return crash
    raise AssertionError("unreachable")


async def play(seed: int, folder: pathlib.Path, told: Told) -> None:
    """Play one story to its end and hold it against every promise.

    Raises:
        AssertionError: a promise was broken; its text says which.
    """
    async with stage.opened(folder, servers=SERVERS) as played:
        here = played.here
        story = chaos.drawn(seed, here.centre)
        rng = random.Random(f"{seed}/outside")
        if story.action is Action.ON:
            story.names, story.faults, story.visits = here.ready(rng.randint(1, 5)), {}, []
            await played.run(Action.OFF, story.names, world.ALL_AT_ONCE)
        chaos.spoil(story, here.centre)
        spoil(played, rng, story.names)
        id_ = await here.approved(story.action, story.names, story.terms)
        async with chaos.interrupted(here, story, id_), asyncio.timeout(LONGEST_S):
            told.crashes += await to_the_end(played, story, id_)
        await here.line.quiet()
        await played.outside.quiet()
        found, rows = await here.ended(id_)
        assert found.state in lifecycle.ENDED, f"still {found.state}"
        await played.promised(unsure=True)
        played.outside.lost = played.outside.dropped = 0
        played.outside.refuses = {}
        fresh = played.restarted()
        for _ in range(5):
            await here.clock.sleep(125.0)
            await fresh.keep()
        await played.promised()
        await hold(played, story, id_)
        told.runs += 1
        told.asked += len(played.outside.asked)
        told.ends[found.state.value] += 1
        told.servers.update(row.state.value for row in rows.values())
        told.steps.update(one.value for one in (await played.states(id_)).values())


async def hold(played: stage.Stage, story: chaos.Story, id_: str) -> None:
    """Hold one ended run against what was promised of its servers.

    Raises:
        AssertionError: one is broken.
    """
    found, rows = await played.here.ended(id_)
    attempts = await played.here.store.read(lambda tx: tx.attempts(id_))
    if story.action is not Action.ON:
        promises.never_wide_open(played.here, found)
        promises.reboots_at_most_once(played.here.centre, found, attempts)
    states = await played.states(id_)
    left = {
        key for key, one in states.items() if one in (StepState.INTENDED, StepState.PUTTING_BACK)
    }
    assert not left, f"neither done nor owed: {left}"
    out = {name for _, name in played.outside.standing()}
    proven = {n for n, row in rows.items() if row.state is lifecycle.ServerState.PROVEN}
    if story.action in (Action.REBOOT, Action.CYCLE):
        assert not out & proven, f"well, and left out: {out & proven}"
        unknown = {n for n, row in rows.items() if row.state is lifecycle.ServerState.UNKNOWN}
        probed = {name for what, _, names, _ in played.outside.heard if what == "probe"
                  for name in names}  # fmt: skip
        assert not probed & unknown, f"unknown, and probed: {probed & unknown}"
    foreign = played.outside.foreign
    assert not {name for name in foreign if played.outside.notes.get(name)}, "foreign ones taken"


def play_all(runs: int, seed: int) -> Told:
    """Play so many stories, the first with this seed, the next with the next."""
    told = Told()
    for one in range(seed, seed + runs):
        with world.quiet(), tempfile.TemporaryDirectory() as folder:
            try:
                virtual.run(lambda one=one, at=folder: play(one, pathlib.Path(at), told))  # type: ignore[misc]
            except (AssertionError, TimeoutError, RuntimeError) as error:
                told.broken.append((one, f"{type(error).__name__}: {error}"))
    return told


def main() -> int:
    """Play, and print what happened."""
    parser = argparse.ArgumentParser(prog="python -m tests.execution.steps.chaos")
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int)
    given = parser.parse_args()
    began = time.monotonic()
    told = play_all(1, given.only) if given.only is not None else play_all(given.runs, given.seed)
    say = sys.stdout.write
    say(f"{told.runs} runs, {told.crashes} crashes, {told.asked} questions to the outside ")
    say(f"in {time.monotonic() - began:.0f} s; seeds from {given.only or given.seed}\n")
    say(f"requests: {dict(told.ends.most_common())}\nservers: {dict(told.servers.most_common())}\n")
    say(f"steps: {dict(told.steps.most_common())}\n")
    for seed, why in told.broken:
        say(f"BROKEN with --only {seed}: {why}\n")
    return 1 if told.broken else 0


if __name__ == "__main__":
    sys.exit(main())
