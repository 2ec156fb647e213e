"""Is it still right to act on this server? Asked again on fresh records before each wave."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection

from bot.power import lifecycle, ports, server
from bot.power.causes import Cause
from bot.power.ports import Method
from bot.power.request import Action
from bot.power.server import Power

BLOCKED = lifecycle.ServerState.BLOCKED
SKIPPED = lifecycle.ServerState.SKIPPED


@dataclasses.dataclass(frozen=True, slots=True)
class ServerChange:
    """What has changed about a server since the plan, and what it means for the run."""

    state: lifecycle.ServerState
    reason: str
    cause: Cause = Cause.NONE


def since_plan(
    method: Method,
    row: ports.RunServer,
    record: server.Server | None,
    *,
    protected: Callable[[server.Server], bool],
    unread: Callable[[server.Server], Collection[server.RecordPart]],
    forced: bool = False,
) -> ServerChange | None:
    """Return what forbids a call to this server now, or None when it may be sent.

    `unread` are the parts of a record that the policy asks for and that can't be read.
    `forced` (break glass) lets on and off pass on an unknown power state.
    """
    if record is None:
        return ServerChange(BLOCKED, "gone from the inventory")
    if protected(record):
        return ServerChange(BLOCKED, "protected", Cause.PROTECTED)
    if parts := unread(record):
        return ServerChange(BLOCKED, unreadable(parts, "the policy asks"), Cause.UNREADABLE)
    if not record.ready:
        return ServerChange(BLOCKED, _not_ready(record), Cause.NOT_READY)
    return _by_power(method, record, forced=forced)


def unreadable(parts: Collection[server.RecordPart], who: str) -> str:
    """Say that something can't be read which the policy or a person asks for."""
    told = " and ".join(part.value for part in parts)
    several = len(parts) > 1 or server.RecordPart.TAGS in parts
    return f"its {told} can't be read, and {who} for {'them' if several else 'it'}"


def held_by(action: Action, lock: ports.Lock, *, now: float) -> ServerChange:
    """Say that another request holds a server's lock: one thing at a time.

    The same action isn't done twice: the server is left to the request that does it already.
    """
    if lock.action == action.value:
        same = f"already under way in {lock.request_id}: watch it"
        return ServerChange(SKIPPED, same, Cause.HELD)
    minutes = int(max(0.0, now - lock.since) // 60)
    whose = f" of {lock.requester}" if lock.requester else ""
    doing = f"{lock.action}, for {minutes}m so far"
    return ServerChange(BLOCKED, f"{lock.request_id}{whose} is working on it ({doing})", Cause.HELD)


def _not_ready(record: server.Server) -> str:
    """Say why CloudDC would not take an action."""
    if server.RecordPart.FROZEN in record.unread:
        return "whether Huawei Cloud has suspended it can't be read"
    if server.RecordPart.MANAGED in record.unread:
        return "its manage_state can't be read"
    if record.frozen_state:
        return f"suspended by Huawei Cloud (frozen_state {record.frozen_state})"
    return f"not ready (CloudDC says {record.manage_state})"


def _by_power(method: Method, record: server.Server, *, forced: bool) -> ServerChange | None:
    """Judge a ready server by its power state alone."""
    goal = {Method.ON: Power.ON, Method.OFF: Power.OFF}.get(method)
    # A second call would be refused, or would cut short what another has begun.
    if record.power is Power.CHANGING:
        return ServerChange(BLOCKED, "somebody else is acting on it")
    if record.power is Power.UNKNOWN:
        # A reboot has no goal that a later read could prove.
        allowed = forced and goal is not None
        unknown = ServerChange(BLOCKED, "its power state is unknown", Cause.POWER_UNKNOWN)
        return None if allowed else unknown
    if record.power is goal:
        return ServerChange(SKIPPED, f"already {goal.value}", Cause.AT_GOAL)
    # What CloudDC does with a reboot of a server that is off isn't documented.
    if method is Method.REBOOT and record.power is Power.OFF:
        return ServerChange(BLOCKED, "it is off now", Cause.IS_OFF)
    return None
