"""Cancel by the requester or the host, Stop by everybody: what ends a request early.

Each decides in its transaction, on the state of that moment: who presses Stop while a run starts
has stopped the run.
"""

from __future__ import annotations

from bot.power import lifecycle, ports
from bot.power.approval import may_stop
from bot.power.lifecycle import State
from bot.power.messages import running
from bot.power.run import never_ran
from bot.workflow import answers, audit_trail
from bot.workflow.record import Record
from bot.workflow.rights import authorise


async def cancel(
    context: Record, inbound: ports.Inbound, request: ports.Request, reason: str = ""
) -> answers.Note:
    """Take one's own request back, before its first call."""
    may = may_stop.may_cancel(inbound.person, request.order.requester)
    if not may.allowed:
        return await authorise.decline(context, inbound, "cancel.refused", request, may.sentence)
    return await withdraw(context, inbound, request, reason)


async def withdraw(
    context: Record, inbound: ports.Inbound, request: ports.Request, reason: str = ""
) -> answers.Note:
    """Take a request back before its first call, for whoever may."""
    return await context.store.write(
        lambda tx: _end(context, tx, inbound, request, State.CANCELLED, reason)
    )


async def stop(
    context: Record, inbound: ports.Inbound, request: ports.Request, reason: str = ""
) -> answers.Note:
    """Stop a running request: after this, no new call leaves. Needs no approval."""
    # To stop what waits would be a denial by anybody, which only approvers may.
    if request.state in (State.PLANNED, State.PENDING):
        return await _nothing_to_stop(context, inbound, request)

    def work(tx: ports.Tx) -> answers.Note:
        newest = tx.request(request.id) or request
        if newest.state is State.RUNNING:
            return _stop_run(context, tx, inbound, newest, reason)
        return _end(context, tx, inbound, newest, State.STOPPED, reason)

    return await context.store.write(work)


def _stop_run(
    context: Record, tx: ports.Tx, inbound: ports.Inbound, request: ports.Request, reason: str
) -> answers.Note:
    """Note that a run is to stop, unless somebody has stopped it already."""
    now, user_id = context.clock.now(), inbound.person.user_id
    # The run itself sees this before its next call; it isn't ended from here.
    if not tx.request_stop(request.id, user_id=user_id, reason=reason, at=now):
        return authorise.too_late(tx, inbound, request, now)
    said = running.StopAsked(user=user_id, reason=reason)
    tx.say(request.id, "reply", said, key="stop", at=now)
    tx.show_card(request.id, at=now)
    detail = {"why": reason}
    audit_trail.row(tx, inbound, "request.stop_asked", request, now, detail, servers=True)
    return answers.Note(f"{request.id} sends nothing more; what was already sent is still watched.")


async def _nothing_to_stop(
    context: Record, inbound: ports.Inbound, request: ports.Request
) -> answers.Note:
    """Say that a request has sent nothing, and who may end it before it does."""
    said = (
        f"{request.id} has sent nothing, and won't before it is approved: its requester can "
        "cancel it, and anybody who can approve it can deny it."
    )
    return await authorise.decline(context, inbound, "stop.refused", request, said)


def _end(
    context: Record,
    tx: ports.Tx,
    inbound: ports.Inbound,
    request: ports.Request,
    end: State,
    said: str,
) -> answers.Note:
    """End a request that waits, if its state of this moment allows it."""
    now, by = context.clock.now(), f"{end.value} by {inbound.person.user_id}"
    newest = tx.request(request.id) or request
    late = newest.state is State.PENDING and now >= newest.expires_at
    # Past its time it is expired, though no timer has written that yet.
    if late or end not in lifecycle.TRANSITIONS[newest.state]:
        return authorise.too_late(tx, inbound, newest, now)
    ending = never_ran.Ending(
        end,
        now,
        f"{by}: {said}" if said else by,
        said=said,
        person=inbound.person,
        detail={"payload": inbound.key},
    )
    never_ran.end(tx, newest, ending)
    return answers.Note(f"{request.id} is {end.value}.")
