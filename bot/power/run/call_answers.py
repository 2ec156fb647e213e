"""What the answer to one power call means for each server that it named."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import msgspec

from bot.power import errors, ports
from bot.power.causes import Cause
from bot.power.lifecycle import ServerState
from bot.power.ports import Outcome
from bot.power.run import settling

Rows = tuple[ports.RunServer, ...]

# A call that was refused for some of its ids is repaired, and sent, once more.
REPAIRED_SENDS = 2
# Calls that never left, or were throttled, are tried this often in a row, ever more slowly.
MOST_TRIES = 6
FIRST_WAIT_S = 1.0  # Doubled with each try.
LONGEST_WAIT_S = 30.0
# How long nothing is sent after the credentials were refused.
AWAY_S = 60.0


@dataclasses.dataclass(frozen=True, slots=True)
class Answered:
    """The rows and the attempt after the answer; `wait_s` is how long to hold the next call.

    `away` says why no call of this run can be made for a while, empty when one can.
    """

    attempt: ports.Attempt
    rows: Rows
    wait_s: float = 0.0
    away: str = ""

    @property
    def may_have_acted(self) -> bool:
        """Whether the call reached CloudDC and wasn't refused there."""
        return self.attempt.outcome in (Outcome.ACCEPTED, Outcome.UNKNOWN)


def accepted(attempt: ports.Attempt, rows: Rows, answer: ports.Accepted) -> Answered:
    """Judge a 200: ids that it lists are accepted, ids that it leaves out are unknown.

    Entries without a readable id stand for somebody: when there are as many entries as servers,
    all are accepted. The servers' own records decide in the end.
    """
    # The API's own example has entries without a readable id (CloudDC API, power-state page).
    whole = answer.unidentified and len(answer.server_ids) + answer.unidentified >= len(rows)
    after = tuple(
        msgspec.structs.replace(row, state=ServerState.ACCEPTED)
        if row.server_id in answer.server_ids or whole
        # Left out isn't refused: what a 200 does to those isn't documented.
        else msgspec.structs.replace(
            row, state=ServerState.UNKNOWN, detail="", cause=Cause.LEFT_OUT
        )
        for row in rows
    )
    closed = dataclasses.replace(
        attempt, outcome=Outcome.ACCEPTED, cloud_request_id=answer.request_id
    )
    return Answered(closed, after)


def refused(attempt: ports.Attempt, rows: Rows, error: errors.Refused, *, tries: int) -> Answered:
    """Judge a refusal: named ids are rejected, the others go back to the queue once.

    Throttling sends all back, `tries` times in a row at most. Refused credentials send all back
    and keep everything waiting until an operator has seen to them. A refusal that names nobody,
    and a second one for the same servers, rejects all.
    """
    if isinstance(error, errors.Unauthorized):
        wait_s = error.retry_after_s or AWAY_S
        closed = _closed(attempt, Outcome.REFUSED, error)
        return Answered(closed, _back(rows), wait_s, away=away(error))
    if isinstance(error, errors.Throttled):
        return _postponed(_closed(attempt, Outcome.REFUSED, error), rows, error, tries)
    named = set(error.server_ids)
    words = f"{error.code}: {error.user_message}" if error.code else error.user_message

    def judged(row: ports.RunServer) -> ports.RunServer:
        # One bad id refuses the whole call (CloudDC API, error code page).
        if named and row.server_id not in named and row.sends < REPAIRED_SENDS:
            return msgspec.structs.replace(row, state=ServerState.QUEUED)
        return _rejected(row, words)

    return Answered(_closed(attempt, Outcome.REFUSED, error), tuple(map(judged, rows)))


def not_sent(attempt: ports.Attempt, rows: Rows, error: errors.NotSent, *, tries: int) -> Answered:
    """Judge a call that provably never left: all go back to the queue, a few times."""
    return _postponed(_closed(attempt, Outcome.NOT_SENT, error), rows, error, tries)


def away(error: errors.CloudError) -> str:
    """Return why a run has to wait for CloudDC, and who can do something about it."""
    if error.why:
        return error.why
    if isinstance(error, errors.Unauthorized):
        said = ": ".join(part for part in (error.code, str(error).rstrip(".")) if part)
        why = f" ({said})" if said else ""
        return f"CloudDC refuses the bot's credentials; an operator must check them{why}"
    return error.user_message.rstrip(".")


def _postponed(closed: ports.Attempt, rows: Rows, error: errors.CloudError, tries: int) -> Answered:
    """Send rows back to the queue for later, or reject them when that was tried long enough."""
    if tries >= MOST_TRIES:
        return Answered(closed, tuple(_rejected(row, error.user_message) for row in rows))
    wait_s = error.retry_after_s or min(FIRST_WAIT_S * 2.0**tries, LONGEST_WAIT_S)
    return Answered(closed, _back(rows), wait_s)


def _back(rows: Rows) -> Rows:
    """Return rows in the queue again: this call doesn't count as sent."""
    return tuple(
        msgspec.structs.replace(row, state=ServerState.QUEUED, sends=row.sends - 1) for row in rows
    )


def _rejected(row: ports.RunServer, words: str) -> ports.RunServer:
    """Return the row of a server whose call was refused; an earlier one may have got through."""
    # "Rejected" would say that nothing was done, and the lost call may have been.
    if settling.repeated(row):
        lost = f"the answer was lost, and sending it again was refused: {words}"
        return msgspec.structs.replace(
            row, state=ServerState.UNKNOWN, detail=lost, cause=Cause.LOST
        )
    return msgspec.structs.replace(row, state=ServerState.REJECTED, detail=words)


def unknown(attempt: ports.Attempt, rows: Rows, error: errors.OutcomeUnknown) -> Answered:
    """Judge a lost answer: it may have happened, so all are watched and none is sent again."""
    after = tuple(
        msgspec.structs.replace(
            row, state=ServerState.UNKNOWN, detail="the answer was lost", cause=Cause.LOST
        )
        for row in rows
    )
    return Answered(_closed(attempt, Outcome.UNKNOWN, error), after)


def _closed(attempt: ports.Attempt, outcome: Outcome, error: errors.CloudError) -> ports.Attempt:
    """Return the attempt with its outcome and the vendor's words."""
    return dataclasses.replace(
        attempt,
        outcome=outcome,
        detail=error.user_message,
        cloud_request_id=error.request_id,
    )


def interrupted(attempts: Sequence[ports.Attempt]) -> tuple[ports.Attempt, ...]:
    """Return the attempts that a dead process left without an answer."""
    return tuple(attempt for attempt in attempts if attempt.outcome is Outcome.NONE)
