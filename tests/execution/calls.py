"""How many calls a request costs, beside the fewest that are possible.

`python -m tests.execution.calls` prints the table. N servers of a project of H are switched in
waves of at most b; a sweep reads them all once, in W = min(N, ceil(H / 1000)) calls. At the
least there is one sweep before the first wave and one after each, and ceil(b / 50) power calls a
wave: C = W + waves * (ceil(b / 50) + W). Real servers take their time, so the second half has
them take 45 s in the middle, and compares the reads with what the schedule allows.
"""

from __future__ import annotations

import asyncio
import dataclasses
import math
import pathlib
import sys
import tempfile
from collections.abc import Iterator

from bot.power.lifecycle import State
from bot.power.request import Action
from bot.sandbox import data_centre
from tests.execution import world
from tests.support import virtual

PAGE = 1000
IDS = 50
# Seconds that an approver takes to read a card.
READS_S = 60.0
# So many servers of so many, approved: each is read by itself, or the list, whichever is fewer.
APPROVED = ((1, 800), (1, 3000), (2, 3000), (3, 3000), (50, 3000))
FIRST_S, CAP_S, GROWTH, LEAST = 2.0, 15.0, 1.5, 0.8
QUICK = data_centre.Pace(0.5, spread=0.0, jitter=0.0)
# Half of the servers take longer than this, one in a hundred four times as long.
REAL = data_centre.Pace(45.0, spread=0.6, jitter=0.0)


@dataclasses.dataclass(frozen=True)
class Case:
    """N servers of H, what is done to them, and in waves of how many."""

    servers: int
    project: int
    action: Action
    batch: int = 10_000

    @property
    def steps(self) -> int:
        """Power calls that each server gets."""
        return 2 if self.action is Action.CYCLE else 1

    @property
    def sweep(self) -> int:
        """Calls that read all of these servers once."""
        return min(self.servers, math.ceil(self.project / PAGE))

    @property
    def baseline(self) -> int:
        """Calls of the plan's own sweep: only the list knows names."""
        return math.ceil(self.project / PAGE)

    @property
    def waves(self) -> list[int]:
        """The sizes of the waves."""
        full, rest = divmod(self.servers, self.batch)
        return [self.batch] * full + [rest] * (rest > 0)

    @property
    def power_calls(self) -> int:
        """Power calls without faults."""
        return self.steps * sum(math.ceil(size / IDS) for size in self.waves)

    @property
    def fewest(self) -> int:
        """The lower bound of all calls."""
        return self.baseline + self.power_calls + self.steps * len(self.waves) * self.sweep


CASES = (
    Case(1, 800, Action.ON),
    Case(50, 800, Action.REBOOT),
    Case(51, 800, Action.REBOOT),
    Case(500, 800, Action.REBOOT),
    Case(1000, 1000, Action.OFF),
    Case(1000, 3000, Action.OFF),
    Case(5000, 5000, Action.REBOOT),
    Case(500, 800, Action.CYCLE),
    Case(100, 800, Action.REBOOT, batch=5),
)


@dataclasses.dataclass(frozen=True)
class Cost:
    """What one run has cost; `sweeps` is what its schedule allowed in `took_s`."""

    case: Case
    power_calls: int
    reads: int
    took_s: float

    @property
    def calls(self) -> int:
        """All calls."""
        return self.power_calls + self.reads

    @property
    def reads_allowed(self) -> int:
        """The most reads that the schedule allows, from the first power call to the end.

        Each wave starts fast again, so it pays for the growth of its own delays.
        """
        waves = self.case.steps * len(self.case.waves)
        growing = 1 + math.ceil(math.log(CAP_S / FIRST_S) / math.log(GROWTH))
        sweeps = waves * growing + math.ceil(self.took_s / (LEAST * CAP_S))
        return self.case.baseline + sweeps * self.case.sweep


async def cost(case: Case, pace: data_centre.Pace) -> Cost:
    """Carry one request out and count."""
    off_first = case.action is Action.ON
    resting = data_centre.Power.OFF if off_first else data_centre.Power.ON
    with tempfile.TemporaryDirectory() as folder:
        async with world.opened(
            pathlib.Path(folder), case.project, pace=pace, resting=resting, round_trip_s=0.001
        ) as here:
            # The sweep that the plan is made on is the run's first check as well.
            await here.power.snapshot(not_before=here.clock.now())
            began = here.clock.monotonic()
            terms = world.ALL_AT_ONCE.model_copy(update={"batch": case.batch})
            names = here.ready(case.servers, resting)
            found, _ = await here.carried_out(case.action, names, terms)
            assert found.state is State.SUCCEEDED
            took_s = here.clock.monotonic() - began
            return Cost(case, len(here.calls()), here.reads(), took_s)


async def together(requests: int, servers: int, pace: data_centre.Pace) -> Cost:
    """Carry so many requests of so many servers out at once, and count all of it as one."""
    with tempfile.TemporaryDirectory() as folder:
        async with world.opened(
            pathlib.Path(folder), 800, pace=pace, resting=data_centre.Power.ON, round_trip_s=0.001
        ) as here:
            await here.power.snapshot(not_before=here.clock.now())
            names = here.ready(requests * servers)
            for start in range(0, len(names), servers):
                await here.approved(Action.REBOOT, names[start : start + servers])
            began = here.clock.monotonic()
            leases = [await here.claimed() for _ in range(requests)]
            await asyncio.gather(*(here.drive(lease) for lease in leases))
            case = Case(requests * servers, 800, Action.REBOOT)
            took_s = here.clock.monotonic() - began
            return Cost(case, len(here.calls()), here.reads(), took_s)


async def approved(servers: int, project: int) -> int:
    """Return how many reads there are from the last Approve to the first power call."""
    with tempfile.TemporaryDirectory() as folder:
        async with world.opened(
            pathlib.Path(folder), project, pace=QUICK, resting=data_centre.Power.ON
        ) as here:
            # The plan's sweep, which is too old by the time that somebody approves.
            await here.power.snapshot(not_before=here.clock.now())
            await here.clock.sleep(READS_S)
            ids = here.order(Action.OFF, here.ready(servers)).server_ids
            before = here.reads()
            await here.power.records(ids, not_before=here.clock.now())
            await here.approved(Action.OFF, here.ready(servers))
            driving = asyncio.create_task(here.drive(await here.claimed()))
            while not here.calls():
                await here.clock.sleep(0.001)
            found = here.reads() - before
            await driving
            return found


def lines() -> Iterator[str]:
    """Yield the table, line by line."""
    yield f"{'N':>5} {'H':>5} {'action':<7} {'waves':>5} | {'power':>5} {'all':>5} {'least':>5} |"
    yield f"{'':>26}| quick servers      | servers that take 45 s: reads, allowed, took"
    for case in CASES:
        quick = virtual.run(lambda case=case: cost(case, QUICK))  # type: ignore[misc]
        real = virtual.run(lambda case=case: cost(case, REAL))  # type: ignore[misc]
        yield (
            f"{case.servers:>5} {case.project:>5} {case.action.value:<7} {len(case.waves):>5} | "
            f"{quick.power_calls:>5} {quick.calls:>5} {case.fewest:>5} | "
            f"{real.reads:>5} {real.reads_allowed:>5} {real.took_s:>6.0f} s"
        )
    one = virtual.run(lambda: together(1, 400, REAL))
    twenty = virtual.run(lambda: together(20, 20, REAL))
    for servers, project in APPROVED:
        reads = virtual.run(lambda n=servers, h=project: approved(n, h))  # type: ignore[misc]
        yield f"{servers} of {project}: reads from the last Approve to the first call {reads}"
    yield f"400 servers: sweeps of 1 request {one.reads}, of 20 requests at once {twenty.reads}"


def main() -> int:
    """Print the table."""
    with world.quiet():
        for line in lines():
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
