"""A decision told rule by rule: which rule judges which servers, why, and whom it takes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

from bot.power import plan, server
from bot.power.approval import quorum
from bot.power.causes import Cause
from bot.power.planning import plan_steps
from bot.power.planning.question import Facts, Question, duration
from bot.power.policy import freezes, policy
from bot.power.targets import name_pattern, narrowing, targets
from bot.power.text import folding

MOST_CHARS = 300  # Of the names in one line.
MOST_PEOPLE = 12  # People of a group that a line shows.
OUTCOMES = {
    plan.Verdict.ACT: "Would act on",
    plan.Verdict.SKIP: "Would skip",
    plan.Verdict.BLOCKED: "Blocked",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Told:
    """What is explained: the question, what was known, and the plan that came of it."""

    question: Question
    facts: Facts
    rules: policy.Policy
    made: plan.Plan
    roster: quorum.Roster


def lines(told: Told) -> Iterator[str]:
    """Yield the explanation, line by line."""
    if told.made.reading:
        yield f"Read as: {told.made.reading}: {len(told.made.lines)} servers"
    judged: dict[str, list[plan.PlanLine]] = {}
    for line in told.made.lines:
        judged.setdefault(line.rule, []).append(line)
    yield from _protected(told)
    for number, rule in enumerate(told.rules.rules, start=1):
        yield from _rule(told, number, rule, judged.get(rule.name, []))
    if left := [line for line in judged.get("", []) if line.cause is not Cause.PROTECTED]:
        yield f"No rule: {_folded(left)}: {left[0].reason}"
    yield from _freezes(told)
    yield from _servers(told)
    yield from _needs(told)
    for refusal in told.made.refusals:
        yield f"Refused: {refusal}"


def _protected(told: Told) -> Iterator[str]:
    """Yield the servers that no rule is asked about."""
    found = [line for line in told.made.lines if line.cause is Cause.PROTECTED]
    if found:
        yield f"[protected]: {_folded(found)}: nobody can touch them"


def _rule(
    told: Told, number: int, rule: policy.Rule, judged: Sequence[plan.PlanLine]
) -> Iterator[str]:
    """Yield what one rule has to do with it."""
    texts = rule.servers.texts if isinstance(rule.servers, targets.Selection) else ()
    head = f'Rule {number} "{rule.name}" (servers = {narrowing.written(texts)})'
    if not judged:
        yield f"{head}: covers none of these servers"
        return
    yield f"{head}: covers {len(judged)}: {_folded(judged)}{_because(told, rule, judged)}"
    action = told.question.action
    allowed = "allowed" if action in rule.actions else "not among its actions"
    yield f"  {action.value}: {allowed}"
    yield f"  requesters {_listed(rule.requesters)}: {_standing(told, rule.requesters)}"
    yield f"  approvers: {_wanted(told, rule)}"
    if rule.reason:
        yield f"  reason must match: {rule.reason}"
    if rule.steps:
        yield f"  steps: {_steps(told, rule)}"
    if rule.break_glass:
        yield f"  break_glass {_listed(rule.break_glass)}: {_standing(told, rule.break_glass)}"


def _steps(told: Told, rule: policy.Rule) -> str:
    """Return the steps in the order in which they are done, with what a request may leave out."""
    # A plan without servers: the line is made of its steps and its action alone.
    options, order = told.question.options, told.made.order.model_copy(update={"targets": ()})
    made = plan.Plan(
        order=order,
        lines=(),
        snapshot_at=0.0,
        terms=plan.Terms(),
        policy_version="",
        around=plan_steps.around(told.rules, [rule], options),
    )
    skips = f"; can be left out: {', '.join(rule.may_skip)}" if rule.may_skip else ""
    return "; ".join(plan_steps.lines(made)) + skips


def _because(told: Told, rule: policy.Rule, judged: Sequence[plan.PlanLine]) -> str:
    """Return the terms by which the servers match, as the policy has them."""
    if not isinstance(rule.servers, targets.Selection):
        return ""
    records = {record.id: record for record in told.question.servers}
    terms = dict.fromkeys(
        _term(rule.servers, records[line.server_id]) for line in judged if line.server_id in records
    )
    return f", by {_listed(tuple(filter(None, terms)))}" if any(terms) else ""


def _term(selection: targets.Selection, record: server.Server) -> str:
    """Return the first term of each clause that names a server."""
    work = name_pattern.Work()
    found = (
        next((term.text for term in clause if term.matcher.matches(record, work)), "")
        for clause in selection.members.clauses
    )
    return f" {narrowing.AND} ".join(filter(None, found))


def _standing(told: Told, groups: Sequence[str]) -> str:
    """Say whether the person is in one of the groups, and how that is known."""
    user_id = told.question.requester.user_id
    for group in groups:
        if user_id in told.roster.members.get(group, {}):
            return f"{user_id} is in {group} ({told.roster.members[group][user_id]})"
    if unread := [group for group in groups if group in told.roster.unreadable]:
        return f"whether {user_id} is in {_listed(unread)} isn't known"
    return f"{user_id} is in none of them" if groups else "nobody"


def _wanted(told: Told, rule: policy.Rule) -> str:
    """Say which row of the rule counts, and why."""
    counted = told.made.terms.counted
    reached = [least for least, _ in rule.from_servers if counted >= least]
    needs = _spelled(rule.needs(counted))
    if not reached:
        return needs
    others = counted - len(told.made.order.targets)
    recent = f", {others} of them from other open and recent requests" if others > 0 else ""
    return f"{needs}, by from_servers {reached[-1]}: {counted} servers count{recent}"


def _freezes(told: Told) -> Iterator[str]:
    """Yield the freezes that stand now."""
    if told.facts.freezes:
        yield f"Everything is frozen by {freezes.told(told.facts.freezes)}"
    for freeze in told.rules.freezes:
        if freeze.holds(told.question.action, told.question.now):
            more = _spelled(freeze.override)
            wants = f"can be passed with {more} more" if freeze.override else "nothing passes"
            yield f'Freeze "{freeze.name}" until {freeze.ends.isoformat(sep=" ")}: {wants}'


def _servers(told: Told) -> Iterator[str]:
    """Yield what would happen to the servers, equal reasons folded."""
    groups: dict[tuple[plan.Verdict, str], list[plan.PlanLine]] = {}
    for line in told.made.lines:
        groups.setdefault((line.verdict, line.reason), []).append(line)
    for (verdict, reason), found in groups.items():
        because = f" ({reason})" if reason else ""
        yield f"{OUTCOMES[verdict]}: {_folded(found)}{because}"


def _needs(told: Told) -> Iterator[str]:
    """Yield what the request as a whole needs, and the people who could give it."""
    terms = told.made.terms
    if not told.made.order.targets:
        return
    yield f"Needs: {_spelled(terms.needs)}"
    for need in terms.needs:
        yield f"  {need.group}: {_people(told, need.group)}"
    yield (
        f"Terms: expires {duration(terms.expires_s)}, use within {duration(terms.use_within_s)}, "
        f"waves {', '.join(map(str, told.made.waves[:8])) or 'none'}, "
        f"stops at {terms.max_failures} failure{'' if terms.max_failures == 1 else 's'}"
    )


def _people(told: Told, group: str) -> str:
    """Return who is in a group, each with how that is known; the requester never approves."""
    members: Mapping[str, str] = told.roster.members.get(group, {})
    asker = told.question.requester.user_id
    shown = [f"{one} ({why})" for one, why in members.items() if one != asker]
    more = f" and {len(shown) - MOST_PEOPLE} more" if len(shown) > MOST_PEOPLE else ""
    listed = ", ".join(shown[:MOST_PEOPLE]) or "nobody"
    without = f"; not {asker}, who asks" if asker in members else ""
    unread = group in told.roster.unreadable
    others = " and maybe others, who weren't looked up" if unread else ""
    return f"{listed}{more}{others}{without}"


def _spelled(needs: Sequence[plan.Need]) -> str:
    """Return needs in words."""
    wishes = (f"{quorum.spelled(need.count)} from {need.group}" for need in needs)
    return ", ".join(wishes) or "nobody"


def _listed(words: Sequence[str]) -> str:
    """Return words for a line."""
    return ", ".join(words) or "nobody"


def _folded(found: Sequence[plan.PlanLine]) -> str:
    """Return servers as a person would write them."""
    return folding.fold([line.label for line in found], MOST_CHARS, marked=True)
