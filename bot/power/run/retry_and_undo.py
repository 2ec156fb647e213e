"""What `Retry failed`, `Undo` and `Power back on` would do: a new request for exactly these."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from bot.power import lifecycle, plan, ports, request, server
from bot.power.approval import granted
from bot.power.causes import Late, Left
from bot.power.command import command_line
from bot.power.lifecycle import ServerState
from bot.power.request import Action
from bot.power.server import Power
from bot.power.text import spelling, typography

RETRIED = frozenset(
    {ServerState.FAILED, ServerState.REJECTED, ServerState.TIMED_OUT, ServerState.NOT_SENT}
)
MOVING = frozenset({ServerState.QUEUED, ServerState.INTENDED, ServerState.ACCEPTED})
# A power-off that ended like this may have happened, or may still.
_OFF_WAS_SENT = MOVING - {ServerState.QUEUED} | lifecycle.MAY_HAVE_ACTED


@dataclasses.dataclass(frozen=True, slots=True)
class Again:
    """An action and the ids of the servers for it; empty when there is nothing to do.

    `undoes` says that it switches on what the earlier request has left off.
    It is `fresh` where nothing was sent before, so that what others have done since is no matter,
    and the `rest` of a request where nothing was sent to these of its servers.
    """

    action: Action
    server_ids: tuple[str, ...]
    undoes: bool = False
    fresh: bool = False
    rest: bool = False


def retried(order: request.Order, rows: Sequence[ports.RunServer]) -> Again:
    """Return the same action for the servers that failed, and were not left half-way.

    An unknown reboot is not among them: it may have happened. Nor is one that a cycle may have
    left off: a second cycle of a server that is off can only be blocked.
    """
    action = order.action
    todo = _retryable(action, rows)
    return Again(action, tuple(row.server_id for row in todo), rest=_untouched(todo))


def whole(order: request.Order) -> Again:
    """Return the same once more, for all servers: a plan or a request of which nothing was sent."""
    return Again(order.action, order.server_ids, fresh=True)


def options(order: request.Order) -> request.Options:
    """Return the options of an earlier request that hold for the next one: all that are careful.

    Break glass was for that moment.
    """
    return order.options.model_copy(update={"dry_run": False, "break_glass": False})


def reason(found: ports.Request, wanted: Again, *, by: request.Person) -> str:
    """Return the reason for a repeated request; another person's words are attributed to them."""
    order = found.order
    if by == order.requester:
        return order.reason
    did = "undo" if wanted.undoes else "rest" if wanted.rest else "retry"
    # What never ran can't be retried: it is asked for again.
    told = f"{found.id} again" if found.state in lifecycle.NEVER_RAN else f"{did} of {found.id}"
    whole = f"{told}: {order.reason}" if order.reason else told
    # Too long is left out whole: words that are cut may say the contrary.
    return whole if len(whole) <= command_line.MOST_REASON else told


def undone_by(found: ports.Request) -> plan.Undone:
    """Return what a plan says of the request that it undoes."""
    order = found.order
    return plan.Undone(request_id=found.id, action=order.action, reason=order.reason)


def spared(
    found: ports.Request,
    wanted: Again,
    known: Mapping[str, server.Server],
    touched: Mapping[str, ports.Touch],
) -> dict[str, str]:
    """Return, by id, why a server isn't acted on again though its row says so.

    A button is pressed days later. The server may be called something else by then, and what
    somebody has done to it since may not be undone by it: `touched` has other requests' calls.
    """
    told: dict[str, str] = {}
    targets = found.order.by_id
    for server_id in wanted.server_ids:
        target, record = targets[server_id], known.get(server_id)
        touch = touched.get(server_id)
        # Who has switched it on since has done what the undo wants; nobody is in its way.
        if touch is not None and (not wanted.undoes or touch.method is not ports.Method.ON):
            told[server_id] = f"{touch.request_id} has acted on it since"
        elif record is not None and (
            why := _exchanged(found, target, record, undoes=wanted.undoes)
        ):
            told[server_id] = why
    return told


def _exchanged(
    found: ports.Request, target: request.Target, record: server.Server, *, undoes: bool
) -> str:
    """Say that a server isn't the one that was asked for.

    What a request has switched off is brought back whatever it is called by now.
    """
    if typography.normal(target.name) == typography.normal(record.name):
        return granted.exchanged(target, record)
    if undoes:
        return granted.exchanged(dataclasses.replace(target, name=record.name), record)
    return f"it was called {spelling.shown(target.name)} in {found.id}"


def may_retry(action: Action, row: ports.RunServer) -> bool:
    """Whether the same action may be asked for again by a button."""
    done = row.late is not Late.NONE
    return row.state in RETRIED and not done and left(action, row) is Left.NONE


def untouched(action: Action, rows: Sequence[ports.RunServer]) -> int:
    """Return how many servers are left to do where nothing was sent to any of them, else 0."""
    todo = _retryable(action, rows)
    return len(todo) if _untouched(todo) else 0


def _retryable(action: Action, rows: Sequence[ports.RunServer]) -> list[ports.RunServer]:
    """Return the servers for which the same action may be asked for again."""
    return [row for row in rows if may_retry(action, row)]


def _untouched(todo: Sequence[ports.RunServer]) -> bool:
    """Whether there are servers left to do, and nothing was sent to any of them."""
    return bool(todo) and all(row.state is ServerState.NOT_SENT for row in todo)


def undone(order: request.Order, rows: Sequence[ports.RunServer]) -> Again:
    """Return a power-on for the servers that a request has, or may have, left off."""
    off = tuple(row.server_id for row in rows if left_off(order.action, row))
    return Again(Action.ON, off, undoes=True)


def left_off(action: Action, row: ports.RunServer) -> bool:
    """Whether a run has switched this server off, or may have, and not proven it on again."""
    if action is Action.OFF:
        return row.state is ServerState.PROVEN or row.late is Late.DONE
    return left(action, row) is not Left.NONE


def left(action: Action, row: ports.RunServer) -> Left:
    """Return how a cycle leaves this server, by all that was seen of it until now."""
    if action is not Action.CYCLE or row.late is Late.CAME_ON:
        return Left.NONE
    if row.late is Late.WENT_OFF:
        return Left.OFF
    return _left_by_off(row) if row.step == 0 else _left_by_on(row)


def _left_by_off(row: ports.RunServer) -> Left:
    """Judge a cycle that got no further than its power-off."""
    if row.state is ServerState.PROVEN:
        return Left.OFF
    # A failed power-off may have cut the power all the same, unless it was seen on.
    failed = row.state is ServerState.FAILED and row.seen_power != Power.ON.value
    return Left.MAY_BE_OFF if failed or row.state in _OFF_WAS_SENT else Left.NONE


def _left_by_on(row: ports.RunServer) -> Left:
    """Judge a cycle whose power-off is proven."""
    if row.state in (ServerState.PROVEN, ServerState.SKIPPED):
        return Left.NONE
    # Never seen since means off: its power-off was proven.
    return Left.OFF if row.seen_power in ("", Power.OFF.value) else Left.MAY_BE_OFF


def dark(action: Action, rows: Sequence[ports.RunServer]) -> tuple[ports.RunServer, ...]:
    """Return the servers that a cycle leaves off, or may, and with whom nobody goes on."""
    if action is not Action.CYCLE:
        return ()
    return tuple(row for row in rows if left_off(action, row) and not moving(row))


def moving(row: ports.RunServer) -> bool:
    """Whether somebody still goes on with this server."""
    return row.state in MOVING or (row.state is ServerState.UNKNOWN and not row.settled_at)
