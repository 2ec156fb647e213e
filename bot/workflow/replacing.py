"""A plan that is changed in the form gives way to the new one: one wish, one plan to request."""

from __future__ import annotations

import dataclasses

from bot.power import inputs, ports
from bot.power.approval import late_clicks
from bot.power.lifecycle import State
from bot.power.run import never_ran
from bot.workflow import answers, audit_trail
from bot.workflow.context import Context
from bot.workflow.rights import authorise

CANCELLED = f"request.{State.CANCELLED}"


def old_plan(tx: ports.Tx, inbound: ports.Inbound, now: float) -> ports.Request | answers.Note:
    """Return the plan that a form replaces, or why the form comes too late to replace it.

    It is locked until the end of the transaction. A form that is sent again, after a look at its
    plan, replaces that plan, also where it was opened afresh; one of another phone doesn't.

    Raises:
        LookupError: there is nothing to replace.
    """
    sent = inbound.input
    found = None
    if isinstance(sent, inputs.RequestFilled):
        own = tx.planned_from(inbound.person.user_id, f"{_form(inbound.key)}:")
        found = tx.request(sent.replaces or own)
    while found is not None and (successor := _successor(tx, found)) is not None:
        if _form(successor.source) != _form(inbound.key):
            said = f"{found.id} has already been changed into {successor.id}; change that one."
            return _too_late(tx, inbound, found, said, now)
        found = successor
    mine = found is not None and found.order.requester.user_id == inbound.person.user_id
    if found is None or not mine or (found.ended_at and found.card is None):
        raise LookupError
    if found.state is not State.PLANNED:
        said = f"{late_clicks.sentence(found, now)} To change it, cancel it and ask again."
        return _too_late(tx, inbound, found, said, now)
    return found


def replace(
    tx: ports.Tx, inbound: ports.Inbound, old: ports.Request, new: ports.Request, now: float
) -> None:
    """Take a plan back in favour of the one that was made of it."""
    why = f"changed into {new.id}"
    by = inbound.person.user_id
    into = new.id
    if tx.transition(
        old.id, State.PLANNED, State.CANCELLED, at=now, reason=why, by=by, changed_into=into
    ):
        audit_trail.row(tx, inbound, CANCELLED, old, now, {"why": why, "changed_into": into})
        never_ran.tell_step(tx, old, State.CANCELLED, now)


async def instead(
    context: Context, inbound: ports.Inbound, old: ports.Request
) -> answers.PlanShown | answers.Note:
    """Answer a button of a plan that can't be asked for, with the plan that has replaced it."""
    now = context.clock.now()

    def work(tx: ports.Tx) -> answers.PlanShown | answers.Note:
        newest = old
        while (successor := _successor(tx, newest)) is not None:
            newest = successor
        if newest is old:
            late = authorise.too_late(tx, inbound, old, now)
            return dataclasses.replace(late, over=True)
        said = f"This plan was changed into {newest.id}."
        if newest.state is State.PLANNED and now < newest.expires_at:
            _too_late(tx, inbound, old, said, now)
            return answers.PlanShown(newest.plan, newest.id, now, replaces=old.id)
        said = f"{said} {late_clicks.sentence(newest, now)}"
        note = _too_late(tx, inbound, old, said, now)
        return dataclasses.replace(note, people=late_clicks.people(newest), over=True)

    return await context.store.write(work)


def _too_late(
    tx: ports.Tx, inbound: ports.Inbound, found: ports.Request, said: str, now: float
) -> answers.Note:
    """Audit and say that another form or button was quicker."""
    audit_trail.row(tx, inbound, "change.too_late", found, now, {"why": said})
    return answers.Note(said, good=False, people=late_clicks.people(found))


def _successor(tx: ports.Tx, found: ports.Request) -> ports.Request | None:
    """Return the plan that a plan was changed into, as far as it is kept."""
    return tx.request(found.changed_into) if found.changed_into else None


def _form(key: str) -> str:
    """Return which form a payload's key is of, whenever it was sent."""
    return key.rpartition(":")[0]
