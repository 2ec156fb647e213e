"""May this person decide about this request? Read from Slack after the click, before any change.

A look-up that fails refuses as "could not be checked"; nobody is let in by a failure. Whoever is
refused, or comes too late, is told why, and the audit has it.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Mapping

from bot.power import inputs, ports, request
from bot.power.approval import late_clicks, may_approve, quorum
from bot.power.approval.may_approve import Refusal
from bot.workflow import answers, audit_trail
from bot.workflow.context import Context
from bot.workflow.record import Record

_NOBODY: tuple[str, ...] = ()
# What the audit calls a decision; the form of a denial is named as its button.
EVENTS: dict[str, str] = {inputs.Do.APPROVE: "approval", inputs.Do.DENY: "denial"}


@dataclasses.dataclass(frozen=True, slots=True)
class Checked:
    """What was read from Slack for one click: the decision, and what the others still are.

    `about` are the earlier approvers who were looked up, readable or not.
    """

    decision: may_approve.Decision
    roster: quorum.Roster
    members: Mapping[str, ports.Member]
    about: frozenset[str] = frozenset()


def refuse_early(
    context: Context,
    inbound: ports.Inbound,
    request: ports.Request,
    given: tuple[ports.Approval, ...],
) -> may_approve.Decision | None:
    """Return the refusal that needs no look-up: above all that of one's own request."""
    return may_approve.refuse_early(
        inbound.person,
        request.order.requester,
        given,
        # In a Grid only Slack's record of the person says whether they are one of us.
        team_id=inbound.person.team_id if context.people.enterprise_id else context.people.team_id,
        state=request.state,
        now=context.clock.now(),
        expires_at=request.expires_at,
    )


async def may_deny(
    context: Context, inbound: ports.Inbound, request: ports.Request
) -> may_approve.Decision:
    """Decide about a Deny, which doesn't wait for Slack; who this is was settled before."""
    early = refuse_early(context, inbound, request, ())
    if early is not None:
        return early
    needs, user_id = request.plan.terms.needs, inbound.person.user_id
    # A no by somebody the policy names takes no look-up at all.
    roster = await context.people.roster_for_no([need.group for need in needs], user_id)
    return may_approve.may_deny(user_id, needs, roster)


async def check(
    context: Context,
    inbound: ports.Inbound,
    request: ports.Request,
    given: tuple[ports.Approval, ...],
) -> Checked:
    """Decide about a click; `given` are the approvals that are looked at again.

    Raises:
        SlackUnavailable: the person could not be looked up.
    """
    early = refuse_early(context, inbound, request, given)
    if early is not None:
        return Checked(early, quorum.Roster({}), {})
    about = frozenset(one.person.user_id for one in given)
    # All at once, so that the answers are of one moment and the wait is that of one.
    member, roster, members = await asyncio.gather(
        context.people.directory.member(inbound.person.user_id),
        context.people.roster([need.group for need in request.plan.terms.needs]),
        context.people.members(about),
    )
    decision = may_approve.decide(
        member,
        request.order.requester,
        request.plan.terms,
        given,
        roster,
        team_id=context.people.team_id,
        state=request.state,
        now=context.clock.now(),
        expires_at=request.expires_at,
    )
    return Checked(decision, roster, members, about)


def lifts_all(context: Context, person: request.Person, roster: quorum.Roster) -> bool:
    """Whether a person may lift the freezes of others, as far as the groups could be read."""
    named = context.policy().approver_groups
    return any(person.user_id in roster.members.get(group, {}) for group in named)


def groups_of(context: Context, request: ports.Request) -> frozenset[str]:
    """Return the groups that may ask for, or approve, such a request.

    Where an edited policy has none of its rules any more, those of all rules may.
    """
    rules = [one for one in context.policy().rules if one.name in request.plan.terms.rules]
    # Else nobody could put back what a rule that is gone took out.
    rules = rules or list(context.policy().rules)
    named = (group for rule in rules for group in (*rule.requesters, *rule.approver_groups))
    return frozenset(named)


def puts_back(
    context: Context, user_id: str, request: ports.Request, roster: quorum.Roster
) -> bool:
    """Whether a person may have put back what a request left out, as far as groups were read."""
    groups = groups_of(context, request)
    return any(user_id in roster.members.get(group, {}) for group in groups)


async def refuse_own(
    context: Context, inbound: ports.Inbound, request: ports.Request
) -> answers.Note | None:
    """Refuse a decision about one's own request, before anybody is looked up."""
    decision = refuse_early(context, inbound, request, ())
    if decision is None or decision.reason is not Refusal.OWN_REQUEST:
        return None
    return await refuse(context, inbound, request, decision)


def too_late(
    tx: ports.Tx, inbound: ports.Inbound, request: ports.Request, now: float
) -> answers.Note:
    """Say and audit that somebody or something was quicker."""
    said = late_clicks.sentence(request, now)
    event = EVENTS.get(inbound.input.name, "click")
    audit_trail.row(tx, inbound, f"{event}.too_late", request, now, {"why": said})
    return answers.Note(said, good=False, people=late_clicks.people(request))


async def refuse(
    context: Context, inbound: ports.Inbound, request: ports.Request, decision: may_approve.Decision
) -> answers.Note:
    """Audit a refusal with its reason, and say it."""
    reason = decision.reason.value if decision.reason else ""
    event = EVENTS[inbound.input.name]
    said, named = decision.sentence, _NOBODY
    # The refusal alone says that it is over; who ended it is what people ask next.
    if decision.reason is Refusal.SETTLED:
        said, named = (
            late_clicks.sentence(request, context.clock.now()),
            late_clicks.people(request),
        )
    rules = list(request.plan.terms.rules)
    await audit_trail.refused(
        context, inbound, f"{event}.refused", request, why=reason, said=said, rules=rules
    )
    return answers.Note(said, good=False, people=named)


async def decline(
    context: Record, inbound: ports.Inbound, event: str, request: ports.Request, said: str
) -> answers.Note:
    """Audit and say why nothing was done."""
    await audit_trail.refused(context, inbound, event, request, why=said)
    return answers.Note(said, good=False)


async def late(context: Context, inbound: ports.Inbound, request: ports.Request) -> answers.Note:
    """Audit and say who or what was quicker."""
    now = context.clock.now()
    return await context.store.write(lambda tx: too_late(tx, inbound, request, now))
