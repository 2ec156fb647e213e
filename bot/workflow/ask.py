"""From a plan to a request: remembered, shown, and asked for while the world still fits it."""

from __future__ import annotations

import contextlib
import dataclasses
import random

from bot.power import plan, ports, request
from bot.power.lifecycle import State
from bot.power.messages import decisions
from bot.power.policy import freezes
from bot.power.run import never_ran, sealing
from bot.power.text import folding, typography
from bot.workflow import (
    answers,
    approve,
    audit_trail,
    break_glass,
    nudge,
    planner,
    replacing,
    timers,
)
from bot.workflow.context import Context
from bot.workflow.questions import queries
from bot.workflow.rights import authorise
from bot.workflow.sources import people

NOT_ASKED = "request.refused_to_ask"  # The event of the audit.
# What the audit row of a refused plan holds at most, in characters; and from how many names.
NAMES_CHARS = 500
MOST_NAMES = 1000
MOST_WHYS = 10
# A person's plans that were not asked for yet: the oldest give way.
MOST_PLANS = 20


@dataclasses.dataclass(frozen=True, slots=True)
class Callees:
    """Whom the thread of a new request calls: to approve it, and to review it later."""

    approvers: people.Called = people.NOBODY
    reviewers: people.Called = people.NOBODY


async def remember(
    context: Context, inbound: ports.Inbound, made: plan.Plan
) -> answers.PlanShown | answers.Note:
    """Store a plan that may be asked for, and show it; one that was changed in the form ends.

    The same payload, worked on again after a crash, finds the plan of the first time.
    """
    now = context.clock.now()

    def work(tx: ports.Tx) -> answers.PlanShown | answers.Note:
        old, stored = None, tx.by_source(inbound.key)
        if stored is None:
            with contextlib.suppress(LookupError):
                old = replacing.old_plan(tx, inbound, now)
        if isinstance(old, answers.Note):
            return old
        while stored is None:
            # Random, not counted: an id tells nobody how many requests there were.
            id_ = request.request_id(random.SystemRandom().getrandbits(64))
            until = now + timers.PLAN_LIVES_S
            new = ports.Request(id_, State.PLANNED, made, now, now, expires_at=until)
            if _unused(tx, id_) and tx.create(new, source_key=inbound.key):
                # Plans are large, and one person could else fill the store with them.
                tx.keep_newest_plans(inbound.person.user_id, most=MOST_PLANS, but=id_)
                digest = tx.plan_digest(id_)
                _audit(
                    context, tx, inbound, sealing.PLANNED, new, seal=made.order.seal, plan=digest
                )
                if old is not None:
                    replacing.replace(tx, inbound, old, new, now)
            stored = tx.by_source(inbound.key)
        return answers.PlanShown(stored.plan, stored.id, now, replaces=old.id if old else "")

    # A plan that can't be asked for is shown and audited, and takes no id.
    if made.refusals:
        await _note_refusal(context, inbound, made)
        return answers.PlanShown(made, "", now)
    return await context.store.write(work)


async def _note_refusal(context: Context, inbound: ports.Inbound, made: plan.Plan) -> None:
    """Audit a plan that may not be asked for: how many servers, and their names folded."""
    # Folded and cut: one person's refused lines must not fill the audit log.
    names = folding.fold([line.name for line in made.lines[:MOST_NAMES]])
    entry = ports.AuditEntry(
        "plan.refused",
        context.clock.now(),
        person=inbound.person,
        channel_id=inbound.place.channel_id,
        detail={
            "payload": inbound.key,
            "action": made.order.action.value,
            "servers": len(made.lines),
            "names": names[:NAMES_CHARS],
            "why": [one[:NAMES_CHARS] for one in made.refusals[:MOST_WHYS]],
            "rules": list(made.terms.rules),
        },
    )
    await context.store.write(lambda tx: tx.audit(entry))


async def ask(
    context: Context, inbound: ports.Inbound, request: ports.Request, count_typed: str | None
) -> answers.Answer:
    """Turn a plan into a request, if the world still fits it and the count was typed.

    `count_typed` is None where a button was pressed, so that a form asks for it.
    """
    if request.order.requester.user_id != inbound.person.user_id:
        said = "Only the person who made this plan can request it."
        return await authorise.decline(context, inbound, NOT_ASKED, request, said)
    if request.state is not State.PLANNED:
        return await replacing.instead(context, inbound, request)
    if context.clock.now() >= request.expires_at:
        age = int((context.clock.now() - request.created_at) // 60)
        said = f"This plan is {age} minutes old, so it wasn't requested."
        note = await authorise.decline(context, inbound, NOT_ASKED, request, said)
        return dataclasses.replace(note, over=True, plan_again=request.id)
    count = len(request.order.targets)
    if request.plan.terms.confirm_count:
        if count_typed is None:
            at_once = request.order.options.break_glass and not request.plan.terms.needs
            return answers.CountWanted(request.id, count, request.order.action, at_once)
        # Full-width digits count too: they are what a phone's keyboard may give.
        if typography.plain(count_typed) != str(count):
            said = "That isn't the number of servers in the plan."
            return await authorise.decline(context, inbound, NOT_ASKED, request, said)
    # Nobody checks after somebody who breaks glass, so the plan's own readings are too old.
    glass = request.order.options.break_glass
    snapshot = await queries.inventory(context, age_s=0.0 if glass else queries.FRESH_S)
    misfit = await planner.misfit(context, inbound, request.plan, snapshot)
    # Looked up before the transaction, which must not wait for Slack.
    names = Callees() if misfit else await _names(context, request)
    return await context.store.write(
        lambda tx: _asked(context, tx, inbound, request, misfit, names)
    )


async def _names(context: Context, request: ports.Request) -> Callees:
    """Return whom the thread of a request calls at its start."""
    glass = request.order.options.break_glass
    reviewers = await break_glass.reviewers(context, request) if glass else people.NOBODY
    return Callees(await nudge.at_start(context, request), reviewers)


def _asked(
    context: Context,
    tx: ports.Tx,
    inbound: ports.Inbound,
    request: ports.Request,
    misfit: str,
    names: Callees,
) -> answers.Answer:
    """Write a request down as pending, or as refused when it doesn't fit any more."""
    terms, now = request.plan.terms, context.clock.now()
    misfit = misfit or planner.overtaken(context, tx, request.plan, now)
    if misfit:
        return _not_asked(context, tx, inbound, request, misfit, now)
    expires_at = now + terms.expires_s
    won = tx.transition(
        request.id,
        State.PLANNED,
        State.PENDING,
        at=now,
        expires_at=expires_at,
        next_at=min(expires_at, now + terms.remind_s),
    )
    if not won:
        return authorise.too_late(tx, inbound, tx.request(request.id) or request, now)
    # Without a time stamp: it gets one when Slack has taken the card.
    tx.set_card(request.id, ports.Card(request.order.place.channel_id))
    tx.show_card(request.id, at=now)
    # Cards of open requests for the same servers name each other from now on.
    tx.show_overlapping(request.id, at=now)
    sealed = {**_sealed(request.plan), "plan": tx.plan_digest(request.id)}
    _audit(context, tx, inbound, "request.pending", request, **sealed, servers=True)
    if request.order.options.break_glass:
        break_glass.announce(context, tx, inbound, request, names.reviewers, now)
    if names.approvers.people:
        said = decisions.Asked(ask=names.approvers.people, missing=names.approvers.missing)
        tx.say(request.id, "reply", said, key=ports.ASKED, at=now)
    # `approvers = {}`, or break glass: nobody is asked first.
    if not terms.needs:
        approve.start(tx, request, now)
    nudge_for = request.id if terms.needs else ""
    return answers.Note(f"Requested as {request.id}.", nudge_for=nudge_for)


def _not_asked(
    context: Context,
    tx: ports.Tx,
    inbound: ports.Inbound,
    request: ports.Request,
    misfit: str,
    now: float,
) -> answers.Note:
    """Refuse a plan that doesn't fit the world any more."""
    named = freezes.holders(tx.freezes(now=now))
    if tx.transition(request.id, State.PLANNED, State.REFUSED, at=now, reason=misfit, named=named):
        _audit(context, tx, inbound, "request.refused", request, why=misfit, servers=True)
        never_ran.tell_step(tx, request, State.REFUSED, now)
    why = f"Not requested: {misfit}"
    return answers.Note(why, good=False, people=named, over=True, plan_again=request.id)


def _audit(
    context: Context,
    tx: ports.Tx,
    inbound: ports.Inbound,
    event: str,
    request: ports.Request,
    *,
    servers: bool = False,
    **detail: object,
) -> None:
    """Append one row for what a person did."""
    audit_trail.row(tx, inbound, event, request, context.clock.now(), detail, servers=servers)


def _sealed(made: plan.Plan) -> dict[str, object]:
    """Return what the row of a request that was asked says of it."""
    return {
        "action": made.order.action.value,
        "seal": made.order.seal,
        "rules": list(made.terms.rules),
        "needs": {need.group: need.count for need in made.terms.needs},
        "counted": made.terms.counted,
        "policy": made.policy_version,
        "why": made.order.reason,
    }


def _unused(tx: ports.Tx, id_: str) -> bool:
    """Whether no request has this id, nor had it before its details were forgotten."""
    # An id that comes back would mix two requests in the audit and in threads.
    return tx.request(id_) is None and not tx.audit_rows(request_id=id_, limit=1)
