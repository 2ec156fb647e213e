"""From the start of a process to its first ack, and what an ack in flight costs."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import pathlib
import sqlite3
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping

from tests.benchmarks import children, ingress, payloads, slack_side
from tests.benchmarks.ingress import BOLT, OURS, PEER
from tests.benchmarks.rows import Profile, Row, ratios

# The bot itself: what it does after its first ack takes nothing from that ack.
BOT = "bot"
# As many clicks as the bot takes at once, of all people.
IN_FLIGHT = 200
HELD_S = 1.0
ANSWER_S = 60.0
TRIES_A_SECOND = 200
KIB = 1024


@dataclasses.dataclass(frozen=True)
class Started:
    """A program that has just acknowledged its first request."""

    child: children.Child
    port: int
    first_ack_s: float


@contextlib.asynccontextmanager
async def started(
    module: str, side: slack_side.SlackSide, *, env: Mapping[str, str] = {}
) -> AsyncIterator[Started]:
    """Start a program and send one slash command as soon as it takes one."""
    port = ingress.free_port()
    given = ingress.environment(side, PORT=str(port), **env)
    command = ("-m", module, "run", "--transport", "http")
    async with children.running(*command, env=given) as child:
        deadline = time.monotonic() + ANSWER_S
        while not await _acknowledged(port, side.url):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{module} acknowledged nothing")
            await asyncio.sleep(1 / TRIES_A_SECOND)
        yield Started(child, port, time.monotonic() - child.started_at)


async def _acknowledged(port: int, slack: str) -> bool:
    """Send one slash command; False while nobody listens."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    try:
        writer.write(payloads.signed_request(port, "slash", slack))
        return (await reader.readline()).startswith(b"HTTP/1.1 200")
    finally:
        writer.close()


async def rows(profile: Profile) -> AsyncGenerator[Row]:
    """Measure starts; every program is started anew in each round."""
    times: dict[str, list[float]] = {"peer": [], "again": [], "ours": []}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        database = {"DATABASE_URL": f"sqlite:///{folder}/a.db"}
        async with slack_side.serving() as side:
            # The first start makes the tables and compiles what was never imported here.
            async with started(BOT, side, env=database), started(BOLT, side):
                pass
            for _ in range(profile.rounds):
                for name, module in (("peer", BOLT), ("ours", BOT), ("again", BOLT)):
                    env = database if module == BOT else {}
                    async with started(module, side, env=env) as one:
                        times[name].append(one.first_ack_s)
            yield Row(
                "start to first ack",
                PEER,
                ratios(times["ours"], times["peer"]),
                control=_middle(ratios(times["again"], times["peer"])),
                note=f"{_middle(times['ours']) * 1000:.0f} beside "
                f"{_middle(times['peer']) * 1000:.0f} ms",
            )
            yield await _held(pathlib.Path(folder), side, profile)


async def _held(folder: pathlib.Path, side: slack_side.SlackSide, profile: Profile) -> Row:
    """Measure the memory of acks in flight: ours wait for a database that somebody else holds.

    The peer's listener waits in its own code as long. Both hold two hundred clicks.
    """
    mine, theirs = [], []
    database = folder / "held.db"
    env = {"DATABASE_URL": f"sqlite:///{database}"}
    for _ in range(profile.rounds):
        async with started(OURS, side, env=env) as one:
            with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as holding:
                holding.execute("BEGIN IMMEDIATE")
                mine.append(await _growth(one, side.url))
                holding.execute("ROLLBACK")
        async with started(BOLT, side, env={"BENCH_HOLD_S": str(HELD_S * 2)}) as one:
            theirs.append(await _growth(one, side.url))
    return Row(
        "memory of an ack in flight (a click)",
        PEER,
        ratios(mine, theirs),
        bar=1.5,
        note=f"{_middle(mine) / KIB:.0f} beside {_middle(theirs) / KIB:.0f} KiB",
    )


async def _growth(one: Started, slack: str) -> float:
    """Hold many acks and return the bytes that each has cost.

    Raises:
        RuntimeError: some were not held.
    """
    before = one.child.memory_bytes()
    opened = [await asyncio.open_connection("127.0.0.1", one.port) for _ in range(IN_FLIGHT)]
    for _, writer in opened:
        writer.write(payloads.signed_request(one.port, "click", slack))
    answers = [asyncio.create_task(reader.readline()) for reader, _ in opened]
    answered, _ = await asyncio.wait(answers, timeout=HELD_S)
    grown = one.child.memory_bytes() - before
    for answer, (_, writer) in zip(answers, opened, strict=True):
        answer.cancel()
        writer.close()
    if answered:
        raise RuntimeError(f"{len(answered)} of {IN_FLIGHT} acks were not held")
    return max(1, grown) / IN_FLIGHT


def _middle(values: list[float] | tuple[float, ...]) -> float:
    return sorted(values)[len(values) // 2]
