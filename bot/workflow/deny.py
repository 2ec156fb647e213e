"""Deny, and the words that people add to their decisions."""

from __future__ import annotations

import dataclasses

from bot.power import ports
from bot.power.approval import may_approve
from bot.power.lifecycle import State
from bot.power.messages import decisions
from bot.power.run import never_ran
from bot.workflow import answers, audit_trail
from bot.workflow.context import Context
from bot.workflow.rights import authorise

COMMENTED = "request.commented"


async def deny(
    context: Context, inbound: ports.Inbound, request: ports.Request, reason: str | None
) -> answers.Answer:
    """End a request by a no, from somebody who might have said yes.

    `reason` is None where the button was pressed, so that a form asks why.
    """
    decision = await authorise.may_deny(context, inbound, request)
    if not decision.allowed:
        return await authorise.refuse(context, inbound, request, decision)
    needed = request.plan.terms.deny_reason
    if reason is None or (needed and not reason):
        if late := await _late(context, inbound, request):
            return late
        return answers.ReasonWanted(request.id, needed)
    now = context.clock.now()

    def work(tx: ports.Tx) -> answers.Note:
        # The form may have been open for minutes, in which others decided.
        newest = tx.request(request.id) or request
        if newest.state is not State.PENDING or now >= newest.expires_at:
            return authorise.too_late(tx, inbound, newest, now)
        never_ran.end(tx, newest, _denial(inbound, decision, reason, now))
        return answers.Note(f"Denied {request.id}.", comment_on="" if reason else request.id)

    return await context.store.write(work)


async def _late(
    context: Context, inbound: ports.Inbound, request: ports.Request
) -> answers.Note | None:
    """Say at once that there is nothing to deny any more, before anybody writes why."""
    now = context.clock.now()
    if request.state is State.PENDING and now < request.expires_at:
        return None
    return await context.store.write(lambda tx: authorise.too_late(tx, inbound, request, now))


def _denial(
    inbound: ports.Inbound, decision: may_approve.Decision, reason: str, now: float
) -> never_ran.Ending:
    """Return the end that a no brings."""
    by = f"denied by {inbound.person.user_id}"
    return never_ran.Ending(
        State.DENIED,
        now,
        f"{by}: {reason}" if reason else by,
        said=reason,
        person=inbound.person,
        detail={"payload": inbound.key, "group": decision.group, "evidence": decision.evidence},
    )


async def comment(
    context: Context, inbound: ports.Inbound, request: ports.Request, comment: str
) -> answers.Answer:
    """Add words to one's own decision, once; the thread and the audit have them.

    Without words a form asks for them.
    """
    user_id = inbound.person.user_id
    if not _decided(request, user_id):
        said = (
            f"Only people who approved or denied {request.id} can comment on it here; write in "
            "its thread instead."
        )
        return await _not_added(context, inbound, request, said)
    if not comment:
        return answers.CommentWanted(request.id)
    now = context.clock.now()

    def work(tx: ports.Tx) -> bool:
        # Read in the audit: a denial's comment has no row of its own elsewhere.
        if tx.acted(request.id, user_id, (COMMENTED,)):
            return False
        newest = tx.request(request.id) or request
        for given in newest.approvals:
            if given.person.user_id == user_id:
                # An approval is replaced, not edited; in one transaction nobody sees it gone.
                tx.withdraw_approval(request.id, user_id)
                tx.approve(request.id, dataclasses.replace(given, comment=comment))
        audit_trail.row(tx, inbound, COMMENTED, request, now, {"comment": comment})
        said = decisions.Commented(user=user_id, comment=comment)
        tx.say(request.id, "reply", said, key=f"commented:{user_id}", at=now)
        tx.show_card(request.id, at=now)
        return True

    if await context.store.write(work):
        return answers.Note("Comment posted.")
    said = "You have already commented on it; write more in its thread."
    return await _not_added(context, inbound, request, said)


async def _not_added(
    context: Context, inbound: ports.Inbound, request: ports.Request, said: str
) -> answers.Note:
    """Audit and say that a comment was not taken."""
    await audit_trail.refused(context, inbound, "comment.refused", request, why=said)
    return answers.Note(said, good=False)


def _decided(request: ports.Request, user_id: str) -> bool:
    """Whether this person's decision stands on the request."""
    approved = any(one.person.user_id == user_id for one in request.approvals)
    return approved or request.ended_by == user_id
