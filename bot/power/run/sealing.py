"""Is the record of a request whole? The seal of its plan, of its approvals and of the audit agree.

Whoever can write to the database could call a request approved, put other servers into its plan
or add a yes. Each of those is seen here, before a run and before each wave. Somebody who rebuilds
the audit chain too is found by the anchors in the threads, and by them alone.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bot.power import lifecycle, ports
from bot.power.approval import quorum
from bot.power.lifecycle import State
from bot.power.run import ledger

PLANNED, ASKED, BEGUN = "request.planned", "request.pending", "request.running"
GIVEN, WITHDRAWN = "approval.given", "approval.withdrawn"
HONOURED = "approval.honoured_unsealed"
ENDS = tuple(f"request.{state.value}" for state in sorted(lifecycle.ENDED))
EVENTS = (PLANNED, ASKED, BEGUN, GIVEN, WITHDRAWN, HONOURED, *ENDS)
# Two readings of the clock in one step may be this many seconds apart.
SLACK_S = 5.0


class Flaw(enum.StrEnum):
    """What doesn't agree; the value is said and audited."""

    NEVER_ASKED = "the audit has no record of its being requested"
    AUDIT_CHANGED = "an audit row about it was changed"
    PLAN_CHANGED = "its plan isn't the one that was requested"
    OTHER_PLAN = "its plan isn't the one that its requester was shown"
    NEEDS_CHANGED = "it needs different approvals from when it was requested"
    ENDED_BEFORE = "it had already ended"
    BEGUN_BEFORE = "its run had already begun"
    OTHER_SEAL = "an approval was given for another plan"
    FORGED = "the audit has no record of one of its approvals"
    OWN = "its requester is among its approvers"
    MOVED = "an approval counts for a different group from the one it was given for"
    UNMET = "it doesn't have enough approvals"
    LATE = "it was approved, or would start, too late"
    FOREIGN = "its run has servers that its plan doesn't have"
    LACKING = "its run lacks servers of its plan"


@dataclasses.dataclass(frozen=True, slots=True)
class SealEvidence:
    """What the record has beside a request: audit rows, its plan's digest, the servers it runs.

    `plan_digest` is over the plan's text as it stands in the database at this moment.
    """

    rows: Sequence[Mapping[str, Any]]
    plan_digest: str
    run_ids: frozenset[str]
    unsealed: bool

    def of(self, event: str) -> list[Mapping[str, Any]]:
        """The rows of one event, oldest first."""
        return [row for row in self.rows if row["event"] == event]

    @property
    def honoured(self) -> bool:
        """Whether approvals without a seal were honoured already."""
        return bool(self.of(HONOURED))


def evidence(tx: ports.Tx, found: ports.Request) -> SealEvidence:
    """Read what a request is held against."""
    running = found.state is State.RUNNING
    return SealEvidence(
        rows=tx.proof_rows(found.id, EVENTS),
        plan_digest=tx.plan_digest(found.id),
        run_ids=frozenset(row.server_id for row in tx.run_servers(found.id)) if running else _NONE,
        unsealed=any(not one.seal for one in found.approvals),
    )


_NONE: frozenset[str] = frozenset()


def flaws(found: ports.Request, seen: SealEvidence, *, now: float) -> tuple[Flaw, ...]:
    """Return everything about a request that doesn't agree; nothing when it is whole."""
    asked = seen.of(ASKED)
    # Nothing else can be held against a row that isn't there.
    if not asked:
        return (Flaw.NEVER_ASKED,)
    problems = [
        *_of_audit(found, seen),
        *_of_plan(found, asked[0]["detail"], seen),
        *_of_approvals(found, seen),
        *_of_times(found, asked[0], seen, now),
    ]
    return tuple(dict.fromkeys(problems))


def sentence(found: Sequence[Flaw]) -> str:
    """Say why a request ends whose record isn't whole."""
    listed = quorum.joined((flaw.value for flaw in found), " and ")
    return f"its record was changed behind Powerbot's back: {listed}"


def honour(tx: ports.Tx, found: ports.Request, now: float) -> None:
    """Say in the audit, once, that approvals count which an older version took without a seal."""
    if tx.audit_rows(request_id=found.id, event=HONOURED, limit=1):
        return
    people = [one.person.user_id for one in found.approvals if not one.seal]
    detail = {"approvals_of": people, "seal": found.order.seal}
    ledger.audit(tx, HONOURED, found, now, detail=detail)


def _of_audit(found: ports.Request, seen: SealEvidence) -> Iterator[Flaw]:
    """Look at the audit's own rows."""
    if not all(row["intact"] for row in seen.rows):
        yield Flaw.AUDIT_CHANGED
    if any(row["event"] in ENDS for row in seen.rows):
        yield Flaw.ENDED_BEFORE
    # Its approvals are used up: another start would reboot servers twice.
    if found.state is not State.RUNNING and seen.of(BEGUN):
        yield Flaw.BEGUN_BEFORE


def _of_plan(found: ports.Request, asked: Mapping[str, Any], seen: SealEvidence) -> Iterator[Flaw]:
    """Hold the plan against the rows of the one that was shown and the one that was requested."""
    terms = found.plan.terms
    if not all(_is_of(found, row["detail"], seen) for row in seen.of(PLANNED)):
        yield Flaw.OTHER_PLAN
    if not _is_of(found, asked, seen):
        yield Flaw.PLAN_CHANGED
    needs = {need.group: need.count for need in terms.needs}
    if asked.get("needs", needs) != needs:
        yield Flaw.NEEDS_CHANGED
    planned = frozenset(found.order.server_ids)
    if not seen.run_ids <= planned:
        yield Flaw.FOREIGN
    if found.state is State.RUNNING and not planned <= seen.run_ids:
        yield Flaw.LACKING


def _is_of(found: ports.Request, noted: Mapping[str, Any], seen: SealEvidence) -> bool:
    """Whether what an audit row notes is of this plan; rows of older versions have no digest."""
    digest = noted.get("plan", seen.plan_digest)
    return bool(noted.get("seal") == found.order.seal and digest == seen.plan_digest)


def _of_approvals(found: ports.Request, seen: SealEvidence) -> Iterator[Flaw]:
    """Hold each approval against the row of its click, and all of them against the needs."""
    given = {row["user_id"]: row for row in seen.of(GIVEN)}
    taken = {row["detail"].get("user"): row["seq"] for row in seen.of(WITHDRAWN)}
    newest = seen.of(GIVEN)[-1:]
    # The last approval's row has the places of all, since people are moved for it.
    places = newest[0]["detail"].get("places", {}) if newest else {}
    seal = found.order.seal
    for one in found.approvals:
        user_id = one.person.user_id
        row = given.get(user_id)
        # Withdrawn after it was given: somebody has put it back by hand.
        if row is None or taken.get(user_id, 0) > row["seq"]:
            yield Flaw.FORGED
        elif one.seal not in ("", seal) or row["detail"].get("seal") != seal:
            yield Flaw.OTHER_SEAL
        if user_id == found.order.requester.user_id:
            yield Flaw.OWN
        if places.get(user_id, one.group) != one.group:
            yield Flaw.MOVED
    approved = found.state is not State.PENDING
    if approved and quorum.still_wanted(found.plan.terms.needs, found.approvals):
        yield Flaw.UNMET


def _of_times(
    found: ports.Request, asked: Mapping[str, Any], seen: SealEvidence, now: float
) -> Iterator[Flaw]:
    """Hold the times against the terms: neither an expiry nor a use may be put off.

    A request that an older version asked for, whose row has no plan, is bound by its own times.
    """
    if "plan" not in asked["detail"]:
        return
    terms = found.plan.terms
    expired_at = float(asked["at"]) + terms.expires_s + SLACK_S
    given = [float(row["at"]) for row in seen.of(GIVEN)]
    last = now if found.state is State.PENDING else max(given, default=0.0)
    approved_at = max(given, default=float(asked["at"]))
    unused = found.state is State.APPROVED
    if last > expired_at or (unused and found.use_by > approved_at + terms.use_within_s + SLACK_S):
        yield Flaw.LATE
