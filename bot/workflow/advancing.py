"""What becomes of a request by itself: it is forgotten, reminded of, expires, starts or goes on."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable

import structlog

from bot.power import errors, ports, waiting
from bot.power.lifecycle import State
from bot.power.run import ledger, losses, runs
from bot.workflow import freezing, nudging, people, ticking
from bot.workflow.context import Context
from bot.workflow.rights import granting, reading, rejudging, unseen

log = structlog.get_logger()

# Carries out the request of a claim, to its end.
Execute = Callable[[runs.Lease], Awaitable[None]]

# How often a request that a freeze holds back is looked at, in seconds.
FREEZE_LOOK_S = 2.0
# How long to wait before CloudDC or Slack is asked again, in seconds.
UNREAD_LOOK_S = 5.0


async def advance(context: Context, lease: runs.Lease, execute: Execute) -> float | None:
    """Carry one claimed request on: forget, expire, remind, or drive its run.

    Returns when it must be looked at next (epoch seconds), None when it has ended.

    Raises:
        LostLease: another process carries it on.
    """
    id_ = lease.claim.request_id
    request = await context.store.read(lambda tx: tx.request(id_))
    next_at = None
    if request is not None and request.state is State.APPROVED:
        next_at = await _begin(context, lease, request, execute)
    elif request is not None and request.state is State.RUNNING:
        await execute(lease)
    elif request is not None:
        now = context.clock.now()
        waits = request.state is State.PENDING and now < request.expires_at
        asked = await nudging.still_missing(context, request) if waits else people.NOBODY
        next_at = await context.store.write(lambda tx: ticking.tick(tx, id_, now, asked))
    return next_at


async def _begin(
    context: Context, lease: runs.Lease, request: ports.Request, execute: Execute
) -> float | None:
    """Start an approved request, unless a freeze or an edited policy is against it.

    While CloudDC or Slack can't be read it waits, until its time to be used is over.
    """
    now = context.clock.now()
    public_by = unseen.public_by(request)
    if public_by is not None:
        return await _hidden(context, request, public_by, now)
    if now < _use_until(request):
        try:
            if await _lost(context, request):
                return None
            problem = await _problem(context, request)
        except (errors.CloudError, errors.SlackUnavailable) as error:
            log.warning("begin.unread", request=request.id, why=error.user_message)
            await _show_wait(context, request, error, now)
            return min(_use_until(request), now + UNREAD_LOOK_S)
        if request.waiting:
            await context.store.write(lambda tx: ledger.wait(tx, request, None, now=now))
        if problem:
            await context.store.write(lambda tx: ticking.void(tx, request, problem, now))
            return None
        rules = context.policy()
        instants = ports.readings(context.clock)
        if await context.store.read(
            lambda tx: any(freezing.holding(tx, rules, request, one) for one in instants)
        ):
            return min(_use_until(request), now + FREEZE_LOOK_S)
    await execute(lease)
    return None


async def _hidden(
    context: Context, request: ports.Request, until: float, now: float
) -> float | None:
    """Hold back break glass that nobody sees, and end it when that lasts."""
    if now < until:
        return min(until, now + unseen.LOOK_S)
    await context.store.write(lambda tx: ticking.void(tx, request, unseen.NOT_PUBLIC, now))
    return None


async def _lost(context: Context, request: ports.Request) -> bool:
    """End an approved request that doesn't stand any more as it was granted."""
    lost = (await granting.still_stands(context, request)).lost
    if lost is None:
        return False
    now = context.clock.now()
    return await context.store.write(lambda tx: losses.end(tx, request, lost, now=now))


async def _show_wait(
    context: Context, request: ports.Request, error: errors.PowerbotError, now: float
) -> None:
    """Show on the card what an approved request waits for, since when and until when."""
    cloud = isinstance(error, errors.CloudError)
    service = waiting.Service.CLOUD if cloud else waiting.Service.SLACK
    before = request.waiting
    since = before.since if before and before.service is service else now
    why = error.user_message.rstrip(".")
    waited = waiting.Wait(service, why, since, request.use_by)
    await context.store.write(lambda tx: ledger.wait(tx, request, waited, now=now))


async def _problem(context: Context, request: ports.Request) -> str:
    """Return what the policy has against a request now; a fleet of records is let go of."""
    return await rejudging.problem(context, request, await reading.inventory(context))


def _use_until(request: ports.Request) -> float:
    """Return until when an approved request may be used (epoch seconds).

    A row without an end was written by somebody else: it isn't past it, so that it is held
    against its seal before it starts.
    """
    return request.use_by or math.inf
