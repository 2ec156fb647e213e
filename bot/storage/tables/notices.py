"""Notices for channels that belong to no request, written in the transaction of what happened."""

from __future__ import annotations

from typing import Any

from bot.power import ports
from bot.power.messages import messages
from bot.storage.engine import link
from bot.storage.tables import claims, outbox, rows, stored_json

# Looked for in each notice there is: they are few, and so are the presses that ask.
_ENDS = """
    SELECT body, created_at FROM notices
    WHERE key LIKE 'freeze.off:%' OR key LIKE 'freeze.ended:%' ORDER BY id DESC
"""
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
_DONE = """
    UPDATE notices SET waiting = FALSE, sent_at = :now, lease_until = 0, error = :error
    WHERE id = :id
"""
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
        row = {
            "channel_id": channel_id,
            "key": rows.storable(key),
            "body": stored_json.written_message(news),
            "created_at": at,
            "due_at": at,
        }
        self.insert("notices", row, link.KEEP_OLD)

    def end_of_freeze(self, holder: str, since: float) -> ports.FreezeEnd | None:
        """Return what became of a freeze; None where no channel was told of its end."""
        for row in self.query(_ENDS):
            news = stored_json.read_news(row.body)
            if not isinstance(news, messages.FreezeTurned):
                continue
            held = ports.Freeze(news.holder, news.reason, news.since, news.until)
            if (held.holder, held.since) == (holder, since):
                return ports.FreezeEnd(held, news.by, row.created_at)
        return None


def due(
    tx: link.Link, grace: claims.LeaseGrace, *, now: float, limit: int, lease_s: float
) -> list[ports.Notice]:
    """Claim what channels must be told now, each channel's in order."""
    at = float(tx.value("SELECT now_s()"))
    found = tx.query(_DUE, now=now, ended_before=grace.ended_before(at), limit=limit)
    # It names this claim: what a former owner still notes doesn't fit it.
    until = at + lease_s
    if found:
        leased = "UPDATE notices SET lease_until = :until WHERE id IN :ids"
        tx.change(leased, until=until, ids=[row.id for row in found])
    return [
        ports.Notice(
            row.id,
            row.channel_id,
            stored_json.read_news(row.body),
            row.tries,
            row.created_at,
            until,
        )
        for row in found
    ]


def sent(tx: link.Link, notice: ports.Notice, *, now: float, error: str) -> None:
    """Note that a notice is done with: delivered, or given up because of an error."""
    tx.change(_DONE, id=notice.id, now=now, error=rows.storable(error)[: outbox.MOST_ERROR])


def failed(tx: link.Link, notice: ports.Notice, *, again_at: float, error: str) -> None:
    """Note a failed delivery and when to try again, unless another process has it by now."""
    said = rows.storable(error)[: outbox.MOST_ERROR]
    tx.change(_FAILED, _mine(notice), again_at=again_at, error=said)


def postponed(tx: link.Link, notice: ports.Notice, *, again_at: float) -> None:
    """Note when a notice is due that was not tried, unless another process has it by now."""
    tx.change(_POSTPONED, _mine(notice), again_at=again_at)


def _mine(notice: ports.Notice) -> dict[str, Any]:
    """Return the values that name a notice by the lease which was taken on it."""
    return {"id": notice.id, "leased_until": notice.leased_until}
