"""A whole operation: its wall time, its calls, and how long the bot's event loop stalls."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import pathlib
import tempfile
import time
from collections.abc import AsyncGenerator, Sequence

from bot.sandbox.data_centre.api import routing
from tests.benchmarks import load, sdk, stage
from tests.benchmarks.rows import Profile, Row

WATCHED = "tests.benchmarks.peers.watched"
OFF = "/power off @fleet because benchmark"
# Real servers take minutes; the shorter they take, the more of the wall time is ours.
DEVICE_S = 10.0
# The peer fires at one server after another and then looks at each: this is short for its sake.
QUICK_DEVICE_S = 2.0
# Loopback would flatter the one that makes more calls.
ROUND_TRIP_S = 0.005
UPDATE_PACE_S = 3.0
MS = 1000.0


@dataclasses.dataclass(frozen=True)
class Watched:
    """One operation: how it ended, its calls and their floor, what was said in Slack, the ticks."""

    ended: stage.Ended
    puts: int
    reads: int
    floor: int
    said: int
    late_ms: tuple[float, ...]
    cpu_ms: tuple[float, ...]


async def operate(
    count: int, *, duration_s: float, poll: str = "1s", round_trip_s: float = 0.0
) -> Watched:
    """Switch a whole fleet off and watch."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        ticks = pathlib.Path(folder, "ticks.json")
        async with stage.playing(
            count,
            duration_s=duration_s,
            module=WATCHED,
            poll=poll,
            round_trip_s=round_trip_s,
            BENCH_TICKS=str(ticks),
        ) as playing:
            began_at = time.time()
            ended = await playing.carry_out(OFF)
            if ended.state != "succeeded":
                raise RuntimeError(f"the operation {ended.state}")
            await asyncio.sleep(UPDATE_PACE_S + 1)
            found = _counted(playing, count, ended, duration_s)
        every = json.loads(await asyncio.to_thread(ticks.read_text))
    noted = [tick for tick in every if tick[0] >= began_at]
    return dataclasses.replace(
        found,
        late_ms=tuple(late * MS for _, late, _ in noted),
        cpu_ms=tuple(used * MS for _, _, used in noted),
    )


def _counted(playing: stage.Stage, count: int, ended: stage.Ended, duration_s: float) -> Watched:
    """Count what the centre and Slack have seen, beside the least that was needed."""
    pages = -(-count // stage.PAGE_ROWS)
    calls = playing.centre.power_calls()
    first, last_end = calls[0].at, calls[-1].at + duration_s
    listed = [e.at for e in playing.centre.log if e.operation is routing.Operation.LIST]
    # Each sweep begins with the first of so many pages.
    sweeps = listed[::pages]
    # One for the plan, those until the last server was over, and the one that saw it.
    looks = 1 + sum(first <= at < last_end for at in sweeps)
    said = [
        call
        for method in ("chat.postMessage", "chat.update")
        for call in playing.slack.calls(method)
        if call.args.get("channel") == stage.OPS
    ]
    return Watched(ended, playing.puts, playing.reads, pages * (1 + looks), len(said), (), ())


async def rows(profile: Profile) -> AsyncGenerator[Row]:
    """Measure operations of the whole fleet."""
    wanted = {1_000: (1.25, 1.15), 10_000: (1.35, 1.2)}
    for count in wanted if profile.full else (1_000,):
        times = 3 if count == 1_000 else 2
        seen = [
            await operate(count, duration_s=DEVICE_S) for _ in range(times if profile.full else 1)
        ]
        bar, goal = wanted[count]
        yield Row(
            f"{count:,} servers off: wall, from Request to the end",
            f"device time, {DEVICE_S:.0f} s",
            tuple(one.ended.wall_s / DEVICE_S for one in seen),
            bar=bar,
            goal=goal,
        )
        for row in _count_rows(count, seen):
            yield row
        if count == 10_000 or not profile.full:
            for row in _stall_rows(count, seen):
                yield row


def _count_rows(count: int, seen: Sequence[Watched]) -> list[Row]:
    """Return the rows of calls, which have no noise."""
    puts = -(-count // stage.IDS_PER_CALL)
    floor = "the floor that the simulated centre counts"
    return [
        Row(
            f"{count:,} servers off: power calls",
            floor,
            tuple(one.puts / puts for one in seen),
            bar=1.0,
            goal=1.0,
            note=f"{seen[0].puts} calls",
        ),
        Row(
            f"{count:,} servers off: all calls",
            floor,
            tuple((one.puts + one.reads) / (puts + one.floor) for one in seen),
            bar=1.1,
            goal=1.0,
            note=f"{seen[0].puts + seen[0].reads} calls",
        ),
        Row(
            f"{count:,} servers off: messages and edits in Slack's channel",
            f"4 + one in {UPDATE_PACE_S:.0f} s",
            tuple(one.said / _most_said(one.ended) for one in seen),
            bar=1.0,
            note=f"{seen[0].said} in {seen[0].ended.wall_s:.0f} s",
        ),
    ]


def _most_said(ended: stage.Ended) -> int:
    return 4 + -int(-ended.wall_s // UPDATE_PACE_S)


def _stall_rows(count: int, seen: Sequence[Watched]) -> list[Row]:
    """Return the rows of the event loop's stalls in milliseconds."""
    what = f"event loop in a {count:,}-server operation"
    used = max(max(one.cpu_ms) for one in seen)
    own = max(load.percentile(one.cpu_ms, 99) for one in seen)
    return [
        Row(
            f"{what}: longest stall",
            "-",
            tuple(max(one.late_ms) for one in seen),
            unit=" ms",
            bar=50.0,
            goal=20.0,
            note=f"{used:.0f} ms of it the loop's own processor time",
        ),
        Row(
            f"{what}: p99 of its stalls",
            "-",
            tuple(load.percentile(one.late_ms, 99) for one in seen),
            unit=" ms",
            bar=10.0,
            goal=5.0,
            note=f"{own:.1f} ms of it the loop's own processor time",
        ),
    ]


async def sdk_rows(profile: Profile) -> AsyncGenerator[Row]:
    """Measure the vendor's SDK as its users use it, beside one operation of ours."""
    wanted = {1_000: (3.0, 1 / 60), 10_000: (20.0, 1 / 80)}
    with sdk.installed() as python:
        for count in wanted if profile.full else (1_000,):
            faster, fewer = wanted[count]
            far = {"duration_s": QUICK_DEVICE_S, "round_trip_s": ROUND_TRIP_S}
            ours = await operate(count, poll="2s", **far)
            peer = await sdk.switch_off(python, count, **far)
            yield Row(
                f"{count:,} servers off: speed",
                "the SDK, server by server",
                (peer.wall_s / ours.ended.wall_s,),
                bar=faster,
                least=True,
                note=f"{ours.ended.wall_s:.1f} beside {peer.wall_s:.1f} s, "
                f"device time {QUICK_DEVICE_S:.0f} s, "
                f"{ROUND_TRIP_S * MS:.0f} ms there and back",
            )
            yield Row(
                f"{count:,} servers off: calls",
                "the SDK, server by server",
                ((ours.puts + ours.reads) / peer.calls,),
                bar=fewer,
                note=f"{ours.puts + ours.reads} beside {peer.calls:,}",
            )
