"""When to stop watching a server, and under which word.

Three times are kept apart: the time-out of one HTTP request (the client's), the settle time
(how late an accepted change may first show) and the deadline of the whole operation.
"""

from __future__ import annotations

import dataclasses

from bot.power import evidence, lifecycle, ports, server
from bot.power.evidence import Finding
from bot.power.lifecycle import ServerState
from bot.power.ports import Method
from bot.power.server import Power

# On and off are goals and may be asked for again; a reboot is an event and may not.
MOST_SENDS = 3
# The detail of a server whose first call may have been lost, until it is known what became of it.
REPEAT = "asked for again: its answer was lost and nothing is seen"


@dataclasses.dataclass(frozen=True, slots=True)
class Limits:
    """Times in seconds: how late a change may first show, and how long an operation may take."""

    settle_s: float = 60.0
    power_s: float = 600.0
    reboot_s: float = 1200.0

    def deadline_s(self, method: Method) -> float:
        """Seconds after which watching ends; it doesn't mean that the server failed."""
        return self.reboot_s if method is Method.REBOOT else self.power_s


def watched(row: ports.RunServer) -> bool:
    """Whether this server's record must still be read."""
    if row.state is ServerState.UNKNOWN:
        return not row.settled_at
    return row.state in (ServerState.ACCEPTED, ServerState.INTENDED)


def repeated(row: ports.RunServer) -> bool:
    """Whether an earlier call to this server got lost, so that "not sent" would be untrue."""
    return row.detail == REPEAT


def unread(
    method: Method, row: ports.RunServer, *, elapsed_s: float, now: float, limits: Limits
) -> ports.RunServer:
    """Return the row after a look at which CloudDC could not be read: the deadline goes on."""
    if elapsed_s < limits.deadline_s(method):
        return row
    seen = row.last_seen or "nothing since its call"
    unknown = row.state is ServerState.UNKNOWN
    state = ServerState.UNKNOWN if unknown else ServerState.TIMED_OUT
    detail = f"CloudDC could not be read; last seen {seen}"
    return dataclasses.replace(row, state=state, detail=detail, settled_at=now)


def settle(
    method: Method,
    row: ports.RunServer,
    record: server.Server | None,
    *,
    elapsed_s: float,
    now: float,
    limits: Limits,
) -> ports.RunServer:
    """Return the row after one more look; unchanged rows compare equal.

    `elapsed_s` is the time since the call was sent; `now` (epoch seconds) is noted when the
    state becomes final.
    """
    found = evidence.judge(method, row, record)
    seen = _seen(row, found)
    state, detail = _verdict(method, seen, found, record, elapsed_s, limits)
    if state is row.state and not detail:
        return seen
    if state is ServerState.ACCEPTED:
        # What was lost has shown itself.
        return dataclasses.replace(seen, state=state, detail="")
    if state is not row.state:
        lifecycle.check_server(row.state, state)
    settled_at = 0.0 if state is ServerState.QUEUED else now
    return dataclasses.replace(seen, state=state, detail=detail, settled_at=settled_at)


def _seen(row: ports.RunServer, found: evidence.Evidence) -> ports.RunServer:
    """Return the row with what was seen; the same one where that is nothing new."""
    if (row.seen_processing, row.last_seen) == (found.seen_processing, found.last_seen):
        return row
    return dataclasses.replace(
        row, seen_processing=found.seen_processing, last_seen=found.last_seen
    )


def _verdict(
    method: Method,
    row: ports.RunServer,
    found: evidence.Evidence,
    record: server.Server | None,
    elapsed_s: float,
    limits: Limits,
) -> tuple[ServerState, str]:
    """Return the state after this look, and its detail when the state is final."""
    match found.finding:
        case Finding.PROVEN:
            return ServerState.PROVEN, ""
        case Finding.FAILED:
            words = record.error if record and record.error else found.last_seen
            return ServerState.FAILED, words
        case Finding.SUPERSEDED:
            return ServerState.SUPERSEDED, f"somebody else acted: {found.last_seen}"
        case Finding.UNDER_WAY | Finding.NOTHING_YET:
            return _still_open(method, row, record, elapsed_s, limits)


def _still_open(
    method: Method,
    row: ports.RunServer,
    record: server.Server | None,
    elapsed_s: float,
    limits: Limits,
) -> tuple[ServerState, str]:
    """Judge a server whose end isn't seen yet by the time that has passed."""
    late = elapsed_s >= limits.deadline_s(method)
    if row.state is not ServerState.ACCEPTED and row.seen_processing:
        return ServerState.ACCEPTED, ""
    if row.state is ServerState.ACCEPTED:
        if elapsed_s >= limits.settle_s and _undecidable(method, row, record):
            return ServerState.NOT_PROVEN, "accepted; the record can't show whether it happened"
        return (ServerState.TIMED_OUT, f"last seen {row.last_seen}") if late else (row.state, "")
    # A state that nobody knows may still turn into one that says what happened.
    changing = record is not None and record.power is Power.CHANGING and not late
    if elapsed_s < limits.settle_s or changing:
        return row.state, ""
    if _may_send_again(method, row, record):
        return ServerState.QUEUED, REPEAT
    return ServerState.UNKNOWN, f"the answer was lost; last seen {row.last_seen}"


def _undecidable(method: Method, row: ports.RunServer, record: server.Server | None) -> bool:
    """Whether a reboot too short to be seen would have left this very record.

    `operation_state` keeps its last word, and the old generation has none, so after a baseline
    of `reboot-succeed`, or of no word, a missed processing phase leaves no trace.
    """
    return (
        method is Method.REBOOT
        and record is not None
        and not row.seen_processing
        and record.power is Power.ON
        and row.baseline_operation in ("", "reboot-succeed")
        and record.operation_state == row.baseline_operation
    )


def _may_send_again(method: Method, row: ports.RunServer, record: server.Server | None) -> bool:
    """Whether a goal may be asked for again: read past the settle time, it shows no trace."""
    return (
        method is not Method.REBOOT
        and record is not None
        and record.power in (Power.ON, Power.OFF)
        and row.sends < MOST_SENDS
    )
