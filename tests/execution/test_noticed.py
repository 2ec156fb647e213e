"""Small things of a run that matter, each held by a test that fails without it."""

from __future__ import annotations

import asyncio
import dataclasses
import pathlib
from collections.abc import Collection, Sequence

import msgspec
import pytest

from bot.execution import (
    approval_check,
    context as execution,
    executor,
    poll,
    power_call,
    preflight,
    send_wave,
)
from bot.power import errors, plan, ports, server
from bot.power.lifecycle import ServerState, State
from bot.power.messages import running
from bot.power.request import Action
from bot.power.run import runs
from bot.sandbox import data_centre
from bot.storage.engine import connections
from tests.execution import world
from tests.support import ticks, virtual

Kind = data_centre.MachineFaultKind
SLOW = data_centre.Pace(30.0, 0.0, 0.0)


class Seen:
    """A power API that shows what it is given, and notes what it was asked."""

    def __init__(self, power: ports.PowerApi) -> None:
        self._power = power
        self.shown: dict[str, server.Server] = {}
        self.age_s = 0.0
        self.asked: list[tuple[float, float]] = []
        self.unstored: list[int] = []
        self.going: runs.Run | None = None

    async def snapshot(self, *, not_before: float) -> server.Snapshot:
        """Read the list."""
        return await self._power.snapshot(not_before=not_before)

    def latest(self) -> server.Snapshot | None:
        """Return the newest list."""
        return self._power.latest()

    async def records(
        self, server_ids: Collection[str], *, not_before: float, whole: bool = False
    ) -> server.Records:
        """Read some servers."""
        return await self._power.records(server_ids, not_before=not_before, whole=whole)

    async def sighting(self, server_ids: Collection[str], *, not_before: float) -> ports.Sighting:
        """Show the records, as old as they are said to be."""
        now = ticks.START + asyncio.get_running_loop().time()
        self.asked.append((now, not_before))
        return ports.Sighting(self.shown, now - self.age_s)

    async def switch(
        self,
        method: ports.Method,
        server_ids: Sequence[str],
        attempt_id: str,
        *,
        within_s: float = 10.0,
    ) -> ports.Accepted:
        """Take a call, and note how many rows the store didn't have when it left."""
        assert self.going is not None
        self.unstored.append(len(self.going.unstored))
        return ports.Accepted(frozenset(server_ids))


async def opened_run(here: world.World, **row: object) -> runs.Run:
    """Return a run of one server that was accepted just now, unless its row says otherwise."""
    (name,) = here.ready(1)
    id_ = await here.approved(Action.OFF, [name])
    lease = await here.claimed()
    going = await executor._open(here.context, lease)
    assert going is not None
    ((server_id, first),) = going.rows.items()
    sent = {"state": ServerState.ACCEPTED, "sent_at": here.clock.now(), "baseline_power": "on"}
    going.keep([msgspec.structs.replace(first, **{**sent, **row})])
    going.sent_at[going.rows[server_id].sent_at] = here.clock.monotonic()
    assert going.id == id_
    return going


def seeing(here: world.World, power: ports.PowerApi) -> execution.Context:
    """Return the world's context over another power API."""
    return dataclasses.replace(here.context, power=power)


def proven(going: runs.Run) -> dict[str, server.Server]:
    """Return the records that prove a power-off."""
    return {
        row.server_id: server.Server(row.server_id, row.name, "off", "power-off-succeed")
        for row in going.rows.values()
    }


@virtual.on_given_time
async def test_a_lease_that_has_just_ended_ends_the_watch(tmp_path: pathlib.Path) -> None:
    """At the very instant another may have it: nothing is read, nothing is written."""
    async with world.opened(tmp_path) as here:
        going = await opened_run(here)
        going.lease = runs.Lease(going.lease.claim, lambda: 0.0)
        power = Seen(here.power)

        with pytest.raises(errors.LostLease):
            await poll.to_the_end(seeing(here, power), going, at_once=True)

        assert power.asked == []


@pytest.mark.parametrize(("at_once", "wait_s"), [(True, 0.0), (False, 1.6)])
@virtual.on_given_time
async def test_the_first_look_waits_unless_a_run_was_taken_over(
    at_once: bool, wait_s: float, tmp_path: pathlib.Path
) -> None:
    """A call that has just left shows nothing yet; one that was left may have shown it long ago."""
    async with world.opened(tmp_path) as here:
        going = await opened_run(here)
        power = Seen(here.power)
        power.shown = proven(going)
        began = here.clock.now()

        await poll.to_the_end(seeing(here, power), going, at_once=at_once)

        assert wait_s <= power.asked[0][0] - began <= wait_s * 1.5
        assert power.asked[0][1] == next(iter(going.rows.values())).sent_at


@virtual.on_given_time
async def test_what_was_seen_is_as_old_as_the_sweep_that_saw_it(tmp_path: pathlib.Path) -> None:
    """A sweep from before the deadline doesn't time a server out after it."""
    async with world.opened(tmp_path) as here:
        going = await opened_run(here)
        (row,) = going.rows.values()
        going.sent_at[row.sent_at] = here.clock.monotonic() - 605.0
        power = Seen(here.power)
        power.age_s = 10.0
        power.shown = {row.server_id: server.Server(row.server_id, row.name, "on")}
        context = seeing(here, power)

        await poll._poll(context, going, list(going.rows.values()))
        assert going.rows[row.server_id].state is ServerState.ACCEPTED
        power.age_s = 4.0
        await poll._poll(context, going, list(going.rows.values()))
        assert going.rows[row.server_id].state is ServerState.TIMED_OUT


@virtual.on_given_time
async def test_what_a_look_shows_is_stored_before_the_next(tmp_path: pathlib.Path) -> None:
    """A process that dies between two looks leaves the next one what it has seen."""
    async with world.opened(tmp_path, pace=SLOW) as here:
        id_ = await here.approved(Action.OFF, here.ready(1))
        task = asyncio.create_task(here.drive(await here.claimed()))
        await here.clock.sleep(15.0)
        _, rows = await here.ended(id_)

        assert not task.done()
        assert [row.seen_processing for row in rows.values()] == [True]
        await task


@virtual.on_given_time
async def test_an_intents_rows_are_not_stored_a_second_time(tmp_path: pathlib.Path) -> None:
    """When the call leaves the store has all of them, so that nothing is owed but the answer."""
    async with world.opened(tmp_path) as here:
        going = await opened_run(here, state=ServerState.QUEUED, sent_at=0.0)
        power = Seen(here.power)
        power.going = going
        going.keep([msgspec.structs.replace(row, cause=row.cause) for row in going.rows.values()])
        snapshot = await here.power.snapshot(not_before=here.clock.now())
        context = seeing(here, power)

        await power_call.call(context, going, ports.Method.OFF, list(going.rows.values()), snapshot)

        assert power.unstored == [0]
        await power_call.save_answer(context, going)
        assert not going.unstored


@virtual.on_given_time
async def test_a_sent_wave_leaves_nothing_for_each_of_its_servers_but_their_rows(
    tmp_path: pathlib.Path,
) -> None:
    """A run may have 10,000: its calls have one instant each, and the plan's index is let go of."""
    async with world.opened(tmp_path) as here:
        await here.approved(Action.OFF, here.ready(3))
        going = await executor._open(here.context, await here.claimed())
        assert going is not None
        fresh = await here.power.snapshot(not_before=here.clock.now())
        context = seeing(here, Seen(here.power))
        context.power.going = going  # type: ignore[attr-defined]
        await approval_check.fits(context, going, fresh)
        chosen = await preflight.choose(context, going, 0, fresh, 3)

        assert await send_wave.Wave(context, going, fresh).send(chosen)

        assert len(chosen) == 3
        assert len(going.sent_at) == 1
        assert going._targets is None


@virtual.on_given_time
async def test_a_cycle_at_its_failure_limit_still_switches_on_what_it_switched_off(
    tmp_path: pathlib.Path,
) -> None:
    """One power-off fails, which ends the run: the other server isn't left dark for that."""
    async with world.opened(tmp_path) as here:
        bad, good = here.ready(2)
        here.centre.set_fault(bad, Kind.FAILS)

        found, rows = await here.carried_out(
            Action.CYCLE, [bad, good], plan.Terms(ramp=(), max_failures=1)
        )

        assert rows[bad].state is ServerState.FAILED
        assert rows[good].state is ServerState.PROVEN
        assert rows[good].step == 1
        assert found.state is State.PARTIAL


# -- the end


@virtual.on_given_time
async def test_the_requester_hears_of_servers_left_off_in_a_direct_message(
    tmp_path: pathlib.Path,
) -> None:
    """The thread may be muted, or gone with its channel."""
    async with world.opened(tmp_path) as here:
        (name,) = here.ready(1)
        here.centre.set_fault(name, Kind.STUCK)
        id_ = await here.approved(Action.CYCLE, [name])
        await here.drive(await here.claimed())

        told = await here.store.due_messages(now=here.clock.now() + 1.0, limit=100)
        dark = [one for one in told if isinstance(one.said, running.LeftDark)]
        assert {one.kind for one in dark} >= {"direct"}
        direct = next(one for one in dark if one.kind == "direct")
        assert direct.request_id == id_
        assert isinstance(direct.said, running.LeftDark)
        assert direct.said.names == (name,)


@virtual.on_given_time
async def test_an_ended_run_leaves_no_row_among_the_locks(tmp_path: pathlib.Path) -> None:
    """Rows of ended requests bar nobody, and would stay for ever all the same."""
    async with world.opened(tmp_path) as here:
        await here.carried_out(Action.OFF, here.ready(3))

        with connections.reading(f"sqlite:///{tmp_path / 'powerbot.db'}") as connection:
            assert connection.value("SELECT count(*) FROM server_locks") == 0


@virtual.on_given_time
async def test_an_end_by_somebody_else_in_between_is_the_only_end(tmp_path: pathlib.Path) -> None:
    """Whoever comes second changes nothing, says nothing, and learns it."""
    async with world.opened(tmp_path, pace=SLOW) as here:
        id_ = await here.approved(Action.OFF, here.ready(1))
        task = asyncio.create_task(here.drive(await here.claimed()))
        await here.clock.sleep(15.0)
        at = here.clock.now()
        await here.store.write(
            lambda tx: tx.transition(id_, State.RUNNING, State.FAILED, at=at, reason="elsewhere")
        )

        with pytest.raises(errors.LostLease):
            await task

        found, _ = await here.ended(id_)
        assert (found.state, found.end_reason) == (State.FAILED, "elsewhere")
        rows = await here.store.read(lambda tx: tx.audit_rows(request_id=id_, limit=100))
        assert "request.succeeded" not in {row["event"] for row in rows}
        told = await here.store.due_messages(now=here.clock.now() + 1.0, limit=100)
        assert not any(isinstance(one.said, running.Ended) for one in told)
