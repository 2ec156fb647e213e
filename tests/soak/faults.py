"""What goes wrong: processes, Slack, CloudDC, servers and the database, one thing after another."""

from __future__ import annotations

import asyncio
import dataclasses
import random
import signal
from collections import Counter
from collections.abc import Awaitable, Callable

import psycopg

from bot.sandbox.data_centre import CallFault, CallFaultKind, CallKind, MachineFaultKind
from tests.soak import stage

K = CallFaultKind
CALL_FAULTS = (
    *(K.THROTTLED_JSON, K.THROTTLED_GATEWAY, K.THROTTLED_STRING, K.THROTTLED_TEXT),
    *(K.INTERNAL_ERROR, K.BAD_GATEWAY, K.DROP_BEFORE, K.DROP_AFTER, K.DELAY, K.REF_IDS),
    *(K.MISSING_IDS, K.GARBAGE),
)
M = MachineFaultKind
MACHINE_FAULTS = (M.SLOW, M.DEAD_BMC, M.STUCK, M.FAILS, M.INSTANT, M.FALLS_BACK, M.SOMEONE_ELSE)


@dataclasses.dataclass
class Faults:
    """Causes faults until it is cancelled; `caused` counts them."""

    on: stage.Stage
    dice: random.Random
    pause_s: float = 0.7
    caused: Counter[str] = dataclasses.field(default_factory=Counter)

    async def run(self) -> None:
        """Cause one fault after another."""
        kinds: list[tuple[int, Callable[[], Awaitable[None]]]] = [
            (4, self.kill),
            (1, self.stop_gently),
            (5, self.spoil_slack),
            (1, self.slack_outage),
            (2, self.disturb_sockets),
            (6, self.spoil_cloud),
            (4, self.break_server),
        ]
        if len(self.on.replicas) > 1:
            kinds.append((2, self.freeze))
        if self.on.database_url.startswith("postgres"):
            kinds.append((2, self.cut_database))
        weights, causes = [weight for weight, _ in kinds], [cause for _, cause in kinds]
        while True:
            await asyncio.sleep(self.dice.expovariate(1 / self.pause_s))
            cause = self.dice.choices(causes, weights)[0]
            self.caused[cause.__name__] += 1
            await cause()

    def mend(self) -> None:
        """Take every fault back."""
        self.on.slack.chaos.clear()
        self.on.centre.call_faults.clear()
        for machine in self.on.centre.inventory.machines:
            if machine.fault is not None:
                machine.set_fault(None, self.on.centre.now())
        for replica in self.on.replicas:
            replica.send(signal.SIGCONT)

    async def kill(self) -> None:
        """Kill a replica as a crash would, at any instant."""
        replica = self.dice.choice(self.on.replicas)
        # One that has hardly begun is killed too, but not again and again.
        if replica.age_s > 3 or self.dice.random() < 0.1:
            replica.kill()

    async def stop_gently(self) -> None:
        """SIGTERM, as a deploy does."""
        self.dice.choice(self.on.replicas).send(signal.SIGTERM)

    async def freeze(self) -> None:
        """Freeze a replica for longer than its leases, and wake it."""
        await self.dice.choice(self.on.replicas).freeze(1.5 * 30 / self.on.factor)

    async def spoil_slack(self) -> None:
        """Let a few of Slack's answers fail, before or after the work."""
        chaos, count = self.on.slack.chaos, self.dice.randint(1, 4)
        match self.dice.randrange(5):
            case 0:
                chaos.fail("any", "status", count, status=429, retry_after_s=1)
            case 1:
                chaos.fail("any", "status", count, status=503)
            case 2:
                chaos.fail("any", "cut_before", count)
            # A post whose answer is lost comes twice, by design: only edits and reads here.
            case 3:
                chaos.fail("chat.update", "cut_after", count)
            case _:
                chaos.fail("users.info", "status_after", count)

    async def slack_outage(self) -> None:
        """Let Slack be away altogether for a while."""
        self.on.slack.chaos.fail("any", "cut_before", 1000)
        await self.on.slack.hub.drop()
        await asyncio.sleep(self.dice.uniform(0.5, 30 / self.on.factor))
        self.on.slack.chaos.clear()

    async def disturb_sockets(self) -> None:
        """Refresh, cut, double and lose."""
        hub, chaos = self.on.slack.hub, self.on.slack.chaos
        match self.dice.randrange(4):
            case 0:
                await hub.disconnect()
            case 1:
                await hub.drop()
            case 2:
                chaos.duplicate_next(3)
            case _:
                chaos.lose_acks(2)

    async def spoil_cloud(self) -> None:
        """Let the next calls to CloudDC go wrong."""
        kind = self.dice.choice(CALL_FAULTS)
        operation = self.dice.choice((CallKind.POWER, CallKind.POWER, CallKind.ANY))
        fault = CallFault(kind, operation, delay_s=3.0 if kind is K.DELAY else 0.0)
        self.on.centre.call_faults.queue(fault, self.dice.randint(1, 3))

    async def break_server(self) -> None:
        """Break one server, and mend another."""
        machines = self.on.centre.inventory.machines
        broken = [machine for machine in machines if machine.fault is not None]
        if len(broken) > len(machines) // 10:
            self.dice.choice(broken).set_fault(None, self.on.centre.now())
        name = self.dice.choice(list(machines)).server.name
        self.on.centre.set_fault(name, self.dice.choice(MACHINE_FAULTS))

    async def cut_database(self) -> None:
        """Cut a connection of the bot to PostgreSQL, in whatever it does."""
        await asyncio.to_thread(self._cut_one)

    def _cut_one(self) -> None:
        with psycopg.connect(self.on.database_url, autocommit=True) as connection:
            found = connection.execute(
                "SELECT pid FROM pg_stat_activity WHERE application_name = 'powerbot'"
            ).fetchall()
            if found:
                victim = self.dice.choice(found)[0]
                connection.execute("SELECT pg_terminate_backend(%s)", [victim])
