"""The rules of the policy file: which servers, who may ask, who must agree, at what pace."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from bot.power import errors, plan
from bot.power.policy import patterns, policy
from bot.power.policy.policy_values import MOST_SERVERS, Table, closest, shown
from bot.power.targets import targets

People = Mapping[str, tuple[str, ...]]

CONDUCT_KEYS = (
    "expires",
    "use_within",
    "remind",
    "escalate",
    "deny_reason",
    "notify",
    "cooldown",
    "on_change",
    "batch",
    "ramp",
    "pause",
    "max_failures",
    "max_per_rack",
)
RULE_KEYS = (
    "name",
    "servers",
    "actions",
    "requesters",
    "approvers",
    "from_servers",
    "reason",
    "break_glass",
    "review_within",
    "steps",
    "may_skip",
    *CONDUCT_KEYS,
)
COUNT = re.compile(r"[1-9][0-9]{0,4}")
MOST_WAVE = 10_000


def read(
    top: Table, people: People, groups: targets.Groups, steps: Sequence[str]
) -> tuple[policy.Rule, ...]:
    """Read the rules in their order; their names tell them apart. `steps` are names of steps."""
    usual = _conduct(top.table("defaults", CONDUCT_KEYS), policy.Conduct())
    found: dict[str, policy.Rule] = {}
    for table in top.tables("rule", RULE_KEYS):
        rule = _rule(table, people, groups, usual, steps)
        if rule.name in found:
            raise table.error("name", "another rule has this name; write one of its own")
        found[rule.name] = rule
    return tuple(found.values())


def _rule(
    table: Table,
    people: People,
    groups: targets.Groups,
    usual: policy.Conduct,
    steps: Sequence[str],
) -> policy.Rule:
    """Read one rule."""
    around = _steps(table, "steps", steps)
    if not table.has("approvers"):
        raise table.missing("approvers", "{ sre = 1 }, or approvers = {} where nobody need agree")
    return policy.Rule(
        name=table.line("name", f"number {int(table.path[-1]) + 1}", '"databases"'),
        servers=selection(table, groups),
        actions=table.actions("actions", None),
        requesters=table.people("requesters", None, people),
        approvers=table.needs("approvers", table.values["approvers"], people),
        from_servers=_from_servers(table, people),
        reason=_reason(table),
        break_glass=table.people("break_glass", (), people),
        review_within_s=table.seconds("review_within", 86400.0),
        conduct=_conduct(table, usual),
        steps=around,
        may_skip=_steps(table, "may_skip", around),
    )


def _steps(table: Table, key: str, known: Sequence[str]) -> tuple[str, ...]:
    """Read the names of steps; those that may be skipped are among the rule's own."""
    found = table.words(key, (), '["quiet", "drain"]')
    for word in found:
        if word not in known:
            add = "; add a [[step]] with this name" if key == "steps" else "; name one of steps"
            raise table.error(key, f"{shown(word)} is no step here{closest(word, known) or add}")
    return found


def _from_servers(table: Table, people: People) -> tuple[tuple[int, policy.Needs], ...]:
    """Read the rows by blast radius, in growing order."""
    key = "from_servers"
    rows = table.values.get(key, {})
    if not isinstance(rows, Mapping):
        raise table.error(key, f"write rows such as {{ 10 = {{ sre = 2 }} }}, not {shown(rows)}")
    found: list[tuple[int, policy.Needs]] = []
    for count, needs in rows.items():
        if not COUNT.fullmatch(count) or int(count) > MOST_SERVERS:
            problem = f"begin a row with a number of servers from 1 to {MOST_SERVERS}"
            raise table.error((key, count), f"{problem}, not {shown(count)}")
        found.append((int(count), table.needs((key, count), needs, people)))
    return tuple(sorted(found, key=lambda row: row[0]))


def _reason(table: Table) -> str:
    """Read the pattern that a reason must contain."""
    pattern = table.line("reason", "", '"INC-[0-9]+"')
    if problem := patterns.problem(pattern):
        raise table.error("reason", problem)
    return pattern


def _on_change(table: Table, usual: policy.Conduct) -> plan.OnChange:
    """Read what becomes of a run whose servers change."""
    given = table.values.get("on_change", usual.on_change)
    word = given.strip().lower() if isinstance(given, str) else ""
    if word not in set(plan.OnChange):
        raise table.error("on_change", f'write "skip" or "stop", not {shown(given)}')
    return plan.OnChange(word)


def _conduct(table: Table, usual: policy.Conduct) -> policy.Conduct:
    """Read how requests are carried through; what a table leaves out is as `usual`."""
    batch = table.whole("batch", usual.batch, high=MOST_WAVE)
    # Only a ramp that is written here can be wrong: an inherited one is cut to the batch.
    inherited = tuple(min(size, batch) for size in usual.ramp)
    return policy.Conduct(
        expires_s=table.seconds("expires", usual.expires_s),
        use_within_s=table.seconds("use_within", usual.use_within_s),
        remind_s=table.seconds("remind", usual.remind_s),
        escalate_s=table.seconds("escalate", usual.escalate_s),
        deny_reason=table.flag("deny_reason", default=usual.deny_reason),
        notify=_notify(table, usual),
        cooldown_s=table.seconds("cooldown", usual.cooldown_s, zero=True),
        on_change=_on_change(table, usual),
        batch=batch,
        ramp=table.wholes("ramp", inherited, high=batch),
        pause_s=table.seconds("pause", usual.pause_s, zero=True),
        max_failures=table.whole("max_failures", usual.max_failures),
        max_per_rack=table.whole("max_per_rack", usual.max_per_rack),
    )


def _notify(table: Table, usual: policy.Conduct) -> plan.Notify:
    """Read whom the thread calls when a request begins."""
    value = table.values.get("notify", usual.notify)
    word = value.strip().lower() if isinstance(value, str) else ""
    if word not in set(plan.Notify):
        raise table.error("notify", f'write "people", "group" or "none", not {shown(value)}')
    return plan.Notify(word)


def selection(table: Table, groups: targets.Groups) -> policy.Selection:
    """Read the servers that a table speaks of."""
    return parsed_targets(table, "servers", table.targets("servers", '"web*"'), groups)


def parsed_targets(
    table: Table, key: str, text: targets.Text, groups: targets.Groups
) -> policy.Selection:
    """Parse a target text, with its mistakes told as mistakes of the file."""
    try:
        found = targets.parse_policy_targets(text, groups)
    except errors.UserMistake as mistake:
        problem = mistake.problem.rstrip(".")
        quoted = f"{shown(mistake.token)}: " if mistake.token else ""
        hint = f"; write {mistake.suggestion}" if mistake.suggestion else ""
        raise table.error(key, f"{quoted}{problem}{hint}") from mistake
    # A text that only takes out is a slip: what it protects or keeps would be nothing.
    if all(term.takes_out for term in found.terms):
        raise table.error(key, "say first which servers are meant; ! only takes out of them")
    return found
