"""What happens to a request by itself: reminders, expiry, its start, resuming, deletion."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable

import structlog

from bot.power import causes, errors, ports
from bot.power.lifecycle import State
from bot.power.messages import decisions
from bot.power.run import ledger, lost_grants, never_ran, runs
from bot.workflow import freeze, nudge
from bot.workflow.context import Context
from bot.workflow.questions import queries
from bot.workflow.rights import card_unseen, grants, rejudge
from bot.workflow.sources import people

log = structlog.get_logger()

# Carries out the request of a claim, to its end.
Execute = Callable[[runs.Lease], Awaitable[None]]

# How often a request that a freeze holds back is looked at, in seconds.
FREEZE_LOOK_S = 2.0
# How long to wait before CloudDC or Slack is asked again, in seconds.
UNREAD_LOOK_S = 5.0
# A plan can be requested for so long, in seconds, and planned again for so much longer.
PLAN_LIVES_S = 900.0
PLAN_KEPT_S = 2700.0
# What an open request becomes when the database turns out to be an old backup; None is a stop.
ENDED_BY_RESTORE = {
    # Each by the end that asks for nothing more; a run has calls to watch and ends itself.
    State.PLANNED: State.EXPIRED,
    State.PENDING: State.REFUSED,
    State.APPROVED: State.VOID,
    State.RUNNING: None,
}


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
    # Its process has died or given it back; the rows say how far it came.
    elif request is not None and request.state is State.RUNNING:
        await execute(lease)
    elif request is not None:
        now = context.clock.now()
        # Looked up before the transaction, and only where a reminder may be due.
        waits = request.state is State.PENDING and now < request.expires_at
        asked = await nudge.still_missing(context, request) if waits else people.NOBODY
        next_at = await context.store.write(lambda tx: tick(tx, id_, now, asked))
    return next_at


async def _begin(
    context: Context, lease: runs.Lease, request: ports.Request, execute: Execute
) -> float | None:
    """Start an approved request, unless a freeze or an edited policy is against it.

    While CloudDC or Slack can't be read it waits, until its time to be used is over.
    """
    now = context.clock.now()
    public_by = card_unseen.public_by(request)
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
        # CloudDC and Slack have answered, so the card waits for them no more.
        if request.waiting:
            await context.store.write(lambda tx: ledger.wait(tx, request, None, now=now))
        if problem:
            await context.store.write(lambda tx: void(tx, request, problem, now))
            return None
        rules = context.policy()
        instants = ports.readings(context.clock)
        if await context.store.read(
            lambda tx: any(freeze.holding(tx, rules, request, one) for one in instants)
        ):
            return min(_use_until(request), now + FREEZE_LOOK_S)
    # Past its time too: the run itself ends it as void, in one place.
    await execute(lease)
    return None


async def _hidden(
    context: Context, request: ports.Request, until: float, now: float
) -> float | None:
    """Hold back break glass that nobody sees, and end it when that lasts."""
    if now < until:
        return min(until, now + card_unseen.LOOK_S)
    await context.store.write(lambda tx: void(tx, request, card_unseen.NOT_PUBLIC, now))
    return None


async def _lost(context: Context, request: ports.Request) -> bool:
    """End an approved request that doesn't stand any more as it was granted."""
    lost = (await grants.still_stands(context, request)).lost
    if lost is None:
        return False
    now = context.clock.now()
    return await context.store.write(lambda tx: lost_grants.end(tx, request, lost, now=now))


async def _show_wait(
    context: Context, request: ports.Request, error: errors.PowerbotError, now: float
) -> None:
    """Show on the card what an approved request waits for, since when and until when."""
    cloud = isinstance(error, errors.CloudError)
    service = causes.Service.CLOUD if cloud else causes.Service.SLACK
    before = request.waiting
    since = before.since if before and before.service is service else now
    # The card is everybody's, and nobody has to try again.
    alone = error.why if isinstance(error, errors.CloudError) else ""
    why = alone or error.user_message.rstrip(".")
    waited = causes.Wait(service, why, since, request.use_by)
    await context.store.write(lambda tx: ledger.wait(tx, request, waited, now=now))


async def _problem(context: Context, request: ports.Request) -> str:
    """Return what the policy has against a request now; a fleet of records is let go of."""
    records = await grants.its_records(context, request, age_s=queries.FRESH_S)
    return await rejudge.problem(context, request, records)


def _use_until(request: ports.Request) -> float:
    """Return until when an approved request may be used (epoch seconds).

    A row without an end was written by somebody else: it isn't past it, so that it is held
    against its seal before it starts.
    """
    return request.use_by or math.inf


def tick(tx: ports.Tx, request_id: str, now: float, asked: people.Called) -> float | None:
    """Do what is due for a request, and return when to look again (None for never).

    `asked` has, by group, whom a reminder names: everybody whose approval is still missing.
    """
    request = tx.request(request_id)
    if request is None or request.state not in (State.PLANNED, State.PENDING):
        return None
    if request.state is State.PLANNED:
        return _forget(tx, request, now)
    if now >= request.expires_at:
        never_ran.end(tx, request, never_ran.Ending(State.EXPIRED, now, "not answered in time"))
        return None
    return _remind(tx, request, now, asked)


def _forget(tx: ports.Tx, request: ports.Request, now: float) -> float | None:
    """Let go of a plan that nobody asked for, a while after it can't be asked for any more.

    Until then its button leads to the same plan anew; a workflow's step waits for its end.
    """
    kept_s = 0.0 if request.source.startswith(ports.STEP) else PLAN_KEPT_S
    if now < request.expires_at + kept_s:
        return request.expires_at + kept_s
    reason = "never requested"
    if tx.transition(request.id, State.PLANNED, State.EXPIRED, at=now, reason=reason):
        never_ran.tell_step(tx, request, State.EXPIRED, now)
        tx.forget_plan(request.id)
    return None


def _remind(tx: ports.Tx, request: ports.Request, now: float, asked: people.Called) -> float:
    """Remind the thread when that is due, and return when to look again."""
    terms, asked_at = request.plan.terms, request.expires_at - request.plan.terms.expires_s
    steps: list[tuple[float, type[decisions.Reminded | decisions.Escalated]]] = [
        (asked_at + terms.remind_s, decisions.Reminded),
        (asked_at + terms.escalate_s, decisions.Escalated),
    ]
    for due_at, kind in steps:
        if now >= due_at:
            said = kind(ask=asked.people, missing=asked.missing)
            # One key for each kind: a timer that comes twice says it once.
            tx.say(request.id, "reply", said, key=said.event, at=now)
    later = [due_at for due_at, _ in steps if due_at > now]
    return min([*later, request.expires_at])


def void(tx: ports.Tx, request: ports.Request, reason: str, now: float) -> None:
    """End an approved request that may not start any more."""
    never_ran.end(tx, request, never_ran.Ending(State.VOID, now, reason))


def after_restore(tx: ports.Tx, now: float) -> int:
    """End or hold everything that an old backup calls open; return how many requests that were.

    What has happened since the backup is forgotten: what it says is still to be approved or sent
    may have been sent already. So nothing that it has open sends anything more.
    """
    reason = "the database was restored from a backup"
    # All of them, however many: one that is left out could send again.
    open_then = tx.requests(states=tuple(ENDED_BY_RESTORE), limit=None)
    for found in open_then:
        end = ENDED_BY_RESTORE[found.state]
        if end is None:
            tx.request_stop(found.id, user_id="restore", reason=reason, at=now)
        else:
            tx.transition(found.id, found.state, end, at=now, reason=reason)
            tx.say(found.id, "reply", decisions.closed(end, reason=reason), key="ended", at=now)
        tx.show_card(found.id, at=now)
        tx.audit(ports.AuditEntry("request.held_after_restore", now, request_id=found.id))
    return len(open_then)
