"""May this person decide about this request? Read from Slack after the click, before any change.

A look-up that fails refuses as "could not be checked"; nobody is let in by a failure.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Mapping

from bot.power import ports
from bot.power.approval import approval, quorum
from bot.workflow.context import Context


@dataclasses.dataclass(frozen=True, slots=True)
class Checked:
    """What was read from Slack for one click: the decision, and what the others still are.

    `about` are the earlier approvers who were looked up, readable or not.
    """

    decision: approval.Decision
    roster: quorum.Roster
    members: Mapping[str, ports.Member]
    about: frozenset[str] = frozenset()


def refuse_early(
    context: Context,
    inbound: ports.Inbound,
    request: ports.Request,
    given: tuple[ports.Approval, ...],
) -> approval.Decision | None:
    """Return the refusal that needs no look-up: above all that of one's own request."""
    return approval.refuse_early(
        inbound.person,
        request.order.requester,
        given,
        # In a Grid only Slack's record of the person says whether they are one of us.
        team_id=inbound.person.team_id if context.people.enterprise_id else context.people.team_id,
        state=request.state,
        now=context.clock.now(),
        expires_at=request.expires_at,
    )


async def deny(
    context: Context, inbound: ports.Inbound, request: ports.Request
) -> approval.Decision:
    """Decide about a Deny, which doesn't wait for Slack; who this is was settled before."""
    early = refuse_early(context, inbound, request, ())
    if early is not None:
        return early
    needs, user_id = request.plan.terms.needs, inbound.person.user_id
    roster = await context.people.roster_for_no([need.group for need in needs], user_id)
    return approval.may_deny(user_id, needs, roster)


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
    decision = approval.decide(
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
