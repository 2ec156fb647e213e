"""Notices for channels that belong to no request, written in the transaction of what happened."""

from __future__ import annotations

from typing import Any

from bot.power import ports
from bot.power.messages import messages
from bot.storage.engine import link
from bot.storage.tables import claims, outbox, rows, stored_json

_ENDS = """
    SELECT body, created_at, holder, since FROM notices
    WHERE holder = :holder AND since = :since AND event IN :over ORDER BY id DESC
"""
# One that is being posted at this moment is edited once it is known where it stands.
_CLOSE = """
    UPDATE notices SET closing = TRUE, ended_by = :by, ended_at = :at
    WHERE holder = :holder AND since = :since AND event IN :stands
      AND ended_at = 0 AND (waiting OR ts <> '')
"""
_STANDS_AT = "SELECT 1 FROM notices WHERE channel_id = :channel_id AND ts = :ts AND ts <> ''"
# A channel hears one after another: "lifted" never stands above "frozen".
_DUE = """
    SELECT notices.* FROM notices
    WHERE notices.waiting AND notices.due_at <= :now
      AND (notices.lease_until = 0 OR notices.lease_until < :ended_before)
      AND NOT EXISTS (
          SELECT 1 FROM notices AS earlier
          WHERE earlier.channel_id = notices.channel_id
            AND earlier.waiting AND earlier.id < notices.id
      )
    ORDER BY notices.due_at, notices.id
    LIMIT :limit FOR UPDATE OF notices SKIP LOCKED
"""
# An edit waits for no other message: what it says is told in one of its own already.
_CLOSING = """
    SELECT * FROM notices
    WHERE closing AND NOT waiting AND ts <> '' AND due_at <= :now
      AND (lease_until = 0 OR lease_until < :ended_before)
    ORDER BY due_at, id
    LIMIT :limit FOR UPDATE SKIP LOCKED
"""
# Whoever ends the freeze meanwhile finds it as one that still waits.
_POSTED = """
    UPDATE notices SET waiting = FALSE, sent_at = :now, lease_until = 0, error = :error, ts = :ts
    WHERE id = :id
"""
_CLOSED = "UPDATE notices SET closing = FALSE, lease_until = 0, error = :error WHERE id = :id"
# Only while no other process has claimed it since.
_FAILED = """
    UPDATE notices SET tries = tries + 1, due_at = :again_at, lease_until = 0, error = :error
    WHERE id = :id AND lease_until = :leased_until
"""
# One that waits for its pace was not tried.
_POSTPONED = """
    UPDATE notices SET due_at = :again_at, lease_until = 0
    WHERE id = :id AND lease_until = :leased_until
"""


class Notices(link.Link):
    """The part of a transaction that speaks of notices."""

    def announce(self, channel_id: str, news: messages.News, *, key: str, at: float) -> None:
        """Queue a message for a channel; a second one with the same key is dropped."""
        freeze = news if isinstance(news, messages.FreezeTurned) else None
        row = {
            "channel_id": channel_id,
            "key": rows.storable(key),
            "event": rows.storable(news.event),
            "holder": rows.storable(freeze.holder) if freeze else "",
            "since": freeze.since if freeze else 0.0,
            "body": stored_json.written_message(news),
            "created_at": at,
            "due_at": at,
        }
        self.insert("notices", row, link.KEEP_OLD)

    def end_of_freeze(self, holder: str, since: float) -> ports.FreezeEnd | None:
        """Return what became of a freeze; None where no channel was told of its end."""
        named = rows.storable(holder)
        for row in self.query(_ENDS, holder=named, since=since, over=[*messages.OVER]):
            news = stored_json.read_news(row.body)
            if isinstance(news, messages.FreezeTurned):
                return ports.FreezeEnd(_freeze_of(row, news), news.by, row.created_at)
        return None

    def close_announced(self, end: ports.FreezeEnd) -> None:
        """Ask for each announcement of a freeze to say that it is over; a second end is dropped."""
        given = {
            "holder": rows.storable(end.freeze.holder),
            "since": end.freeze.since,
            "stands": [*messages.STANDS],
            "by": rows.storable(end.by),
            "at": end.at,
        }
        self.change(_CLOSE, given)

    def is_announced(self, channel_id: str, ts: str) -> bool:
        """Whether a message is known as one that `close_announced` finds."""
        return bool(self.value(_STANDS_AT, channel_id=channel_id, ts=ts))


def due(
    tx: link.Link, grace: claims.LeaseGrace, *, now: float, limit: int, lease_s: float
) -> list[ports.Notice]:
    """Claim what channels must be told now, each channel's in order, and what must be edited."""
    at = float(tx.value("SELECT now_s()"))
    given = {"now": now, "ended_before": grace.ended_before(at), "limit": limit}
    found = [*tx.query(_DUE, **given), *tx.query(_CLOSING, **given)]
    # It names this claim: what a former owner still notes doesn't fit it.
    until = at + lease_s
    if found:
        leased = "UPDATE notices SET lease_until = :until WHERE id IN :ids"
        tx.change(leased, until=until, ids=[row.id for row in found])
    return [_notice_from(row, until) for row in found]


def sent(tx: link.Link, notice: ports.Notice, *, now: float, error: str, ts: str) -> None:
    """Note that a notice is done with: it stands at `ts`, or was given up for an error."""
    said = {"id": notice.id, "error": rows.storable(error)[: outbox.MOST_ERROR]}
    if notice.end is not None:
        tx.change(_CLOSED, said)
    else:
        tx.change(_POSTED, said, now=now, ts=ts)


def failed(tx: link.Link, notice: ports.Notice, *, again_at: float, error: str) -> None:
    """Note a failed delivery and when to try again, unless another process has it by now."""
    said = rows.storable(error)[: outbox.MOST_ERROR]
    tx.change(_FAILED, _mine(notice), again_at=again_at, error=said)


def postponed(tx: link.Link, notice: ports.Notice, *, again_at: float) -> None:
    """Note when a notice is due that was not tried, unless another process has it by now."""
    tx.change(_POSTPONED, _mine(notice), again_at=again_at)


def _notice_from(row: Any, until: float) -> ports.Notice:
    """Return the notice that a row is, leased until this instant."""
    news = stored_json.read_news(row.body)
    freeze = _freeze_of(row, news)
    end = None if row.waiting else ports.FreezeEnd(freeze, row.ended_by, row.ended_at)
    return ports.Notice(row.id, row.channel_id, news, row.tries, row.created_at, until, row.ts, end)


def _freeze_of(row: Any, news: messages.News) -> ports.Freeze:
    """Return the freeze that a row tells of; a newer version's news has no end to be read."""
    until = news.until if isinstance(news, messages.FreezeTurned) else 0.0
    return ports.Freeze(row.holder, news.reason, row.since, until)


def _mine(notice: ports.Notice) -> dict[str, Any]:
    """Return the values that name a notice by the lease which was taken on it."""
    return {"id": notice.id, "leased_until": notice.leased_until}
