"""A store, a simulated data centre and an executor on one given clock, and people's orders."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime
import itertools
import pathlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from typing import Any

import httpx
import structlog

from bot.clouddc import auth, poller
from bot.execution import context as execution, executor
from bot.power import plan, ports, request, server
from bot.power.lifecycle import State
from bot.power.policy import policy
from bot.power.request import Action
from bot.power.run import lost_grants, runs, settling
from bot.sandbox import data_centre
from bot.storage import opening, store
from tests.support import centre as centres, databases, ticks, virtual

PERSON = request.Person(user_id="U0DANA", team_id="T0")
LIMITS = settling.WatchLimits(settle_s=60.0, power_s=600.0, reboot_s=1200.0)
ALL_AT_ONCE = plan.Terms(ramp=(), batch=10_000, max_per_rack=10_000)
LEASE_S = 1e9
# Half of this passes on the way to the centre, half on the way back.
ROUND_TRIP_S = 0.02

Wrap = Callable[[ports.PowerApi], ports.PowerApi]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep the log silent while the block lasts: thousands of runs would fill it."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    try:
        yield
    finally:
        structlog.configure(**before)


async def unchanged(found: ports.Request, records: server.Records) -> str:
    """Judge as a policy that hasn't changed."""
    return ""


async def standing(found: ports.Request, step: int) -> lost_grants.Ruling:
    """Rule that nothing is lost: who may ask and agree is another package's tests."""
    return lost_grants.Ruling()


class Line:
    """The way to the data centre: what is on it arrives, even when its sender dies meanwhile."""

    def __init__(self, centre: data_centre.DataCentre, round_trip_s: float = ROUND_TRIP_S) -> None:
        self.centre = centre
        self.half_s = round_trip_s / 2
        self._under_way: set[asyncio.Task[httpx.Response]] = set()

    async def carry(self, asked: httpx.Request) -> httpx.Response:
        """Carry one request there and its answer back."""
        task = asyncio.create_task(self._carry(asked))
        self._under_way.add(task)
        task.add_done_callback(self._arrived)
        return await asyncio.shield(task)

    async def quiet(self) -> None:
        """Wait until nothing is on the way any more."""
        while self._under_way:
            await asyncio.wait(self._under_way)

    async def _carry(self, asked: httpx.Request) -> httpx.Response:
        await asyncio.sleep(self.half_s)
        got = centres.asked(self.centre, asked)
        await asyncio.sleep(self.half_s + got.delay_s)
        return centres.told(got)

    def _arrived(self, task: asyncio.Task[httpx.Response]) -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            task.exception()


@dataclasses.dataclass
class World:
    """One project of the cloud, and one process of Powerbot that acts on it."""

    clock: ports.Clock
    store: store.Store
    centre: data_centre.DataCentre
    line: Line
    power: poller.CloudPower
    context: execution.Context
    numbers: Iterable[int] = dataclasses.field(default_factory=itertools.count)

    def ready(self, count: int, power: data_centre.Power = data_centre.Power.ON) -> list[str]:
        """Return the names of so many servers that a power call may be sent to."""
        now = self.clock.monotonic()
        found = [
            machine.server.name
            for machine in sorted(self.centre.inventory.machines, key=lambda one: one.server.name)
            if machine.is_ready(now) and machine.look(now).power is power
        ]
        assert len(found) >= count
        return found[:count]

    def order(self, action: Action, names: Sequence[str], **more: object) -> request.Order:
        """Return what somebody asked for."""
        machines = [self.centre.machine(name).server for name in names]
        return request.Order(
            scope=request.Scope(region="here", project_id=self.centre.iam.account.project_id),
            place=request.Place(channel_id="C0OPS"),
            action=action,
            targets=tuple(
                request.Target(server_id=one.id, name=one.name, rack=one.rack) for one in machines
            ),
            requester=PERSON,
            **more,
        )

    async def approved(
        self, action: Action, names: Sequence[str], terms: plan.Terms = ALL_AT_ONCE, **more: object
    ) -> str:
        """Store an approved request and return its id."""
        order = self.order(action, names, **more)
        made = plan.Plan(order=order, lines=(), snapshot_at=0.0, terms=terms, policy_version="")
        now, number = self.clock.now(), next(iter(self.numbers))
        new = ports.Request(
            request.request_id(number), State.APPROVED, made, now, now, use_by=now + 900.0
        )
        card = ports.Card("C0OPS", "1.1")
        assert await self.store.write(lambda tx: tx.create(new, source_key=new.id))
        await self.store.write(lambda tx: tx.set_card(new.id, card))
        return new.id

    async def claimed(self) -> runs.Lease:
        """Claim the request that is due."""
        claim = await self.store.claim(now=self.clock.now(), lease_s=LEASE_S)
        assert claim is not None
        return runs.Lease(claim, lambda: LEASE_S)

    async def carried_out(
        self, action: Action, names: Sequence[str], terms: plan.Terms = ALL_AT_ONCE, **more: object
    ) -> tuple[ports.Request, dict[str, ports.RunServer]]:
        """Carry an approved request out and return how it ended, with its servers by name."""
        id_ = await self.approved(action, names, terms, **more)
        await self.drive(await self.claimed())
        return await self.ended(id_)

    async def drive(self, lease: runs.Lease) -> None:
        """Drive a claimed request to its end, with what the process has at this moment."""
        await executor.carry_out(self.context, lease)

    def rule(self, **changed: Any) -> None:
        """Let the process judge by another policy, or by another look at the request."""
        rules = dataclasses.replace(self.context.rules, **changed)
        self.context = dataclasses.replace(self.context, rules=rules)

    async def ended(self, id_: str) -> tuple[ports.Request, dict[str, ports.RunServer]]:
        """Return a request as it stands, with its servers by name."""
        found, rows = await self.store.read(lambda tx: (tx.request(id_), tx.run_servers(id_)))
        assert found is not None
        return found, {row.name: row for row in rows}

    def calls(self) -> list[int]:
        """How many ids each power call had, the refused and lost ones too."""
        return [len(entry.ids) for entry in self.centre.power_calls()]

    def reads(self) -> int:
        """How many calls only read."""
        counts = self.centre.counts()
        return counts.get(data_centre.Operation.LIST, 0) + counts.get(data_centre.Operation.SHOW, 0)

    def restarted(self, wrap: Wrap = lambda power: power) -> World:
        """Return the world after Powerbot was killed and started again."""
        power = cloud_power(self.line, self.clock)
        new = acting(self.store, wrap(power), self.clock, like=self.context)
        return dataclasses.replace(self, power=power, context=new)


def cloud_power(
    line: Line, clock: ports.Clock, per_s: float = 1000.0, signer: auth.CloudAuth | None = None
) -> poller.CloudPower:
    """Return the real client with its inventory and poller, on a line to the centre."""
    http = httpx.AsyncClient(transport=httpx.MockTransport(line.carry))
    account = line.centre.iam.account
    return centres.power(http, clock, account=account, signer=signer, per_s=per_s)


def acting(
    kept: ports.RequestStore,
    power: ports.PowerApi,
    clock: ports.Clock,
    *,
    like: execution.Context | None = None,
    limits: settling.WatchLimits = LIMITS,
    rules: policy.Policy = policy.EMPTY,
) -> execution.Context:
    """Return what runs are carried out with, like another one if one is given."""
    return execution.Context(
        kept,
        power,
        clock,
        like.rules if like else execution.Rules(lambda: rules, unchanged, standing),
        execution.Pacing(like.pacing.limits if like else limits),
    )


def centre(
    clock: ports.Clock,
    servers: int,
    *,
    pace: data_centre.Pace | None = None,
    switches: data_centre.Switches | None = None,
    seed: int = 0,
    resting: data_centre.Power | None = None,
) -> data_centre.DataCentre:
    """Return a data centre on the given clock; with `resting` all its servers rest there."""
    start = datetime.datetime.fromtimestamp(ticks.START, datetime.UTC)
    fleet = data_centre.build(servers, seed=seed)
    if resting is not None:
        fleet = [
            dataclasses.replace(
                one, power=resting, manage_state="in-use", frozen_state=0, last_action=None
            )
            for one in fleet
        ]
    return data_centre.DataCentre(
        fleet,
        clock=clock.monotonic,
        wall=lambda: start + datetime.timedelta(seconds=clock.monotonic()),
        account=centres.ACCOUNT,
        pace=pace or data_centre.Pace(5.0),
        switches=switches,
        seed=seed,
    )


@contextlib.asynccontextmanager
async def opened(
    folder: pathlib.Path,
    servers: int = 120,
    *,
    per_s: float = 1000.0,
    pace: data_centre.Pace | None = None,
    switches: data_centre.Switches | None = None,
    rules: policy.Policy = policy.EMPTY,
    limits: settling.WatchLimits = LIMITS,
    resting: data_centre.Power | None = None,
    round_trip_s: float = ROUND_TRIP_S,
    clock: ports.Clock | None = None,
) -> AsyncIterator[World]:
    """Open a world while the block lasts; on a virtual loop, unless a clock is given."""
    clock = clock or virtual.VirtualClock(asyncio.get_running_loop())
    cloud = centre(clock, servers, pace=pace, switches=switches, resting=resting)
    line = Line(cloud, round_trip_s)
    kept = opening.open_store(databases.sqlite(folder))
    power = cloud_power(line, clock, per_s)
    try:
        yield World(
            clock,
            kept,
            line.centre,
            line,
            power,
            acting(kept, power, clock, limits=limits, rules=rules),
        )
    finally:
        await line.quiet()
        await power.aclose()
        await kept.close()
