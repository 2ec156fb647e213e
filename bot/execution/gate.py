"""May the next call of a run be sent? Asked before each one; without an answer it may not."""

from __future__ import annotations

import structlog

from bot.execution import recorder
from bot.execution.context import Context
from bot.power import ports
from bot.power.approval import judging
from bot.power.causes import Service
from bot.power.run import ledger, runs, waves
from bot.power.run.blockers import Blocker, BlockerKind

log = structlog.get_logger()

# What a run waits for, as the blocker that it becomes when it waits for too long.
_KINDS = {Service.CLOUD: BlockerKind.CLOUD, Service.SLACK: BlockerKind.SLACK}
# How long to wait before a freeze is looked at again, in seconds. Whoever lifts one on the host
# can't wake the bot: the record is all that both have.
HELD_S = 0.25
# How long to wait at most before Stop and freezes are looked at.
HOLD_S = 2.0
# How long to wait before people and channels that could not be checked are looked up again.
UNCHECKED_S = 5.0


async def may_call(context: Context, run: runs.Run, *, despite_failures: bool = False) -> bool:
    """Whether another call may leave: not stopped, not frozen, below the failure limit.

    It waits while a freeze holds the run, no longer than an approval may wait.
    """
    while run.halted is None:
        barred = await _person_bars(context, run) or _policy_freeze(context, run)
        if barred is None:
            run.held_since = run.held = None
            break
        await _hold(context, run, barred)
    if failed_too_often(run) and not despite_failures:
        plural = "" if run.failures == 1 else "s"
        # Whoever halted it first stays the reason: a person's Stop isn't told as a failure.
        why = f"stopped itself at {run.failures} failure{plural}"
        run.halted = run.halted or Blocker(BlockerKind.FAILURES, why)
    return run.halted is None


def may_intend(context: Context, run: runs.Run, *, despite_failures: bool = False) -> bool:
    """Whether nothing bars a call but, perhaps, the store, which is asked with its intent."""
    # These two are known without the store, which is asked with the intent anyway.
    if run.halted is not None or _policy_freeze(context, run) is not None:
        return False
    return despite_failures or not failed_too_often(run)


async def _person_bars(context: Context, run: runs.Run) -> Blocker | None:
    """Return what people have against another call: Stop, or a freeze that stands."""
    # By the earliest of the clocks: a freeze with an end has not ended before.
    now = min(ports.readings(context.clock))
    return await context.store.read(lambda tx: ledger.bar(tx, run.id, now))


def _policy_freeze(context: Context, run: runs.Run) -> Blocker | None:
    """Return the policy's freeze that holds this action now, if it isn't overridden."""
    passed = run.request.plan.terms.overrides
    # A clock that was set can't end a freeze of the policy: it holds if one reading has it.
    instants, rules = ports.readings(context.clock), context.rules.policy()
    held = (judging.frozen_by(rules, run.action, now, passed) for now in instants)
    freeze = next(filter(None, held), None)
    if freeze is None:
        return None
    return Blocker(BlockerKind.POLICY_FREEZE, f"held by freeze: {freeze.name}", of=freeze.name)


async def _hold(context: Context, run: runs.Run, barred: Blocker) -> None:
    """Wait for a freeze to end; halt when it lasts too long, or for anything else."""
    # On the monotonic clock: a wall clock that is set must not use the approval up.
    if run.held_since is None:
        run.held_since = context.clock.monotonic()
    if not barred.passes or _too_long(context, run, run.held_since):
        run.halted = barred
        return
    # Once for each freeze, not every half second.
    if barred != run.held:
        await tell(context, run, barred)
        run.held = barred
    # Silences of servers that are out must not end while a freeze holds the run.
    await run.meanwhile()
    await context.clock.sleep(HELD_S)


async def wait_for_cloud(context: Context, run: runs.Run, why: str, wait_s: float) -> None:
    """Wait while CloudDC can't be read, or refuses the credentials; halt in the end.

    People are told in the thread when it begins: they may have to mend it.
    """
    log.warning("run.waits_for_cloud", request=run.id, why=why)
    if await _gives_up(context, run, Service.CLOUD, why):
        run.halted = Blocker(BlockerKind.CLOUD, f"CloudDC couldn't be reached for too long: {why}")
        return
    await wait(context, run, wait_s)


async def hold_off(context: Context, run: runs.Run, why: str, wait_s: float) -> None:
    """Wait for as long as CloudDC wants fewer calls, or can't be reached, and show it."""
    if wait_s:
        until = context.clock.now() + wait_s
        await recorder.show_wait(context, run, Service.CLOUD, why.rstrip("."), until)
    await wait(context, run, wait_s)


async def wait(context: Context, run: runs.Run, wait_s: float) -> None:
    """Wait between two calls; Stop and the like end it at once."""
    until = context.clock.monotonic() + wait_s
    while (left_s := until - context.clock.monotonic()) > 0 and run.halted is None:
        await run.meanwhile()
        await context.clock.sleep(min(left_s, HOLD_S))
        await may_call(context, run, despite_failures=True)


async def wait_for_people(context: Context, run: runs.Run, why: str) -> None:
    """Wait while Slack can't say what a wave depends on; halt in the end, as for CloudDC."""
    log.warning("run.waits_for_slack", request=run.id, why=why)
    if await _gives_up(context, run, Service.SLACK, why):
        run.halted = Blocker(BlockerKind.SLACK, f"waited for too long: {why}")
        return
    await wait(context, run, UNCHECKED_S)


async def _gives_up(context: Context, run: runs.Run, service: Service, why: str) -> bool:
    """Show what the run waits for, tell the thread once, and say whether it was too long."""
    until = context.clock.now() + run.terms.use_within_s
    if await recorder.show_wait(context, run, service, why.rstrip("."), until):
        await tell(context, run, Blocker(_KINDS[service], why))
    return run.waits_since is not None and _too_long(context, run, run.waits_since)


async def people_are_back(context: Context, run: runs.Run) -> None:
    """Note that Slack has answered."""
    await recorder.end_wait(context, run, Service.SLACK)


async def cloud_is_back(context: Context, run: runs.Run) -> None:
    """Note that CloudDC has answered."""
    await recorder.end_wait(context, run, Service.CLOUD)


def _too_long(context: Context, run: runs.Run, since: float) -> bool:
    """Whether a run has waited for as long as its approval may."""
    return context.clock.monotonic() - since >= run.terms.use_within_s


async def tell(context: Context, run: runs.Run, barred: Blocker) -> None:
    """Say in the thread what the run waits for."""
    now = context.clock.now()
    await recorder.write(context, lambda tx: ledger.hold(tx, run.request, barred, now=now))


def failed_too_often(run: runs.Run) -> bool:
    """Whether the run has reached its failure limit."""
    limit = waves.failure_limit(run.terms, run.request.order.options)
    return run.failures >= limit


async def stopped(context: Context, run: runs.Run) -> bool:
    """Whether a person, or the end of the request, bars every further step before a call.

    Putting back goes on all the same.
    """
    if run.halted is None:
        now = min(ports.readings(context.clock))
        barred = await context.store.read(lambda tx: ledger.bar(tx, run.id, now))
        # A freeze passes by itself: steps go on, and the call waits for its end.
        if barred is not None and not barred.passes:
            run.halted = barred
    return run.halted is not None
