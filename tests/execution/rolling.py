"""A rolling reboot of 5,000 servers with faults, on given time, every promise asserted.

`python -m tests.execution.rolling` says how long it took in real time.
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import pathlib
import random
import sys
import tempfile
import time

from bot.power import plan
from bot.power.lifecycle import ServerState
from bot.power.request import Action
from bot.sandbox import data_centre
from bot.sandbox.data_centre import CallFault, CallFaultKind, CallKind, MachineFaultKind
from tests.execution import promises, world
from tests.support import virtual

# Half of the servers take longer than 15 s, one in a hundred about a minute.
REAL = data_centre.Pace(15.0, spread=0.6, jitter=0.2)
LOST = (CallFaultKind.DROP_BEFORE, CallFaultKind.DROP_AFTER, CallFaultKind.BAD_GATEWAY)
THROTTLED = (CallFaultKind.THROTTLED_JSON, CallFaultKind.THROTTLED_TEXT)
BROKEN = (
    MachineFaultKind.SLOW,
    MachineFaultKind.DEAD_BMC,
    MachineFaultKind.FAILS,
    MachineFaultKind.INSTANT,
    MachineFaultKind.SOMEONE_ELSE,
    MachineFaultKind.STUCK,
)


@dataclasses.dataclass(frozen=True)
class Told:
    """What a rolling reboot has shown."""

    servers: int
    state: str
    ends: collections.Counter[ServerState]
    power_calls: int
    reads: int
    given_s: float


async def roll(servers: int, seed: int) -> Told:
    """Reboot so many servers in waves of 50, and hold the run against the promises."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        async with world.opened(
            pathlib.Path(folder), servers, per_s=5.0, pace=REAL, resting=data_centre.Power.ON
        ) as here:
            names = here.ready(servers)
            for name in rng.sample(names, servers // 100):
                here.centre.set_fault(name, rng.choice(BROKEN))
            for kind in LOST:
                here.centre.call_faults.at_random(CallFault(kind, CallKind.POWER), 0.01)
            for kind in THROTTLED:
                here.centre.call_faults.at_random(CallFault(kind), 0.02)
            terms = plan.Terms(batch=50, max_failures=servers)
            found, rows = await here.carried_out(Action.REBOOT, names, terms)
            await promises.hold(here, found, rows)
            return Told(
                servers,
                found.state.value,
                collections.Counter(row.state for row in rows.values()),
                len(here.calls()),
                here.reads(),
                here.clock.monotonic(),
            )


def main() -> int:
    """Roll, and print what happened."""
    parser = argparse.ArgumentParser(prog="python -m tests.execution.rolling")
    parser.add_argument("--servers", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    began = time.monotonic()
    with world.quiet():
        told = virtual.run(lambda: roll(given.servers, given.seed))
    sys.stdout.write(
        f"{told.servers} servers: {told.state}, {dict(told.ends.most_common())}\n"
        f"{told.power_calls} power calls, {told.reads} reads, {told.given_s / 3600:.1f} h of given "
        f"time in {time.monotonic() - began:.1f} s; seed {given.seed}\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
