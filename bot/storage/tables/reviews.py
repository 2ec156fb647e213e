"""Reviews that break glass owes: opened with the request, closed once, by somebody else."""

from __future__ import annotations

import json
from typing import Any

from bot.power import inputs, lifecycle, ports
from bot.storage.engine import link
from bot.storage.tables import rows

# A request that never ran has used nothing, so nothing of it is owed.
NEVER_RAN = sorted(lifecycle.NEVER_RAN)
_OPEN = """
    SELECT reviews.* FROM reviews JOIN requests ON requests.id = request_id
    WHERE closed_at = 0 AND state NOT IN :never_ran
"""
# For the figures, which need no review itself.
OWED = """
    SELECT count(*) AS many, min(due_at) AS due_at
    FROM reviews JOIN requests ON requests.id = request_id
    WHERE closed_at = 0 AND state NOT IN :never_ran
"""
CLOSED = "SELECT judgement, count(*) AS many FROM reviews WHERE closed_at > 0 GROUP BY judgement"


class Reviews(link.Link):
    """The part of a transaction that speaks of reviews."""

    def open_review(self, review: ports.Review) -> None:
        """Note that a request is to be reviewed; a second time changes nothing."""
        row = {
            "request_id": review.request_id,
            "breaker": review.breaker,
            "groups": rows.packed(list(review.groups)),
            "opened_at": review.opened_at,
            "due_at": review.due_at,
            "remind_at": review.remind_at,
        }
        self.insert("reviews", row, link.KEEP_OLD)

    def review(self, request_id: str) -> ports.Review | None:
        """Return the review of a request, open or closed, if it owes one."""
        found = self.query("SELECT * FROM reviews WHERE request_id = :id", id=request_id)
        return _review_from(found[0]) if found else None

    def unreviewed(self, user_id: str) -> list[ports.Review]:
        """Return the open reviews of a person's break glass, oldest first."""
        mine = f"{_OPEN} AND breaker = :user_id ORDER BY opened_at"
        found = self.query(mine, never_ran=NEVER_RAN, user_id=user_id)
        return [_review_from(row) for row in found]

    def due_reviews(self, *, now: float, limit: int) -> list[ports.Review]:
        """Return open reviews that somebody is to be reminded of now."""
        due = f"{_OPEN} AND remind_at > 0 AND remind_at <= :now ORDER BY remind_at LIMIT :limit"
        found = self.query(due, never_ran=NEVER_RAN, now=now, limit=limit)
        return [_review_from(row) for row in found]

    def reminded(self, review: ports.Review, *, next_at: float) -> bool:
        """Note a reminder (0: it was the last); False when another process was quicker."""
        noted = """
            UPDATE reviews SET remind_at = :next_at, reminders = reminders + 1
            WHERE request_id = :id AND remind_at = :remind_at AND closed_at = 0
        """
        # As it was read: of two processes that remind at once, one finds it changed.
        mine = {"id": review.request_id, "remind_at": review.remind_at}
        return self.change(noted, mine, next_at=next_at) == 1

    def close_review(
        self,
        request_id: str,
        *,
        user_id: str,
        comment: str,
        judgement: inputs.Judgement | None = None,
        at: float,
    ) -> bool:
        """Close a review; False when somebody has closed it already."""
        closed = """
            UPDATE reviews SET closed_at = :at, closed_by = :user_id, comment = :comment,
                judgement = :judgement
            WHERE request_id = :id AND closed_at = 0
        """
        found = judgement.value if judgement else ""
        said = {"user_id": user_id, "comment": rows.storable(comment), "judgement": found}
        return self.change(closed, said, id=request_id, at=at) == 1


def _review_from(row: Any) -> ports.Review:
    """Return the review that a row is."""
    columns = row._asdict()
    columns["groups"] = tuple(json.loads(columns["groups"]))
    judged = columns["judgement"]  # Empty in reviews of before there were judgements.
    columns["judgement"] = inputs.Judgement(judged) if judged else None
    return ports.Review(**columns)
