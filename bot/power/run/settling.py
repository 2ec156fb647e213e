"""When to stop watching a server, and under which word.

Three times are kept apart: the time-out of one HTTP request (the client's), the settle time
(how late an accepted change may first show) and the deadline of the whole operation.
"""

from __future__ import annotations

import dataclasses

import msgspec

from bot.power import lifecycle, ports, server
from bot.power.causes import Cause
from bot.power.lifecycle import ServerState
from bot.power.ports import Method
from bot.power.run import evidence, reasons
from bot.power.run.evidence import Finding
from bot.power.server import Power

# On and off are goals and may be asked for again; a reboot is an event and may not.
MOST_SENDS = 3
REPEAT = "sent again: its answer was lost and there is no sign of it"


@dataclasses.dataclass(frozen=True, slots=True)
class WatchLimits:
    """Times in seconds: how late a change may first show, and how long an operation may take."""

    settle_s: float = 60.0  # How late an accepted change may first show.
    power_s: float = 600.0  # The deadline of on and off.
    reboot_s: float = 1200.0  # That of a reboot; no usual time is documented.

    def deadline_s(self, method: Method) -> float:
        """Seconds after which watching ends; it doesn't mean that the server failed."""
        return self.reboot_s if method is Method.REBOOT else self.power_s


class Look(msgspec.Struct, frozen=True, gc=False):
    """One poll of a server: its record, and what else matters for judging it.

    `elapsed_s` is the time since the call was sent, `now` (epoch seconds) is noted when the state
    becomes final. `earlier` is a call of another request that may still be at work, `gone` says
    why there is no record.
    """

    record: server.Server | None
    elapsed_s: float
    now: float
    earlier: ports.UnseenCall | None = None
    gone: Cause = Cause.NONE


class _Verdict(msgspec.Struct, frozen=True, gc=False):
    """The state after a look; its detail and cause are for a state that is new."""

    state: ServerState
    detail: str = ""
    cause: Cause = Cause.NONE


def watched(row: ports.RunServer) -> bool:
    """Whether this server's record must still be read."""
    if row.state is ServerState.UNKNOWN:
        return not row.settled_at
    return row.state in (ServerState.ACCEPTED, ServerState.INTENDED)


def repeated(row: ports.RunServer) -> bool:
    """Whether an earlier call to this server got lost, so that "not sent" would be untrue."""
    return row.cause is Cause.ASKED_AGAIN


def unread(
    method: Method, row: ports.RunServer, *, elapsed_s: float, now: float, limits: WatchLimits
) -> ports.RunServer:
    """Return the row after a poll that could not read CloudDC: the deadline keeps running."""
    if elapsed_s < limits.deadline_s(method):
        return row
    seen = row.last_seen or "nothing since its call"
    unknown = row.state is ServerState.UNKNOWN
    state = ServerState.UNKNOWN if unknown else ServerState.TIMED_OUT
    detail = f"CloudDC could not be read; last seen {seen}"
    return msgspec.structs.replace(row, state=state, detail=detail, settled_at=now)


def settle(
    method: Method,
    row: ports.RunServer,
    record: server.Server | None,
    *,
    elapsed_s: float,
    now: float,
    limits: WatchLimits,
) -> ports.RunServer:
    """Return the row after one more look that knows of nothing but the record."""
    return looked_at(method, row, Look(record, elapsed_s, now), limits)


def looked_at(
    method: Method, row: ports.RunServer, look: Look, limits: WatchLimits
) -> ports.RunServer:
    """Return the row after one more look; unchanged rows compare equal."""
    found = evidence.judge(method, row, look.record)
    seen = _seen(row, found, look.record)
    after = _verdict(method, seen, found, look, limits)
    state = after.state
    if state is row.state and not after.detail:
        return seen
    if state is ServerState.ACCEPTED:
        # The lost call has shown that it happened.
        return msgspec.structs.replace(seen, state=state, detail="", cause=lasting(row))
    if state is not row.state:
        lifecycle.check_server(row.state, state)
    return msgspec.structs.replace(
        seen,
        state=state,
        detail=after.detail,
        cause=lasting(row) if state is ServerState.PROVEN else after.cause,
        settled_at=0.0 if state is ServerState.QUEUED else look.now,
    )


def lasting(row: ports.RunServer) -> Cause:
    """Return a cause that a new call or a new state doesn't take away: an earlier call got lost."""
    if repeated(row):
        return Cause.ASKED_AGAIN
    return row.cause if row.cause is Cause.OFF_TWICE else Cause.NONE


def _seen(
    row: ports.RunServer, found: evidence.Evidence, record: server.Server | None
) -> ports.RunServer:
    """Return the row with what was seen; the same one where that is nothing new."""
    power = record.power.value if record else row.seen_power
    before = (row.seen_processing, row.last_seen, row.seen_power)
    if before == (found.seen_processing, found.last_seen, power):
        return row
    return msgspec.structs.replace(
        row, seen_processing=found.seen_processing, last_seen=found.last_seen, seen_power=power
    )


def _verdict(
    method: Method,
    row: ports.RunServer,
    found: evidence.Evidence,
    look: Look,
    limits: WatchLimits,
) -> _Verdict:
    """Return the state after this poll."""
    match found.finding:
        case Finding.PROVEN:
            return _Verdict(ServerState.PROVEN)
        case Finding.FAILED:
            # CloudDC's own error says more than its state word.
            words = look.record.error if look.record and look.record.error else found.last_seen
            return _Verdict(ServerState.FAILED, words)
        case Finding.SUPERSEDED:
            who, said = reasons.overtaken(row, look.record, look.earlier)
            # Only the finished operation tells what somebody else did.
            other = evidence.words_with_last(look.record) if look.record else found.last_seen
            return _Verdict(ServerState.SUPERSEDED, said or f"somebody else acted: {other}", who)
        case Finding.UNDER_WAY | Finding.NOTHING_YET:
            return _still_open(method, row, look, limits)


def _still_open(method: Method, row: ports.RunServer, look: Look, limits: WatchLimits) -> _Verdict:
    """Judge a server whose end isn't seen yet by the time that has passed."""
    record, elapsed_s = look.record, look.elapsed_s
    late = elapsed_s >= limits.deadline_s(method)
    # It happened, whatever became of the answer.
    if row.state is not ServerState.ACCEPTED and row.seen_processing:
        return _Verdict(ServerState.ACCEPTED)
    if row.state is ServerState.ACCEPTED:
        # No use in waiting for the deadline: nothing could show any more.
        if elapsed_s >= limits.settle_s and _undecidable(method, row, record):
            return _Verdict(ServerState.NOT_PROVEN, "its record can't show whether it happened")
        timed_out = _Verdict(ServerState.TIMED_OUT, f"last seen {row.last_seen}", look.gone)
        return timed_out if late else _Verdict(row.state)
    # A state that nobody knows may still turn into one that says what happened.
    changing = record is not None and record.power is Power.CHANGING and not late
    if elapsed_s < limits.settle_s or changing:
        return _Verdict(row.state)
    if _may_send_again(method, row, record):
        return _Verdict(ServerState.QUEUED, REPEAT, Cause.ASKED_AGAIN)
    why = row.cause if row.cause in reasons.OF_OUR_CALL else Cause.LOST
    lost = "the answer was lost; " if why is Cause.LOST else ""
    return _Verdict(ServerState.UNKNOWN, f"{lost}last seen {row.last_seen}", look.gone or why)


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
        # A state that is changing or unknown doesn't show that the call came to nothing.
        and record.power in (Power.ON, Power.OFF)
        and row.sends < MOST_SENDS
    )
