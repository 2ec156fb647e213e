"""What time alone does to a request that waits: it is forgotten, reminded of, or expires."""

from __future__ import annotations

from bot.power import ports
from bot.power.lifecycle import State

# A plan that nobody asked for is forgotten after this time, in seconds.
PLAN_LIVES_S = 900.0
# What an open request becomes when the database turns out to be an old backup; None is a stop.
ENDED_BY_RESTORE = {
    State.PLANNED: State.EXPIRED,
    State.PENDING: State.REFUSED,
    State.APPROVED: State.VOID,
    State.RUNNING: None,
}


def tick(tx: ports.Tx, request_id: str, now: float) -> float | None:
    """Do what is due for a request, and return when to look again (None for never)."""
    found = tx.request(request_id)
    if found is None or found.state not in (State.PLANNED, State.PENDING):
        return None
    if found.state is State.PLANNED:
        return _forget(tx, found, now)
    if now >= found.expires_at:
        _expire(tx, found, now)
        return None
    return _remind(tx, found, now)


def _forget(tx: ports.Tx, found: ports.Request, now: float) -> float | None:
    """Let go of a plan that nobody asked for."""
    if now < found.expires_at:
        return found.expires_at
    tx.transition(found.id, State.PLANNED, State.EXPIRED, at=now, reason="never asked for")
    return None


def _expire(tx: ports.Tx, found: ports.Request, now: float) -> None:
    """End a request that nobody answered in time."""
    reason = "not answered in time"
    if tx.transition(found.id, State.PENDING, State.EXPIRED, at=now, reason=reason):
        tx.say(found.id, "reply", {"event": "expired"}, key="ended", at=now)
        tx.show_card(found.id, at=now)
        tx.audit(ports.AuditEntry("request.expired", now, request_id=found.id))


def _remind(tx: ports.Tx, found: ports.Request, now: float) -> float:
    """Remind the thread when that is due, and return when to look again."""
    terms, asked_at = found.plan.terms, found.expires_at - found.plan.terms.expires_s
    steps = [(asked_at + terms.remind_s, "reminder"), (asked_at + terms.escalate_s, "escalated")]
    for due_at, event in steps:
        if now >= due_at:
            groups = [need.group for need in terms.needs]
            body = {"event": event, "groups": groups}
            tx.say(found.id, "reply", body, key=event, at=now)
    later = [due_at for due_at, _ in steps if due_at > now]
    return min([*later, found.expires_at])


def void(tx: ports.Tx, found: ports.Request, reason: str, now: float) -> None:
    """End an approved request that may not start any more."""
    if tx.transition(found.id, State.APPROVED, State.VOID, at=now, reason=reason):
        body = {"event": "void", "reason": reason}
        tx.say(found.id, "reply", body, key="ended", at=now)
        tx.show_card(found.id, at=now)
        detail = {"why": reason}
        tx.audit(ports.AuditEntry("request.void", now, request_id=found.id, detail=detail))


def after_restore(tx: ports.Tx, now: float) -> int:
    """End or hold everything that an old backup calls open; return how many requests that were.

    What has happened since the backup is forgotten: what it says is still to be approved or sent
    may have been sent already. So nothing that it has open sends anything more.
    """
    reason = "the database was restored from a backup"
    open_then = tx.requests(states=tuple(ENDED_BY_RESTORE), limit=100_000)
    for found in open_then:
        end = ENDED_BY_RESTORE[found.state]
        if end is None:
            tx.request_stop(found.id, user_id="restore", reason=reason, at=now)
        else:
            tx.transition(found.id, found.state, end, at=now, reason=reason)
            body = {"event": end.value, "reason": reason}
            tx.say(found.id, "reply", body, key="ended", at=now)
        tx.show_card(found.id, at=now)
        tx.audit(ports.AuditEntry("request.held_after_restore", now, request_id=found.id))
    return len(open_then)
