"""What somebody is told whose click is refused, or comes too late; each is audited."""

from __future__ import annotations

from bot.power import inputs, ports
from bot.power.approval import approval, late_clicks
from bot.power.approval.approval import Refusal
from bot.workflow import answers
from bot.workflow.context import Context, Record
from bot.workflow.rights import auditing, entitling

_NOBODY: tuple[str, ...] = ()
# What the audit calls a decision; the form of a denial is named as its button.
EVENTS: dict[str, str] = {inputs.Do.APPROVE: "approval", inputs.Do.DENY: "denial"}


async def refuse_own(
    context: Context, inbound: ports.Inbound, request: ports.Request
) -> answers.Note | None:
    """Refuse a decision about one's own request, before anybody is looked up."""
    decision = entitling.refuse_early(context, inbound, request, ())
    if decision is None or decision.reason is not Refusal.OWN_REQUEST:
        return None
    return await refuse(context, inbound, request, decision)


def too_late(
    tx: ports.Tx, inbound: ports.Inbound, request: ports.Request, now: float
) -> answers.Note:
    """Say and audit that somebody or something was quicker."""
    said = late_clicks.sentence(request, now)
    event = EVENTS.get(inbound.input.name, "click")
    auditing.row(tx, inbound, f"{event}.too_late", request, now, {"why": said})
    return answers.Note(said, good=False, people=late_clicks.people(request))


async def refuse(
    context: Context, inbound: ports.Inbound, request: ports.Request, decision: approval.Decision
) -> answers.Note:
    """Audit a refusal with its reason, and say it."""
    reason = decision.reason.value if decision.reason else ""
    event = EVENTS[inbound.input.name]
    said, named = decision.sentence, _NOBODY
    if decision.reason is Refusal.SETTLED:
        said, named = (
            late_clicks.sentence(request, context.clock.now()),
            late_clicks.people(request),
        )
    rules = list(request.plan.terms.rules)
    await auditing.refused(
        context, inbound, f"{event}.refused", request, why=reason, said=said, rules=rules
    )
    return answers.Note(said, good=False, people=named)


async def say(
    context: Record, inbound: ports.Inbound, event: str, request: ports.Request, said: str
) -> answers.Note:
    """Audit and say why nothing was done."""
    await auditing.refused(context, inbound, event, request, why=said)
    return answers.Note(said, good=False)


async def late(context: Context, inbound: ports.Inbound, request: ports.Request) -> answers.Note:
    """Audit and say who or what was quicker."""
    now = context.clock.now()
    return await context.store.write(lambda tx: too_late(tx, inbound, request, now))
