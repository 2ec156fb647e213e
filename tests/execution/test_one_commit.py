"""An answer and the intent of the next call are stored together, and neither is lost by that."""

from __future__ import annotations

import asyncio
import dataclasses
import pathlib
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import pytest

from bot.clouddc import poller
from bot.execution import executor, recorder
from bot.power import ports
from bot.power.lifecycle import ServerState, State
from bot.power.request import Action
from bot.power.run import ledger
from tests.execution import world
from tests.support import leases, virtual

T = TypeVar("T")
CALLS = 3
SERVERS = 150


@dataclasses.dataclass
class Watched:
    """A store that tells when something was written."""

    store: ports.RequestStore
    wrote: Callable[[], None]

    async def write(self, work: Callable[[ports.Tx], T]) -> T:
        """Write, and tell."""
        value = await self.store.write(work)
        self.wrote()
        return value

    def __getattr__(self, name: str) -> Any:
        """Everything else is the store's."""
        return getattr(self.store, name)


def watched(here: world.World, wrote: Callable[[], None]) -> world.World:
    """Return the world with an executor whose writes are told."""
    act = world.acting(Watched(here.store, wrote), here.power, here.clock, like=here.context)
    return dataclasses.replace(here, context=act)


async def outcomes(here: world.World, id_: str) -> list[str]:
    """Return what came of each call that was intended."""
    return [one.outcome for one in await here.store.read(lambda tx: tx.attempts(id_))]


@virtual.on_given_time
async def test_an_answer_is_stored_with_the_intent_of_the_next_call(tmp_path: pathlib.Path) -> None:
    """One commit between two calls, not two: each of them waits for the disk."""
    async with world.opened(tmp_path, 400) as here:
        sent: list[int] = []
        here = watched(here, lambda: sent.append(len(here.calls())))
        await here.carried_out(Action.OFF, here.ready(SERVERS))

        assert [sent.count(before) for before in range(1, CALLS)] == [1] * (CALLS - 1)


@virtual.on_given_time
async def test_a_stop_of_the_process_before_a_call_leaves_it_provably_not_sent(
    tmp_path: pathlib.Path,
) -> None:
    """Its intent is in the database by then; unknown would be less than what is known."""
    async with world.opened(tmp_path, 400) as here:
        writes = 0

        def wrote() -> None:
            nonlocal writes
            writes += len(here.calls()) == 1
            if writes == 1:
                task.cancel()

        doomed = watched(here, wrote)
        names = here.ready(SERVERS)
        id_ = await here.approved(Action.REBOOT, names)
        task = asyncio.create_task(doomed.drive(await here.claimed()))
        await asyncio.wait({task})
        stopped = await outcomes(here, id_)
        await leases.end_all(here.store)
        await here.drive(await here.claimed())
        found, rows = await here.ended(id_)

        assert task.cancelled()
        assert stopped == ["accepted", "not sent"]
        assert found.state is State.SUCCEEDED
        assert {here.centre.reboots_received(name) for name in rows} == {1}


@virtual.on_given_time
async def test_a_freeze_between_two_calls_holds_the_second_and_keeps_the_answer_of_the_first(
    tmp_path: pathlib.Path,
) -> None:
    """The transaction that would store the intent sees the freeze; the wave goes on after it."""
    async with world.opened(tmp_path, 400) as here:
        id_ = await here.approved(Action.OFF, here.ready(SERVERS))
        power = here.power

        async def freeze(on: str) -> None:
            await here.store.write(
                lambda tx: tx.freeze(ports.Freeze("U0SAM", on, 0.0, 0.0 if on else 0.1))
            )

        class Freezing(poller.CloudPower):
            """Freezes everything while the first call is on its way."""

            async def switch(self, *args: Any, **named: Any) -> ports.Accepted:
                """Call, and freeze."""
                taken = await power.switch(*args, **named)
                if len(here.calls()) == 1:
                    await freeze("storm")
                return taken

        freezing = Freezing(power.cloud, power.inventory, power.poller)
        act = world.acting(here.store, freezing, here.clock, like=here.context)
        task = asyncio.create_task(executor.carry_out(act, await here.claimed()))
        await here.clock.sleep(60.0)
        held, answered = here.calls(), await outcomes(here, id_)
        await freeze("")
        await task
        found, rows = await here.ended(id_)

        assert held == [50]
        assert answered == ["accepted"]
        assert found.state is State.SUCCEEDED
        assert {row.state for row in rows.values()} == {ServerState.PROVEN}


@virtual.on_given_time
async def test_what_a_look_shows_of_a_large_run_is_stored_in_parts(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A click never waits until thousands of rows are stored, and none of them is forgotten."""
    monkeypatch.setattr(recorder, "TOGETHER", 20)
    sizes: list[int] = []
    progress = ledger.progress

    def noted(tx: ports.Tx, found: ports.Request, rows: Sequence[Any], **rest: Any) -> None:
        sizes.append(len(rows))
        progress(tx, found, rows, **rest)

    monkeypatch.setattr(ledger, "progress", noted)
    async with world.opened(tmp_path, 400) as here:
        ended, rows = await here.carried_out(Action.OFF, here.ready(50))

        assert ended.state is State.SUCCEEDED
        assert {row.state for row in rows.values()} == {ServerState.PROVEN}
        assert max(sizes) == 20
        assert sum(sizes) >= 50
