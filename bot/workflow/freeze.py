"""Freezes: each its holder's own, told where requests are made; and what holds a request back."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
from collections.abc import Callable, Iterable, Sequence

from bot.power import errors, input_fields, inputs, ports
from bot.power.approval import judging, may_approve, may_stop
from bot.power.messages import messages
from bot.power.policy import freeze_ends, freezes, policy
from bot.power.text import times
from bot.workflow import answers, audit_trail
from bot.workflow.context import Context
from bot.workflow.record import Record, Ruled
from bot.workflow.sources import people

# A freeze doesn't wait for Slack; without an answer by then its end is read as UTC.
LONGEST_ZONE_S = 1.0
UNKNOWN = times.Zone(datetime.UTC, "UTC (your own time zone could not be looked up)")
# Who was let go of, who still stands, and whether the message of the pressed button is known.
_LetGo = tuple[list[ports.Freeze], list[ports.Freeze], bool]


def holding(tx: ports.Tx, rules: policy.Policy, request: ports.Request, now: float) -> str:
    """Return the sentence of a freeze that holds this request back, or an empty text."""
    # People's freezes first: they hold every action, the policy's perhaps some.
    if standing := tx.freezes(now=now):
        return f"Everything is frozen by {freezes.told(standing)}."
    freeze = judging.frozen_by(rules, request.order.action, now, request.plan.terms.overrides)
    return f'The policy\'s freeze "{freeze.name}" holds this back.' if freeze else ""


@dataclasses.dataclass(frozen=True, slots=True)
class FreezeChange:
    """What became of freezes: the event of audit and notices, by whom, and a key of its own."""

    event: messages.FreezeEvent
    key: str
    at: float
    by: str = ""


async def freeze(context: Context, inbound: ports.Inbound, text: str) -> answers.Note:
    """Hold everything back in this person's name; the text is a reason, perhaps with an end.

    Raises:
        UserMistake: the end can't be understood.
    """
    decision = await _may_freeze(context, inbound)
    if not decision.allowed:
        await audit_trail.refused(context, inbound, "freeze.on.refused", why=decision.sentence)
        return answers.Note(decision.sentence, good=False)
    now = context.clock.now()
    wants_zone = freeze_ends.may_have(text)
    # Asked of Slack only where an end may be in the text.
    zone = await _zone(context, inbound) if wants_zone else times.UTC
    wanted = freeze_ends.read(text, now, zone)
    named = await people.with_names_known_at_once(wanted.reason, context.people.directory)
    wanted = dataclasses.replace(wanted, reason=named)
    return await hold(context, inbound, wanted, decision.group)


async def hold(
    context: Ruled, inbound: ports.Inbound, wanted: freeze_ends.Wanted, group: str = ""
) -> answers.Note:
    """Hold everything back in somebody's name who may do so, as a member of this group."""
    now = context.clock.now()
    made = ports.Freeze(inbound.person.user_id, wanted.reason, now, wanted.until)

    def work(tx: ports.Tx) -> bool:
        # One that is over, and that nobody has told of yet, would be lost under the new one.
        for one in tx.ended_freezes(now=now):
            if one.holder == made.holder:
                _end(context, tx, one, now)
        # This holder's earlier freeze goes on, with a new reason or end.
        before = [one for one in tx.freezes(now=now) if one.holder == made.holder]
        kept = dataclasses.replace(made, since=before[0].since) if before else made
        tx.freeze(kept)
        detail = {
            "why": kept.reason,
            "group": group,
            "until": kept.until,
            "replaced": [one.reason for one in before],
        }
        audit_trail.row(tx, inbound, "freeze.on", None, now, detail)
        event: messages.FreezeEvent = "freeze.changed" if before else "freeze.on"
        tell(context, tx, FreezeChange(event, inbound.key, now, made.holder), [kept])
        return bool(before)

    return answers.Note(freeze_ends.is_frozen(wanted, replaced=await context.store.write(work)))


async def unfreeze(
    context: Context, inbound: ports.Inbound, *, every: bool = False
) -> answers.Note:
    """Lift this person's own freeze, or every one.

    Raises:
        SlackUnavailable: the person could not be looked up.
    """
    standing = await context.store.read(lambda tx: tx.freezes(now=context.clock.now()))
    if not standing:
        return await _not_lifted(context, inbound, freezes.NONE_STANDS)
    decision = await _may_unfreeze(context, inbound, every=every)
    if not decision.allowed:
        return await _not_lifted(context, inbound, decision.sentence)
    holder = inbound.person.user_id
    return await let_go(context, inbound, "" if every else holder, decision.group)


async def let_go(
    context: Ruled, inbound: ports.Inbound, holder: str = "", group: str = ""
) -> answers.Note:
    """Lift the freeze of one holder, empty for everybody's, for somebody who may."""
    lifted, left, _ = await _let_go(
        context, inbound, group, lambda one: not holder or one.holder == holder
    )
    if not lifted:
        return await _not_lifted(context, inbound, freezes.not_yours(left), left)
    return answers.Note(freezes.is_lifted(left), people=freezes.holders(left))


async def lift(context: Context, inbound: ports.Inbound) -> answers.Note:
    """Lift the one freeze whose button was pressed: its holder may, and approvers.

    Raises:
        SlackUnavailable: the person could not be looked up.
    """
    wanted = input_fields.request_id(inbound.input)
    standing = await context.store.read(lambda tx: tx.freezes(now=context.clock.now()))
    holder = next((one.holder for one in standing if freezes.key(one) == wanted), "")
    if not holder:
        return await _too_late(context, inbound, wanted)
    own = holder == inbound.person.user_id
    decision = await _may_unfreeze(context, inbound, every=not own)
    if not decision.allowed:
        return await _not_lifted(context, inbound, decision.sentence)
    lifted, left, kept = await _let_go(
        context, inbound, decision.group, lambda one: freezes.key(one) == wanted
    )
    # Between the read and the write somebody else may have lifted it.
    if not lifted:
        return await _too_late(context, inbound, wanted)
    end = ports.FreezeEnd(lifted[0], inbound.person.user_id, context.clock.now())
    # The message is changed with all others that tell of this freeze; one of before isn't known.
    told = freezes.is_lifted(left, own=own)
    return answers.Note(told, people=freezes.holders(left), ended=None if kept else end)


async def _let_go(
    context: Ruled,
    inbound: ports.Inbound,
    group: str,
    which: Callable[[ports.Freeze], bool],
) -> _LetGo:
    """Let go of freezes and tell everybody."""
    now = context.clock.now()

    def work(tx: ports.Tx) -> _LetGo:
        found = tx.freezes(now=now)
        lifted = [one for one in found if which(one)]
        for one in lifted:
            tx.unfreeze(one)
            audit_trail.row(tx, inbound, "freeze.off", None, now, _detail(one, group))
        turn = FreezeChange("freeze.off", inbound.key, now, inbound.person.user_id)
        tell(context, tx, turn, lifted)
        return lifted, [one for one in found if one not in lifted], _is_announced(tx, inbound)

    return await context.store.write(work)


async def end_due(context: Context) -> None:
    """Let go of freezes whose end has come by every clock, and say so."""
    # By the earlier clock: a wall clock that is set ahead must not end a freeze.
    now = min(ports.readings(context.clock))
    if not await context.store.read(lambda tx: tx.ended_freezes(now=now)):
        return

    def work(tx: ports.Tx) -> None:
        # Read again: another process may have told of some by now.
        for one in tx.ended_freezes(now=now):
            _end(context, tx, one, now)

    await context.store.write(work)


def _end(context: Ruled, tx: ports.Tx, one: ports.Freeze, now: float) -> None:
    """Let go of a freeze that has ended by itself, and say so."""
    tx.unfreeze(one)
    tx.audit(ports.AuditEntry("freeze.ended", now, detail=_detail(one)))
    tell(context, tx, FreezeChange("freeze.ended", f"{one.since}:{one.until}", now), [one])


async def redraw_due(
    context: Context, before: tuple[ports.Freeze, ...]
) -> tuple[ports.Freeze, ...]:
    """Redraw the cards of open requests where a freeze of the policy has begun or ended.

    `before` are those that stood at the last look; returns those that stand now.

    Raises:
        StoreUnavailable: it could not be noted.
    """
    now = context.clock.now()
    # A freeze of the policy begins by the clock, and no transaction tells of it.
    standing = freezes.of_policy(context.policy(), now)
    if standing != before:
        await context.store.write(lambda tx: tx.show_open_cards(at=now))
    return standing


def tell(context: Ruled, tx: ports.Tx, turn: FreezeChange, turned: Iterable[ports.Freeze]) -> None:
    """Tell each channel in which requests are made, and the card of each open request."""
    for one in turned:
        news = messages.FreezeTurned(event=turn.event, by=turn.by, **dataclasses.asdict(one))
        # The same payload worked on again after a crash tells nobody twice.
        key = f"{turn.event}:{turn.key}:{one.holder}"
        for channel_id in sorted(context.policy().allow):
            tx.announce(channel_id, news, key=key, at=turn.at)
        if turn.event in messages.OVER:
            # In every channel that was told, whichever are told today.
            tx.close_announced(ports.FreezeEnd(one, turn.by, turn.at))
        tx.show_open_cards(at=turn.at)


def _is_announced(tx: ports.Tx, inbound: ports.Inbound) -> bool:
    """Whether the message whose button was pressed is known as one that tells of a freeze."""
    was = inbound.input
    return isinstance(was, inputs.Pressed) and tx.is_announced(
        inbound.place.channel_id, was.message_ts
    )


async def _too_late(context: Context, inbound: ports.Inbound, wanted: str) -> answers.Note:
    """Say of a freeze that stands no more who has lifted it and when."""
    named = freezes.of_key(wanted)
    end = await context.store.read(lambda tx: tx.end_of_freeze(*named)) if named else None
    if end is None:
        return await _not_lifted(context, inbound, freezes.OVER)
    note = await _not_lifted(context, inbound, freezes.is_over(end))
    return dataclasses.replace(note, people=(end.by,) if end.by else (), ended=end)


async def _not_lifted(
    context: Record, inbound: ports.Inbound, why: str, standing: Sequence[ports.Freeze] = ()
) -> answers.Note:
    """Refuse to lift a freeze, and audit it."""
    await audit_trail.refused(context, inbound, "freeze.off.refused", why=why)
    return answers.Note(why, good=False, people=freezes.holders(standing))


async def _zone(context: Context, inbound: ports.Inbound) -> times.Zone:
    """Return the time zone of a person, UTC where Slack doesn't say at once."""
    try:
        async with asyncio.timeout(LONGEST_ZONE_S):
            member = await context.people.directory.member(inbound.person.user_id)
    except (errors.SlackUnavailable, TimeoutError):
        return UNKNOWN
    return times.zone_of(member.timezone, member.utc_offset_s)


async def _may_freeze(context: Context, inbound: ports.Inbound) -> may_approve.Decision:
    """Decide about a freeze, which doesn't wait for Slack; who this is was settled before."""
    rules, user_id = context.policy(), inbound.person.user_id
    roster = await context.people.roster_for_no(rules.people.keys(), user_id)
    return may_stop.may_freeze(
        rules,
        {group for group, who in roster.members.items() if user_id in who},
        channel_id=inbound.place.channel_id,
        unread=roster.unreadable,
    )


async def _may_unfreeze(
    context: Context, inbound: ports.Inbound, *, every: bool
) -> may_approve.Decision:
    """Decide whether a person may lift their own freeze, or everybody's."""
    member = await context.people.directory.member(inbound.person.user_id)
    if not every:
        return may_stop.may_unfreeze_own(member, context.people.team_id)
    rules = context.policy()
    roster = await context.people.roster(rules.people.keys())
    mine = {group for group, who in roster.members.items() if member.user_id in who}
    return may_stop.may_unfreeze(
        member,
        rules,
        mine,
        team_id=context.people.team_id,
        unread=roster.unreadable,
        lacking=roster.missing,
    )


def _detail(freeze: ports.Freeze, group: str = "") -> dict[str, object]:
    """Return what the audit says of a freeze that is over."""
    held = {"holder": freeze.holder, "why": freeze.reason}
    return {**held, "since": freeze.since, "until": freeze.until, "group": group}
