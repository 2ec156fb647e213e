"""Plans: made from what is known at this moment, and held against it again when asked for."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Sequence

from bot.power import lifecycle, ports, request, server
from bot.power.approval import granted, judging
from bot.power.plan import Plan, Verdict
from bot.power.planning import plan_refusals, planning, question
from bot.power.policy import freezes, policy
from bot.power.run import reasons, waves
from bot.workflow.context import Context
from bot.workflow.sources import people

# From this many servers up, plans are made in a thread beside the event loop.
LARGE = 500
OTHER_APPROVALS = "it now needs different approvals from those in the plan; type the command again."
HOUR_S = 3600.0  # Of the limit `max_requests_per_hour`.


@dataclasses.dataclass(frozen=True, slots=True)
class Mine:
    """One person's requests that bear on the next: how many, and of which servers."""

    open: int  # Requests that haven't ended.
    last_hour: int
    servers: frozenset[str]


async def make(context: Context, asked: question.Question, snapshot: server.Snapshot) -> Plan:
    """Make the plan for a question on this snapshot.

    Raises:
        SlackUnavailable: the channel could not be checked.
    """
    known = await known_to_slack(context.people, asked)
    # Slack is asked before: a transaction must not wait for it.
    facts = await context.store.read(lambda tx: with_record(tx, context.policy(), asked, known))
    rules = context.policy()
    if len(asked.servers) < LARGE:
        plan = planning.make(asked, rules, snapshot, facts)
    else:
        # Clicks in Slack don't wait for a large plan.
        async with context.plan_turn:
            plan = await asyncio.to_thread(planning.make, asked, rules, snapshot, facts)
    return await _with_people(context, asked, plan, facts)


async def _with_people(
    context: Context, asked: question.Question, plan: Plan, facts: question.Facts
) -> Plan:
    """Return the plan with the refusal of one that nobody could approve who is able to.

    Only a plan that could be asked for otherwise is worth the look-ups.
    """
    if plan.refusals or facts.roster is None:
        return plan
    needs, requester = plan.terms.needs, asked.requester.user_id
    unable = await context.people.unable(needs, facts.roster, requester)
    looked = dataclasses.replace(facts, unable=unable)
    refusals = tuple(plan_refusals.by_quorum(asked, plan.terms, looked))
    return plan.model_copy(update={"refusals": refusals}) if refusals else plan


def overtaken(context: Context, tx: ports.Tx, plan: Plan, now: float) -> str:
    """Return what forbids a plan since it was held against the world, or an empty text.

    Read in the transaction that asks, so that requests made at the same moment can't slip
    past the limits that one after another they would meet.
    """
    rules, person = context.policy(), plan.order.requester.user_id
    mine = requests_of(tx, rules, person, now)
    if standing := tx.freezes(now=now):
        return freezes.refusal(standing)
    if mine.open >= rules.limits.max_open_per_user:
        return f"you have {mine.open} open requests, and that is the limit."
    owed = [one.request_id for one in tx.unreviewed(person)]
    if plan.order.options.break_glass and owed:
        return plan_refusals.not_reviewed(owed)
    # Added up over the window, or ten small requests would need fewer approvals than one.
    counted = len(mine.servers | set(plan.order.server_ids))
    if counted > plan.terms.counted and judging.wants_more(plan, rules, counted):
        return OTHER_APPROVALS
    return ""


def question_of(
    context: Context,
    inbound: ports.Inbound,
    action: request.Action,
    servers: tuple[server.Server, ...],
    *,
    options: request.Options,
    reason: str,
    typed: str = "",
    reading: str = "",
    unsure: Sequence[server.Server] = (),
    retry_of: str = "",
    selected: bool = False,
) -> question.Question:
    """Return the question that a payload asks."""
    return question.Question(
        action=action,
        servers=servers,
        requester=inbound.person,
        place=inbound.place,
        scope=context.scope,
        now=context.clock.now(),
        options=options,
        reason=reason,
        retry_of=retry_of,
        typed=typed,
        reading=reading,
        selected=selected,
        unsure={row.id: row.unread for row in unsure},
        called=inbound.called,
    )


async def misfit(
    context: Context, inbound: ports.Inbound, plan: Plan, snapshot: server.Snapshot
) -> str:
    """Return why a plan doesn't fit the world any more, or an empty text.

    Raises:
        SlackUnavailable: the channel could not be checked.
    """
    order = plan.order
    gone = [t.name for t in order.targets if t.server_id not in snapshot.servers]
    if gone:
        return f"{gone[0]} is gone from the inventory."
    servers = tuple(snapshot.servers[id_] for id_ in order.server_ids)
    for target, record in zip(order.targets, servers, strict=True):
        if other := granted.exchanged(target, record):
            return f"{target.name} isn't what was planned: {other}."
    asked = question_of(
        context,
        inbound,
        order.action,
        servers,
        options=order.options,
        reason=order.reason,
        retry_of=order.retry_of,
    )
    # In the plan's own channel: the button may have been pressed in another place.
    new = await make(context, dataclasses.replace(asked, place=order.place), snapshot)
    if new.refusals:
        return new.refusals[0]
    changed = new.lines_with(Verdict.SKIP) + new.lines_with(Verdict.BLOCKED)
    if changed:
        return f"{changed[0].name} has changed since the plan: {changed[0].reason}."
    # Fewer are refused as well: the plan that was shown named others.
    if new.terms.needs != plan.terms.needs:
        return OTHER_APPROVALS
    return ""


async def known_to_slack(who: people.People, asked: question.Question) -> question.Facts:
    """Return what Slack knows that matters for a question.

    Raises:
        SlackUnavailable: the channel could not be checked.
    """
    channel, roster = await asyncio.gather(
        who.directory.channel(asked.place.channel_id),
        who.roster(who.policy().people.keys()),
    )
    person = asked.requester.user_id
    return question.Facts(
        channel=channel,
        requester_groups=frozenset(g for g, who in roster.members.items() if person in who),
        unread_groups=roster.unreadable,
        roster=roster,
    )


def with_record(
    tx: ports.Tx, rules: policy.Policy, asked: question.Question, known: question.Facts
) -> question.Facts:
    """Return the facts with what the store knows."""
    person, now = asked.requester.user_id, asked.now
    mine = requests_of(tx, rules, person, now)
    ids = [record.id for record in asked.servers]
    return dataclasses.replace(
        known,
        freezes=tx.freezes(now=now),
        locks=tx.lock_holders(ids),
        open_requests=mine.open,
        requests_last_hour=mine.last_hour,
        recent_servers=mine.servers,
        last_reboots=_last_reboots(tx, now, _longest_cooldown_s(rules)),
        unknown_reboots=unknown_reboots(tx, now, ids),
        busy_racks=tx.busy_racks([waves.rack_of(one.dc, one.rack)[1] for one in asked.servers]),
        # What was accepted and isn't proven is named, so that nobody repeats it unawares.
        unsettled=tx.unsettled(ids, since=now - reasons.EARLIER_S),
        unreviewed=[owed.request_id for owed in tx.unreviewed(person)],
        leaving=tx.leaving(),
        overlaps=tx.overlapping(ids),
    )


def requests_of(tx: ports.Tx, rules: policy.Policy, person: str, now: float) -> Mine:
    """Count a person's open and recent requests.

    One counts as recent until the window has passed since its end, however long it waited.
    """
    window_s = rules.limits.split_window_s
    return Mine(
        open=tx.count_open(person),
        last_hour=tx.count_asked(person, since=now - HOUR_S),
        servers=tx.recent_servers(person, since=now - window_s),
    )


def _longest_cooldown_s(rules: policy.Policy) -> float:
    """Return for how long a reboot may still matter."""
    return max((rule.conduct.cooldown_s for rule in rules.rules), default=0.0)


def unknown_reboots(tx: ports.Tx, now: float, server_ids: Sequence[str]) -> dict[str, str]:
    """Return the requests whose reboot of these servers may or may not have happened.

    The newest request that rebooted a server decides; a run of a day ago is forgotten.
    """
    decided: set[str] = set()
    found: dict[str, str] = {}
    for server_id, state, request_id in tx.rebooted(server_ids, since=now - 24 * HOUR_S):
        if server_id in decided:
            continue
        decided.add(server_id)
        if state is lifecycle.ServerState.UNKNOWN:
            found[server_id] = request_id
    return found


def _last_reboots(tx: ports.Tx, now: float, cooldown_s: float) -> dict[str, float]:
    """Return when servers were last rebooted, as far back as a rule's cooldown reaches."""
    return tx.last_reboots(since=now - cooldown_s) if cooldown_s else {}
