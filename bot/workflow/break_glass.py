"""Break glass: at once and in public, with a debt that somebody else must close in time."""

from __future__ import annotations

import functools

import structlog

from bot.power import inputs, ports
from bot.power.approval import late_clicks, may_approve, reviews
from bot.power.messages import decisions
from bot.workflow import answers, audit_trail
from bot.workflow.context import Context
from bot.workflow.sources import people

log = structlog.get_logger()

MOST_AT_ONCE = 20  # Reviews that are reminded of in one turn; the rest are due at the next.


async def reviewers(context: Context, request: ports.Request) -> people.Called:
    """Return everybody who may review a request, by group, as they are to be mentioned."""
    may = reviews.groups(context.policy(), request.plan.terms.rules)
    return await context.people.named(may, without={request.order.requester.user_id})


def announce(
    context: Context,
    tx: ports.Tx,
    inbound: ports.Inbound,
    request: ports.Request,
    asked: people.Called,
    now: float,
) -> None:
    """Say in public that nobody is asked first, and open the review."""
    # In the transaction that starts the run: no crash can start one without its debt.
    owed = reviews.opened(request, reviews.groups(context.policy(), request.plan.terms.rules), now)
    tx.open_review(owed)
    said = decisions.GlassBroken(
        user=owed.breaker,
        reason=request.order.reason,
        review_by=owed.due_at,
        ask=asked.people,
        missing=asked.missing,
    )
    tx.say(request.id, "reply", said, key="break_glass", at=now)
    detail = {
        "why": request.order.reason,
        "rules": list(request.plan.terms.rules),
        "reviewers": list(owed.groups),
        "review_by": owed.due_at,
    }
    audit_trail.row(tx, inbound, "request.break_glass", request, now, detail, servers=True)


# -- the review


async def review(
    context: Context,
    inbound: ports.Inbound,
    request: ports.Request,
    comment: str,
    judgement: inputs.Judgement | None = None,
) -> answers.Answer:
    """Close the review of a request with what a person found, if it is theirs to close.

    Without words a form asks for them, and for a judgement.

    Raises:
        SlackUnavailable: the person could not be looked up.
    """
    owed = request.review
    # What needs no look-up first, above all a review of one's own.
    decision = reviews.refuse_early(inbound.person, request, owed)
    if owed is None or decision is not None:
        return await _refuse(context, inbound, request, decision)
    decision = await _decide(context, inbound, owed)
    if not decision.allowed:
        return await _refuse(context, inbound, request, decision)
    if not comment:
        return answers.VerdictWanted(request.id)
    now = context.clock.now()
    return await context.store.write(
        lambda tx: _closed(tx, inbound, request, decision, (comment, judgement), now)
    )


async def _decide(
    context: Context, inbound: ports.Inbound, owed: ports.Review
) -> may_approve.Decision:
    """Decide by what Slack says of the person now.

    Groups that the policy has no more can't close anything, so its approvers may instead.
    """
    rules = context.policy()
    left = tuple(group for group in owed.groups if group in rules.people)
    may = left or tuple(sorted(rules.approver_groups))
    member = await context.people.directory.member(inbound.person.user_id)
    roster = await context.people.roster(may)
    return reviews.decide(member, may, roster, team_id=context.people.team_id)


def _closed(
    tx: ports.Tx,
    inbound: ports.Inbound,
    request: ports.Request,
    decision: may_approve.Decision,
    found: tuple[str, inputs.Judgement | None],
    now: float,
) -> answers.Note:
    """Write a review down, unless somebody was quicker."""
    user_id, (comment, judgement) = inbound.person.user_id, found
    # Only one closes it; whoever is later learns who was quicker.
    if not tx.close_review(
        request.id, user_id=user_id, comment=comment, judgement=judgement, at=now
    ):
        closed = tx.review(request.id)
        by = closed.closed_by if closed else ""
        why = f"{request.id} has already been reviewed by {by}."
        audit_trail.row(tx, inbound, "review.too_late", request, now, {"why": why})
        return answers.Note(why, good=False, people=(by,))
    detail = {"comment": comment, "group": decision.group, "evidence": decision.evidence}
    detail |= {"judgement": judgement.value} if judgement else {}
    audit_trail.row(tx, inbound, "review.closed", request, now, detail)
    said = decisions.Reviewed(user=user_id, comment=comment, judgement=judgement)
    tx.say(request.id, "reply", said, key="reviewed", at=now)
    tx.show_card(request.id, at=now)
    return answers.Note(f"The review of {request.id} is recorded; its card and thread show it.")


async def _refuse(
    context: Context,
    inbound: ports.Inbound,
    request: ports.Request,
    decision: may_approve.Decision | None,
) -> answers.Note:
    """Audit and say that a review isn't this person's to close."""
    said = decision.sentence if decision else f"{request.id} needs no review."
    reason = decision.reason.value if decision and decision.reason else ""
    await audit_trail.refused(context, inbound, "review.refused", request, why=reason, said=said)
    named = (request.review.closed_by,) if request.review and request.review.closed_by else ()
    return answers.Note(said, good=False, people=named + late_clicks.people(request))


# -- what the clock does


async def remind(context: Context) -> int:
    """Remind of every review that is due for it, and return how many those were.

    Raises:
        StoreUnavailable: the record could not be read or written.
    """
    now = context.clock.now()
    due = await context.store.read(lambda tx: tx.due_reviews(now=now, limit=MOST_AT_ONCE))
    for owed in due:
        asked = await context.people.named(owed.groups, without={owed.breaker})
        await context.store.write(functools.partial(_remind, owed=owed, asked=asked, now=now))
    return len(due)


def _remind(tx: ports.Tx, *, owed: ports.Review, asked: people.Called, now: float) -> None:
    """Say once that a review is still owed, or is overdue."""
    # Another process has reminded of it meanwhile.
    if not tx.reminded(owed, next_at=reviews.next_reminder(owed, now)):
        return
    overdue = now >= owed.due_at
    kind = decisions.ReviewOverdue if overdue else decisions.ReviewDue
    said = kind(user=owed.breaker, review_by=owed.due_at, ask=asked.people, missing=asked.missing)
    tx.say(owed.request_id, "reply", said, key=f"review:{owed.reminders}", at=now)
    event = "review.overdue" if overdue else "review.reminder"
    tx.audit(ports.AuditEntry(event, now, request_id=owed.request_id))
    log.info("review.reminded", request=owed.request_id, overdue=overdue)
