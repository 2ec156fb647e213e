"""Records as the workflow would hand them in, with only what a test cares about given."""

from __future__ import annotations

import dataclasses
from typing import Any

from bot.power import inputs, lifecycle, plan, ports, request
from bot.storage import store

ASKER = request.Person(user_id="UASKER", team_id="T1")
HOME = request.Place(channel_id="C0OPS", thread_ts="1.2")


def a_plan(*server_ids: str, action: request.Action = request.Action.REBOOT) -> plan.Plan:
    """Return a plan that acts on these servers."""
    ids = server_ids or ("s1", "s2", "s3")
    lines = tuple(
        plan.PlanLine(server_id=one, name=f"web-{one}", verdict=plan.Verdict.ACT) for one in ids
    )
    order = request.Order(
        scope=request.Scope(region="r", project_id="p"),
        place=HOME,
        action=action,
        targets=lines,
        reason="kernel 内核 panic",
        requester=ASKER,
    )
    return plan.Plan(
        order=order, lines=lines, snapshot_at=99.5, terms=plan.Terms(), policy_version="p1"
    )


def a_request(
    id_: str = "PR-2222",
    state: lifecycle.State = lifecycle.State.PENDING,
    *,
    made: plan.Plan | None = None,
    **fields: Any,
) -> ports.Request:
    """Return a request in a state."""
    request = ports.Request(id_, state, made or a_plan(), 100.0, 100.0, expires_at=1900.0)
    return dataclasses.replace(request, **fields)


def an_inbound(key: str = "k1", **fields: Any) -> ports.Inbound:
    """Return a payload."""
    made = ports.Inbound(key, ASKER, HOME, inputs.Typed(text="on web01"), 100.0, "https://r")
    return dataclasses.replace(made, **fields)


async def left(kept: store.Store, *, lease_s: float = 0.0) -> list[ports.Inbound]:
    """Take over what was left, and return the payloads alone."""
    return [one.inbound for one in await kept.claim_inbound(lease_s=lease_s)]


def an_approval(user_id: str = "UAPPROVER", at: float = 120.0) -> ports.Approval:
    """Return one person's yes."""
    person = request.Person(user_id=user_id, team_id="T1")
    return ports.Approval(person, "sre", at, "fine", "listed in sre")


def an_attempt(
    id_: str = "a1",
    *server_ids: str,
    method: ports.Method = ports.Method.REBOOT,
    request_id: str = "PR-2222",
) -> ports.Attempt:
    """Return an attempt that has no answer yet."""
    return ports.Attempt(id_, request_id, method, server_ids or ("s1",), 0, 0, 130.0)


def an_entry(event: str = "request.approved", **fields: Any) -> ports.AuditEntry:
    """Return a row for the audit."""
    return dataclasses.replace(ports.AuditEntry(event, 100.25, person=ASKER), **fields)
