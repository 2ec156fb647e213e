"""What Slack must be told, written in the transaction of what happened.

A request has one card row, whose version counts the news; replies and direct messages go out
each once, in order. Words are made at delivery, not here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bot.power import lifecycle, ports
from bot.power.messages import decisions, messages
from bot.storage.engine import link
from bot.storage.tables import claims, rows, stored_json

_ENDED = sorted(lifecycle.ENDED)
_OPEN = sorted(lifecycle.OPEN)
# The vendor's or Slack's words on a failed delivery are kept up to this length.
MOST_ERROR = 500
CARD_KEY = ""
_IS_OVER = f"""
    (SELECT state FROM requests WHERE requests.id = outbox.request_id)
    IN ({", ".join(f"'{state}'" for state in _ENDED)})
"""
# A card that waits already keeps its turn, but an end waits for nobody's pace.
_SHOW_AGAIN = f"""
    ON CONFLICT (request_id, key) DO UPDATE
    SET version = outbox.version + 1,
        waiting = TRUE,
        due_at = CASE WHEN outbox.waiting AND NOT {_IS_OVER} THEN outbox.due_at
            ELSE excluded.due_at END
"""
_URGENCY = f"""
    CASE WHEN outbox.kind = 'card' AND requests.card_ts = '' THEN {ports.Urgency.NEW_CARD:d}
         WHEN requests.state IN :end_states THEN {ports.Urgency.END:d}
         ELSE {ports.Urgency.REST:d} END
"""
# A reply waits for the card, whose thread it goes to, and for the reply before it; after the
# end there will be none unless one waits.
_DUE = f"""
    SELECT outbox.*, {_URGENCY} AS urgency
    FROM outbox JOIN requests ON requests.id = outbox.request_id
    WHERE outbox.waiting AND outbox.due_at <= :now
      AND (outbox.lease_until = 0 OR outbox.lease_until < :ended_before)
      AND (outbox.kind <> 'reply' OR requests.card_ts <> ''
        OR requests.state IN :end_states AND NOT EXISTS (
          SELECT 1 FROM outbox AS card
          WHERE card.request_id = outbox.request_id AND card.kind = 'card' AND card.waiting
      ))
      AND NOT EXISTS (
          SELECT 1 FROM outbox AS earlier
          WHERE earlier.request_id = outbox.request_id AND earlier.kind = outbox.kind
            AND earlier.waiting AND earlier.id < outbox.id
      )
    ORDER BY urgency, outbox.due_at, outbox.id
    LIMIT :limit FOR UPDATE OF outbox SKIP LOCKED
"""
_SENT = """
    UPDATE outbox
    SET waiting = version > :version, shown_version = :version, sent_at = :now, due_at = :now,
        lease_until = 0, tries = 0, error = '', refused = FALSE
    WHERE id = :id
"""
# Only while no other process has claimed the message since. An end that came meanwhile is due as
# it was queued: what was tried knew nothing of it.
_AGAIN = f"""
        lease_until = 0,
        due_at = CASE WHEN kind = 'card' AND version > :version AND {_IS_OVER} THEN due_at
            ELSE :again_at END
    WHERE id = :id AND lease_until = :leased_until
"""
_FAILED = f"""
    UPDATE outbox SET tries = tries + 1, error = :error, refused = :refused, {_AGAIN}
"""
# What waits for its pace was not tried: what came of the last try stays as it is.
_POSTPONED = f"UPDATE outbox SET {_AGAIN}"


_SHOW_OPEN = """
    UPDATE outbox
    SET version = version + 1, waiting = TRUE,
        due_at = CASE WHEN waiting THEN due_at ELSE :at END
    WHERE kind = 'card' AND request_id IN (SELECT id FROM requests WHERE state IN :open)
"""
_CALLED = "SELECT body FROM outbox WHERE request_id = :id AND key = :key"
_LOST = "SELECT body FROM outbox WHERE request_id = :id AND key LIKE :keys ESCAPE '/'"
# A card that somebody else is changing is brought to the newest state by them.
_SHOW_OVERLAPPING = """
    UPDATE outbox
    SET version = version + 1, waiting = TRUE,
        due_at = CASE WHEN waiting THEN due_at ELSE :at END
    WHERE id IN (
        SELECT outbox.id FROM outbox
        WHERE kind = 'card' AND request_id IN (
            SELECT requests.id FROM requests CROSS JOIN request_servers
            WHERE request_servers.request_id = requests.id AND requests.state IN :begin
              AND requests.id <> :id AND request_servers.server_id IN (
                SELECT server_id FROM request_servers WHERE request_id = :id
            )
        )
        FOR UPDATE OF outbox SKIP LOCKED
    )
"""
_BEGIN = [lifecycle.State.PENDING.value, lifecycle.State.APPROVED.value]


class Outbox(link.Link):
    """The part of a transaction that speaks of messages."""

    def show_card(self, request_id: str, *, at: float) -> None:
        """Ask for the card to be brought to the newest state.

        A card that waits already keeps its turn, unless the request is over.
        """
        row = _new(request_id, "card", CARD_KEY, at) | {"version": 1}
        self.insert("outbox", row, _SHOW_AGAIN)

    def called(self, request_id: str) -> Mapping[str, Sequence[str]]:
        """Return whom the thread of a request has called at its start, less who can't any more."""
        for row in self.query(_CALLED, id=request_id, key=ports.ASKED):
            said = stored_json.read_message(row.body)
            if not isinstance(said, decisions.Asked):
                return {}
            gone = self._lost(request_id)
            return {
                group: [one for one in ids if one not in gone] for group, ids in said.ask.items()
            }
        return {}

    def _lost(self, request_id: str) -> set[str]:
        """Return whose approval of a request was taken back, since they lost the right."""
        rows = self.query(_LOST, id=request_id, keys=f"{ports.LOST}%")
        said = [stored_json.read_message(row.body) for row in rows]
        return {id_ for one in said if isinstance(one, decisions.ApprovalLost) for id_ in one.users}

    def show_open_cards(self, *, at: float) -> None:
        """Ask for the cards of all open requests to be brought to the newest state."""
        self.change(_SHOW_OPEN, at=at, open=_OPEN)

    def show_overlapping(self, request_id: str, *, at: float) -> None:
        """Ask for the cards that tell of this request to be brought to the newest state."""
        self.change(_SHOW_OVERLAPPING, id=request_id, at=at, begin=_BEGIN)

    def say(
        self, request_id: str, kind: str, said: messages.Message, *, key: str, at: float
    ) -> None:
        """Queue a `reply` or `direct` message; a second one with the same key is dropped.

        Raises:
            ValueError: another kind, or no key.
        """
        if kind not in ("reply", "direct") or not key:
            raise ValueError(f"a message is a reply or direct, and has a key: {kind!r}, {key!r}")
        row = _new(request_id, kind, rows.storable(key), at)
        row["body"] = stored_json.written_message(said)
        self.insert("outbox", row, link.KEEP_OLD)


def _new(request_id: str, kind: str, key: str, at: float) -> dict[str, Any]:
    """Return the columns that every new message has."""
    named = {"request_id": request_id, "kind": kind, "key": key}
    return {**named, "body": "{}", "created_at": at, "due_at": at}


def due(
    tx: link.Link, grace: claims.LeaseGrace, *, now: float, limit: int, lease_s: float
) -> tuple[float, list[ports.OutboxMessage]]:
    """Claim messages that Slack must be told now: new cards, then ends, per request in order.

    Returns the instant of this look too, by the database's clock.
    """
    at = float(tx.value("SELECT now_s()"))
    ended_before = grace.ended_before(at)
    found = tx.query(_DUE, now=now, end_states=_ENDED, ended_before=ended_before, limit=limit)
    until = at + lease_s
    if found:
        leased = "UPDATE outbox SET lease_until = :until WHERE id IN :ids"
        tx.change(leased, until=until, ids=[row.id for row in found])
    return at, [rows.message_from(row, leased_until=until) for row in found]


def sent(tx: link.Link, message: ports.OutboxMessage, *, now: float) -> None:
    """Note a delivery; a card that has changed meanwhile stays due."""
    tx.change(_SENT, id=message.id, version=message.version, now=now)


def failed(
    tx: link.Link,
    message: ports.OutboxMessage,
    *,
    again_at: float,
    error: str,
    refused: bool = False,
) -> None:
    """Note a failed delivery and when to try again, unless another process has it by now."""
    said = rows.storable(error)[:MOST_ERROR]
    new = {"again_at": again_at, "error": said, "refused": refused, "version": message.version}
    tx.change(_FAILED, _mine(message), **new)


def postponed(tx: link.Link, message: ports.OutboxMessage, *, again_at: float) -> None:
    """Note when a message is due that was not tried, unless another process has it by now."""
    tx.change(_POSTPONED, _mine(message), again_at=again_at, version=message.version)


def _mine(message: ports.OutboxMessage) -> dict[str, Any]:
    """Return the values that name a message by the lease which was taken on it."""
    return {"id": message.id, "leased_until": message.leased_until}
