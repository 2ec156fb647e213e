"""Who or what was in the way of a server's call: ourselves, somebody else, or that it is gone."""

from __future__ import annotations

import dataclasses

from bot.power import ports, server
from bot.power.approval import recheck
from bot.power.causes import Cause
from bot.power.lifecycle import ServerState
from bot.power.ports import Method
from bot.power.run import evidence
from bot.power.text import typography

# Causes that speak of our call's own fate; a lost answer is no less lost for what is seen later.
OF_OUR_CALL = frozenset({Cause.LOST, Cause.LEFT_OUT, Cause.INTERRUPTED})

# How long a call that nobody has seen happen is remembered, in seconds.
EARLIER_S = 86400.0
# As people read them.
CALLS = {Method.ON: "power-on", Method.OFF: "power-off", Method.REBOOT: "reboot"}


def gone(row: ports.RunServer, newest: server.Snapshot | None) -> Cause:
    """Return why a server has no record: deleted, or another one now has its name."""
    if newest is None or row.server_id in newest.servers:
        return Cause.NONE
    others = newest.by_name.get(typography.normal(row.name), ())
    return Cause.REPLACED if others else Cause.DELETED


def overtaken(
    row: ports.RunServer, record: server.Server | None, earlier: ports.UnseenCall | None
) -> tuple[Cause, str]:
    """Return whose operation was seen instead of ours, and of which request if it is our own."""
    if record is not None and earlier is not None and _is_of(earlier.method, record):
        return Cause.OUR_OWN, earlier.request_id
    # The second off may take effect after the on, and is nobody else's doing.
    off_again = row.cause is Cause.OFF_TWICE and record is not None
    if off_again and record is not None and _is_of(Method.OFF, record):
        return Cause.OUR_OWN, "this request"
    return Cause.SOMEBODY_ELSE, ""


def tells_seen(row: ports.RunServer) -> bool:
    """Whether a row's detail says what its record showed last: it was watched to no proof."""
    if row.state is ServerState.UNKNOWN:
        return bool(row.settled_at) and row.cause is not Cause.NOT_ASKED_AGAIN
    return row.state is ServerState.TIMED_OUT


def explained(
    change: recheck.ServerChange,
    row: ports.RunServer,
    known: server.Records,
    earlier: ports.UnseenCall | None,
) -> recheck.ServerChange:
    """Return what forbids a call with its cause, where the record alone can't tell it."""
    record = known.servers.get(row.server_id)
    if record is None:
        # Only the whole list tells a deleted server from one whose name another has now.
        newest = known if isinstance(known, server.Snapshot) else None
        return dataclasses.replace(change, cause=gone(row, newest))
    # Everything else has its cause already, from the check itself.
    if record.power is not server.Power.CHANGING or change.state is not recheck.BLOCKED:
        return change
    if still := still_at_work(record, earlier):
        return dataclasses.replace(change, cause=Cause.OUR_OWN, reason=still)
    return dataclasses.replace(change, cause=Cause.SOMEBODY_ELSE)


def still_at_work(record: server.Server, earlier: ports.UnseenCall | None) -> str:
    """Return which call of ours a server is still busy with, or an empty text."""
    busy = record.power is server.Power.CHANGING
    if earlier is None or not busy or not _is_of(earlier.method, record):
        return ""
    return f"it is still busy with our own {CALLS[earlier.method]} of {earlier.request_id}"


def _is_of(method: Method, record: server.Server) -> bool:
    """Whether the operation that a record shows is of a method's kind."""
    family = evidence.FAMILIES[method] + "-"
    return (
        record.operation_state.startswith(family)
        or record.power_state == evidence.OLD_WORDS[method]
    )
