"""What time alone does to a request that waits: it is forgotten, reminded of, or expires."""

from __future__ import annotations

from bot.power import ports
from bot.power.lifecycle import State
from bot.power.messages import decisions
from bot.power.run import endings
from bot.workflow import people

# A plan that nobody asked for is forgotten after this time, in seconds.
PLAN_LIVES_S = 900.0
# What an open request becomes when the database turns out to be an old backup; None is a stop.
ENDED_BY_RESTORE = {
    State.PLANNED: State.EXPIRED,
    State.PENDING: State.REFUSED,
    State.APPROVED: State.VOID,
    State.RUNNING: None,
}


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
        endings.end(tx, request, endings.Ending(State.EXPIRED, now, "not answered in time"))
        return None
    return _remind(tx, request, now, asked)


def _forget(tx: ports.Tx, request: ports.Request, now: float) -> float | None:
    """Let go of a plan that nobody asked for."""
    if now < request.expires_at:
        return request.expires_at
    reason = "never asked for"
    if tx.transition(request.id, State.PLANNED, State.EXPIRED, at=now, reason=reason):
        endings.tell_step(tx, request, State.EXPIRED, now)
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
            tx.say(request.id, "reply", said, key=said.event, at=now)
    later = [due_at for due_at, _ in steps if due_at > now]
    return min([*later, request.expires_at])


def void(tx: ports.Tx, request: ports.Request, reason: str, now: float) -> None:
    """End an approved request that may not start any more."""
    endings.end(tx, request, endings.Ending(State.VOID, now, reason))


def after_restore(tx: ports.Tx, now: float) -> int:
    """End or hold everything that an old backup calls open; return how many requests that were.

    What has happened since the backup is forgotten: what it says is still to be approved or sent
    may have been sent already. So nothing that it has open sends anything more.
    """
    reason = "the database was restored from a backup"
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
