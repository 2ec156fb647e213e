"""What `Retry failed` and `Undo` would do: a new request for exactly the servers in question."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from bot.power import ports, request
from bot.power.lifecycle import ServerState
from bot.power.request import Action

RETRIED = frozenset(
    {ServerState.FAILED, ServerState.REJECTED, ServerState.TIMED_OUT, ServerState.NOT_SENT}
)
MOVING = frozenset({ServerState.QUEUED, ServerState.INTENDED, ServerState.ACCEPTED})


@dataclasses.dataclass(frozen=True, slots=True)
class Again:
    """An action and the ids of the servers for it; empty when there is nothing to do."""

    action: Action
    server_ids: tuple[str, ...]


def retried(order: request.Order, rows: Sequence[ports.RunServer]) -> Again:
    """Return the same action for the servers that failed, and were not left half-way.

    An unknown reboot is not among them: it may have happened.
    """
    return Again(order.action, tuple(row.server_id for row in rows if row.state in RETRIED))


def undone(order: request.Order, rows: Sequence[ports.RunServer]) -> Again:
    """Return a power-on for the servers that a request has switched off and left off."""
    return Again(Action.ON, tuple(row.server_id for row in rows if left_off(order.action, row)))


def left_off(action: Action, row: ports.RunServer) -> bool:
    """Whether a run has switched this server off and not proven it on again."""
    if action is Action.OFF:
        return row.state is ServerState.PROVEN
    back = row.state in (ServerState.PROVEN, ServerState.SKIPPED)
    return action is Action.CYCLE and row.step == 1 and not back


def dark(action: Action, rows: Sequence[ports.RunServer]) -> tuple[ports.RunServer, ...]:
    """Return the servers that a cycle has switched off and, at its end, not brought back."""
    if action is not Action.CYCLE:
        return ()
    return tuple(row for row in rows if left_off(action, row) and not _moving(row))


def _moving(row: ports.RunServer) -> bool:
    """Whether somebody still goes on with this server."""
    return row.state in MOVING or (row.state is ServerState.UNKNOWN and not row.settled_at)
