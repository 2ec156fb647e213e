"""A process that carries out what its database asks for, until nothing is open, and then ends.

`python -m tests.execution.child DATABASE_URL ENDPOINT`: the real executor under the real runner,
with waits a hundred times shorter, since the servers that it switches are that quick.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import sys

from bot import runner
from bot.clouddc import auth, client, exchange, inventory, poller, throttle
from bot.execution import context as execution, executor, poll_schedule
from bot.power import lifecycle, ports
from bot.power.policy import policy
from bot.power.run import runs, settling
from bot.runtime import clocks
from bot.storage import opening
from tests.execution import world

READY = "ready"
TOKEN = "t"
LIMITS = settling.WatchLimits(settle_s=1.0, power_s=4.0, reboot_s=4.0)
FIRST_S, CAP_S = 0.05, 0.2
PROJECT = "0123456789abcdef0123456789abcdef"


async def carry_on(url: str, endpoint: str) -> None:
    """Drive every open request to its end."""
    clock = clocks.SystemClock()
    kept = opening.open_store(url, sole=True)
    async with exchange.open_http(trust_env=False) as http:
        cloud = client.CloudDC(
            http,
            client.Access(endpoint, PROJECT, auth.TokenAuth(TOKEN)),
            bucket=throttle.Bucket(500.0, clock),
            clock=clock,
            jitter=random.Random(),
        )
        stock = inventory.Inventory(cloud, clock)
        power = poller.CloudPower(cloud, stock, poller.Poller(cloud, stock, clock))
        rules = execution.Rules(lambda: policy.EMPTY, world.unchanged, world.standing)
        pacing = execution.Pacing(LIMITS, poll_schedule.usual(FIRST_S, CAP_S))
        acting = execution.Context(kept, power, clock, rules, pacing)

        async def advance(lease: runs.Lease) -> float | None:
            await executor.carry_out(acting, lease)
            return None

        sys.stdout.write(f"{READY}\n")
        sys.stdout.flush()
        driving = asyncio.create_task(
            runner.Runner(kept, advance, clock, clocks.Paces(look_s=0.05)).run()
        )
        while await kept.read(_open):  # noqa: ASYNC110 -- the database has no event for it
            await asyncio.sleep(0.05)
        driving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await driving
        await power.aclose()
    await kept.close()


def _open(tx: ports.Tx) -> bool:
    return bool(tx.requests(states=lifecycle.OPEN, limit=1))


if __name__ == "__main__":
    with world.quiet():
        asyncio.run(carry_on(*sys.argv[1:3]))
