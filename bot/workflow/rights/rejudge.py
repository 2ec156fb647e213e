"""An open request is judged again when the policy has changed since its plan.

If it needs the same or less and the same people may, it goes on, and the audit says under which
two versions; else it ends, and says which rule ended it.
"""

from __future__ import annotations

from bot.power import errors, missing_access, ports, server
from bot.power.approval import judging, may_approve
from bot.power.approval.may_approve import Refusal
from bot.power.lifecycle import State
from bot.power.run import never_ran
from bot.workflow import answers
from bot.workflow.context import Context

WENT_ON = "policy.went_on"
UNCHECKED = "The policy has changed, and who can do this now could not be checked"


def changed(context: Context, request: ports.Request) -> bool:
    """Whether the policy is another one than that of the plan."""
    return context.policy().version != request.plan.policy_version


async def problem(context: Context, request: ports.Request, records: server.Records | None) -> str:
    """Return what the policy has against a request now, or an empty text.

    Servers that have left the inventory are left to the check before their call.

    Raises:
        SlackUnavailable: a group on which the answer depends could not be read.
    """
    rules = context.policy()
    # By the hash of what the file means: a comment in it changes no version.
    if rules.version == request.plan.policy_version:
        return ""
    known = records.servers if records is not None else {}
    roster = await context.people.roster(rules.people.keys())
    asker = request.order.requester.user_id
    # While it is pending, a lost right takes its own approval away and no more.
    agreed = request.state in (State.APPROVED, State.RUNNING)
    standing = judging.Standing(
        servers=tuple(known[id_] for id_ in request.order.server_ids if id_ in known),
        requester_groups=frozenset(g for g, who in roster.members.items() if asker in who),
        approvals=request.approvals if agreed else (),
        roster=roster if agreed else None,
    )
    change = judging.still_fits(request.plan, rules, standing)
    if change is None:
        await _note(context, request, rules.version)
        return ""
    # Perhaps it fits after all: a request isn't ended on what couldn't be read.
    if roster.unreadable:
        lacks = missing_access.of(sorted(roster.unreadable), roster.missing)
        again = "." if lacks else "; try again in a moment."
        raise errors.SlackUnavailable(f"{UNCHECKED}{again}", missing=lacks)
    return f"the policy has changed: {change.sentence}"


async def _note(context: Context, request: ports.Request, version: str) -> None:
    """Audit, once for each version, that a request goes on under an edited policy."""
    rows = await context.store.read(
        lambda tx: tx.audit_rows(request_id=request.id, event=WENT_ON, limit=1)
    )
    if rows and rows[0]["detail"].get("now") == version:
        return
    detail = {"planned_under": request.plan.policy_version, "now": version}
    entry = ports.AuditEntry(
        WENT_ON,
        context.clock.now(),
        request_id=request.id,
        channel_id=request.order.place.channel_id,
        detail=detail,
    )
    await context.store.write(lambda tx: tx.audit(entry))


async def overtaken(
    context: Context, inbound: ports.Inbound, request: ports.Request, decision: may_approve.Decision
) -> str:
    """Return why an edited policy ends this request.

    Only a click of somebody whom the plan or the edited policy has as an approver is an
    occasion to look: nobody else's click changes anything.
    """
    if request.state is not State.PENDING or not changed(context, request):
        return ""
    if not decision.allowed and not await _approves_now(context, inbound, decision):
        return ""
    return await problem(context, request, context.power.latest())


async def _approves_now(
    context: Context, inbound: ports.Inbound, decision: may_approve.Decision
) -> bool:
    """Whether an edited policy has this person as an approver of anything."""
    if decision.reason not in (Refusal.NOT_IN_GROUP, Refusal.NO_APPROVER):
        return False
    roster = await context.people.roster(sorted(context.policy().approver_groups))
    return any(inbound.person.user_id in who for who in roster.members.values())


async def end(
    context: Context, inbound: ports.Inbound, request: ports.Request, why: str
) -> answers.Note:
    """Refuse a pending request that an edited policy doesn't allow any more."""
    # Both stand in the audit, so that whoever reads it can compare the two texts.
    versions = {"planned_under": request.plan.policy_version, "now": context.policy().version}
    detail = {**versions, "click_of": inbound.person.user_id}
    ending = never_ran.Ending(State.REFUSED, context.clock.now(), why, detail=detail)
    await context.store.write(lambda tx: never_ran.end(tx, request, ending))
    return answers.Note(f"Not approved, because {why}.", good=False)
