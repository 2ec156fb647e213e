"""What is wrong with a policy that can be read: rules without effect, rules nobody can satisfy.

Contradictions are found in the policy alone, without a server, a person or the time of day; whether
anybody could approve at all is asked when the groups' people are known.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from bot.power import missing_access
from bot.power.approval import hidden_rules, quorum
from bot.power.approval.quorum import Roster
from bot.power.policy import policy, reason_patterns
from bot.power.steps import definition, kinds, placeholders

# A longer freeze is more likely a slip than a plan.
LONGEST_FREEZE_S = 366 * 86400.0


def contradictions(rules: policy.Policy) -> Iterator[str]:
    """Yield a sentence for each thing that can't be meant."""
    yield from _channels(rules)
    yield from _steps(rules)
    yield from _rules(rules)
    for freeze in rules.freezes:
        if (freeze.ends - freeze.starts).total_seconds() > LONGEST_FREEZE_S:
            yield (
                f'Freeze "{freeze.name}" lasts for more than a year, until {freeze.ends.date()}; '
                "give it an earlier end, or remove its actions from the rules."
            )


def _rules(rules: policy.Policy) -> Iterator[str]:
    """Yield what can't be meant in the rules by themselves."""
    hidden = hidden_rules.hidden(rules)
    for index, rule in enumerate(rules.rules):
        if why := hidden.get(index):
            yield f'Rule "{rule.name}" can never match: {why}; move it up, or remove it.'
        if not rule.actions:
            yield f'Rule "{rule.name}" allows no action; name some in actions.'
        if rule.reason and reason_patterns.found(rule.reason, ""):
            yield (
                f'Rule "{rule.name}" requires no reason: its pattern {rule.reason} is found in '
                "an empty one as well; write what must be there, such as INC-[0-9]+."
            )
        if rule.break_glass and not rules.incident:
            yield (
                f'Rule "{rule.name}" has break_glass, but [channels] incident is empty, so it '
                "can't be used anywhere; add a channel there."
            )
        if rule.conduct.remind_s >= rule.conduct.expires_s:
            yield (
                f'Rule "{rule.name}" expires before anybody is reminded; make remind and escalate '
                "shorter than expires."
            )


def _channels(rules: policy.Policy) -> Iterator[str]:
    """Yield what is wrong with the channels by themselves."""
    if not rules.allow:
        yield "[channels] allow is empty, so nobody can request anything; add a channel's id."
    for channel in sorted(rules.incident - rules.allow):
        yield (
            f"[channels] incident lists {channel}, but allow doesn't, so no request can be made "
            "there; add it to allow."
        )


def _steps(rules: policy.Policy) -> Iterator[str]:
    """Yield what can't be meant in the steps by themselves."""
    for step in rules.steps:
        if kinds.named(step.kind).lengthens and step.lasts_s < step.within_s:
            yield (
                f'Step "{step.name}": lasts is shorter than within, so the silence could end '
                "before it is confirmed; make lasts longer."
            )


def notes(rules: policy.Policy, roster: quorum.Roster) -> Iterator[str]:
    """Yield what is no mistake but surprises: people who are in two groups of one quorum."""
    for rule in rules.rules:
        rows = (rule.approvers, *(needs for _, needs in rule.from_servers))
        pairs = dict.fromkeys(
            pair
            for needs in rows
            for pair in itertools.combinations([need.group for need in needs], 2)
        )
        for one, other in pairs:
            both = sorted(set(roster.members.get(one, {})) & set(roster.members.get(other, {})))
            if both:
                listed = quorum.joined(both[:5], " and ")
                more = f" and {len(both) - 5} more" if len(both) > 5 else ""
                yield (
                    f'Rule "{rule.name}" requires {one} and {other}, and {listed}{more} '
                    f"{'is' if len(both) == 1 else 'are'} in both: one person counts once."
                )


# Stands for a Slack user group that nobody was asked about: it may have any number of people.
UNKNOWN_PEOPLE = 100


def offline(rules: policy.Policy) -> Roster:
    """Return who is in the groups as far as the file says; Slack's groups count as large.

    Their members have ids that nobody has, so that they are neither requesters nor in two groups.
    """
    members: dict[str, dict[str, str]] = {}
    for group, entries in rules.people.items():
        members[group] = {}
        for entry in entries:
            # `S` begins Slack's ids of user groups; `#` is in no id of a person.
            some = [f"{entry}#{n}" for n in range(UNKNOWN_PEOPLE)] if entry[0] == "S" else [entry]
            members[group].update(dict.fromkeys(some, "named in the policy"))
    return Roster(members)


def oddities(rules: policy.Policy) -> tuple[str, ...]:
    """Return what is wrong with a policy that can be read, as far as its file alone shows it."""
    return (*contradictions(rules), *out_of_reach(rules, offline(rules)))


def out_of_reach(rules: policy.Policy, roster: Roster, *, unread: bool = True) -> tuple[str, ...]:
    """Return a sentence for each row of each rule under which nobody could approve.

    The requester never approves, so a row is good when it can be met for at least one person
    who may ask. Rules with groups that could not be read are said to be so, unless `unread` is
    False, and judged no further.
    """
    found: list[str] = []
    for rule in rules.rules:
        if not (groups := _unreadable(rule, roster)):
            found += _of_rule(rule, roster)
        elif unread:
            found.append(_unjudged(rule, groups, roster))
    return tuple(found)


def _unreadable(rule: policy.Rule, roster: Roster) -> list[str]:
    """Return the groups of a rule that could not be read."""
    return sorted(roster.unreadable & (rule.approver_groups | set(rule.requesters)))


def _unjudged(rule: policy.Rule, unread: Sequence[str], roster: Roster) -> str:
    """Say that a rule can't be judged."""
    listed = quorum.joined(unread, " and ")
    lacks = missing_access.told(missing_access.of(unread, roster.missing))
    said = f'Rule "{rule.name}" could not be checked: {listed} could not be read.'
    return f"{said} {lacks}".rstrip()


def _of_rule(rule: policy.Rule, roster: Roster) -> Iterator[str]:
    """Yield what is wrong with one rule."""
    askers = {user for group in rule.requesters for user in roster.members.get(group, {})}
    if rule.requesters and not askers:
        yield (
            f'Nobody can request anything under rule "{rule.name}": its list of requesters is '
            "empty."
        )
    for least, needs in ((1, rule.approvers), *rule.from_servers):
        gaps = _gaps(needs, roster, askers)
        if gaps:
            wishes = quorum.joined(f"{quorum.spelled(n)} more in {group}" for group, n in gaps)
            yield (
                f'Nobody could approve under rule "{rule.name}" from {least} '
                f"server{'s' if least > 1 else ''} up: it needs {wishes}."
            )
    yield from _unreviewable(rule, roster)


def _unreviewable(rule: policy.Rule, roster: Roster) -> Iterator[str]:
    """Yield that nobody could review what somebody may do by break glass."""
    breakers = {user for group in rule.break_glass for user in roster.members.get(group, {})}
    may = {user for group in rule.approver_groups for user in roster.members.get(group, {})}
    if rule.approver_groups and any(not may - {breaker} for breaker in breakers):
        yield (
            f'Nobody could review break glass under rule "{rule.name}": it needs a second person '
            "among its approvers."
        )


def _gaps(needs: policy.Needs, roster: Roster, askers: set[str]) -> tuple[tuple[str, int], ...]:
    """Return the places that stay empty whoever asks; none when somebody's request can pass."""
    groups = [roster.members.get(need.group, {}) for need in needs]
    # Whoever is in the same groups leaves the same places empty.
    alike = {tuple(one in group for group in groups): one for one in sorted(askers) or [""]}
    found = [quorum.unfillable(needs, roster, {asker}) for asker in alike.values()]
    # The asker with the best chance: one who can pass is enough.
    return min(found, key=lambda gaps: sum(count for _, count in gaps))


def step_notes(rules: policy.Policy) -> Iterator[str]:
    """Yield what steps can mean and often don't: one thing that stands for all servers."""
    for step in rules.steps:
        if step.node and not placeholders.names(step.node):
            same = "the same node is drained for every server"
            yield f'Step "{step.name}": node has no {{name}}, so {same}.'
        if step.when is definition.When.BEFORE:
            continue
        for key, text in (("http", step.http), ("tcp", step.tcp), ("promql", step.promql)):
            if text and not placeholders.names(text):
                same = "one answer stands for every server"
                yield f'Step "{step.name}": {key} has no {{name}}, so {same}.'
