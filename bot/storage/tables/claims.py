"""Fenced leases on requests, and when one that has ended may be taken.

A claim raises the request's epoch, and every later write of its owner names that epoch: who was
frozen or cut off finds out at the next write. Only the fence gives safety, never the clock.
"""

from __future__ import annotations

import collections
from collections.abc import Sequence

from bot.power import lifecycle, ports
from bot.storage.engine import link
from bot.storage.tables import rows

_OPEN = sorted(lifecycle.OPEN)
# Those with a deadline of their own; a run's is counted by its process.
_WAITING = sorted(lifecycle.OPEN - {lifecycle.State.RUNNING})
# Clocks of two replicas may differ by so much, in seconds.
APART_S = 60.0
# Tables whose rows one process at a time has in hand, and which rows may be.
LEASED = {
    "requests": "next_at IS NOT NULL",
    "inbox": "done_at = 0",
    "outbox": "waiting",
    "notices": "(waiting OR closing)",
}
# Looks that are remembered within the time that an owner is given.
STEPS = 8


class LeaseGrace:
    """The looks of one process, by the database's clock.

    What an owner has to note may wait behind a process that was frozen in its turn to write, or
    behind a database that was away from everybody, while the lease ends. So one look finds that a
    lease has ended, and only another one, a while later, takes what is still leased then: in
    between everybody who lives has had a turn.
    """

    def __init__(self, patience_s: float) -> None:
        """`patience_s` lies between the look that finds a lease ended and the one that takes it."""
        self._patience_s = patience_s
        self._looks: collections.deque[float] = collections.deque()

    def ended_before(self, at: float) -> float:
        """Return before which instant a lease must have ended to be taken at this one."""
        return max((one for one in self._looks if one <= at - self._patience_s), default=0.0)

    def looked(self, at: float) -> None:
        """Note a look that has come to its end."""
        # A clock that was set back begins anew.
        while self._looks and self._looks[-1] > at:
            self._looks.pop()
        while len(self._looks) > 1 and self._looks[1] <= at - self._patience_s:
            # Of looks that are old enough the newest says all.
            self._looks.popleft()
        if not self._looks or at - self._looks[-1] >= self._patience_s / STEPS:
            self._looks.append(at)


def claim(
    tx: link.Link, *, now: float, lease_s: float, but: Sequence[str] = ()
) -> ports.Claim | None:
    """Claim the request that is due the longest, if this version can read its plan.

    One that its owner didn't give back is due as soon as its lease has ended: the owner may have
    died with a clock that was ahead, by which it was due much later.

    `but` are those that the caller drives: where the database's clock is set forward, their leases
    seem to have ended, and nobody may take over from itself.
    """
    tx.must_write()
    # Found and taken in one statement, so that two replicas never get one row.
    claimed = tx.query(
        """
        UPDATE requests SET epoch = epoch + 1, lease_until = now_s() + :lease_s
        WHERE id = (
            SELECT id FROM requests
            WHERE (next_at <= :now OR lease_until > 0) AND lease_until < now_s()
              AND state IN :open AND plan_version <= :plan_version AND id NOT IN :but
            ORDER BY next_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
        )
        RETURNING id, epoch
        """,
        lease_s=float(lease_s),
        now=now,
        open=_OPEN,
        plan_version=rows.PLAN_VERSION,
        but=[*but],
    )
    return ports.Claim(claimed[0].id, claimed[0].epoch) if claimed else None


# A request that came to its state in the future was brought there by a clock that has been set
# back since, so all of its times are as much too late.
_AHEAD = "state IN :waiting AND changed_at > :ahead"
_SHOW_AHEAD = f"""
    UPDATE outbox SET version = version + 1, waiting = TRUE
    WHERE kind = 'card' AND request_id IN (SELECT id FROM requests WHERE {_AHEAD})
"""
_NEARER = f"""
    UPDATE requests
    SET expires_at = CASE WHEN expires_at > 0 THEN expires_at - (changed_at - :now) ELSE 0 END,
        use_by = CASE WHEN use_by > 0 THEN use_by - (changed_at - :now) ELSE 0 END,
        changed_at = :now
    WHERE {_AHEAD}
"""
# What is in some process's hands is named by an instant, and lasts no longer than this (seconds).
IN_HAND_S = 180.0
# What waits for Slack's own pace is held back by the process that was told to wait.
_LOOKS = (
    "UPDATE requests SET next_at = :now WHERE state IN :open AND next_at > :now",
    "UPDATE outbox SET due_at = :now WHERE waiting AND due_at > :now",
    "UPDATE notices SET due_at = :now WHERE (waiting OR closing) AND due_at > :now",
    "UPDATE aftermaths SET next_at = :now WHERE next_at > :now",
    "UPDATE steps SET next_at = :now WHERE next_at > :in_hand",
)


def look_again(tx: link.Link, *, now: float) -> None:
    """Let nothing wait for an instant that a clock gave which has been set back to `now`.

    Every open request is looked at, every message tried, and what ended requests still wait for
    is looked after at once; the deadlines of requests that came to their state after `now` count
    from it.
    """
    ahead = now + APART_S
    tx.change(_SHOW_AHEAD, waiting=_WAITING, ahead=ahead)
    tx.change(_NEARER, now=now, waiting=_WAITING, ahead=ahead)
    for look in _LOOKS:
        tx.change(look, now=now, open=_OPEN, in_hand=now + IN_HAND_S)


def renew(tx: link.Link, claimed: ports.Claim, *, lease_s: float) -> bool:
    """Prolong a lease; False when it was lost."""
    prolonged = """
        UPDATE requests SET lease_until = now_s() + :lease_s WHERE id = :id AND epoch = :epoch
    """
    return tx.change(prolonged, _mine(claimed), lease_s=float(lease_s)) == 1


def release(tx: link.Link, claimed: ports.Claim, *, next_at: float | None) -> None:
    """Give a claim back; whoever has lost it already changes nothing.

    An ended request stays without a next look.
    """
    given_back = """
        UPDATE requests
        SET lease_until = 0,
            next_at = CASE WHEN state IN :open THEN coalesce(:next_at, next_at) END
        WHERE id = :id AND epoch = :epoch
    """
    tx.change(given_back, _mine(claimed), open=_OPEN, next_at=next_at)


def shorten(tx: link.Link, *, lease_s: float) -> None:
    """Let no lease outlast this time: a longer one is of a database's clock that was set back.

    Its owner, if it lives, keeps it up; else the row would be nobody's for as far as that was.
    """
    for table, some in LEASED.items():
        tx.change(
            f"""
            UPDATE {table} SET lease_until = now_s() + :lease_s
            WHERE {some} AND lease_until > now_s() + :lease_s
            """,
            lease_s=float(lease_s),
        )


def free_all(tx: link.Link) -> None:
    """End every lease at once: the caller knows that no other process lives."""
    for table in LEASED:
        tx.change(f"UPDATE {table} SET lease_until = 0 WHERE lease_until > 0")


def _mine(claimed: ports.Claim) -> dict[str, object]:
    """Return the values that name a request which is still this owner's."""
    return {"id": claimed.request_id, "epoch": claimed.epoch}
