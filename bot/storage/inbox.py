"""Payloads from Slack, stored before they are acknowledged; the path of every ack runs here.

A payload is leased to the process that received it; when that one dies, another takes it over.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from bot.power import ports
from bot.storage import database_clock, link, precompiled, rows, schema

_inbox = schema.inbox.c
# A payload that kills whoever takes it is left alone after so many take-overs.
MOST_TRIES = 10


class Inbox(link.Link):
    """The part of a transaction that speaks of payloads."""

    def receive(self, inbound: ports.Inbound) -> bool:
        """Store a payload; False when its key is there already."""
        self.must_write()
        row = rows.inbound_row(inbound) | {"lease_s": self.lease_s}
        return bool(_RECEIVE.run(self, row).rowcount == 1)

    def finish(self, key: str) -> None:
        """Mark a payload as dealt with, and forget its body and its response URL."""
        self.must_write()
        _FINISH.run(self, {"finished": rows.storable(key)})


def _receive(tx: link.Link) -> sa.Executable:
    """Return the insert of a payload, which does nothing where its key is there already."""
    given: dict[str, Any] = {name: sa.bindparam(name) for name in rows.INBOUND_COLUMNS}
    lease_until = database_clock.Now() + sa.bindparam("lease_s", type_=sa.Double)
    made = tx.insert(schema.inbox).values(**given, lease_until=lease_until)
    return made.on_conflict_do_nothing()


def _finish(_tx: link.Link) -> sa.Executable:
    """Return the update of a payload that was dealt with."""
    done = sa.update(schema.inbox).where(_inbox.key == sa.bindparam("finished"))
    return done.values(done_at=database_clock.Now(), body="{}", response_url="")


_RECEIVE = precompiled.Precompiled(_receive)
_FINISH = precompiled.Precompiled(_finish)


def claim(tx: link.Link, *, lease_s: float, limit: int) -> list[ports.Inbound]:
    """Take over payloads whose lease has ended, the oldest first."""
    left = sa.select(schema.inbox).where(
        _inbox.done_at == 0,
        _inbox.tries < MOST_TRIES,
        _inbox.lease_until < database_clock.Now(),
    )
    oldest = left.order_by(_inbox.at, _inbox.key).limit(limit).with_for_update(skip_locked=True)
    found = tx.query(oldest).all()
    if found:
        keys = link.in_few_lengths([row.key for row in found])
        mine = sa.update(schema.inbox).where(_inbox.key.in_(keys))
        leased = mine.values(lease_until=database_clock.Now() + lease_s, tries=_inbox.tries + 1)
        tx.change(leased)
    return [rows.inbound_from(row) for row in found]


def purge(tx: link.Link, *, before: float) -> int:
    """Forget the keys of payloads that were dealt with and came before an instant."""
    old = sa.delete(schema.inbox).where(_inbox.done_at > 0, _inbox.at < before)
    return tx.change(old).rowcount
