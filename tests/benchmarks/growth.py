"""How plan, fold, calls and memory grow from a hundred servers to ten thousand.

The workflow is the real one, on a clock that is given, so that calls and memory have no noise.
"""

from __future__ import annotations

import dataclasses
import functools
import gc
import pathlib
import tempfile
import tracemalloc
from collections.abc import AsyncGenerator, Sequence

from bot.power import plan, ports, request
from bot.power.planning import planning, question
from bot.power.policy import policy_file
from bot.power.request import Action
from bot.power.text import folding
from bot.sandbox import data_centre
from bot.sandbox.data_centre.api import exchange, routing
from tests.benchmarks import plot, stage, work
from tests.benchmarks.rows import Profile, Row
from tests.support import ticks
from tests.workflow import world

SIZES = (100, 300, 1_000, 3_000, 10_000)
MEMORY_SIZES = (100, 1_000, 10_000)
DEVICE_S = 5.0
# Twice as many may cost a quarter more than twice as much: caches are of one size.
LINEAR = 1.25
MOST_BYTES = 500.0


@dataclasses.dataclass(frozen=True)
class Counted:
    """What one operation has cost: its calls, and bytes of memory while it ran."""

    puts: int
    reads: int
    bytes: int


class MeteredCentre(data_centre.DataCentre):
    """A centre that notes the most memory in use when a list is read after the last power call."""

    expected_puts = 0
    pages = 1
    in_use = 0
    reads = 0

    def handle(self, request: exchange.HttpRequest) -> exchange.HttpResponse | exchange.Dropped:
        """Answer, and look at the memory first: as a sweep begins, so not in the middle of one."""
        done = self.counts().get(routing.Operation.CHANGE_POWER, 0) == self.expected_puts
        if done and tracemalloc.is_tracing() and request.method == "GET":
            self.reads += 1
            if self.reads % self.pages == 1 % self.pages:
                self.in_use = max(self.in_use, bots_bytes())
        return super().handle(request)


def bots_bytes() -> int:
    """Return the bytes that are in use, without those of the simulated centre in this process."""
    gc.collect()
    centre = ("*/sandbox/*", "*/json/*", "*/random.py", "*/tracemalloc.py")
    apart = [tracemalloc.Filter(False, pattern) for pattern in centre]
    found = tracemalloc.take_snapshot().filter_traces(apart)
    return sum(one.size for one in found.traces)


async def operate(count: int, *, memory: bool = False) -> Counted:
    """Switch so many servers off on a given clock, from the typed line to the proof."""
    clock = ticks.GivenClock()
    centre = MeteredCentre(
        stage.servers(count),
        clock=clock.monotonic,
        wall=clock.wall,
        account=data_centre.Account(token="t"),
        pace=data_centre.Pace(DEVICE_S, spread=0.0, jitter=0.0),
    )
    centre.expected_puts = -(-count // stage.IDS_PER_CALL)
    centre.pages = -(-count // stage.PAGE_ROWS)
    if memory:
        tracemalloc.start()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        url = f"sqlite:///{pathlib.Path(folder, 'a.db')}"
        async with world.running(url, clock=clock, centre=centre) as running:
            running.rules = policy_file.read(stage.POLICY)
            # The inventory is the fleet's, not the operation's.
            await running.type("status @fleet")
            before = bots_bytes() if memory else 0
            id_ = await running.ask("off @fleet because benchmark")
            await running.drive()
            if (await running.state(id_)).value != "succeeded":
                raise RuntimeError("the operation did not succeed")
    tracemalloc.stop()
    counts = centre.counts()
    reads = counts.get(routing.Operation.LIST, 0) + counts.get(routing.Operation.SHOW, 0)
    return Counted(len(centre.power_calls()), reads, centre.in_use - before)


def plan_cpu_s(count: int) -> float:
    """Return the processor time of a plan for so many servers."""
    snapshot = work.snapshot(count)
    rules = policy_file.read(stage.POLICY)
    asked = question.Question(
        Action.OFF,
        tuple(snapshot.servers.values()),
        requester=request.Person(user_id=stage.DANA, team_id="T"),
        place=request.Place(channel_id=stage.OPS),
        scope=request.Scope(region="here", project_id="p"),
        now=snapshot.started_at,
    )
    facts = question.Facts(ports.Channel(stage.OPS, "ops"), frozenset({"sre"}))

    def make() -> plan.Plan:
        return planning.make(asked, rules, snapshot, facts)

    if make().refusals or len(make().order.targets) != count:
        raise RuntimeError(f"the plan is refused: {make().refusals}")
    return work.cpu_s(make)


async def measured(sizes: Sequence[int]) -> dict[str, list[tuple[int, float]]]:
    """Return each curve as points of servers and figure."""
    curves: dict[str, list[tuple[int, float]]] = {
        "plan, CPU ms": [],
        "fold, CPU ms": [],
        "calls": [],
        "memory, KiB": [],
    }
    for count in sizes:
        names = work.names(count)
        # Counting memory is slow; three sizes show how it grows.
        counted = await operate(count, memory=count in MEMORY_SIZES)
        curves["plan, CPU ms"].append((count, plan_cpu_s(count) * 1000))
        curves["fold, CPU ms"].append(
            (count, work.cpu_s(functools.partial(folding.fold, names)) * 1000)
        )
        curves["calls"].append((count, counted.puts + counted.reads))
        if count in MEMORY_SIZES:
            curves["memory, KiB"].append((count, counted.bytes / 1024))
    return curves


async def rows(profile: Profile) -> AsyncGenerator[Row]:
    """Measure how the four grow, beside the fleet, over the last factor of ten."""
    sizes = SIZES if profile.full else SIZES[:3]
    curves = await measured(sizes)
    if profile.full:
        plot.LAST = plot.svg(curves)
    for name, points in curves.items():
        yield Row(
            f"growth from {sizes[0]} to {sizes[-1]:,} servers: {name}",
            "linear growth",
            (_steepness(points),),
            bar=LINEAR,
            note=", ".join(f"{count:,}: {value:,.1f}" for count, value in points),
        )
    (few, few_kib), (many, many_kib) = curves["memory, KiB"][-2:]
    yield Row(
        "memory for each further server of a running operation",
        "-",
        ((many_kib - few_kib) * 1024 / (many - few),),
        unit=" bytes",
        bar=MOST_BYTES,
        note=f"from {few:,} to {many:,} servers",
    )


def _steepness(points: Sequence[tuple[int, float]]) -> float:
    """Return how much faster than the fleet a figure grows over the last factor of ten."""
    by_count = dict(points)
    last = points[-1][0]
    first = last // 10
    return (by_count[last] / by_count[first]) / (last / first)
