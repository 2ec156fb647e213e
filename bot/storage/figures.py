"""The figures that an operator watches, counted where the truth is."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from bot.power.lifecycle import ServerState, State
from bot.power.steps import states
from bot.storage.engine import link
from bot.storage.tables import reviews


@dataclasses.dataclass(frozen=True, slots=True)
class Figures:
    """Counts and instants at one moment; an instant (epoch seconds) is 0 where nothing waits.

    `freezes` are those of people; `review_due_at` is when the first open review is due.
    """

    requests: Mapping[str, int]
    pending_since: float
    unknown_outcomes: int
    messages_waiting: int
    messages_refused: int  # Slack takes them from nobody, so they say nothing of an outage.
    message_since: float
    payloads_open: int
    payload_since: float
    audit_seq: int  # Number of the newest row.
    steps_out: int
    steps_owed: int
    freezes: int
    reviews_open: int
    review_due_at: float
    reviews_closed: Mapping[str, int]


_STANDING = sorted(states.STANDING)
# A try to put back what is owed must not make the debt vanish for its time.
_STEPS = """
    SELECT count(*) AS out, sum(
        CASE WHEN state = 'owed' OR (state = 'putting_back' AND owed_since > 0) THEN 1 ELSE 0 END
    ) AS owed
    FROM step_servers WHERE (stands AND state IN :standing) OR state = 'owed'
"""


def read(tx: link.Link) -> Figures:
    """Count everything in the snapshot of this transaction."""
    by_state = tx.query("SELECT state, count(*) AS many FROM requests GROUP BY state")
    pending = "SELECT min(created_at) FROM requests WHERE state = :pending"
    unknown = "SELECT count(*) FROM run_servers WHERE state = :unknown"
    messages = tx.query(
        "SELECT count(*) AS many, min(created_at) AS since FROM outbox "
        "WHERE waiting AND NOT refused"
    )[0]
    payloads = tx.query("SELECT count(*) AS many, min(at) AS since FROM inbox WHERE done_at = 0")[0]
    steps = tx.query(_STEPS, standing=_STANDING)[0]
    owed = tx.query(reviews.OWED, never_ran=reviews.NEVER_RAN)[0]
    return Figures(
        requests={row.state: row.many for row in by_state},
        pending_since=tx.value(pending, pending=State.PENDING.value) or 0.0,
        unknown_outcomes=tx.value(unknown, unknown=ServerState.UNKNOWN.value),
        messages_waiting=messages.many,
        messages_refused=tx.value("SELECT count(*) FROM outbox WHERE waiting AND refused"),
        message_since=messages.since or 0.0,
        payloads_open=payloads.many,
        payload_since=payloads.since or 0.0,
        audit_seq=tx.value("SELECT seq FROM audit_head"),
        steps_out=steps.out or 0,
        steps_owed=steps.owed or 0,
        freezes=tx.value("SELECT count(*) FROM freezes"),
        reviews_open=owed.many,
        review_due_at=owed.due_at or 0.0,
        reviews_closed={row.judgement: row.many for row in tx.query(reviews.CLOSED)},
    )
