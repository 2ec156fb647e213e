"""Payloads from Slack, stored before they are acknowledged; the path of every ack runs here.

A payload is leased to the process that received it; when that one dies, another takes it over.
`tries` counts the take-overs after a death; it is -1 where the receiver lived and gave it back.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from bot.power import ports
from bot.power.command import halts
from bot.storage.engine import link
from bot.storage.tables import payload_rows, rows

# How many payloads that were left behind are searched for noes, the oldest first.
LOOKED_THROUGH = 500
_COLUMNS = ", ".join(payload_rows.COLUMNS)
_RECEIVE = f"""
    INSERT INTO inbox ({_COLUMNS}, lease_until)
    VALUES ({", ".join(f":{name}" for name in payload_rows.COLUMNS)}, now_s() + :lease_s)
    ON CONFLICT DO NOTHING
"""
_MISTAKEN = "UPDATE inbox SET mistaken = :mistaken WHERE key = :key"
# People's words and response URLs stay no longer than they are of use; the key finds doubles.
_FINISH = "UPDATE inbox SET done_at = now_s(), body = '{}', response_url = '' WHERE key = :key"
_LEFT = """
    SELECT * FROM inbox WHERE done_at = 0 AND lease_until < now_s() AND key NOT IN :but
    ORDER BY at, key LIMIT :limit FOR UPDATE SKIP LOCKED
"""
_TAKE_OVER = """
    UPDATE inbox SET lease_until = now_s() + :lease_s, tries = tries + 1 WHERE key IN :keys
"""
_RENEW = """
    UPDATE inbox SET lease_until = now_s() + :lease_s WHERE done_at = 0 AND key IN :keys
"""
_GIVE_BACK = """
    UPDATE inbox SET lease_until = 0, tries = tries - 1 WHERE done_at = 0 AND key IN :keys
"""


class Inbox(link.Link):
    """The part of a transaction that speaks of payloads."""

    def receive(self, inbound: ports.Inbound) -> bool:
        """Store a payload; False when its key is there already."""
        row = payload_rows.written(inbound, self.marking_key)
        return self.change(_RECEIVE, row, lease_s=float(self.lease_s)) == 1

    def receive_edit(self, inbound: ports.Inbound, message: str) -> bool:
        """Store an edit of a message that nobody has read, or whose last reading was a mistake.

        `message` is the key of the message itself, which is never read again as it was.
        """
        whole = dataclasses.replace(inbound, key=message)
        if self.receive(whole):
            # The message itself never came, and now its edit is read in its place.
            self.finish(message)
        elif not self._was_mistaken(message):
            return False
        if not self.receive(inbound):
            return False
        self.mark_mistaken(message, mistaken=False)
        return True

    def mark_mistaken(self, message: str, *, mistaken: bool = True) -> None:
        """Note whether the last reading of a message was a mistake, so that an edit is read."""
        self.change(_MISTAKEN, key=rows.storable(message), mistaken=mistaken)

    def _was_mistaken(self, message: str) -> bool:
        """Whether the last reading of a message was a mistake."""
        found = self.query(
            "SELECT mistaken FROM inbox WHERE key = :key", key=rows.storable(message)
        )
        return bool(found) and bool(found[0].mistaken)

    def finish(self, key: str) -> None:
        """Mark a payload as done, and forget its body and its response URL."""
        self.change(_FINISH, key=rows.storable(key))


def claim(
    tx: link.Link, *, lease_s: float, limit: int, but: Sequence[str] = ()
) -> list[ports.Leftover]:
    """Take over payloads whose lease has ended: noes first, then the oldest."""
    found = tx.query(_LEFT, limit=LOOKED_THROUGH, but=[rows.storable(key) for key in but])
    # Counted before it is tried: what kills its process must not do so for ever.
    left = [
        ports.Leftover(
            payload_rows.read(row),
            row.tries + 1,
            is_ours=payload_rows.is_ours(row, tx.marking_key),
        )
        for row in found
    ]
    # Sorting is stable: the oldest stays first among noes, and among the rest.
    taken = sorted(left, key=lambda one: halts.of(one.inbound) is None)[:limit]
    if taken:
        keys = [one.inbound.key for one in taken]
        tx.change(_TAKE_OVER, lease_s=float(lease_s), keys=keys)
    return taken


def mark_unmarked(tx: link.Link) -> None:
    """Mark the payloads that a version without marks has left."""
    for row in tx.query("SELECT * FROM inbox WHERE done_at = 0 AND mark = ''"):
        mark = payload_rows.mark_of(row, tx.marking_key)
        tx.change("UPDATE inbox SET mark = :mark WHERE key = :key", mark=mark, key=row.key)


def renew(tx: link.Link, keys: Sequence[str], *, lease_s: float) -> None:
    """Prolong the leases of payloads that are being processed."""
    stored = [rows.storable(key) for key in keys]
    tx.change(_RENEW, lease_s=float(lease_s), keys=stored)


def give_back(tx: link.Link, keys: Sequence[str]) -> None:
    """End the leases of payloads whose process lives, and count no death."""
    tx.change(_GIVE_BACK, keys=[rows.storable(key) for key in keys])


def purge(tx: link.Link, *, before: float) -> int:
    """Forget the keys of payloads that are done and came before an instant."""
    return tx.change("DELETE FROM inbox WHERE done_at > 0 AND at < :before", before=before)
