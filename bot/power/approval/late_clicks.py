"""The reply to a click that came too early or too late: the request's state, and who set it."""

from __future__ import annotations

from bot.power import ports
from bot.power.lifecycle import State

WORDS = {
    State.PLANNED: "hasn't been requested yet",
    State.PENDING: "is waiting for approval",
    State.APPROVED: "is already approved",
    State.RUNNING: "is already running",
}
# Whose reason says the state as well, such as "denied by U0SAM".
BY_PEOPLE = frozenset({State.DENIED, State.CANCELLED, State.STOPPED})


def sentence(found: ports.Request, now: float) -> str:
    """Say what a request is; people are named by user id."""
    # No timer may have written the end yet, and nobody should read that it waits.
    if found.state is State.PENDING and now >= found.expires_at:
        return f"{found.id} has expired: nobody answered in time. Ask again if it is still needed."
    ended, why = found.told_as, f" ({found.end_reason})" if found.end_reason else ""
    if found.ended_by and found.state in BY_PEOPLE:
        ended, why = found.end_reason or ended, ""
    words = WORDS.get(found.state, f"has already ended: {ended}")
    return f"{found.id} {words}{why}{_approved_by(found)}{_stopped_by(found)}."


def people(found: ports.Request) -> tuple[str, ...]:
    """Return the ids of the people whom the sentence may name."""
    given = (approval.person.user_id for approval in found.approvals)
    return (*given, *filter(None, (found.stopped_by, found.ended_by)))


def _approved_by(found: ports.Request) -> str:
    """Name the people whose approvals started it."""
    by = ", ".join(approval.person.user_id for approval in found.approvals)
    return f"; approved by {by}" if by and found.state is not State.PENDING else ""


def _stopped_by(found: ports.Request) -> str:
    """Name who has pressed Stop while it still runs."""
    pressed = found.stopped_by and found.state is State.RUNNING
    return f"; {found.stopped_by} has pressed Stop" if pressed else ""
