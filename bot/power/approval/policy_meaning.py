"""A whole policy in plain lines: which servers each rule covers, who asks, who approves."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterator

from bot.power import plan
from bot.power.approval import quorum
from bot.power.policy import policy
from bot.power.targets import narrowing, targets

MOST_NAMED = 8  # Ids of a group that a line shows.


def lines(rules: policy.Policy) -> Iterator[str]:
    """Yield a few lines for each rule, in the order in which they are tried."""
    for number, rule in enumerate(rules.rules, start=1):
        actions = ", ".join(sorted(action.value for action in rule.actions)) or "nothing"
        texts = rule.servers.texts if isinstance(rule.servers, targets.Selection) else ()
        yield f'{number}. "{rule.name}": {narrowing.written(texts)}: {actions}'
        yield f"   can be requested by {_groups(rules, rule.requesters)}"
        yield f"   approved by {_needs(rules, rule.approvers)}"
        for least, needs in rule.from_servers:
            yield f"   from {least} servers up, by {_needs(rules, needs)}"
        if rule.steps:
            yield f"   around each wave: {', '.join(rule.steps)}{_may_skip(rule)}"
        if rule.break_glass:
            yield f"   without approval in an incident: {_groups(rules, rule.break_glass)}"


def _may_skip(rule: policy.Rule) -> str:
    """Return which steps a request may leave out."""
    return f" (--without {', '.join(rule.may_skip)} is allowed)" if rule.may_skip else ""


def _groups(rules: policy.Policy, groups: tuple[str, ...]) -> str:
    """Return groups with the ids in them."""
    return ", ".join(f"{group} ({_ids(rules, group)})" for group in groups) or "nobody"


def _needs(rules: policy.Policy, needs: policy.Needs) -> str:
    """Return how many of whom must agree."""
    wishes = (f"{need.count} of {need.group} ({_ids(rules, need.group)})" for need in needs)
    return " and ".join(wishes) or "nobody: it runs once it is requested"


def _ids(rules: policy.Policy, group: str) -> str:
    """Return the first ids of a group of people."""
    ids = rules.people.get(group, ())
    more = f" and {len(ids) - MOST_NAMED} more" if len(ids) > MOST_NAMED else ""
    return (", ".join(ids[:MOST_NAMED]) or "nobody") + more


def holes(rules: policy.Policy, now: float) -> Iterator[str]:
    """Yield what can be meant and often isn't."""
    if not rules.rules:
        yield "There is no rule, so nobody can change anything."
    elif not any(_is_everything(rule.servers) for rule in rules.rules):
        yield (
            'Servers that no rule names can\'t be changed; a last rule with servers = "*" would '
            "cover them."
        )
    for rule in rules.rules:
        ramp = rule.conduct.ramp
        if any(after < before for before, after in itertools.pairwise(ramp)):
            yield (
                f'Rule "{rule.name}": ramp {list(ramp)} gets smaller; put the smallest wave '
                "first, since it is the trial."
            )
        yield from _dropped(rule)
    for freeze in rules.freezes:
        if freeze.ends.timestamp() <= now:
            yield f'Freeze "{freeze.name}" ended on {freeze.ends.date()}; it has no effect.'


def unused_steps(rules: policy.Policy) -> Iterator[str]:
    """Yield the steps that no rule uses."""
    used = {name for rule in rules.rules for name in rule.steps}
    for step in rules.steps:
        if step.name not in used:
            yield f'Step "{step.name}" is used by no rule; name it in a rule\'s steps.'


def unset_variables(
    rules: policy.Policy, known: Collection[str], is_own: Callable[[str], bool]
) -> Iterator[str]:
    """Yield the variables that steps name and that aren't `known`, or are Powerbot's own."""
    for step in rules.steps:
        for key, name in (("auth", step.auth), ("secret", step.secret)):
            if is_own(name):
                yield (
                    f'Step "{step.name}": {key} is env:{name}, which is Powerbot\'s own and is '
                    "never sent by a step; give the step a variable of its own."
                )
            elif name and name not in known and f"{name}_FILE" not in known:
                yield (
                    f'Step "{step.name}": {key} is env:{name}, which isn\'t set here; set {name} '
                    f"or {name}_FILE where the bot runs."
                )


def _dropped(rule: policy.Rule) -> Iterator[str]:
    """Yield the groups that a larger request need not ask any more."""
    before = _counts(rule.approvers)
    for least, needs in rule.from_servers:
        after = _counts(needs)
        if gone := sorted(group for group in before if group not in after):
            listed = quorum.joined(gone, " and ")
            yield (
                f'Rule "{rule.name}": from {least} servers up, {listed} no longer has to '
                "approve; a row replaces approvers, so list everybody in it."
            )
        # Row by row, for each one replaces the one before.
        before = after


def _counts(needs: tuple[plan.Need, ...]) -> dict[str, int]:
    return {need.group: need.count for need in needs}


def _is_everything(selection: policy.Selection) -> bool:
    """Whether a selection is written as every server."""
    return isinstance(selection, targets.Selection) and "*" in selection.texts
