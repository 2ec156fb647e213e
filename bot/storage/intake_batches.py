"""Many payloads of one batch in one statement each way: on PostgreSQL round trips are the cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from bot.power import intake, ports
from bot.storage import database_clock, link, precompiled, rows, schema

_inbox = schema.inbox.c
_requests = schema.requests.c

Work = intake.Receiving | intake.Finishing


def run(tx: link.Link, works: Sequence[Work]) -> list[Any]:
    """Do several works of intake in PostgreSQL, and return what each would have returned."""
    tx.must_write()
    received = [work.inbound for work in works if isinstance(work, intake.Receiving)]
    finished = [work for work in works if isinstance(work, intake.Finishing)]
    new = _receive(tx, received) if received else set()
    cards = _finish(tx, finished) if finished else {}
    values: list[Any] = []
    for work in works:
        if isinstance(work, intake.Finishing):
            values.append(cards.get(work.request_id))
        else:
            # The second of two with one key is the double, as if they had come apart.
            values.append(work.inbound.key in new)
            new.discard(work.inbound.key)
    return values


def _receive(tx: link.Link, received: Sequence[ports.Inbound]) -> set[str]:
    """Store payloads and return the keys of those that were not there."""
    listed = [rows.inbound_row(inbound) for inbound in received]
    names = rows.INBOUND_COLUMNS
    columns = {f"all_{name}": [row[name] for row in listed] for name in names}
    found = _RECEIVE.run(tx, {**columns, "lease_s": tx.lease_s}).fetchall()
    stored = {row["key"]: inbound.key for row, inbound in zip(listed, received, strict=True)}
    return {stored[key] for (key,) in found}


def _finish(tx: link.Link, finished: Sequence[intake.Finishing]) -> dict[str, ports.Card | None]:
    """Mark payloads as dealt with and return the cards of the requests that are named."""
    _FINISH.run(tx, {"keys": [rows.storable(work.key) for work in finished]})
    ids = sorted({work.request_id for work in finished if work.request_id})
    found = _CARDS.run(tx, {"ids": ids}).fetchall() if ids else []
    return {request_id: ports.Card(channel, ts) for request_id, channel, ts in found if channel}


def _receiving(_tx: link.Link) -> sa.Executable:
    """Return the insert of all payloads, which does nothing where a key is there already."""
    arrays = [
        sa.bindparam(f"all_{name}", type_=postgresql.ARRAY(_inbox[name].type))
        for name in rows.INBOUND_COLUMNS
    ]
    listed = sa.func.unnest(*arrays).table_valued(*rows.INBOUND_COLUMNS)
    until = database_clock.Now() + sa.bindparam("lease_s", type_=sa.Double)
    made = postgresql.insert(schema.inbox).from_select(
        [*rows.INBOUND_COLUMNS, "lease_until"], sa.select(listed, until)
    )
    return made.on_conflict_do_nothing().returning(_inbox.key)


def _finishing(_tx: link.Link) -> sa.Executable:
    """Return the update of all payloads that were dealt with."""
    keys = sa.bindparam("keys", type_=postgresql.ARRAY(sa.Text))
    done = sa.update(schema.inbox).where(_inbox.key == sa.any_(keys))
    return done.values(done_at=database_clock.Now(), body="{}", response_url="")


def _cards(_tx: link.Link) -> sa.Executable:
    """Return the query for where the cards of all requests stand."""
    found = sa.select(_requests.id, _requests.card_channel, _requests.card_ts)
    ids = sa.bindparam("ids", type_=postgresql.ARRAY(sa.Text))
    return found.where(_requests.id == sa.any_(ids))


_RECEIVE = precompiled.Precompiled(_receiving)
_FINISH = precompiled.Precompiled(_finishing)
_CARDS = precompiled.Precompiled(_cards)
