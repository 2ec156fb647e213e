"""Who carries a request on: the row does, and this loop claims the rows that are due.

A claim is a fenced lease: a process that dies or freezes loses it, any other goes on, and
whatever the first still writes is refused. Nothing here knows what a request means.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Awaitable, Callable

import structlog

from bot.power import errors, ports
from bot.power.run import runs
from bot.runtime import clocks

log = structlog.get_logger()

# Requests that one process drives at once; the others wait as rows.
MOST_AT_ONCE = 100


class Runner:
    """Claims requests that are due and drives each in a task of its own."""

    def __init__(
        self,
        store: ports.RequestStore,
        advance: Callable[[runs.Lease], Awaitable[float | None]],
        clock: ports.Clock,
        paces: clocks.Paces = clocks.USUAL,
        due: asyncio.Event | None = None,
    ) -> None:
        """`advance` carries a claimed request on and returns when to look at it next, if ever.

        Whoever sets `due` has the rows looked at at once.
        """
        self._store = store
        self._advance = advance
        self._clock = clock
        self._paces = paces
        self._due = due or asyncio.Event()
        self._driven: dict[asyncio.Task[None], ports.Claim] = {}
        # When it looked the last time; where it has never looked, the process before may have.
        self._looked_at = math.inf

    @property
    def driving(self) -> int:
        """How many requests this process drives at this moment."""
        return len(self._driven)

    async def run(self) -> None:
        """Claim and drive until cancelled; then let go of every claim."""
        try:
            while True:
                await self._mind_the_clock()
                await self._claim_due()
                with contextlib.suppress(TimeoutError):
                    # Nobody wakes this process for what another one has written.
                    async with asyncio.timeout(self._paces.look_s):
                        await self._due.wait()
                self._due.clear()
        finally:
            await self._let_go()

    async def _mind_the_clock(self) -> None:
        """Take back what a clock has put off that was set back since, perhaps before the start."""
        now = self._clock.now()
        if now < self._looked_at - clocks.STEP_S:
            if self._looked_at < math.inf:
                log.warning("runner.clock_set_back", by_s=round(self._looked_at - now))
            try:
                await self._store.look_again(now=now)
            except errors.StoreUnavailable as error:
                log.warning("runner.store_away", why=error.user_message)
                return
        self._looked_at = now

    async def _claim_due(self) -> None:
        """Start a task for every request that is due."""
        # One at a time: a claim that nobody drives would only lose its lease.
        while len(self._driven) < MOST_AT_ONCE:
            try:
                claim = await self._store.claim(
                    now=self._clock.now(),
                    lease_s=self._paces.lease_s,
                    but=[one.request_id for one in self._driven.values()],
                )
            except errors.StoreUnavailable as error:
                # The rows keep; the next look finds them.
                log.warning("runner.store_away", why=error.user_message)
                return
            if claim is None:
                return
            task = asyncio.create_task(self._drive(claim), name=f"drive {claim.request_id}")
            # Before the task runs: the next claim must leave this request out.
            self._driven[task] = claim
            log.debug("runner.claimed", request=claim.request_id, epoch=claim.epoch)
            task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        """Forget a task, and look again: there is room for one more."""
        self._driven.pop(task, None)
        self._due.set()

    async def _drive(self, claim: ports.Claim) -> None:
        """Drive one request while its lease is kept up, and give the claim back."""
        kept = _KeptLease(self._store, claim, self._clock, self._paces)
        driving = asyncio.ensure_future(self._advance(runs.Lease(claim, kept.left_s)))
        renewing = asyncio.create_task(kept.keep_up())
        try:
            # Whichever ends first decides: without its lease a drive must not go on.
            await asyncio.wait({driving, renewing}, return_when=asyncio.FIRST_COMPLETED)
            if driving.done():
                await self._give_back(claim, driving)
        finally:
            for task in (driving, renewing):
                task.cancel()
            # A cancelled drive first ends its call on the wire, whose answer belongs in the record.
            await asyncio.gather(driving, renewing, return_exceptions=True)

    async def _give_back(self, claim: ports.Claim, driving: asyncio.Future[float | None]) -> None:
        """Release a claim after its drive; one that went wrong is tried again later."""
        error = driving.exception()
        if isinstance(error, errors.LostLease):
            log.info("runner.lost", request=claim.request_id)
            return
        if error is not None:
            log.error("runner.failed", request=claim.request_id, exc_info=error)
            # Not at once: what fails every time must not keep the process busy.
            again_at: float | None = self._clock.now() + self._paces.lease_s
        else:
            again_at = driving.result()
        # A claim that can't be given back ends with its lease.
        with contextlib.suppress(errors.StoreUnavailable, errors.LostLease):
            await self._store.release(claim, next_at=again_at)

    async def _let_go(self) -> None:
        """Cancel all drives and release their claims, so that another process goes on at once.

        A call on the wire ends first: its answer is stored before its drive gives way.
        """
        driven = dict(self._driven)
        for task in driven:
            task.cancel()
        await asyncio.gather(*driven, return_exceptions=True)
        with contextlib.suppress(errors.StoreUnavailable):
            await asyncio.gather(
                *(self._store.release(claim, next_at=None) for claim in driven.values())
            )


class _KeptLease:
    """A lease that is renewed while somebody drives."""

    def __init__(
        self,
        store: ports.RequestStore,
        claim: ports.Claim,
        clock: ports.Clock,
        paces: clocks.Paces,
    ) -> None:
        self._store = store
        self._claim = claim
        self._clock = clock
        self._paces = paces
        self._until = clock.monotonic() + paces.lease_s

    def left_s(self) -> float:
        """Seconds of the lease that remain by this process's clock."""
        return self._until - self._clock.monotonic()

    async def keep_up(self) -> None:
        """Renew again and again; return when the lease is lost."""
        while True:
            await asyncio.sleep(self._paces.renew_s)
            # Counted from before the question, so that this process never believes in a lease for
            # longer than the database does.
            asked_at = self._clock.monotonic()
            try:
                if not await self._store.renew(self._claim, lease_s=self._paces.lease_s):
                    return
            except errors.StoreUnavailable as error:
                log.warning("runner.renew_failed", why=error.user_message)
                continue
            self._until = asked_at + self._paces.lease_s
