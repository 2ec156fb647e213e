"""Who can still help a request along, and the nudge that its requester may give them."""

from __future__ import annotations

from bot.power import ports
from bot.power.approval import late_clicks, quorum
from bot.power.lifecycle import State
from bot.power.messages import decisions
from bot.power.plan import Notify
from bot.workflow import answers, audit_trail
from bot.workflow.context import Context
from bot.workflow.rights import card_unseen
from bot.workflow.sources import people

# A requester may nudge this often, and no more.
NUDGE_EVERY_S = 300.0
NUDGED = "request.nudged"
# More people than these are called by their user group when a request begins.
MOST_CALLED = 10


async def still_missing(context: Context, request: ports.Request) -> people.Called:
    """Return everybody who could fill a place that is empty, by group."""
    wanted = quorum.still_wanted(request.plan.terms.needs, request.approvals)
    given = {one.person.user_id for one in request.approvals}
    return await context.people.named(
        [need.group for need in wanted], without={request.order.requester.user_id, *given}
    )


async def at_start(context: Context, request: ports.Request) -> people.Called:
    """Return whom the thread calls when this request begins, by group; nobody for nothing."""
    terms = request.plan.terms
    if terms.notify is Notify.NONE or not terms.needs:
        return people.NOBODY
    return await context.people.named(
        [need.group for need in terms.needs],
        without={request.order.requester.user_id},
        # None one by one: the user group is called as a whole.
        most=MOST_CALLED if terms.notify is Notify.PEOPLE else 0,
    )


async def nudge(context: Context, inbound: ports.Inbound, request: ports.Request) -> answers.Note:
    """Ask those who are missing once more, for the requester, within bounds."""
    now = context.clock.now()
    if request.order.requester.user_id != inbound.person.user_id:
        return await _refuse(context, inbound, request, "Only the requester can nudge.")
    if request.state is not State.PENDING or now >= request.expires_at:
        said = late_clicks.sentence(request, now)
        return await _refuse(context, inbound, request, said)
    if await context.store.read(lambda tx: card_unseen.barring(tx, request)):
        return await _refuse(context, inbound, request, card_unseen.NOBODY_ASKED)
    asked = await still_missing(context, request)

    def work(tx: ports.Tx) -> float:
        # Counted in the audit, so that neither a restart nor a second replica forgets it.
        last = tx.audit_rows(request_id=request.id, event=NUDGED, limit=1)
        wait_s = float(last[0]["at"]) + NUDGE_EVERY_S - now if last else 0.0
        if wait_s > 0:
            return wait_s
        audit_trail.row(tx, inbound, NUDGED, request, now, {"asked": asked.people})
        user_id = inbound.person.user_id
        said = decisions.Nudged(user=user_id, ask=asked.people, missing=asked.missing)
        tx.say(request.id, "reply", said, key=f"nudged:{inbound.key}", at=now)
        return 0.0

    wait_s = await context.store.write(work)
    if wait_s:
        # Rounded up, or somebody would be told 0 min and refused again.
        minutes = int(-(-wait_s // 60))
        said = f"They were asked a moment ago; you can nudge them again in {minutes} min."
        return await _refuse(context, inbound, request, said)
    return answers.Note("Asked them again in the thread.")


async def _refuse(
    context: Context, inbound: ports.Inbound, request: ports.Request, said: str
) -> answers.Note:
    """Audit and say why nobody was asked."""
    await audit_trail.refused(context, inbound, "nudge.refused", request, why=said)
    return answers.Note(said, good=False, people=late_clicks.people(request))
