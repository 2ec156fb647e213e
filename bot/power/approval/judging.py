"""Which rule judges a server, and what a request needs when several rules do.

A server is judged by the first rule whose servers it is one of. A request needs what its
strictest server needs: every term of the join is at least as strict as in each rule.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Sequence
from itertools import zip_longest

import msgspec

from bot.power import missing_access, plan, ports, request, server
from bot.power.approval import may_approve, quorum, recheck
from bot.power.policy import policy, reason_patterns
from bot.power.policy.policy import Needs


class ServerJudgement(msgspec.Struct, frozen=True, gc=False):
    """The rule that judges a server, if any, and why it refuses (empty when it doesn't)."""

    rule: policy.Rule | None
    refusal: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class PolicyChange:
    """What an edit of the policy took from an open request: the rule, and a sentence."""

    rule: str
    sentence: str


@dataclasses.dataclass(frozen=True, slots=True)
class Standing:
    """What an open request is judged again by.

    `servers` are its targets as they are now, `requester_groups` the groups of the new policy
    that the requester is in. Once it is approved, `approvals` and the new `roster` belong to it:
    before that, a lost right only takes its own approval away.
    """

    servers: tuple[server.Server, ...]
    requester_groups: Collection[str]
    approvals: tuple[ports.Approval, ...] = ()
    roster: quorum.Roster | None = None


def rule_for(rules: policy.Policy, record: server.Server) -> policy.Rule | None:
    """Return the first rule that matches a server."""
    return next((rule for rule in rules.rules if rule.servers.matches(record)), None)


def judge(
    rules: policy.Policy,
    record: server.Server,
    action: request.Action,
    requester_groups: Collection[str],
    *,
    unread: Collection[str] = (),
    lacking: missing_access.Lacking | None = None,
) -> ServerJudgement:
    """Judge one server: only its first rule counts, whatever later ones would allow.

    `unread` are the groups of people that could not be read, `lacking` what must be mended first.
    """
    rule = rule_for(rules, record)
    if parts := rules.unread(record):
        # Another rule may be the one that judges it, or nobody may touch it at all.
        return ServerJudgement(rule, recheck.unreadable(parts, "the policy asks"))
    if rule is None:
        return ServerJudgement(None, "no rule of the policy covers it")
    if action not in rule.actions:
        return ServerJudgement(rule, f'rule "{rule.name}" doesn\'t allow {action.value}')
    if not any(group in requester_groups for group in rule.requesters):
        # "You may not" would be a lie: nobody knows whether they may.
        if any(group in unread for group in rule.requesters):
            lacks = missing_access.told(missing_access.of(rule.requesters, lacking or {})).rstrip(
                "."
            )
            why = f". {lacks}" if lacks else ""
            return ServerJudgement(rule, f"whether you can request it could not be checked{why}")
        asked = " or ".join(rule.requesters) or "nobody"
        return ServerJudgement(rule, f'rule "{rule.name}" accepts requests from {asked} only')
    return ServerJudgement(rule)


def may_break_glass(rules: Iterable[policy.Rule], requester_groups: Collection[str]) -> bool:
    """Whether every one of the rules lets this person act without approval."""
    judged = list(rules)
    # Without a rule there is nobody to allow it.
    return bool(judged) and all(
        any(group in requester_groups for group in rule.break_glass) for rule in judged
    )


def strictest_needs(rows: Iterable[Needs]) -> Needs:
    """Join needs: of each group the most that any of them wants, in the order of mention."""
    most: dict[str, int] = {}
    for needs in rows:
        for need in needs:
            most[need.group] = max(need.count, most.get(need.group, 0))
    return tuple(plan.Need(group=group, count=count) for group, count in most.items())


def added_needs(needs: Needs, more: Needs) -> Needs:
    """Add needs: `more` comes on top, for the same group too."""
    total = {need.group: need.count for need in needs}
    for need in more:
        total[need.group] = total.get(need.group, 0) + need.count
    return tuple(plan.Need(group=group, count=count) for group, count in total.items())


def strictest(
    rules: Sequence[policy.Rule], count: int, requester_groups: Collection[str] = ()
) -> plan.Terms:
    """Join rules into the terms of a request that acts on `count` servers.

    `count` includes the servers of the requester's other open and recent requests.
    """
    if not rules:
        return plan.Terms()
    ways = [rule.conduct for rule in rules]
    return plan.Terms(
        needs=strictest_needs(rule.needs(count) for rule in rules),
        rules=tuple(dict.fromkeys(rule.name for rule in rules)),
        expires_s=min(way.expires_s for way in ways),
        use_within_s=min(way.use_within_s for way in ways),
        remind_s=min(way.remind_s for way in ways),
        escalate_s=min(way.escalate_s for way in ways),
        deny_reason=any(way.deny_reason for way in ways),
        # In the order of the enum: whom most would call.
        notify=min((way.notify for way in ways), key=list(plan.Notify).index),
        cooldown_s=max(way.cooldown_s for way in ways),
        on_change=_strictest_change(ways),
        batch=min(way.batch for way in ways),
        ramp=_gentlest_ramp(ways),
        pause_s=max(way.pause_s for way in ways),
        max_failures=min(way.max_failures for way in ways),
        max_per_rack=min(way.max_per_rack for way in ways),
        break_glass=may_break_glass(rules, requester_groups),
        review_within_s=min(rule.review_within_s for rule in rules),
    )


def tightened(terms: plan.Terms, rules: Iterable[policy.Rule]) -> plan.Terms:
    """Return terms at the gentlest pace of their own and of these rules; nothing gets looser."""
    ways: list[plan.Terms | policy.Conduct] = [terms, *(rule.conduct for rule in rules)]
    return terms.model_copy(
        update={
            "use_within_s": min(way.use_within_s for way in ways),
            "on_change": _strictest_change(ways),
            "batch": min(way.batch for way in ways),
            "ramp": _gentlest_ramp(ways),
            "pause_s": max(way.pause_s for way in ways),
            "max_failures": min(way.max_failures for way in ways),
            "max_per_rack": min(way.max_per_rack for way in ways),
        }
    )


def _strictest_change(ways: Sequence[policy.Conduct | plan.Terms]) -> plan.OnChange:
    """Return `stop` where any of them wants it."""
    # In the order of the enum, where `stop` comes last.
    return max((way.on_change for way in ways), key=list(plan.OnChange).index)


def _gentlest_ramp(ways: Sequence[policy.Conduct | plan.Terms]) -> tuple[int, ...]:
    """Return the smallest first waves; after its own ramp a rule goes on with its batch."""
    batch = min(way.batch for way in ways)
    columns = zip_longest(*(way.ramp for way in ways), fillvalue=None)
    # The longest ramp decides how many waves are small.
    smallest = tuple(min(size for size in column if size) for column in columns)
    return tuple(min(size, batch) for size in smallest)


def frozen_by(
    rules: policy.Policy, action: request.Action, now: float, passed: Collection[str] = ()
) -> policy.FreezeWindow | None:
    """Return a freeze that holds this action back now, if any.

    `passed` are the freezes whose override is among the request's needs already.
    """
    return next(
        (
            freeze
            for freeze in rules.freezes
            if freeze.holds(action, now) and freeze.name not in passed
        ),
        None,
    )


def still_fits(made: plan.Plan, rules: policy.Policy, standing: Standing) -> PolicyChange | None:
    """Return what an edited policy has against an open request, or None when it may go on.

    It may when it needs the same or less and the same people may ask and agree.
    """
    order = made.order
    if order.place.channel_id not in rules.allow:
        return PolicyChange("", "the policy no longer allows this channel")
    if len(order.targets) > rules.limits.max_servers:
        return PolicyChange("", f"the policy now allows only {rules.limits.max_servers} servers")
    judging: dict[str, policy.Rule] = {}
    for record in standing.servers:
        judged = judge(rules, record, order.action, standing.requester_groups)
        if judged.rule is None or judged.refusal:
            name = judged.rule.name if judged.rule else ""
            return PolicyChange(name, f"{record.name}: {judged.refusal}")
        judging[judged.rule.name] = judged.rule
    found = [rule for rule in rules.rules if rule.name in judging]
    return _wants_more(made, found, rules, standing) or _lost_agreement(made, found, standing)


def wants_more(made: plan.Plan, rules: policy.Policy, count: int) -> bool:
    """Whether so many servers need more approvals than the plan has, by the rules that judge it."""
    if made.order.options.break_glass and made.terms.break_glass:
        return False
    found = [rule for rule in rules.rules if rule.name in made.terms.rules]
    wanted = strictest_needs(rule.needs(count) for rule in found)
    return any(need.count > _count(made.terms.needs, need.group) for need in wanted)


def _wants_more(
    made: plan.Plan, found: Sequence[policy.Rule], rules: policy.Policy, standing: Standing
) -> PolicyChange | None:
    """Return the rule that wants a reason or approvals that the request doesn't have."""
    for rule in found:
        if more := wish(made, rule, rules, standing.requester_groups):
            return PolicyChange(rule.name, f'rule "{rule.name}" now {more}')
    return None


def wish(
    made: plan.Plan, rule: policy.Rule, rules: policy.Policy, requester_groups: Collection[str]
) -> str:
    """Return what a rule wants that a request doesn't have, to be read after its name."""
    order = made.order
    given = (order.reason, order.options.incident)
    if rule.reason and not reason_patterns.found_in_reason(rule.reason, *given):
        return f"requires {rule.reason} in the reason"
    # Needs no approvals, so that its right to do without is all there is to lose.
    if order.options.break_glass:
        may = may_break_glass([rule], requester_groups)
        return "" if may else "doesn't let its requester break glass"
    # By the count that the plan was judged with: those before it count as well.
    for need in rule.needs(made.terms.counted or len(order.targets)):
        # What a freeze's override has added is no part of what the rules want.
        spare = _count(_override(rules, made.terms.overrides), need.group)
        if need.count + spare > _count(made.terms.needs, need.group):
            return f"needs {need.count} from {need.group}"
    return ""


def _override(rules: policy.Policy, names: Collection[str]) -> Needs:
    """Return what the freezes of these names want on top."""
    return strictest_needs(freeze.override for freeze in rules.freezes if freeze.name in names)


def _count(needs: Needs, group: str) -> int:
    """Return how many of a group are needed."""
    return sum(need.count for need in needs if need.group == group)


def _lost_agreement(
    made: plan.Plan, found: Sequence[policy.Rule], standing: Standing
) -> PolicyChange | None:
    """Return the rule by which an approval that was given doesn't count any more."""
    if standing.roster is None:
        return None
    gone = may_approve.lost_approvals(standing.approvals, made.terms.needs, standing.roster)
    if not gone:
        return None
    group = gone[0].approval.group
    named = [rule.name for rule in found if group in rule.approver_groups]
    return PolicyChange(named[0] if named else "", gone[0].sentence)
