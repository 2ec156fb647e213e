"""How soon a command on the host holds a running bot while Slack is away; real processes.

`python -m tests.soak.hold --rounds 10` boots one bot on SQLite, and then two replicas on
PostgreSQL, against stand-ins. In each round it starts runs whose calls leave one after another;
then Slack refuses every connection, or takes them and says nothing, and every command is typed. The
table has the processor time of a command, the seconds from its start until it had ended and until
it was in force (stored, and the last call that it forbids had left; for unfreeze, the first call
that it lets go), and how long after it was stored such a call left. When Slack is back, every deed
must be told.

It fails when a command took hold later than 2 s, when a call left after that, or when nobody was
told of one.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import contextlib
import dataclasses
import os
import pathlib
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence

from tests.soak.away import Scene, scene, until
from tests.support import databases

MOST_S = 2.0
# How long calls are watched for after a command.
WATCH_S = 4.0
SERVERS = 6000


@dataclasses.dataclass(frozen=True)
class Held:
    """One command: when it had ended and was in force, and how many calls left later than 2 s."""

    command: str
    done_s: float
    held_s: float
    later: int = 0
    # Processor time of the command, and how long after it was stored the last call left.
    processor_s: float = 0.0
    after_s: float = 0.0

    @property
    def good(self) -> bool:
        """Whether it took hold in time, and for good."""
        return self.held_s <= MOST_S and not self.later


@dataclasses.dataclass(frozen=True)
class Ended:
    """A command that has ended: what it printed, when, and the processor time that it took."""

    printed: str
    at: float
    processor_s: float


async def typed(on: Scene, *words: str) -> Ended:
    """Type a command.

    Raises:
        RuntimeError: it was refused.
    """
    before_s = processor_s()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", *words),
        env=on.given,
        cwd=on.folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{words}: {printed.decode()}")
    return Ended(printed.decode(), time.monotonic(), processor_s() - before_s)


def processor_s() -> float:
    """Return the processor time of all commands that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


async def looked(on: Scene, command: str, *words: str, has: str) -> Held:
    """Type a question, which takes hold when it has been answered."""
    began = time.monotonic()
    ended = await typed(on, command, *words)
    assert has in ended.printed, ended.printed
    took_s = ended.at - began
    return Held(command, took_s, took_s, processor_s=ended.processor_s)


async def held(
    on: Scene,
    words: Sequence[str],
    stored: Callable[[], object],
    ids: frozenset[str] | None = frozenset(),
) -> Held:
    """Type a deed, which takes hold when it is stored and no call leaves for these servers.

    No ids are for a deed that forbids no call, None for one that forbids all.
    """
    began = time.monotonic()
    typing = asyncio.create_task(typed(on, *words))
    await until(stored)
    stored_at = time.monotonic()
    ended = await typing
    if ids is None or ids:
        await asyncio.sleep(WATCH_S)
    calls = on.calls(began, ids)
    held_at = max(stored_at, *calls, 0.0)
    return Held(
        words[0],
        ended.at - began,
        held_at - began,
        sum(at > began + MOST_S for at in calls),
        ended.processor_s,
        held_at - stored_at,
    )


def event(on: Scene, name: str, request_id: str = "") -> Callable[[], object]:
    """Return whether one more row of this event has been stored than now."""
    which = "event = :name AND coalesce(request_id, '') = :id"
    count = f"SELECT count(*) AS found FROM audit WHERE {which}"  # noqa: S608
    before = on.rows(count, name=name, id=request_id)
    return lambda: on.rows(count, name=name, id=request_id) != before


@dataclasses.dataclass(frozen=True)
class Round:
    """What one round works on: two runs, a request that waits, and a server that is out."""

    number: int
    run: str
    other: str
    waiting: str
    off: str
    out: str

    @property
    def deeds(self) -> dict[str, int]:
        """What must be told of each deed when Slack is back, and how often: a freeze, twice."""
        once = {f"{one} {self.why}": 1 for one in ("stop", "cancel", "end")}
        return {**once, f"freeze {self.why}": 2, f"balancer of {self.out}": 1}

    @property
    def why(self) -> str:
        """What tells this round's deeds from all others."""
        return f"round {self.number}."


async def prepared(on: Scene, number: int, off: str, out: str) -> Round:
    """Start two runs while Slack is there, and have one request wait."""
    began = time.monotonic()
    run = await on.ask(f"reboot worker[101-900] because {number}")
    other = await on.ask(f"reboot worker[901-2300] because {number}")
    waiting = await on.ask(f"reboot db01 because {number}", approved=False)
    for one in (run, other):
        servers = await on.servers_of(one)
        await until(lambda servers=servers: on.calls(began, servers))  # type: ignore[misc]
    return Round(number, run, other, waiting, off, out)


async def play(on: Scene, at: Round) -> list[Held]:
    """Type every command once."""
    run, other = await on.servers_of(at.run), await on.servers_of(at.other)
    stopped = event(on, "request.stop_asked", at.run)
    found = [await held(on, ["stop", at.run, "--reason", f"stop {at.why}"], stopped, run)]
    found.append(await held(on, ["freeze", f"freeze {at.why}"], event(on, "freeze.on"), None))
    lifting = time.monotonic()
    found.append(await held(on, ["unfreeze"], lambda: on.calls(lifting, other)))
    stopped = event(on, "request.stop_asked", at.other)
    words = ["stop", at.other, "--reason", f"end {at.why}"]
    found += [
        await held(on, words, stopped, other),
        await looked(on, "requests", has=at.waiting),
        await looked(on, "show", at.run, has=at.run),
        await looked(on, "owed", has=at.out),
    ]
    cancelled = event(on, "request.cancelled", at.waiting)
    words = ["cancel", at.waiting, "--reason", f"cancel {at.why}"]
    found.append(await held(on, words, cancelled))
    settled = event(on, "step.settled", at.off)
    found.append(await held(on, ["settle", at.off, "balancer", at.out], settled))
    return found


async def rounds(on: Scene, count: int) -> tuple[list[Held], list[str]]:
    """Play so many rounds, each without Slack; return the figures, and what was never told."""
    out = [one.server.name for one in on.centre.inventory.machines]
    out = [one for one in out if one.startswith("web")][:count]
    off = await on.ask(f"off {','.join(out)} because out")
    await until(lambda: on.rows("SELECT id FROM requests WHERE id = :id AND ended_at > 0", id=off))
    found: list[Held] = []
    untold: list[str] = []
    for number, name in enumerate(out):
        at = await prepared(on, number, off, name)
        await on.switch_off(silent=number % 2 == 1)
        found += await play(on, at)
        await on.switch_on()
        with contextlib.suppress(TimeoutError):
            await until(lambda at=at: not on.untold(at.deeds))  # type: ignore[misc]
        untold += on.untold(at.deeds)
        await until(lambda: not on.rows("SELECT id FROM requests WHERE state = 'running'"))
    return found, untold


def table(found: Sequence[Held]) -> str:
    """Return the figures by command."""
    by_command: collections.defaultdict[str, list[Held]] = collections.defaultdict(list)
    for one in found:
        by_command[one.command].append(one)
    lines = [
        f"{'command':<10}{'times':>6}{'processor':>11}{'ended':>9}"
        f"{'in force':>10}{'at most':>9}{'call after':>12}"
    ]
    for command, some in by_command.items():
        used, done = (
            statistics.median(values)
            for values in ([one.processor_s for one in some], [one.done_s for one in some])
        )
        force, after = [one.held_s for one in some], max(one.after_s for one in some)
        lines.append(
            f"{command:<10}{len(some):>6}{used:>9.2f} s{done:>7.2f} s"
            f"{statistics.median(force):>8.2f} s{max(force):>7.2f} s{after:>10.2f} s"
        )
    return "\n".join(lines)


async def measure(kind: str, count: int, folder: pathlib.Path) -> bool:
    """Play on one kind of database, print the figures, and return whether all was as it should."""
    bots = 2 if kind == "postgresql" else 1
    with databases.database(kind, folder) as url:
        async with scene(folder, url, bots, SERVERS) as on:
            found, untold = await rounds(on, count)
    late = [one for one in found if not one.good]
    load = f"load of the machine {os.getloadavg()[0]:.1f}"
    print(f"{kind}, {bots} bots, {count} rounds without Slack, {load}\n{table(found)}")  # noqa: T201
    told = "every deed told" if not untold else f"never told: {untold}"
    print(f"later than {MOST_S:g} s: {len(late)} of {len(found)}; {told}\n", flush=True)  # noqa: T201
    return not late and not untold


def main() -> int:
    """Measure, print, and return the exit status."""
    reader = argparse.ArgumentParser(prog="python -m tests.soak.hold", description=__doc__)
    reader.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    reader.add_argument("--rounds", type=int, default=10)
    reader.add_argument("--folder", help="keep logs and the SQLite file here")
    given = reader.parse_args()
    kinds = ["sqlite", "postgresql"] if given.database == "both" else [given.database]
    good = True
    with tempfile.TemporaryDirectory(prefix=f"hold-{os.getpid()}-") as made:
        for kind in kinds:
            folder = pathlib.Path(given.folder or made) / kind
            folder.mkdir(parents=True, exist_ok=True)
            good &= asyncio.run(measure(kind, given.rounds, folder))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
