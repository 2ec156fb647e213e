"""The states of a request and of a server in it, and the one table of legal changes.

Rule 1: everything that decides which state may follow which lives in this file.
Rule 2: what isn't in a table is illegal, and an end state never reopens.
"""

from __future__ import annotations

import enum

from bot.power import errors


class State(enum.StrEnum):
    """Where a request is; the value is the word that people see."""

    PLANNED = "planned"  # Shown to its maker; nobody was asked.
    PENDING = "pending"  # Waits for approvals.
    APPROVED = "approved"  # Nothing is sent yet; waits for its first wave.
    RUNNING = "running"  # Its calls may have left.
    SUCCEEDED = "succeeded"  # Every server that was acted on is proven.
    PARTIAL = "partial"  # The rest: some are proven, or something may still show.
    FAILED = "failed"  # Nothing is proven, and nothing may still show.
    STOPPED = "stopped"  # By a person, a freeze or the policy, with servers not sent.
    REFUSED = "refused"  # By the policy or for a lost right, before it was approved.
    DENIED = "denied"  # By an approver.
    CANCELLED = "cancelled"  # By its requester, before the first call.
    EXPIRED = "expired"  # Nobody answered in time.
    VOID = "void"  # Approved, and not started in time or not standing any more.


class ServerState(enum.StrEnum):
    """Where one server is within a run; the value is the word that people see."""

    QUEUED = "queued"  # Waits for its wave.
    INTENDED = "intended"  # Written down: its call may have left.
    ACCEPTED = "accepted"  # CloudDC took it; its record is watched.
    PROVEN = "proven"  # Its own record shows the result.
    SKIPPED = "skipped"  # Needs no call: it is at its goal, or another request has it.
    BLOCKED = "blocked"  # May have no call: protected, changed, gone.
    REJECTED = "rejected"  # CloudDC refused the call and did nothing.
    FAILED = "failed"  # CloudDC says that the operation failed.
    TIMED_OUT = "timed out"  # Accepted, and nothing final was seen by the deadline.
    SUPERSEDED = "superseded"  # Somebody else's operation took its place.
    NOT_PROVEN = "not proven"  # Accepted, and no record could tell.
    UNKNOWN = "unknown"  # The answer was lost, so that it may have happened.
    UNWELL = "unwell"  # Proven, but its probe doesn't answer.
    NOT_SENT = "not sent"  # The run ended before its turn.


TRANSITIONS: dict[State, frozenset[State]] = {
    State.PLANNED: frozenset(
        {
            State.PENDING,
            State.REFUSED,
            State.DENIED,
            State.CANCELLED,
            State.EXPIRED,
        }
    ),
    State.PENDING: frozenset(
        {State.APPROVED, State.REFUSED, State.DENIED, State.CANCELLED, State.EXPIRED}
    ),
    State.APPROVED: frozenset({State.RUNNING, State.VOID, State.CANCELLED, State.STOPPED}),
    State.RUNNING: frozenset({State.SUCCEEDED, State.PARTIAL, State.FAILED, State.STOPPED}),
    **dict.fromkeys(
        (
            State.SUCCEEDED,
            State.PARTIAL,
            State.FAILED,
            State.STOPPED,
            State.REFUSED,
            State.DENIED,
            State.CANCELLED,
            State.EXPIRED,
            State.VOID,
        ),
        frozenset[State](),
    ),
}

_ENDS_OF_A_CALL = frozenset(
    {
        ServerState.PROVEN,
        ServerState.FAILED,
        ServerState.TIMED_OUT,
        ServerState.SUPERSEDED,
        ServerState.NOT_PROVEN,
        ServerState.UNKNOWN,
    }
)
SERVER_TRANSITIONS: dict[ServerState, frozenset[ServerState]] = {
    # A server goes back to the queue only when it is proven that its call did nothing, or,
    # for on and off, when a read past the settle time shows that the goal isn't met. The second
    # kind may turn out proven before its call is repeated, or stay unknown when it can't be.
    ServerState.QUEUED: frozenset(
        {
            ServerState.INTENDED,
            ServerState.SKIPPED,
            ServerState.BLOCKED,
            ServerState.NOT_SENT,
            ServerState.PROVEN,
            ServerState.UNKNOWN,
        }
    ),
    ServerState.INTENDED: frozenset(
        {ServerState.ACCEPTED, ServerState.REJECTED, ServerState.UNKNOWN, ServerState.QUEUED}
    ),
    ServerState.ACCEPTED: _ENDS_OF_A_CALL | {ServerState.QUEUED},
    # Unknown is watched: evidence may still settle it.
    ServerState.UNKNOWN: (_ENDS_OF_A_CALL - {ServerState.UNKNOWN})
    | {ServerState.ACCEPTED, ServerState.QUEUED},
    # Proven, and the service on it doesn't answer as it should.
    ServerState.PROVEN: frozenset({ServerState.UNWELL}),
    **dict.fromkeys(
        (
            ServerState.UNWELL,
            ServerState.SKIPPED,
            ServerState.BLOCKED,
            ServerState.REJECTED,
            ServerState.FAILED,
            ServerState.TIMED_OUT,
            ServerState.SUPERSEDED,
            ServerState.NOT_PROVEN,
            ServerState.NOT_SENT,
        ),
        frozenset[ServerState](),
    ),
}

OPEN = frozenset(state for state, following in TRANSITIONS.items() if following)
ENDED = frozenset(TRANSITIONS) - OPEN
# Ends of a request of which nothing was sent.
NEVER_RAN = frozenset({State.REFUSED, State.DENIED, State.CANCELLED, State.EXPIRED, State.VOID})
# Ends of a server without a call: of the whole request, where the call would have been its first.
UNSENT = frozenset({ServerState.SKIPPED, ServerState.BLOCKED, ServerState.NOT_SENT})
# What counts against the failure limit: everything sent that isn't proven, and every refusal.
FAILURES = frozenset(
    {
        ServerState.REJECTED,
        ServerState.FAILED,
        ServerState.TIMED_OUT,
        ServerState.SUPERSEDED,
        ServerState.NOT_PROVEN,
        ServerState.UNKNOWN,
        ServerState.UNWELL,
    }
)
# What CloudDC has accepted and nobody has seen finish: that isn't the same as failed.
ACCEPTED_ONLY = frozenset({ServerState.NOT_PROVEN, ServerState.TIMED_OUT})
# Ends of a call that may have acted, or may still.
MAY_HAVE_ACTED = ACCEPTED_ONLY | {ServerState.UNKNOWN, ServerState.SUPERSEDED}


def check(before: State, after: State) -> None:
    """Accept a change that the table has.

    Raises:
        IllegalTransition: the table doesn't have it.

    """
    if after not in TRANSITIONS[before]:
        raise errors.IllegalTransition(f"A request that is {before} can't become {after}.")


def check_server(before: ServerState, after: ServerState) -> None:
    """Accept a change of one server within a run that the table has.

    Raises:
        IllegalTransition: the table doesn't have it.

    """
    if after not in SERVER_TRANSITIONS[before]:
        raise errors.IllegalTransition(f"A server that is {before} can't become {after}.")
