"""An approved request carried out against the simulated data centre, on a clock that is given."""

from __future__ import annotations

import dataclasses
import pathlib
import random
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import httpx
import pytest
import pytest_asyncio

from bot.clouddc import auth, client, inventory, poller, throttle
from bot.execution import context as execution, executor
from bot.power import plan, ports, request, server
from bot.power.lifecycle import ServerState, State
from bot.power.policy import policy
from bot.power.request import Action
from bot.power.run import losses, runs, settling
from bot.sandbox import data_centre
from bot.sandbox.data_centre import CallFault, CallFaultKind, CallKind, MachineFaultKind
from bot.storage import opening, store
from tests.support import ticks

PERSON = request.Person(user_id="U0DANA", team_id="T0")
LIMITS = settling.Limits(settle_s=60, power_s=600, reboot_s=1200)


async def standing(found: ports.Request, step: int) -> losses.Ruling:
    """Rule that nothing is lost."""
    return losses.Ruling()


async def unchanged(found: ports.Request, snapshot: server.Snapshot) -> str:
    """Judge as a policy that hasn't changed."""
    return ""


@dataclasses.dataclass
class World:
    """A store, a data centre and an executor on one clock."""

    clock: ticks.GivenClock
    store: store.Store
    centre: data_centre.DataCentre
    context: execution.Context

    async def carry_out(
        self,
        action: Action,
        names: list[str],
        terms: plan.Terms | None = None,
        *,
        before: Callable[[], None] = lambda: None,
    ) -> tuple[ports.Request, dict[str, ports.RunServer]]:
        """Carry an approved request out and return how it ended."""
        machines = [self.centre.machine(name).server for name in names]
        order = request.Order(
            scope=request.Scope(region="here", project_id="p"),
            place=request.Place(channel_id="C0OPS"),
            action=action,
            targets=tuple(
                request.Target(server_id=one.id, name=one.name, rack="") for one in machines
            ),
            requester=PERSON,
        )
        made = plan.Plan(
            order=order,
            lines=(),
            snapshot_at=0.0,
            terms=terms or plan.Terms(ramp=(), max_per_rack=1000),
            policy_version="",
        )
        now = self.clock.now()
        new = ports.Request("PR-2222", State.APPROVED, made, now, now, use_by=now + 900)
        await self.store.write(lambda tx: tx.create(new, source_key="k"))
        claim = await self.store.claim(now=now, lease_s=600.0)
        assert claim is not None
        before()
        await executor.carry_out(self.context, runs.Lease(claim, lambda: 600.0))
        found, rows = await self.store.read(
            lambda tx: (tx.request("PR-2222"), tx.run_servers("PR-2222"))
        )
        assert found is not None
        return found, {row.name: row for row in rows}

    def calls(self) -> list[int]:
        """How many ids each power call had."""
        return [len(entry.ids) for entry in self.centre.power_calls()]


@pytest_asyncio.fixture
async def world(tmp_path: pathlib.Path) -> AsyncIterator[World]:
    """A world with 120 servers, whose operations take about five seconds."""
    clock = ticks.GivenClock()
    account = data_centre.Account(token="t")
    centre = data_centre.DataCentre(
        data_centre.build(120, seed=0),
        clock=clock.monotonic,
        wall=clock.wall,
        account=account,
        pace=data_centre.Pace(5.0),
    )

    def answer(asked: httpx.Request) -> httpx.Response:
        target = asked.url.raw_path.decode()
        headers = tuple((key.decode(), value.decode()) for key, value in asked.headers.raw)
        got = centre.handle(data_centre.HttpRequest(asked.method, target, headers, asked.content))
        if isinstance(got, data_centre.Dropped):
            raise httpx.ReadError("cut", request=asked)
        return httpx.Response(got.status, headers=list(got.headers), content=got.body)

    kept = opening.open_store(f"sqlite:///{tmp_path / 'run.db'}")
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        cloud = client.CloudDC(
            http,
            client.Access("http://127.0.0.1:1", account.project_id, auth.TokenAuth("t")),
            bucket=throttle.Bucket(1000.0, clock),
            clock=clock,
            jitter=random.Random(0),
        )
        servers = inventory.Inventory(cloud, clock)
        power = poller.CloudPower(cloud, servers, poller.Poller(cloud, servers, clock))
        rules = execution.Rules(lambda: policy.EMPTY, unchanged, standing)
        acting = execution.Context(kept, power, clock, rules, execution.Pacing(LIMITS))
        yield World(clock, kept, centre, acting)
        await power.aclose()
    await kept.close()


def webs(count: int) -> list[str]:
    """Return names of servers that are on and ready."""
    return [f"web{n:02}" for n in range(1, count + 1)]


def all_on(world: World) -> list[str]:
    """Return the names of all servers that a reboot may be sent to."""
    found = []
    for n in range(1, 121):
        for stem in ("web", "db", "cache", "worker"):
            try:
                machine = world.centre.machine(f"{stem}{n:02}")
            except data_centre.UnknownServer:
                continue
            look = machine.look(world.clock.monotonic())
            if look.power is data_centre.Power.ON and machine.server.manage_state == "in-use":
                found.append(f"{stem}{n:02}")
    return found


@pytest.mark.parametrize(("count", "calls"), [(1, [1]), (50, [50]), (51, [50, 1]), (60, [50, 10])])
async def test_a_wave_is_sent_in_as_few_calls_as_the_api_allows(
    world: World, count: int, calls: list[int]
) -> None:
    """Fifty ids a call, none of them twice, and every server proven."""
    names = all_on(world)[:count]

    found, rows = await world.carry_out(
        Action.REBOOT, names, plan.Terms(ramp=(), batch=1000, max_per_rack=1000)
    )

    assert found.state is State.SUCCEEDED
    assert {row.state for row in rows.values()} == {ServerState.PROVEN}
    assert world.calls() == calls


async def test_a_run_begins_with_one_server(world: World) -> None:
    """The ramp is kept, and a wave waits for the proof of the one before."""
    found, _ = await world.carry_out(Action.REBOOT, webs(8), plan.Terms(ramp=(1, 5)))

    assert found.state is State.SUCCEEDED
    assert world.calls() == [1, 5, 2]


async def test_a_failure_in_a_wave_stops_the_run_at_its_limit(world: World) -> None:
    """The limit is over the whole run: at one failure nothing more is sent."""
    world.centre.set_fault("web02", MachineFaultKind.FAILS)

    found, rows = await world.carry_out(Action.REBOOT, webs(9), plan.Terms(ramp=(1, 2), batch=3))

    assert found.state is State.PARTIAL
    assert found.end_reason == "stopped itself at 1 failure"
    assert rows["web02"].state is ServerState.FAILED
    assert [rows[name].state for name in webs(9)[3:]] == [ServerState.NOT_SENT] * 6
    assert world.calls() == [1, 2]


async def test_a_reboot_too_quick_to_be_seen_is_not_called_done(world: World) -> None:
    """After a reboot of yesterday, one without a trace is accepted and not proven."""
    world.centre.act_externally("web01", data_centre.Action.REBOOT)
    await world.clock.sleep(300.0)
    world.centre.set_fault("web01", MachineFaultKind.INSTANT)

    found, rows = await world.carry_out(Action.REBOOT, ["web01"])

    assert rows["web01"].state is ServerState.NOT_PROVEN
    assert found.state is State.PARTIAL


async def test_a_reboot_whose_answer_is_lost_is_never_sent_again(world: World) -> None:
    """The call took effect, its answer did not come: the record proves it, one call was sent."""
    world.centre.queue_fault(CallFaultKind.DROP_AFTER, CallKind.POWER, 1)

    found, rows = await world.carry_out(Action.REBOOT, webs(2))

    assert found.state is State.SUCCEEDED
    assert {row.state for row in rows.values()} == {ServerState.PROVEN}
    assert world.calls() == [2]


async def test_a_reboot_that_was_lost_on_the_way_stays_unknown(world: World) -> None:
    """Nobody can know that it didn't happen, so nobody is rebooted by a guess."""
    world.centre.queue_fault(CallFaultKind.DROP_BEFORE, CallKind.POWER, 1)

    found, rows = await world.carry_out(Action.REBOOT, webs(2))

    assert found.state is State.FAILED
    assert {row.state for row in rows.values()} == {ServerState.UNKNOWN}
    assert world.calls() == [2]


async def test_a_power_off_that_was_lost_is_asked_for_again(world: World) -> None:
    """Off is a goal: past the settle time, without a trace, it is repeated and converges."""
    world.centre.queue_fault(CallFaultKind.DROP_BEFORE, CallKind.POWER, 1)

    found, rows = await world.carry_out(Action.OFF, webs(2))

    assert found.state is State.SUCCEEDED
    assert {row.state for row in rows.values()} == {ServerState.PROVEN}
    assert world.calls() == [2, 2]


@pytest.mark.parametrize(
    "kind",
    [
        CallFaultKind.THROTTLED_JSON,
        CallFaultKind.THROTTLED_GATEWAY,
        CallFaultKind.THROTTLED_STRING,
        CallFaultKind.THROTTLED_TEXT,
    ],
)
async def test_a_throttled_call_waits_and_goes_on(world: World, kind: CallFaultKind) -> None:
    """429 refuses before acting, in whatever form it comes."""
    world.centre.call_faults.queue(CallFault(kind, CallKind.POWER), 2)

    found, _ = await world.carry_out(Action.REBOOT, webs(2))

    assert found.state is State.SUCCEEDED
    assert world.centre.reboots_received("web01") == 1


async def test_ids_missing_from_the_answer_are_watched(world: World) -> None:
    """What an answer leaves out is unknown until the server's own record proves it."""
    world.centre.queue_fault(CallFaultKind.MISSING_IDS, CallKind.POWER, 1)

    found, rows = await world.carry_out(Action.REBOOT, webs(3))

    assert found.state is State.SUCCEEDED
    assert {row.state for row in rows.values()} == {ServerState.PROVEN}
    assert world.calls() == [3]


async def test_a_dead_server_times_out_and_is_not_called_failed(world: World) -> None:
    """Accepted, and nothing ever happens: the deadline ends the watching."""
    world.centre.act_externally("web01", data_centre.Action.OFF)
    await world.clock.sleep(300.0)
    world.centre.set_fault("web01", MachineFaultKind.DEAD_BMC)

    _, rows = await world.carry_out(Action.ON, ["web01"])

    assert rows["web01"].state is ServerState.TIMED_OUT
    assert rows["web01"].detail.startswith("last seen off")


async def test_a_cycle_is_off_proven_and_then_on_proven(world: World) -> None:
    """Two calls, and each server's record shows both."""
    found, rows = await world.carry_out(Action.CYCLE, webs(3))

    methods = [entry.action for entry in world.centre.power_calls()]
    assert found.state is State.SUCCEEDED
    assert [str(method) for method in methods] == ["power off", "power on"]
    assert {row.step for row in rows.values()} == {1}


async def test_a_server_that_is_in_the_goal_already_is_skipped(world: World) -> None:
    """Nothing is sent for what changed since the plan."""
    found, rows = await world.carry_out(Action.ON, ["web01"])

    assert found.state is State.SUCCEEDED
    assert (rows["web01"].state, rows["web01"].detail) == (ServerState.SKIPPED, "already on")
    assert world.calls() == []


async def test_an_approval_that_was_not_used_in_time_is_void(world: World) -> None:
    """What was approved too long ago is never sent."""

    def late() -> None:
        world.clock.passed_s += 901.0

    found, _ = await world.carry_out(Action.REBOOT, ["web01"], before=late)

    assert found.state is State.VOID
    assert world.calls() == []


async def test_a_freeze_holds_a_run_and_ends_it_past_its_time(world: World) -> None:
    """No call leaves in a freeze; after use_within the run is stopped."""
    await world.store.write(lambda tx: tx.freeze(ports.Freeze("U0SAM", "storm", 0.0)))

    found, rows = await world.carry_out(Action.REBOOT, webs(2))

    assert found.state is State.STOPPED
    assert rows["web01"].detail == "held by freeze of U0SAM (storm) since 1970-01-01 00:00 UTC"
    assert world.calls() == []


async def test_a_freeze_of_the_policy_holds_a_run_as_well(world: World) -> None:
    """A window that the file names bars calls like the switch does, and ends by itself."""
    start = world.clock.wall()
    window = policy.Freeze(
        "year end", start, start + timedelta(seconds=300), frozenset({Action.REBOOT})
    )
    rules = dataclasses.replace(policy.EMPTY, freezes=(window,))
    changed = dataclasses.replace(world.context.rules, policy=lambda: rules)
    world.context = dataclasses.replace(world.context, rules=changed)

    found, rows = await world.carry_out(Action.REBOOT, webs(1))

    assert found.state is State.SUCCEEDED
    assert rows["web01"].sent_at >= window.ends.timestamp()
