"""Fenced leases on requests; no other module may write one.

A claim raises the request's epoch, and every later write of its owner names that epoch: who was
frozen or cut off finds out at the next write. Only the fence gives safety, never the clock.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from bot.power import lifecycle, ports
from bot.storage import database_clock, link, rows, schema

_requests = schema.requests.c
_OPEN = sorted(lifecycle.OPEN)


def claim(tx: link.Link, *, now: float, lease_s: float) -> ports.Claim | None:
    """Claim the request that is due the longest, if this version can read its plan."""
    due = (
        sa.select(_requests.id)
        .where(
            _requests.next_at <= now,
            _requests.lease_until < database_clock.Now(),
            _requests.state.in_(_OPEN),
            _requests.plan_version <= rows.PLAN_VERSION,
        )
        .order_by(_requests.next_at, _requests.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    claimed = (
        sa.update(schema.requests)
        .where(_requests.id == due.scalar_subquery())
        .values(epoch=_requests.epoch + 1, lease_until=database_clock.Now() + lease_s)
        .returning(_requests.id, _requests.epoch)
    )
    row = tx.change(claimed).first()
    return None if row is None else ports.Claim(row.id, row.epoch)


def renew(tx: link.Link, claimed: ports.Claim, *, lease_s: float) -> bool:
    """Prolong a lease; False when it was lost."""
    prolonged = _owned(claimed).values(lease_until=database_clock.Now() + lease_s)
    return tx.change(prolonged).rowcount == 1


def release(tx: link.Link, claimed: ports.Claim, *, next_at: float | None) -> None:
    """Give a claim back; whoever has lost it already changes nothing.

    An ended request stays without a next look.
    """
    values: dict[str, Any] = {"lease_until": 0.0}
    if next_at is not None:
        values["next_at"] = sa.case((_requests.state.in_(_OPEN), next_at), else_=sa.null())
    tx.change(_owned(claimed).values(values))


def free_all(tx: link.Link) -> None:
    """End every lease at once: the caller knows that no other process lives."""
    for table in (schema.requests, schema.inbox, schema.outbox):
        tx.change(sa.update(table).where(table.c.lease_until > 0).values(lease_until=0.0))


def _owned(claimed: ports.Claim) -> sa.Update:
    """Return an update of a request that is still this owner's."""
    mine = _requests.id == claimed.request_id, _requests.epoch == claimed.epoch
    return sa.update(schema.requests).where(*mine)
