"""Requests and their approvals: every change of state is one update that names what it leaves."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

from bot.power import causes, lifecycle, plan, ports
from bot.power.lifecycle import State
from bot.storage.engine import link
from bot.storage.tables import (
    earlier_requests,
    packed_plans,
    reviews,
    rows,
    runs,
    steps,
    unasked_plans,
)

_RAN = sorted(lifecycle.ENDED - lifecycle.NEVER_RAN)
# A worker that holds a request in one of these states loses it to a person's change.
_TAKEN_BY_PEOPLE = frozenset({State.PLANNED, State.PENDING, State.APPROVED})


class Requests(
    reviews.Reviews,
    earlier_requests.EarlierRequests,
    unasked_plans.UnaskedPlans,
    steps.Steps,
    runs.Runs,
):
    """The part of a transaction that speaks of requests."""

    def create(self, made: ports.Request, *, source_key: str) -> bool:
        """Store a new request; False when `source_key` has made one already.

        Raises:
            IntegrityError: another request has this id; ask `request` before, and draw again.
        """
        text = packed_plans.packed(made.plan)
        row = rows.request_row(made, rows.storable(source_key), rows.digest(text))
        # A redelivered payload finds the request that it made the first time.
        if self.insert("requests", row, "ON CONFLICT (source_key) DO NOTHING") == 0:
            return False
        self.insert("plans", {"request_id": made.id, "plan": text})
        # Read again in a moment, when its card is drawn.
        self.plans.put(row["plan_digest"], made.plan)
        if row["asked_at"]:
            self._note_targets(made.id, made.order.targets)
        for approval in made.approvals:
            self.approve(made.id, approval)
        return True

    def by_source(self, source_key: str) -> ports.Request | None:
        """Return the request that a payload with this key has made."""
        found = "SELECT * FROM requests WHERE source_key = :key"
        return self._one(self.query(found, key=rows.storable(source_key)))

    def request(self, request_id: str) -> ports.Request | None:
        """Return a request with its approvals, locked until the end of this transaction."""
        found = "SELECT * FROM requests WHERE id = :id"
        return self._one(
            # A transaction that only reads may lock nothing, and its snapshot stands still.
            self.query(found if self.readonly else f"{found} FOR UPDATE", id=request_id)
        )

    def requests(
        self,
        *,
        states: Iterable[lifecycle.State] = (),
        requester: str = "",
        since: float = 0.0,
        ended_since: float = 0.0,
        asked: bool = False,
        limit: int | None = 100,
    ) -> list[ports.Request]:
        """Return requests, newest first; an empty condition means any, and no limit all.

        With `ended_since` those that ended last come first. `asked` leaves out plans that nobody
        has asked for. Those of a newer version are left out: nobody here could read them.
        """
        wanted = [state.value for state in states]
        conditions = ["plan_version <= :plan_version"]
        conditions += ["state IN :states"] if wanted else []
        conditions += ["requester = :requester"] if requester else []
        conditions += ["created_at >= :since"] if since else []
        conditions += ["ended_at >= :ended_since"] if ended_since else []
        conditions += ["asked_at > 0"] if asked else []
        order = "ended_at" if ended_since else "created_at"
        most = "" if limit is None else " LIMIT :limit"
        found = self.query(
            f"SELECT * FROM requests WHERE {' AND '.join(conditions)} "
            f"ORDER BY {order} DESC, id{most}",
            plan_version=rows.PLAN_VERSION,
            states=wanted,
            requester=requester,
            since=since,
            ended_since=ended_since,
            limit=limit,
        )
        return self._joined(found)

    def owing(self) -> list[ports.Request]:
        """Return ended requests that still owe a review, the earliest due first."""
        owing = """
            SELECT requests.* FROM requests JOIN reviews ON request_id = requests.id
            WHERE closed_at = 0 AND state IN :ran ORDER BY due_at
        """
        return self._joined(self.query(owing, ran=_RAN))

    def transition(
        self,
        request_id: str,
        before: lifecycle.State,
        after: lifecycle.State,
        *,
        at: float,
        reason: str = "",
        by: str = "",
        named: Sequence[str] = (),
        epoch: int | None = None,
        expires_at: float | None = None,
        use_by: float | None = None,
        next_at: float | None = None,
        changed_into: str | None = None,
    ) -> bool:
        """Change a request's state if it is still `before` (and the fence still `epoch`).

        A change by no owner takes a request that isn't running from whoever holds it.
        """
        # A change that the table of states doesn't have never reaches the database.
        lifecycle.check(before, after)
        given = {
            "expires_at": expires_at,
            "use_by": use_by,
            "next_at": next_at,
            "changed_into": changed_into,
        }
        values: dict[str, Any] = {
            "state": after.value,
            "changed_at": at,
            "end_reason": rows.storable(reason),
            "ended_by": rows.storable(by),
            "end_named": rows.storable(" ".join(named)),
            "waiting": "",  # What was waited for belongs to the state before.
            **{name: value for name, value in given.items() if value is not None},
            **_by_itself(after, at),
        }
        changed = self._leave(request_id, before, values, epoch=epoch)
        # From now on its servers count in limits and overlaps, never those of a mere plan.
        if changed and after is State.PENDING and (found := self.request(request_id)):
            self._note_targets(request_id, found.order.targets)
        return changed

    def approve(self, request_id: str, approval: ports.Approval) -> bool:
        """Add an approval; False when this person's is there already."""
        row = rows.approval_row(request_id, approval)
        return self.insert("approvals", row, link.KEEP_OLD) == 1

    def withdraw_approval(self, request_id: str, user_id: str) -> None:
        """Take a person's approval away (a right was lost)."""
        theirs = "DELETE FROM approvals WHERE request_id = :id AND user_id = :user_id"
        self.change(theirs, id=request_id, user_id=user_id)

    def request_stop(self, request_id: str, *, user_id: str, reason: str, at: float) -> bool:
        """Note that a person wants a running request to stop; False when one has already.

        The request is due at once, so that somebody who drives it looks.
        """
        noted = self.change(
            """
            UPDATE requests
            SET stopped_by = :user_id, stop_reason = :reason, stopped_at = :at,
                next_at = CASE WHEN next_at < :at THEN next_at ELSE :at END,
                version = version + 1
            WHERE id = :id AND state = :running AND stopped_by = ''
            """,
            id=request_id,
            user_id=user_id,
            reason=rows.storable(reason),
            at=at,
            running=State.RUNNING.value,
        )
        return noted == 1

    def hush(self, request_id: str) -> None:
        """Note that the channel of a request is told nothing more about it."""
        self.change("UPDATE requests SET hushed = TRUE WHERE id = :id", id=request_id)

    def plan_digest(self, request_id: str) -> str:
        """Return the SHA-256 of the plan's text, which is read anew for it."""
        text = self.value("SELECT plan FROM plans WHERE request_id = :id", id=request_id)
        return rows.digest(text)

    def wait(self, request_id: str, waited: causes.Wait | None) -> bool:
        """Note what a request waits for, or that it waits no more; False when that is no news."""
        noted = self.change(
            """
            UPDATE requests SET waiting = :waiting, version = version + 1
            WHERE id = :id AND state IN :states AND waiting <> :waiting
            """,
            id=request_id,
            states=[State.APPROVED.value, State.RUNNING.value],
            waiting=rows.storable(rows.waiting_text(waited)),
        )
        return noted == 1

    def card(self, request_id: str) -> ports.Card | None:
        """Return where a request's card stands, without reading its plan."""
        stands = "SELECT card_channel, card_ts FROM requests WHERE id = :id"
        where = self.query(stands, id=request_id)
        return ports.Card(*where[0]) if where and where[0].card_channel else None

    def set_card(self, request_id: str, card: ports.Card) -> None:
        """Note where the card stands."""
        noted = "UPDATE requests SET card_channel = :channel, card_ts = :ts WHERE id = :id"
        self.change(noted, id=request_id, channel=card.channel_id, ts=card.ts)

    def _leave(
        self, request_id: str, before: State, values: dict[str, Any], *, epoch: int | None
    ) -> bool:
        """Change the columns of a request that is still in this state, behind the fence if any."""
        changes = ["version = version + 1"]
        if epoch is None and before in _TAKEN_BY_PEOPLE:
            # Whoever works on it by the old epoch is refused at the next write.
            changes.append("epoch = epoch + 1")
            self.drop_fence(request_id)
            values["lease_until"] = 0.0
        changes += [f"{name} = :{name}" for name in values]
        fence = "" if epoch is None else " AND epoch = :epoch"
        changed = self.change(
            f"UPDATE requests SET {', '.join(changes)} WHERE id = :id AND state = :before{fence}",
            values,
            id=request_id,
            before=before.value,
            epoch=epoch,
        )
        return changed == 1

    def _one(self, found: Sequence[Any]) -> ports.Request | None:
        """Return the request that was found."""
        joined = self._joined(found)
        # Without steps in the plan nothing was taken out, and no query is needed.
        if not joined or not joined[0].plan.around:
            return joined[0] if joined else None
        return dataclasses.replace(joined[0], taken_out=tuple(self.parts(joined[0].id)))

    def _joined(self, found: Sequence[Any]) -> list[ports.Request]:
        """Return requests for rows, with plans and approvals."""
        given: dict[str, list[ports.Approval]] = {row.id: [] for row in found}
        if given:
            listed = "SELECT * FROM approvals WHERE request_id IN :ids ORDER BY at, user_id"
            for row in self.query(listed, ids=[*given]):
                given[row.request_id].append(rows.approval_from(row))
        held = self.held_back([row.id for row in found if row.state == State.FAILED])
        return [self._made_of(row, given[row.id], held=row.id in held) for row in found]

    def _made_of(self, row: Any, given: Sequence[ports.Approval], *, held: bool) -> ports.Request:
        """Return a request with its plan and, by break glass, the review that it owes."""
        found = rows.request_from(row, self._plan(row), tuple(given), held_back=held)
        if not found.order.options.break_glass:
            return found
        return dataclasses.replace(found, review=self.review(found.id))

    def _plan(self, row: Any) -> plan.Plan:
        """Return a row's plan, read from its text only the first time."""
        kept = self.plans.get(row.plan_digest)
        if kept is None:
            text = self.value("SELECT plan FROM plans WHERE request_id = :id", id=row.id)
            kept = rows.plan_from(text, row.plan_version)
            self.plans.put(rows.digest(text), kept)
        return kept


def _by_itself(after: State, at: float) -> dict[str, Any]:
    """Return the columns that a change to this state brings along."""
    if after in lifecycle.ENDED:
        # No look is due any more, and whoever held it has lost it.
        return {"ended_at": at, "next_at": None, "lease_until": 0.0}
    return {"asked_at": at} if after is State.PENDING else {}
