"""Rows to records and back; the only place that knows how a record lies in columns.

Text from people may hold what a database can't (NUL, half a surrogate pair): it is made storable
here, once.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from bot.power import causes, errors, lifecycle, plan, ports, request
from bot.power.run import waves
from bot.storage.tables import packed_plans, stored_json

PLAN_VERSION = 5  # What this version writes.
# How each released shape of a plan is read; a new shape adds a line and keeps the old ones.
_PLAN_READERS: dict[int, Callable[[str], plan.Plan]] = {
    1: plan.Plan.model_validate_json,
    # A target has its serial number too.
    2: plan.Plan.model_validate_json,
    # Column by column.
    3: packed_plans.unpacked,
    # Lines have causes, steps stand around waves, alarms beside servers.
    4: packed_plans.unpacked,
    # Lines have waves; other requests for its servers, what it undoes, what was typed.
    5: packed_plans.unpacked,
}


def storable(text: str) -> str:
    """Return the text with what neither database stores replaced by a question mark."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "?").encode("utf-8", "replace").decode()


def packed(value: object) -> str:
    """Return a value as compact JSON in ASCII, which every database stores as it is."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True)


def digest(text: str) -> str:
    """Return the SHA-256 of a text in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def plan_from(text: str, version: int) -> plan.Plan:
    """Return the plan that a stored text of this version is.

    Raises:
        StoreUnavailable: a newer Powerbot wrote it.
    """
    if version not in _PLAN_READERS:
        raise errors.StoreUnavailable("This request was made by a newer version of Powerbot.")
    return _PLAN_READERS[version](text)


def request_row(made: ports.Request, source_key: str, plan_digest: str) -> dict[str, Any]:
    """Return the columns of a new request."""
    card = made.card or ports.Card("")
    return {
        "id": made.id,
        "source_key": source_key,
        "state": made.state.value,
        "plan_version": PLAN_VERSION,
        "plan_digest": plan_digest,
        "requester": made.order.requester.user_id,
        "action": made.order.action.value,
        # 0 leaves a plan that is only looked at out of every limit.
        "asked_at": 0.0 if made.state is lifecycle.State.PLANNED else made.created_at,
        "created_at": made.created_at,
        "changed_at": made.changed_at,
        "ended_at": made.ended_at,
        "expires_at": made.expires_at,
        "use_by": made.use_by,
        "epoch": made.epoch,
        "next_at": _first_look(made),
        "card_channel": card.channel_id,
        "card_ts": card.ts,
        "stopped_by": made.stopped_by,
        "stop_reason": storable(made.stop_reason),
        "end_reason": storable(made.end_reason),
        "ended_by": storable(made.ended_by),
        "end_named": storable(" ".join(made.end_named)),
    }


def _first_look(made: ports.Request) -> float | None:
    """Return when a new request is next due: at its expiry, or at once if it may run."""
    if made.state in lifecycle.ENDED:
        return None
    if made.state in (lifecycle.State.APPROVED, lifecycle.State.RUNNING):
        return made.created_at
    return made.expires_at or None


def request_from(
    row: Any, found: plan.Plan, approvals: tuple[ports.Approval, ...], *, held_back: bool
) -> ports.Request:
    """Return the request that a row, its plan, its approvals and its run are."""
    card = ports.Card(row.card_channel, row.card_ts) if row.card_channel else None
    return ports.Request(
        id=row.id,
        state=lifecycle.State(row.state),
        plan=found,
        created_at=row.created_at,
        changed_at=row.changed_at,
        epoch=row.epoch,
        expires_at=row.expires_at,
        use_by=row.use_by,
        ended_at=row.ended_at,
        card=card,
        stopped_by=row.stopped_by,
        stop_reason=row.stop_reason,
        end_reason=row.end_reason,
        approvals=approvals,
        source=row.source_key,
        hushed=bool(row.hushed),
        waiting=_waiting_from(row.waiting),
        ended_by=row.ended_by,
        end_named=tuple(row.end_named.split()),
        held_back=held_back,
        changed_into=row.changed_into,
    )


def waiting_text(waited: causes.Wait | None) -> str:
    """Return what a request waits for as it is stored."""
    return packed(dataclasses.asdict(waited)) if waited else ""


def _waiting_from(text: str) -> causes.Wait | None:
    """Return what a stored text says that a request waits for."""
    if not text:
        return None
    found = json.loads(text)
    return causes.Wait(**{**found, "service": causes.Service(found["service"])})


def approval_row(request_id: str, approval: ports.Approval) -> dict[str, Any]:
    """Return the columns of an approval."""
    return {
        "request_id": request_id,
        "user_id": approval.person.user_id,
        "team_id": approval.person.team_id,
        "group_name": approval.group,
        "at": approval.at,
        "comment": storable(approval.comment),
        "evidence": storable(approval.evidence),
        "seal": approval.seal,
    }


def approval_from(row: Any) -> ports.Approval:
    """Return the approval that a row is."""
    person = request.Person(user_id=row.user_id, team_id=row.team_id)
    return ports.Approval(person, row.group_name, row.at, row.comment, row.evidence, row.seal)


# A stored row has its record's own names, but for the rack, which has a column of its own and
# one of its room.
_FIELDS = ports.RunServer.__struct_fields__
SERVER_COLUMNS = (*("rack" if name == "stood" else name for name in _FIELDS), "room")
_RACK, _STATE, _SEEN, _CAUSE, _LATE = map(
    SERVER_COLUMNS.index, ("rack", "state", "seen_processing", "cause", "late")
)
# For thousands of rows a dictionary is quicker than the enum's own call.
_STATES = {state.value: state for state in lifecycle.ServerState}
_CAUSES = {cause.value: cause for cause in causes.Cause}
_LATES = {late.value: late for late in causes.Late}
ATTEMPT_COLUMNS = tuple(field.name for field in dataclasses.fields(ports.Attempt))


def server_row(server: ports.RunServer) -> dict[str, Any]:
    """Return the columns of a server of a run, without its request and its position."""
    return {
        "server_id": server.server_id,
        "name": storable(server.name),
        "rack": storable(server.stood[1]),
        "state": server.state.value,
        "step": server.step,
        "wave": server.wave,
        "detail": storable(server.detail),
        "baseline_power": storable(server.baseline_power),
        "baseline_operation": storable(server.baseline_operation),
        "seen_processing": server.seen_processing,
        "last_seen": storable(server.last_seen),
        "sent_at": server.sent_at,
        "settled_at": server.settled_at,
        "sends": server.sends,
        "cause": server.cause.value,
        "seen_power": server.seen_power,
        "room": storable(server.stood[0]),
        "rack_limit": server.rack_limit,
        "late": server.late.value,
        "apart": storable(server.apart),
        "probe": storable(server.probe),
    }


def server_from(row: Any) -> ports.RunServer:
    """Return the server of a run that a row of `SERVER_COLUMNS` is; a large card has thousands."""
    *columns, room = row
    columns[_RACK] = waves.rack_of(room, columns[_RACK])
    columns[_STATE] = _STATES[columns[_STATE]]
    # SQLite has numbers where others have truth.
    columns[_SEEN] = bool(columns[_SEEN])
    columns[_CAUSE], columns[_LATE] = _CAUSES[columns[_CAUSE]], _LATES[columns[_LATE]]
    return ports.RunServer(*columns)


def attempt_from(row: Any) -> ports.Attempt:
    """Return the attempt that a row is."""
    columns = row._asdict()
    columns["method"] = ports.Method(columns["method"])
    columns["server_ids"] = tuple(json.loads(columns["server_ids"]))
    columns["outcome"] = ports.Outcome(columns["outcome"])
    return ports.Attempt(**columns)


def message_from(row: Any, *, leased_until: float = 0.0) -> ports.OutboxMessage:
    """Return the outbox message that a row is, with the lease that was taken on it."""
    return ports.OutboxMessage(
        id=row.id,
        request_id=row.request_id,
        kind=row.kind,
        # A card has no words of its own: it shows its request as it is.
        said=stored_json.read_message(row.body) if row.kind != "card" else None,
        version=row.version,
        tries=row.tries,
        created_at=row.created_at,
        shown_version=row.shown_version,
        leased_until=leased_until,
        urgency=ports.Urgency(row.urgency),
    )


def audit_from(row: Any) -> Mapping[str, Any]:
    """Return an audit row with its nested values opened."""
    columns: dict[str, Any] = row._asdict()
    columns["server_ids"] = json.loads(columns["server_ids"])
    columns["detail"] = json.loads(columns["detail"])
    return columns
