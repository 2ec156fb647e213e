"""What becomes of a request by itself: it is forgotten, reminded of, expires, starts or goes on."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Awaitable, Callable

import structlog

from bot.power import errors, ports, waiting
from bot.power.lifecycle import State
from bot.power.run import ledger, losses, runs
from bot.workflow import freezing, nudging, ticking
from bot.workflow.rights import called, granting, reading, rejudging, unseen

log = structlog.get_logger()

# How often a request that a freeze holds back is looked at, in seconds.
FREEZE_LOOK_S = 2.0
# How long to wait before CloudDC or Slack is asked again, in seconds.
UNREAD_LOOK_S = 5.0


@dataclasses.dataclass(frozen=True)
class Advancing:
    """Carries requests on whose time has come."""

    store: ports.RequestStore
    reading: reading.Reading
    nudging: nudging.Nudging
    rejudging: rejudging.Rejudging
    grants: granting.Granting
    execute: Callable[[runs.Lease], Awaitable[None]]
    clock: ports.Clock

    async def advance(self, lease: runs.Lease) -> float | None:
        """Carry one claimed request on: forget, expire, remind, or drive its run.

        Returns when it must be looked at next (epoch seconds), None when it has ended.

        Raises:
            LostLease: another process carries it on.
        """
        id_ = lease.claim.request_id
        found = await self.store.read(lambda tx: tx.request(id_))
        next_at = None
        if found is not None and found.state is State.APPROVED:
            next_at = await self._begin(lease, found)
        elif found is not None and found.state is State.RUNNING:
            await self.execute(lease)
        elif found is not None:
            now = self.clock.now()
            waits = found.state is State.PENDING and now < found.expires_at
            asked = await self.nudging.missing(found) if waits else called.NOBODY
            next_at = await self.store.write(lambda tx: ticking.tick(tx, id_, now, asked))
        return next_at

    async def _begin(self, lease: runs.Lease, found: ports.Request) -> float | None:
        """Start an approved request, unless a freeze or an edited policy is against it.

        While CloudDC or Slack can't be read it waits, until its time to be used is over.
        """
        now = self.clock.now()
        public_by = unseen.public_by(found)
        if public_by is not None:
            return await self._hidden(found, public_by, now)
        if now < _use_until(found):
            try:
                if await self._lost(found):
                    return None
                problem = await self._problem(found)
            except (errors.CloudError, errors.SlackUnavailable) as error:
                log.warning("begin.unread", request=found.id, why=error.user_message)
                await self._show_wait(found, error, now)
                return min(_use_until(found), now + UNREAD_LOOK_S)
            if found.waiting:
                await self.store.write(lambda tx: ledger.wait(tx, found, None, now=now))
            if problem:
                await self.store.write(lambda tx: ticking.void(tx, found, problem, now))
                return None
            rules = self.rejudging.policy()
            instants = ports.readings(self.clock)
            if await self.store.read(
                lambda tx: any(freezing.holding(tx, rules, found, one) for one in instants)
            ):
                return min(_use_until(found), now + FREEZE_LOOK_S)
        await self.execute(lease)
        return None

    async def _hidden(self, found: ports.Request, until: float, now: float) -> float | None:
        """Hold back break glass that nobody sees, and end it when that lasts."""
        if now < until:
            return min(until, now + unseen.LOOK_S)
        await self.store.write(lambda tx: ticking.void(tx, found, unseen.NOT_PUBLIC, now))
        return None

    async def _lost(self, found: ports.Request) -> bool:
        """End an approved request that doesn't stand any more as it was granted."""
        lost = (await self.grants.ruling(found)).lost
        if lost is None:
            return False
        now = self.clock.now()
        return await self.store.write(lambda tx: losses.end(tx, found, lost, now=now))

    async def _show_wait(
        self, found: ports.Request, error: errors.PowerbotError, now: float
    ) -> None:
        """Show on the card what an approved request waits for, since when and until when."""
        cloud = isinstance(error, errors.CloudError)
        service = waiting.Service.CLOUD if cloud else waiting.Service.SLACK
        before = found.waiting
        since = before.since if before and before.service is service else now
        why = error.user_message.rstrip(".")
        waited = waiting.Wait(service, why, since, found.use_by)
        await self.store.write(lambda tx: ledger.wait(tx, found, waited, now=now))

    async def _problem(self, found: ports.Request) -> str:
        """Return what the policy has against a request now; a fleet of records is let go of."""
        return await self.rejudging.problem(found, await self.reading.inventory())


def _use_until(found: ports.Request) -> float:
    """Return until when an approved request may be used (epoch seconds).

    A row without an end was written by somebody else: it isn't past it, so that it is held
    against its seal before it starts.
    """
    return found.use_by or math.inf
