"""Approve: rights are read after the click, and what the clicks add up to decides."""

from __future__ import annotations

from bot.power import errors, ports
from bot.power.approval import may_approve, quorum
from bot.power.approval.may_approve import Refusal
from bot.power.lifecycle import State
from bot.power.messages import decisions
from bot.power.policy import freezes
from bot.power.run import lost_grants
from bot.workflow import answers, audit_trail, freeze
from bot.workflow.context import Context
from bot.workflow.rights import authorise, card_unseen, grants, rejudge


async def approve(
    context: Context, inbound: ports.Inbound, request: ports.Request
) -> answers.Answer:
    """Count a person's yes, if it is theirs to give; the last one starts the run.

    Raises:
        SlackUnavailable: the person, or an edited policy, could not be checked.
    """
    while True:
        # The earlier approvers too: a right that was lost takes its approval away.
        checked = await authorise.check(context, inbound, request, request.approvals)
        if problem := await rejudge.overtaken(context, inbound, request, checked.decision):
            return await rejudge.end(context, inbound, request, problem)
        if not checked.decision.allowed:
            return await authorise.refuse(context, inbound, request, checked.decision)
        # Only the last approval pays for fresh records and a look at the requester.
        last = _fills(context, inbound, request, checked)
        try:
            stands = await grants.at_approval(context, request, last=last)
        except errors.SlackUnavailable as error:
            return await _not_checked(context, inbound, request, grants.unchecked(error))
        if stands.lost is not None:
            return await _end_by_loss(context, inbound, request, stands.lost)
        answer = await _write_approval(context, inbound, request.id, checked, stands)
        if isinstance(answer, answers.Note):
            return answer
        # Somebody else approved meanwhile, and has to be looked up as well.
        request = answer


async def _write_approval(
    context: Context,
    inbound: ports.Inbound,
    request_id: str,
    checked: authorise.Checked,
    stands: grants.Stands,
) -> answers.Note | ports.Request:
    """Write an approval in one transaction, or return the request that has moved on."""
    now = context.clock.now()
    return await context.store.write(
        lambda tx: _approved(context, tx, inbound, request_id, checked, stands, now)
    )


def _fills(
    context: Context, inbound: ports.Inbound, request: ports.Request, checked: authorise.Checked
) -> bool:
    """Whether this person's yes would be the last that is wanted."""
    gone = {one.approval.person.user_id for one in _lost(context, request, checked)}
    kept = [one for one in request.approvals if one.person.user_id not in gone]
    yes = ports.Approval(inbound.person, checked.decision.group, context.clock.now())
    return quorum.tally(request.plan.terms.needs, [*kept, yes], checked.roster).met


async def _not_checked(
    context: Context, inbound: ports.Inbound, request: ports.Request, said: str
) -> answers.Note:
    """Say and audit that Slack could not say what an approval depends on."""
    event, now = "approval.not_checked", context.clock.now()
    await context.store.write(
        lambda tx: audit_trail.row(tx, inbound, event, request, now, {"why": said})
    )
    return answers.Note(said, good=False)


async def _end_by_loss(
    context: Context, inbound: ports.Inbound, request: ports.Request, lost: lost_grants.LostGrant
) -> answers.Note:
    """Refuse a pending request that doesn't stand any more as it was asked for."""
    now = context.clock.now()

    def work(tx: ports.Tx) -> answers.Note:
        if lost_grants.end(tx, request, lost, now=now, click_of=inbound.person):
            return answers.Note(f"Not approved, because {lost.sentence}.", good=False)
        return authorise.too_late(tx, inbound, tx.request(request.id) or request, now)

    return await context.store.write(work)


def _approved(
    context: Context,
    tx: ports.Tx,
    inbound: ports.Inbound,
    request_id: str,
    checked: authorise.Checked,
    stands: grants.Stands,
    now: float,
) -> answers.Note | ports.Request:
    """Write an approval down, and the request as approved when it was the last one."""
    request = tx.request(request_id)
    if request is None:
        return answers.Note(f"There is no request {request_id} any more.", good=False)
    # Read again in the transaction: another click may have decided it meanwhile.
    if request.state is not State.PENDING or now >= request.expires_at:
        return authorise.too_late(tx, inbound, request, now)
    given = {one.person.user_id for one in request.approvals}
    # Before all else that could refuse, so that a double click is told what it is.
    if inbound.person.user_id in given:
        said = "You have already approved this; it counts once."
        audit_trail.row(tx, inbound, "approval.refused", request, now, {"why": "already approved"})
        return answers.Note(said, good=False)
    # Somebody approved since the look-ups, and nobody counts whose right wasn't read.
    if not given <= checked.about:
        return request
    if hidden := card_unseen.barring(tx, request):
        audit_trail.row(tx, inbound, "approval.held", request, now, {"why": hidden})
        return answers.Note(hidden, good=False)
    lost = _lost(context, request, checked)
    if held := _doubt(lost):
        audit_trail.row(tx, inbound, "approval.not_checked", request, now, {"why": held})
        return answers.Note(held, good=False)
    return _count(context, tx, inbound, request, checked, stands, lost, now)


def _count(
    context: Context,
    tx: ports.Tx,
    inbound: ports.Inbound,
    request: ports.Request,
    checked: authorise.Checked,
    stands: grants.Stands,
    lost: tuple[may_approve.LostApproval, ...],
    now: float,
) -> answers.Note | ports.Request:
    """Add an approval to those that still count, and start the run when it is the last."""
    decision = checked.decision
    yes = ports.Approval(
        # The seal that was read here is compared before the run and before each wave.
        inbound.person,
        decision.group,
        now,
        "",
        decision.evidence,
        request.order.seal,
    )
    gone = {one.approval.person.user_id for one in lost}
    kept = [one for one in request.approvals if one.person.user_id not in gone]
    tally = quorum.tally(request.plan.terms.needs, [*kept, yes], checked.roster)
    if tally.met and not stands.last:
        # Others have approved meanwhile, so this is the last one and is looked at as such.
        return request
    if tally.met and (held := _held_by_freeze(context, tx, inbound, request, now)):
        return held
    _withdraw(tx, inbound, request, lost, now)
    _note_approval(context, tx, inbound, request, quorum.placed(yes, tally), tally, now)
    for one in kept:
        # A person in two groups may fill another place, so that this one fits as well.
        if (moved := quorum.placed(one, tally)) != one:
            tx.withdraw_approval(request.id, one.person.user_id)
            tx.approve(request.id, moved)
    if tally.met:
        start(tx, request, now)
    group = tally.places.get(inbound.person.user_id, decision.group)
    why = f"for {group} (you are {decision.evidence})"
    said = f"Approved {request.id} {why}. {tally.sentence}{stands.told}"
    return answers.Note(said, comment_on=request.id)


def _held_by_freeze(
    context: Context,
    tx: ports.Tx,
    inbound: ports.Inbound,
    request: ports.Request,
    now: float,
) -> answers.Note | None:
    """Return why a last approval isn't taken while a freeze stands, None where none does."""
    frozen = freeze.holding(tx, context.policy(), request, now)
    if not frozen:
        return None
    # Refused rather than kept: an approval that waits would start a run by surprise.
    held = (
        f"{frozen} This request can't get its last approval until that is over; press "
        "Approve again then."
    )
    audit_trail.row(tx, inbound, "approval.held", request, now, {"why": frozen})
    return answers.Note(held, good=False, people=freezes.holders(tx.freezes(now=now)))


def _note_approval(
    context: Context,
    tx: ports.Tx,
    inbound: ports.Inbound,
    request: ports.Request,
    yes: ports.Approval,
    tally: quorum.Tally,
    now: float,
) -> None:
    """Store an approval, and say and audit it with its evidence."""
    tx.approve(request.id, yes)
    detail = {
        "group": yes.group,
        "evidence": yes.evidence,
        "rules": list(request.plan.terms.rules),
        "seal": request.order.seal,
        "policy": context.policy().version,
        "comment": yes.comment,
        "places": dict(tally.places),
    }
    audit_trail.row(tx, inbound, "approval.given", request, now, detail)
    said = decisions.Approved(
        user=yes.person.user_id, group=yes.group, comment=yes.comment, summary=tally.sentence
    )
    # With the time in its key: who approves again after a withdrawal is said again.
    tx.say(request.id, "reply", said, key=f"approved:{yes.person.user_id}:{now}", at=now)
    tx.show_card(request.id, at=now)


def _lost(
    context: Context, request: ports.Request, checked: authorise.Checked
) -> tuple[may_approve.LostApproval, ...]:
    """Return the earlier approvals that don't count any more, or can't be checked."""
    return may_approve.lost_approvals(
        request.approvals,
        request.plan.terms.needs,
        checked.roster,
        members=checked.members,
        team_id=context.people.team_id,
    )


def _doubt(lost: tuple[may_approve.LostApproval, ...]) -> str:
    """Return what can't be decided because an earlier approval could not be checked."""
    # Nobody's approval is taken away because Slack didn't answer.
    doubt = [one for one in lost if one.reason is Refusal.NOT_CHECKED]
    if not doubt or doubt[0].lasting:
        return doubt[0].sentence if doubt else ""
    return f"{doubt[0].sentence} Press Approve again in a moment."


def _withdraw(
    tx: ports.Tx,
    inbound: ports.Inbound,
    request: ports.Request,
    lost: tuple[may_approve.LostApproval, ...],
    now: float,
) -> None:
    """Take away approvals whose right is lost, and say and audit each."""
    for one in lost:
        user_id = one.approval.person.user_id
        tx.withdraw_approval(request.id, user_id)
        said = decisions.ApprovalLost(users=[user_id], reason=one.reason.value)
        tx.say(request.id, "reply", said, key=f"{ports.LOST}{user_id}:{now}", at=now)
        detail = {"user": user_id, "why": one.sentence}
        audit_trail.row(tx, inbound, "approval.withdrawn", request, now, detail)


def start(tx: ports.Tx, request: ports.Request, now: float) -> None:
    """Make a pending request approved; the runner takes it from there."""
    # An approval grows old: what it was given for may have changed by then.
    use_by = now + request.plan.terms.use_within_s
    tx.transition(request.id, State.PENDING, State.APPROVED, at=now, use_by=use_by, next_at=now)
