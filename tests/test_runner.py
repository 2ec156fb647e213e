"""Who carries a request on: claims are taken, kept up, lost, and given back at a stop."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import pathlib
import time
from collections.abc import AsyncIterator

import pytest

from bot import runner
from bot.power.lifecycle import State
from bot.power.run import runs
from bot.runtime import clocks
from bot.storage import opening
from bot.storage.store import Store
from tests.storage import builders
from tests.support import ticks

QUICK = ticks.faster(clocks.USUAL, 30)


@pytest.fixture
async def store(tmp_path: pathlib.Path) -> AsyncIterator[Store]:
    """A store with one request that is due."""
    found = opening.open_store(f"sqlite:///{tmp_path / 'powerbot.db'}")
    await found.write(
        lambda tx: tx.create(builders.a_request(state=State.APPROVED), source_key="k")
    )
    yield found
    await found.close()


class Driving:
    """An advance that waits until it is told to end."""

    def __init__(self, error: Exception | None = None) -> None:
        self.begun = asyncio.Event()
        self.lease: runs.Lease | None = None
        self._error = error

    async def __call__(self, lease: runs.Lease) -> float | None:
        """Drive."""
        self.lease = lease
        self.begun.set()
        if self._error is not None:
            raise self._error
        await asyncio.Event().wait()
        return None


@contextlib.asynccontextmanager
async def driven(
    store: Store, driving: Driving, waits: clocks.Paces = QUICK
) -> AsyncIterator[runner.Runner]:
    """A runner at work, stopped after the block."""
    found = runner.Runner(store, driving, clocks.SystemClock(), waits)
    task = asyncio.create_task(found.run())
    async with asyncio.timeout(30):
        await driving.begun.wait()
    yield found
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_stopped_runner_gives_its_claims_back_at_once(store: Store) -> None:
    """After a deploy another process goes on without waiting for a lease to end."""
    async with driven(store, Driving()) as found:
        assert found.driving == 1
        assert await store.claim(now=1e12, lease_s=30.0) is None

    claim = await store.claim(now=1e12, lease_s=30.0)

    assert claim is not None
    assert claim.epoch == 2


async def test_a_lease_is_kept_up_while_somebody_drives(store: Store) -> None:
    """The lease outlives its length, several times over."""
    driving = Driving()
    # Ten renewals to a lease, so that a busy machine may miss some.
    often = dataclasses.replace(QUICK, lease_s=10 * QUICK.renew_s)

    async with driven(store, driving, often):
        await clocks.SystemClock().sleep(1.5 * often.lease_s)
        assert await store.claim(now=1e12, lease_s=30.0) is None

    assert driving.lease is not None
    assert driving.lease.left_s() > 0


async def test_a_drive_that_failed_is_tried_again_later(store: Store) -> None:
    """A bug in one drive neither ends the loop nor spins."""
    driving = Driving(RuntimeError("a bug"))

    async with driven(store, driving) as found:
        driving.begun.clear()
        async with asyncio.timeout(30):
            await driving.begun.wait()
        assert found.driving <= 1


class SetClock(clocks.SystemClock):
    """The machine's clock, as somebody has set it."""

    set_s = 0.0

    def now(self) -> float:
        """Return the wall clock."""
        return super().now() + self.set_s


@pytest.mark.parametrize("when", ["before the start", "meanwhile"])
async def test_a_request_does_not_wait_for_an_instant_of_a_clock_that_was_set_back(
    store: Store, when: str
) -> None:
    """It would start an hour after everybody has forgotten it."""
    clock, ahead = SetClock(), time.time() + 3600.0

    async def use_by() -> float:
        found = await store.read(lambda tx: tx.request("PR-AHEA"))
        assert found is not None
        return found.use_by

    put_off = builders.a_request(
        "PR-AHEA", state=State.APPROVED, changed_at=ahead, use_by=ahead + 900.0, expires_at=ahead
    )
    clock.set_s = 3700.0
    driving = Driving(RuntimeError("a bug"))
    found = runner.Runner(store, driving, clock, QUICK)
    if when == "before the start":
        clock.set_s = 0.0
    await store.write(lambda tx: tx.create(put_off, source_key="ahead"))
    task = asyncio.create_task(found.run())
    async with asyncio.timeout(30):
        await driving.begun.wait()
        clock.set_s = 0.0
        while await use_by() > ahead:  # noqa: ASYNC110 -- a row has no event
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert await use_by() == pytest.approx(time.time() + 900.0, abs=30.0)
