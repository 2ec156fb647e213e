"""May another call of a run leave? Asked before every one; what can't be asked bars it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import structlog

from bot.execution import bookkeeping
from bot.power import ports
from bot.power.approval import judging
from bot.power.policy import policy
from bot.power.run import ledger, run, waves
from bot.power.run.bars import Bar, Kind
from bot.power.waiting import Service

log = structlog.get_logger()

_KINDS = {Service.CLOUD: Kind.CLOUD, Service.SLACK: Kind.SLACK}
# How long to wait before a freeze is looked at again.
HOLD_S = 2.0
# How long to wait before people and channels that could not be checked are looked up again.
UNCHECKED_S = 5.0


@dataclasses.dataclass(frozen=True)
class Barring:
    """Knows Stop, freezes, the failure limit and a CloudDC that is away."""

    store: ports.RequestStore
    books: bookkeeping.Books
    policy: Callable[[], policy.Policy]
    clock: ports.Clock

    async def may_call(self, going: run.Run, *, despite_failures: bool = False) -> bool:
        """Whether another call may leave: not stopped, not frozen, below the failure limit.

        It waits while a freeze holds the run, no longer than an approval may wait.
        """
        while going.halted is None:
            barred = await self._person_bars(going) or self._policy_freeze(going)
            if barred is None:
                going.held_since = None
                break
            await self._hold(going, barred)
        if _failed_too_often(going) and not despite_failures:
            plural = "" if going.failures == 1 else "s"
            said = f"stopped itself at {going.failures} failure{plural}"
            going.halted = going.halted or Bar(Kind.FAILURES, said)
        return going.halted is None

    def may_intend(self, going: run.Run, *, despite_failures: bool = False) -> bool:
        """Whether nothing bars a call but, perhaps, the store, which is asked with its intent."""
        if going.halted is not None or self._policy_freeze(going) is not None:
            return False
        return despite_failures or not _failed_too_often(going)

    async def _person_bars(self, going: run.Run) -> Bar | None:
        """Return what people have against another call: Stop, or a freeze that stands."""
        # By the earliest of the clocks: a freeze with an end has not ended before.
        now = min(ports.readings(self.clock))
        return await self.store.read(lambda tx: ledger.bar(tx, going.id, now))

    def _policy_freeze(self, going: run.Run) -> Bar | None:
        """Return the policy's freeze that holds this action now, if it isn't overridden."""
        passed = going.request.plan.terms.overrides
        instants, rules = ports.readings(self.clock), self.policy()
        held = (judging.frozen_by(rules, going.action, now, passed) for now in instants)
        freeze = next(filter(None, held), None)
        return Bar(Kind.POLICY_FREEZE, f"held by freeze: {freeze.name}") if freeze else None

    async def _hold(self, going: run.Run, barred: Bar) -> None:
        """Wait for a freeze to end; halt when it lasts too long, or for anything else."""
        if going.held_since is None:
            going.held_since = self.clock.monotonic()
        if not barred.passes or self._too_long(going, going.held_since):
            going.halted = barred
            return
        await self.tell(going, barred)
        await self.clock.sleep(HOLD_S)

    async def wait_for_cloud(self, going: run.Run, why: str, wait_s: float) -> None:
        """Wait while CloudDC can't be read, or refuses the credentials; halt in the end.

        People are told in the thread when it begins: they may have to mend it.
        """
        log.warning("run.waits_for_cloud", request=going.id, why=why)
        if await self._gives_up(going, Service.CLOUD, why):
            going.halted = Bar(Kind.CLOUD, f"CloudDC was away for too long: {why}")
            return
        await self.wait(going, wait_s)

    async def hold_off(self, going: run.Run, why: str, wait_s: float) -> None:
        """Wait for as long as CloudDC wants fewer calls, or can't be reached, and show it."""
        if wait_s:
            until = self.clock.now() + wait_s
            await self.books.waits(going, Service.CLOUD, why.rstrip("."), until)
        await self.wait(going, wait_s)

    async def wait(self, going: run.Run, wait_s: float) -> None:
        """Wait between two calls; Stop and the like end it at once."""
        until = self.clock.monotonic() + wait_s
        while (left_s := until - self.clock.monotonic()) > 0 and going.halted is None:
            await self.clock.sleep(min(left_s, HOLD_S))
            await self.may_call(going, despite_failures=True)

    async def wait_for_people(self, going: run.Run, why: str) -> None:
        """Wait while Slack can't say what a wave depends on; halt in the end, as for CloudDC."""
        log.warning("run.waits_for_slack", request=going.id, why=why)
        if await self._gives_up(going, Service.SLACK, why):
            going.halted = Bar(Kind.SLACK, f"waited for too long: {why}")
            return
        await self.wait(going, UNCHECKED_S)

    async def _gives_up(self, going: run.Run, service: Service, why: str) -> bool:
        """Show what the run waits for, tell the thread once, and say whether it was too long."""
        until = self.clock.now() + going.terms.use_within_s
        if await self.books.waits(going, service, why.rstrip("."), until):
            await self.tell(going, Bar(_KINDS[service], why))
        return going.waits_since is not None and self._too_long(going, going.waits_since)

    async def people_are_back(self, going: run.Run) -> None:
        """Note that Slack has answered."""
        await self.books.goes_on(going, Service.SLACK)

    async def cloud_is_back(self, going: run.Run) -> None:
        """Note that CloudDC has answered."""
        await self.books.goes_on(going, Service.CLOUD)

    def _too_long(self, going: run.Run, since: float) -> bool:
        """Whether a run has waited for as long as its approval may."""
        return self.clock.monotonic() - since >= going.terms.use_within_s

    async def tell(self, going: run.Run, barred: Bar) -> None:
        """Say in the thread what the run waits for."""
        now = self.clock.now()
        await self.books.write(lambda tx: ledger.hold(tx, going.request, barred, now=now))


def _failed_too_often(going: run.Run) -> bool:
    """Whether the run has come to its failure limit."""
    limit = waves.failure_limit(going.terms, going.request.order.options)
    return going.failures >= limit
