"""Break glass: at once and in public, with a debt that somebody else must close in time."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable

import structlog

from bot.power import ports
from bot.power.approval import approval, late_clicks, reviews
from bot.power.policy import policy
from bot.workflow import answers
from bot.workflow.rights import auditing, called, people, words

log = structlog.get_logger()

MOST_AT_ONCE = 20


@dataclasses.dataclass(frozen=True)
class BreakGlass:
    """Opens, reminds of and closes the reviews that break glass owes."""

    store: ports.RequestStore
    people: people.People
    policy: Callable[[], policy.Policy]
    clock: ports.Clock
    attempts: auditing.Attempts

    async def reviewers(self, found: ports.Request) -> called.Called:
        """Return everybody who may review a request, by group, as they are to be mentioned."""
        may = reviews.groups(self.policy(), found.plan.terms.rules)
        return await self.people.named(may, without={found.order.requester.user_id})

    def announce(
        self,
        tx: ports.Tx,
        inbound: ports.Inbound,
        found: ports.Request,
        asked: called.Called,
        now: float,
    ) -> None:
        """Say in public that nobody is asked first, and open the review."""
        owed = reviews.opened(found, reviews.groups(self.policy(), found.plan.terms.rules), now)
        tx.open_review(owed)
        body = {
            "event": "break_glass",
            "user": owed.breaker,
            "reason": found.order.reason,
            "review_by": owed.due_at,
            **asked.body,
        }
        tx.say(found.id, "reply", body, key="break_glass", at=now)
        detail = {
            "why": found.order.reason,
            "rules": list(found.plan.terms.rules),
            "reviewers": list(owed.groups),
            "review_by": owed.due_at,
        }
        auditing.row(tx, inbound, "request.break_glass", found, now, detail, servers=True)

    # -- the review

    async def review(self, inbound: ports.Inbound, found: ports.Request) -> answers.Answer:
        """Close the review of a request with a person's words, if it is theirs to close.

        Raises:
            SlackUnavailable: the person could not be looked up.
        """
        owed = found.review
        decision = reviews.refuse_early(inbound.person, found, owed)
        if owed is None or decision is not None:
            return await self._refuse(inbound, found, decision)
        decision = await self._decide(inbound, owed)
        if not decision.allowed:
            return await self._refuse(inbound, found, decision)
        verdict = words.comment(inbound.input)
        if not verdict:
            return answers.VerdictWanted(found.id)
        now = self.clock.now()
        return await self.store.write(
            lambda tx: self._closed(tx, inbound, found, decision, verdict, now)
        )

    async def _decide(self, inbound: ports.Inbound, owed: ports.Review) -> approval.Decision:
        """Decide by what Slack says of the person now.

        Groups that the policy has no more can't close anything, so its approvers may instead.
        """
        rules = self.policy()
        left = tuple(group for group in owed.groups if group in rules.people)
        may = left or tuple(sorted(rules.approver_groups))
        member = await self.people.directory.member(inbound.person.user_id)
        roster = await self.people.roster(may)
        return reviews.decide(member, may, roster, team_id=self.people.team_id)

    def _closed(
        self,
        tx: ports.Tx,
        inbound: ports.Inbound,
        found: ports.Request,
        decision: approval.Decision,
        verdict: str,
        now: float,
    ) -> answers.Note:
        """Write a review down, unless somebody was quicker."""
        user_id = inbound.person.user_id
        if not tx.close_review(found.id, user_id=user_id, comment=verdict, at=now):
            closed = tx.review(found.id)
            by = closed.closed_by if closed else ""
            why = f"{found.id} was reviewed already by {by}."
            auditing.row(tx, inbound, "review.too_late", found, now, {"why": why})
            return answers.Note(why, good=False, people=(by,))
        detail = {"comment": verdict, "group": decision.group, "evidence": decision.evidence}
        auditing.row(tx, inbound, "review.closed", found, now, detail)
        body = {"event": "reviewed", "user": user_id, "comment": verdict}
        tx.say(found.id, "reply", body, key="reviewed", at=now)
        tx.show_card(found.id, at=now)
        return answers.Note(f"{found.id} is reviewed; your words stand in its thread.")

    async def _refuse(
        self, inbound: ports.Inbound, found: ports.Request, decision: approval.Decision | None
    ) -> answers.Note:
        """Audit and say that a review isn't this person's to close."""
        said = decision.sentence if decision else f"{found.id} owes no review."
        reason = decision.reason.value if decision and decision.reason else ""
        await self.attempts.refused(inbound, "review.refused", found, why=reason, said=said)
        named = (found.review.closed_by,) if found.review and found.review.closed_by else ()
        return answers.Note(said, good=False, people=named + late_clicks.people(found))

    # -- what the clock does

    async def remind(self) -> int:
        """Remind of every review that is due for it, and return how many those were.

        Raises:
            StoreUnavailable: the record could not be read or written.
        """
        now = self.clock.now()
        due = await self.store.read(lambda tx: tx.due_reviews(now=now, limit=MOST_AT_ONCE))
        for owed in due:
            asked = await self.people.named(owed.groups, without={owed.breaker})
            await self.store.write(functools.partial(_remind, owed=owed, asked=asked, now=now))
        return len(due)


def _remind(tx: ports.Tx, *, owed: ports.Review, asked: called.Called, now: float) -> None:
    """Say once that a review is still owed, or is overdue."""
    if not tx.reminded(owed, next_at=reviews.next_reminder(owed, now)):
        return
    event = "review_overdue" if now >= owed.due_at else "review_reminder"
    body = {"event": event, "user": owed.breaker, "review_by": owed.due_at, **asked.body}
    tx.say(owed.request_id, "reply", body, key=f"review:{owed.reminders}", at=now)
    entry = ports.AuditEntry(event.replace("_", "."), now, request_id=owed.request_id)
    tx.audit(entry)
    log.info("review.reminded", request=owed.request_id, overdue=now >= owed.due_at)
