"""The figures that an operator watches, counted where the truth is."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from bot.power.lifecycle import ServerState, State
from bot.storage import link, schema


@dataclasses.dataclass(frozen=True, slots=True)
class Figures:
    """Counts and instants at one moment; an instant (epoch seconds) is 0 where nothing waits."""

    requests: Mapping[str, int]
    pending_since: float
    unknown_outcomes: int
    messages_waiting: int
    message_since: float
    payloads_open: int
    payload_since: float
    audit_seq: int


def read(tx: link.Link) -> Figures:
    """Count."""
    requests, servers = schema.requests.c, schema.run_servers.c
    outbox, inbox = schema.outbox.c, schema.inbox.c
    by_state: Any = sa.select(requests.state, sa.func.count()).group_by(requests.state)
    is_pending = requests.state == State.PENDING.value
    pending = sa.select(sa.func.min(requests.created_at)).where(is_pending)
    is_unknown = servers.state == ServerState.UNKNOWN.value
    waiting = sa.select(sa.func.count(), sa.func.min(outbox.created_at))
    messages: Any = tx.query(waiting.where(outbox.waiting.is_(True))).one()
    unfinished = sa.select(sa.func.count(), sa.func.min(inbox.at))
    payloads: Any = tx.query(unfinished.where(inbox.done_at == 0)).one()
    return Figures(
        requests=dict(map(tuple, tx.query(by_state))),
        pending_since=tx.query(pending).scalar() or 0.0,
        unknown_outcomes=tx.query(sa.select(sa.func.count()).where(is_unknown)).scalar_one(),
        messages_waiting=messages[0],
        message_since=messages[1] or 0.0,
        payloads_open=payloads[0],
        payload_since=payloads[1] or 0.0,
        audit_seq=tx.query(sa.select(schema.audit_head.c.seq)).scalar_one(),
    )
