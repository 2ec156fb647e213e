"""What time alone does to a request that waits: it is forgotten, reminded of, or expires."""

from __future__ import annotations

from bot.power import ports
from bot.power.lifecycle import State

# A plan that nobody asked for is forgotten after this time, in seconds.
PLAN_LIVES_S = 900.0


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
    until = found.created_at + PLAN_LIVES_S
    if now < until:
        return until
    tx.transition(found.id, State.PLANNED, State.EXPIRED, at=now, reason="never asked for")
    return None


def _expire(tx: ports.Tx, found: ports.Request, now: float) -> None:
    """End a request that nobody answered in time."""
    reason = "not answered in time"
    if tx.transition(found.id, State.PENDING, State.EXPIRED, at=now, reason=reason):
        tx.say(found.id, "reply", {"event": "expired"}, key="ended", at=now)
        tx.say(found.id, "direct", {"event": "expired"}, key="ended:direct", at=now)
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


def after_restore(tx: ports.Tx, now: float) -> int:
    """Hold everything that an old backup calls open, and return how many requests that were.

    What has happened since the backup is forgotten, so a call that it says is still to be sent
    may have been sent already: nothing approved or running sends anything more.
    """
    reason = "the database was restored from a backup"
    held = tx.requests(states=(State.APPROVED, State.RUNNING), limit=10_000)
    for found in held:
        if found.state is State.APPROVED:
            tx.transition(found.id, State.APPROVED, State.VOID, at=now, reason=reason)
            tx.say(found.id, "reply", {"event": "void", "reason": reason}, key="ended", at=now)
        else:
            tx.request_stop(found.id, user_id="restore", reason=reason, at=now)
        tx.show_card(found.id, at=now)
        tx.audit(ports.AuditEntry("request.held_after_restore", now, request_id=found.id))
    return len(held)
