"""Reviews that break glass owes: opened with the request, closed once, by somebody else."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa

from bot.power import lifecycle, ports
from bot.storage import link, rows, schema

_reviews = schema.reviews.c
_requests = schema.requests.c
# A request that never ran has used nothing, so nothing of it is owed.
_NEVER_RAN = sorted(lifecycle.NEVER_RAN)


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
        self.change(self.insert(schema.reviews).on_conflict_do_nothing(), row)

    def review(self, request_id: str) -> ports.Review | None:
        """Return the review of a request, open or closed, if it owes one."""
        found = sa.select(schema.reviews).where(_reviews.request_id == request_id)
        row = self.query(found).first()
        return None if row is None else _review_from(row)

    def unreviewed(self, user_id: str) -> list[ports.Review]:
        """Return the open reviews of a person's break glass, oldest first."""
        mine = self._open().where(_reviews.breaker == user_id).order_by(_reviews.opened_at)
        return [_review_from(row) for row in self.query(mine)]

    def due_reviews(self, *, now: float, limit: int) -> list[ports.Review]:
        """Return open reviews that somebody is to be reminded of now."""
        due = self._open().where(_reviews.remind_at > 0, _reviews.remind_at <= now)
        ordered = due.order_by(_reviews.remind_at).limit(limit)
        return [_review_from(row) for row in self.query(ordered)]

    def reminded(self, review: ports.Review, *, next_at: float) -> bool:
        """Note a reminder (0: it was the last); False when another process was quicker."""
        mine = sa.update(schema.reviews).where(
            _reviews.request_id == review.request_id,
            _reviews.remind_at == review.remind_at,
            _reviews.closed_at == 0,
        )
        values = {"remind_at": next_at, "reminders": _reviews.reminders + 1}
        return self.change(mine.values(values)).rowcount == 1

    def close_review(self, request_id: str, *, user_id: str, comment: str, at: float) -> bool:
        """Close a review; False when somebody has closed it already."""
        still_open = sa.update(schema.reviews).where(
            _reviews.request_id == request_id, _reviews.closed_at == 0
        )
        values = {"closed_at": at, "closed_by": user_id, "comment": rows.storable(comment)}
        return self.change(still_open.values(values)).rowcount == 1

    def _open(self) -> sa.Select[Any]:
        """Return the query of reviews that are owed."""
        joined = sa.select(schema.reviews).join(
            schema.requests, _requests.id == _reviews.request_id
        )
        return joined.where(_reviews.closed_at == 0, _requests.state.not_in(_NEVER_RAN))


def _review_from(row: sa.Row[Any]) -> ports.Review:
    """Return the review that a row is."""
    columns = dict(row._mapping)
    columns["groups"] = tuple(json.loads(columns["groups"]))
    return ports.Review(**columns)
