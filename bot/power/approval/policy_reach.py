"""Could anybody approve at all? Asked of a whole policy, when the groups' people are known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.power import missing
from bot.power.approval import policy_oddities, quorum
from bot.power.approval.quorum import Roster
from bot.power.policy import policy

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
            some = [f"{entry}#{n}" for n in range(UNKNOWN_PEOPLE)] if entry[0] == "S" else [entry]
            members[group].update(dict.fromkeys(some, "named in the policy"))
    return Roster(members)


def oddities(rules: policy.Policy) -> tuple[str, ...]:
    """Return what is wrong with a policy that can be read, as far as its file alone shows it."""
    return (*policy_oddities.problems(rules), *problems(rules, offline(rules)))


def problems(rules: policy.Policy, roster: Roster, *, unread: bool = True) -> tuple[str, ...]:
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
    lacks = missing.told(missing.of(unread, roster.missing))
    said = f'Rule "{rule.name}" could not be checked: {listed} could not be read.'
    return f"{said} {lacks}".rstrip()


def _of_rule(rule: policy.Rule, roster: Roster) -> Iterator[str]:
    """Yield what is wrong with one rule."""
    askers = {user for group in rule.requesters for user in roster.members.get(group, {})}
    if rule.requesters and not askers:
        yield f'Nobody may ask under rule "{rule.name}": there is nobody in its requesters.'
    for least, needs in ((1, rule.approvers), *rule.from_servers):
        gaps = _gaps(needs, roster, askers)
        if gaps:
            wishes = quorum.joined(f"{quorum.spelled(n)} more in {group}" for group, n in gaps)
            yield (
                f'Nobody could approve under rule "{rule.name}" from {least} '
                f"server{'s' if least > 1 else ''} on: it takes {wishes}."
            )
    yield from _unreviewable(rule, roster)


def _unreviewable(rule: policy.Rule, roster: Roster) -> Iterator[str]:
    """Yield that nobody could review what somebody may do by break glass."""
    breakers = {user for group in rule.break_glass for user in roster.members.get(group, {})}
    may = {user for group in rule.approver_groups for user in roster.members.get(group, {})}
    if rule.approver_groups and any(not may - {breaker} for breaker in breakers):
        yield (
            f'Nobody could review break glass under rule "{rule.name}": it takes somebody else '
            "among its approvers."
        )


def _gaps(needs: policy.Needs, roster: Roster, askers: set[str]) -> tuple[tuple[str, int], ...]:
    """Return the places that stay empty whoever asks; none when somebody's request can pass."""
    groups = [roster.members.get(need.group, {}) for need in needs]
    # Whoever is in the same groups leaves the same places empty.
    alike = {tuple(one in group for group in groups): one for one in sorted(askers) or [""]}
    found = [quorum.unfillable(needs, roster, {asker}) for asker in alike.values()]
    return min(found, key=lambda gaps: sum(count for _, count in gaps))
