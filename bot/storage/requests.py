"""Requests and their approvals: every change of state is one update that names what it leaves."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from bot.power import lifecycle, plan, ports
from bot.power.lifecycle import State
from bot.storage import link, precompiled, reviews, rows, schema

_requests = schema.requests.c
_approvals = schema.approvals.c
_plans = schema.plans.c
_RAN = sorted(lifecycle.ENDED - lifecycle.NEVER_RAN)
# A worker that holds a request in one of these states loses it to a person's change.
_TAKEN_BY_PEOPLE = frozenset({State.PLANNED, State.PENDING, State.APPROVED})


class Requests(reviews.Reviews):
    """The part of a transaction that speaks of requests."""

    def create(self, made: ports.Request, *, source_key: str) -> bool:
        """Store a new request; False when `source_key` has made one already.

        Raises:
            IntegrityError: another request has this id; ask `request` before, and draw again.
        """
        row = rows.request_row(made, rows.storable(source_key))
        statement = self.insert(schema.requests).on_conflict_do_nothing(
            index_elements=[_requests.source_key]
        )
        text = row.pop("plan")
        if self.change(statement, row).rowcount == 0:
            return False
        self.change(sa.insert(schema.plans), {"request_id": made.id, "plan": text})
        self.plans.put(row["plan_digest"], made.plan)
        for approval in made.approvals:
            self.approve(made.id, approval)
        return True

    def by_source(self, source_key: str) -> ports.Request | None:
        """Return the request that a payload with this key has made."""
        key = rows.storable(source_key)
        return self._one(sa.select(schema.requests).where(_requests.source_key == key))

    def request(self, request_id: str) -> ports.Request | None:
        """Return a request with its approvals, locked until the end of this transaction."""
        found = _REQUEST if self.readonly else _REQUEST_LOCKED
        joined = self._joined(self.query(found, {"of_request": request_id}).all())
        return joined[0] if joined else None

    def requests(
        self,
        *,
        states: Iterable[lifecycle.State] = (),
        requester: str = "",
        since: float = 0.0,
        limit: int = 100,
    ) -> list[ports.Request]:
        """Return requests, newest first; an empty condition means any.

        Those that a newer version has made are left out: nobody here could read them.
        """
        found = sa.select(schema.requests).where(_requests.plan_version <= rows.PLAN_VERSION)
        if wanted := [state.value for state in states]:
            found = found.where(_requests.state.in_(wanted))
        if requester:
            found = found.where(_requests.requester == requester)
        if since:
            found = found.where(_requests.created_at >= since)
        newest = found.order_by(_requests.created_at.desc(), _requests.id).limit(limit)
        return self._joined(self.query(newest).all())

    def owing(self, *, limit: int) -> list[ports.Request]:
        """Return ended requests that still owe a review, the earliest due first."""
        owed = schema.reviews.c
        found = (
            sa.select(schema.requests)
            .join(schema.reviews, owed.request_id == _requests.id)
            .where(owed.closed_at == 0, _requests.state.in_(_RAN))
            .order_by(owed.due_at)
            .limit(limit)
        )
        return self._joined(self.query(found).all())

    def transition(
        self,
        request_id: str,
        before: lifecycle.State,
        after: lifecycle.State,
        *,
        at: float,
        reason: str = "",
        epoch: int | None = None,
        expires_at: float | None = None,
        use_by: float | None = None,
        next_at: float | None = None,
    ) -> bool:
        """Change a request's state if it is still `before` (and the fence still `epoch`).

        A change by no owner takes a request that isn't running from whoever holds it.
        """
        lifecycle.check(before, after)
        left = sa.update(schema.requests).where(
            _requests.id == request_id, _requests.state == before.value
        )
        if epoch is not None:
            left = left.where(_requests.epoch == epoch)
        given = {"expires_at": expires_at, "use_by": use_by, "next_at": next_at}
        values: dict[str, Any] = {
            "state": after.value,
            "version": _requests.version + 1,
            "changed_at": at,
            "end_reason": rows.storable(reason),
            **{name: value for name, value in given.items() if value is not None},
            **_side_effects(before, after, at=at, owned=epoch is not None),
        }
        return self.change(left.values(values)).rowcount == 1

    def approve(self, request_id: str, approval: ports.Approval) -> bool:
        """Add an approval; False when this person's is there already."""
        statement = self.insert(schema.approvals).on_conflict_do_nothing()
        return self.change(statement, rows.approval_row(request_id, approval)).rowcount == 1

    def withdraw_approval(self, request_id: str, user_id: str) -> None:
        """Take a person's approval away (a right was lost)."""
        given = _approvals.request_id == request_id, _approvals.user_id == user_id
        self.change(sa.delete(schema.approvals).where(*given))

    def request_stop(self, request_id: str, *, user_id: str, reason: str, at: float) -> bool:
        """Note that a person wants a running request to stop; False when one has already.

        The request is due at once, so that somebody who drives it looks.
        """
        running = sa.update(schema.requests).where(
            _requests.id == request_id,
            _requests.state == State.RUNNING.value,
            _requests.stopped_by == "",
        )
        noted = running.values(
            stopped_by=user_id,
            stop_reason=rows.storable(reason),
            stopped_at=at,
            next_at=sa.case((_requests.next_at < at, _requests.next_at), else_=at),
            version=_requests.version + 1,
        )
        return self.change(noted).rowcount == 1

    def card(self, request_id: str) -> ports.Card | None:
        """Return where a request's card stands, without reading its plan."""
        row = _CARD.run(self, {"of_request": request_id}).fetchone()
        return ports.Card(row[0], row[1]) if row and row[0] else None

    def set_card(self, request_id: str, card: ports.Card) -> None:
        """Note where the card stands."""
        noted = sa.update(schema.requests).where(_requests.id == request_id)
        self.change(noted.values(card_channel=card.channel_id, card_ts=card.ts))

    def _one(self, found: sa.Select[Any]) -> ports.Request | None:
        """Return the request that a query finds."""
        joined = self._joined(self.query(found).all())
        return joined[0] if joined else None

    def _joined(self, found: Sequence[sa.Row[Any]]) -> list[ports.Request]:
        """Return requests for rows, with plans and approvals."""
        given: dict[str, list[ports.Approval]] = {row.id: [] for row in found}
        for some in link.slices(given):
            for row in self.query(_APPROVALS, {"of_requests": link.in_few_lengths(some)}):
                given[row.request_id].append(rows.approval_from(row))
        return [
            self._with_review(rows.request_from(row, self._plan(row), tuple(given[row.id])))
            for row in found
        ]

    def _with_review(self, found: ports.Request) -> ports.Request:
        """Return a request by break glass with the review that it owes."""
        if not found.order.options.break_glass:
            return found
        return dataclasses.replace(found, review=self.review(found.id))

    def _plan(self, row: sa.Row[Any]) -> plan.Plan:
        """Return a row's plan, read from its text only the first time."""
        kept = self.plans.get(row.plan_digest)
        if kept is None:
            stored = sa.select(_plans.plan).where(_plans.request_id == row.id)
            text = self.query(stored).scalar_one()
            kept = rows.plan_from(text, row.plan_version)
            self.plans.put(rows.digest(text), kept)
        return kept


def _card(_tx: link.Link) -> sa.Executable:
    """Return the query for where a card stands."""
    found = sa.select(_requests.card_channel, _requests.card_ts)
    return found.where(_requests.id == sa.bindparam("of_request"))


_CARD = precompiled.Precompiled(_card)
# Built once: before every power call its request is read, and building costs more than reading.
_REQUEST = sa.select(schema.requests).where(_requests.id == sa.bindparam("of_request"))
_REQUEST_LOCKED = _REQUEST.with_for_update()
_APPROVALS = (
    sa.select(schema.approvals)
    .where(_approvals.request_id.in_(sa.bindparam("of_requests", expanding=True)))
    .order_by(_approvals.at, _approvals.user_id)
)


def _side_effects(before: State, after: State, *, at: float, owned: bool) -> dict[str, Any]:
    """Return the columns that a change of state brings along by itself."""
    values: dict[str, Any] = {}
    if not owned and before in _TAKEN_BY_PEOPLE:
        values.update(epoch=_requests.epoch + 1, lease_until=0.0)
    if after in lifecycle.ENDED:
        values.update(ended_at=at, next_at=None, lease_until=0.0)
    return values
