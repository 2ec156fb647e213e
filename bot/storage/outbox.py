"""What Slack must be told, written in the transaction of what happened.

A request has one card row, whose version counts the news; replies and direct messages go out
each once, in order. Words are made at delivery, not here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from bot.power import lifecycle, ports
from bot.storage import database_clock, link, precompiled, rows, schema, silences as silences_

_outbox = schema.outbox.c
_requests = schema.requests.c
_ENDED = sorted(lifecycle.ENDED)
# The vendor's or Slack's words on a failed delivery are kept up to this length.
MOST_ERROR = 500
CARD_KEY = ""


class Outbox(link.Link):
    """The part of a transaction that speaks of messages."""

    def show_card(self, request_id: str, *, at: float) -> None:
        """Ask for the card to be brought to the newest state.

        A card that waits already keeps its turn.
        """
        self.must_write()
        _SHOW_CARD.run(self, _new(request_id, "card", CARD_KEY, at))

    def say(
        self, request_id: str, kind: str, body: Mapping[str, Any], *, key: str, at: float
    ) -> None:
        """Queue a `reply` or `direct` message; a second one with the same key is dropped.

        Raises:
            ValueError: another kind, or no key.
        """
        if kind not in ("reply", "direct") or not key:
            raise ValueError(f"a message is a reply or direct, and has a key: {kind!r}, {key!r}")
        row = _new(request_id, kind, rows.storable(key), at) | {"body": rows.packed(dict(body))}
        self.change(self.insert(schema.outbox).on_conflict_do_nothing(), row)


def _showing_card(tx: link.Link) -> sa.Executable:
    """Return the insert of a request's card, or the note that there is news for it."""
    names = ("request_id", "kind", "key", "body", "created_at", "due_at")
    given: dict[str, Any] = {name: sa.bindparam(name) for name in names}
    statement = tx.insert(schema.outbox).values(**given, version=1)
    turn = sa.case((_outbox.waiting.is_(True), _outbox.due_at), else_=statement.excluded.due_at)
    return statement.on_conflict_do_update(
        index_elements=[_outbox.request_id, _outbox.key],
        set_={"version": _outbox.version + 1, "waiting": True, "due_at": turn},
    )


_SHOW_CARD = precompiled.Precompiled(_showing_card)


def _new(request_id: str, kind: str, key: str, at: float) -> dict[str, Any]:
    """Return the columns that every new message has."""
    named = {"request_id": request_id, "kind": kind, "key": key}
    return {**named, "body": "{}", "created_at": at, "due_at": at}


def due(
    tx: link.Link, silences: silences_.Silences, *, now: float, limit: int, lease_s: float
) -> tuple[float, list[ports.OutboxMessage]]:
    """Claim messages that Slack must be told now: end states first, per request in order.

    Returns the instant of this look too, by the database's clock.
    """
    at = float(tx.query(sa.select(database_clock.Now())).scalar_one())
    nobodys = sa.or_(_outbox.lease_until == 0.0, _outbox.lease_until < silences.borne_since(at))
    ended_first = sa.case((_requests.state.in_(_ENDED), 0), else_=1)
    claimed = (
        sa.select(schema.outbox)
        .join(schema.requests, _requests.id == _outbox.request_id)
        .where(_outbox.due_at <= now, nobodys, *_may_go())
        .order_by(ended_first, _outbox.due_at, _outbox.id)
        .limit(limit)
        .with_for_update(of=schema.outbox, skip_locked=True)
    )
    found = tx.query(claimed).all()
    until = at + lease_s
    if found:
        ids = link.in_few_lengths([row.id for row in found])
        mine = sa.update(schema.outbox).where(_outbox.id.in_(ids))
        tx.change(mine.values(lease_until=until))
    return at, [rows.message_from(row, leased_until=until) for row in found]


def _may_go() -> tuple[sa.ColumnElement[bool], ...]:
    """Return what a message waits for besides its time.

    A reply waits for the card, whose thread it goes to, and for the reply before it.
    """
    earlier = schema.outbox.alias("earlier")
    behind = sa.select(earlier.c.id).where(
        earlier.c.request_id == _outbox.request_id,
        earlier.c.kind == _outbox.kind,
        earlier.c.waiting.is_(True),
        earlier.c.id < _outbox.id,
    )
    has_thread = sa.or_(_outbox.kind != "reply", _requests.card_ts != "")
    return _outbox.waiting.is_(True), has_thread, ~behind.exists()


def sent(tx: link.Link, message: ports.OutboxMessage, *, now: float) -> None:
    """Note a delivery; a card that has changed meanwhile stays due."""
    noted = sa.update(schema.outbox).where(_outbox.id == message.id)
    tx.change(
        noted.values(
            waiting=_outbox.version > message.version,
            shown_version=message.version,
            sent_at=now,
            due_at=now,
            lease_until=0.0,
            tries=0,
            error="",
        )
    )


def failed(tx: link.Link, message: ports.OutboxMessage, *, again_at: float, error: str) -> None:
    """Note a failed delivery and when to try again, unless another process has it by now."""
    noted = _still_mine(message)
    tx.change(
        noted.values(
            tries=_outbox.tries + 1,
            due_at=again_at,
            lease_until=0.0,
            error=rows.storable(error)[:MOST_ERROR],
        )
    )


def postpone(tx: link.Link, message: ports.OutboxMessage, *, until: float) -> None:
    """Put a message back that was not tried, because its pace doesn't allow it yet."""
    tx.change(_still_mine(message).values(due_at=until, lease_until=0.0))


def _still_mine(message: ports.OutboxMessage) -> sa.Update:
    """Return an update of a message that no other process has claimed since."""
    mine = _outbox.id == message.id, _outbox.lease_until == message.leased_until
    return sa.update(schema.outbox).where(*mine)
