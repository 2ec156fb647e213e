"""How the host's commands print requests: for people, and as JSON.

A request is an object of `id`, `state`, `action`, `servers` (each with `id`, `name`, `state`,
`detail`), `reason`, `requester`, `needs`, `approvals`, `created_at`, `starts_at`, `ended_at`,
`outcome` (counts by state) and `card`. Times are RFC 3339 in UTC, null where not reached.
"""

from __future__ import annotations

import enum
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from bot.operations import host_commands
from bot.power import plan, ports
from bot.power.lifecycle import ServerState
from bot.power.plan import Verdict
from bot.power.steps import wave_parts
from bot.power.text import folding, spelling, times
from bot.slack import permalinks

INDENT = "  "
# Names of servers on one line of a list.
NAMES_CHARS = 200  # Characters.
NONE_OPEN = "No request is open."
# What a server is until its request runs.
PLANNED = {
    Verdict.ACT: ServerState.QUEUED,
    Verdict.SKIP: ServerState.SKIPPED,
    Verdict.BLOCKED: ServerState.BLOCKED,
}


def listed(found: Sequence[host_commands.HostView]) -> str:
    """Return one line a request."""
    return "\n".join(map(_line, found)) or NONE_OPEN


def detailed(shown: host_commands.HostView) -> str:
    """Return a request with each of its servers, and with what its steps have taken out."""
    return "\n".join(_details(shown))


def as_json(found: Sequence[host_commands.HostView]) -> str:
    """Return requests as a JSON list."""
    return printed([_object(one) for one in found])


def one_as_json(shown: host_commands.HostView) -> str:
    """Return a request as JSON, with `steps`: a row for each server and step."""
    return printed(_object(shown) | {"steps": [*_step_rows(shown)]})


def printed(value: object) -> str:
    """Return a value as JSON that a person may read on a terminal as well."""
    # Names stay readable, but for what a terminal would obey.
    return spelling.escaped(json.dumps(value, indent=2, ensure_ascii=False))


def instant(epoch_s: float) -> str | None:
    """Return an instant in RFC 3339, in UTC; None for 0."""
    return times.rfc3339(epoch_s, "seconds") if epoch_s else None


def step_row(part: wave_parts.Part, taken: wave_parts.Taken, state: enum.StrEnum) -> dict[str, Any]:
    """Return a row for one server of one part of a step; what isn't known is left out."""
    row = {
        "request": part.request_id,
        "wave": part.wave,
        "step": part.step.name,
        "kind": part.step.kind,
        "server": taken.subject.name,
        "state": state.value,
        "since": instant(taken.shown_since),
    }
    if part.until:
        row["until"] = instant(part.until)
    # What the outside has said, or else why nothing was done there.
    if detail := taken.detail or taken.missed:
        row["detail"] = detail
    return row


def _step_rows(shown: host_commands.HostView) -> Iterator[dict[str, Any]]:
    """Yield a row for each server and step, in the step's own state."""
    for part in shown.parts:
        for taken in part.servers:
            yield step_row(part, taken, taken.state)


def _line(shown: host_commands.HostView) -> str:
    """Return a request in one line: state, action, servers, who and why."""
    found, order = shown.request, shown.request.order
    # With what tells servers of one name apart.
    labels = [target.label for target in order.targets]
    names = folding.fold(labels, NAMES_CHARS, marked=True)
    count = len(order.targets)
    words = f"{order.action.value} {count} {'server' if count == 1 else 'servers'}"
    told = f"{found.id} {found.told_as}: {words} ({names}) by {order.requester.user_id}"
    return spelling.seen(f"{told}, {_age(found)}: {order.reason}")


def _age(found: ports.Request) -> str:
    """Return since when a request is in its state."""
    return f"since {instant(found.ended_at or found.changed_at)}"


def _details(shown: host_commands.HostView) -> Iterator[str]:
    """Yield the lines of a request."""
    found = shown.request
    yield _line(shown)
    if found.end_reason:
        yield spelling.seen_indented(f"{INDENT}{found.end_reason}")
    for approval in found.approvals:
        yield f"{INDENT}approved by {approval.person.user_id} for {approval.group}"
    if found.stopped_by:
        why = f": {found.stop_reason}" if found.stop_reason else ""
        yield spelling.seen_indented(f"{INDENT}stopped by {found.stopped_by}{why}")
    apart = {one.server_id: one.apart for one in found.plan.lines}
    apart |= {one.server_id: one.apart for one in shown.servers}
    for server in _servers(shown):
        detail = f" ({server['detail']})" if server["detail"] else ""
        name = _named(server["name"], apart.get(server["id"], ""))
        yield spelling.seen_indented(f"{INDENT}{name}: {server['state']}{detail}")
    for part in shown.parts:
        for taken in part.servers:
            said = taken.detail or taken.missed
            detail = f" ({said})" if said else ""
            name = _named(taken.subject.name, taken.subject.apart)
            told = f"wave {part.wave} {part.step.name} {name}: {taken.state.value}{detail}"
            yield spelling.seen_indented(f"{INDENT}{told}")


def _named(name: str, apart: str) -> str:
    """Return a server's name, and where several have it, what tells this one from the others."""
    return f"{spelling.shown(name)} ({spelling.seen(apart)})" if apart else spelling.shown(name)


def _object(shown: host_commands.HostView) -> dict[str, Any]:
    """Return a request as an object of plain values."""
    found, servers = shown.request, _servers(shown)
    return {
        "id": found.id,
        "state": found.state.value,
        "action": found.order.action.value,
        "servers": servers,
        "reason": found.order.reason,
        "requester": found.order.requester.user_id,
        "needs": [{"group": need.group, "count": need.count} for need in found.plan.terms.needs],
        "approvals": [
            {"user": one.person.user_id, "group": one.group, "at": instant(one.at)}
            for one in found.approvals
        ],
        "created_at": instant(found.created_at),
        "starts_at": None,
        "ended_at": instant(found.ended_at),
        "outcome": dict(Counter(server["state"] for server in servers)),
        "card": _card(shown),
    }


def _servers(shown: host_commands.HostView) -> list[dict[str, str]]:
    """Return the servers as the run left them; before it, as the plan means them."""
    if shown.servers:
        return [_server(row.server_id, row.name, row.state, row.detail) for row in shown.servers]
    return [_planned(line) for line in shown.request.plan.lines]


def _planned(line: plan.PlanLine) -> dict[str, str]:
    """Return a server of a request that doesn't run yet."""
    return _server(line.server_id, line.name, PLANNED[line.verdict], line.reason)


def _server(id_: str, name: str, state: ServerState, detail: str) -> dict[str, str]:
    """Return one server as an object."""
    return {"id": id_, "name": name, "state": state.value, "detail": detail}


def _card(shown: host_commands.HostView) -> str | None:
    """Return the address of a request's card, if it was posted."""
    # Null in JSON: an empty text would look like an address.
    return permalinks.card(shown.request, shown.workspace_url) or None
