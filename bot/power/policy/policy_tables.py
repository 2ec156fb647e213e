"""The tables of the policy file, one model each, with the types of `policy_values`.

To add a table, write its model here and name it in `File`; to add a key, write its field. A field
has the name of the value of `policy` that it becomes; `key` has the key as the file spells it.
Defaults are those of `policy`: only what a file says is handed on (`given`). `policy_keys` says
in words what each key does. `[people]` and `[groups]` have no model: each key is a name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

import pydantic

from bot.power.policy import policy_values as values
from bot.power.policy.policy_mistakes import NAME, shown, wrong
from bot.power.policy.policy_steps import StepTable
from bot.power.policy.table_base import Table, key, named
from bot.power.targets import targets
from bot.power.text import typography

REFERENCE = re.compile(r"@([A-Za-z0-9_-]+)")
PERSON = re.compile(r"[UWS][A-Z0-9]{2,30}")  # U and W are people, S is a user group.
MOST_NESTED = 200  # Groups that are read for one name.


def people(value: object) -> dict[str, tuple[str, ...]]:
    """Accept who is in each group of people."""
    found: dict[str, tuple[str, ...]] = {}
    for name, members in _named(value, "people").items():
        found[name] = values.words(members, '["U0123456789"]', name)
        for word in found[name]:
            if not PERSON.fullmatch(word):
                problem = f"{shown(word)} isn't the id of a person or a group"
                write = "write a member ID (U...) or a user group ID (S...)"
                raise wrong(f"{problem}; {write}", name)
    return found


def groups(value: object) -> dict[str, targets.Text]:
    """Accept the groups of servers; each may name the others."""
    given = _named(value, "groups")
    found = {name: values.target_text(text, '"web*"', name) for name, text in given.items()}
    weights: dict[str, int] = {}
    for name, text in found.items():
        _weigh(name, found, weights, ())
        values.selection(text, found, name)
    return found


def readable(value: object) -> dict[str, targets.Text]:
    """Return the groups of servers as far as they can be read, by which other tables are."""
    try:
        return groups(value)
    # The mistake is told where the groups themselves are checked.
    except ValueError:
        return {}


def _named(value: object, table: str) -> Mapping[str, Any]:
    """Accept a table whose keys can be typed and shown as they are."""
    if not isinstance(value, Mapping):
        raise wrong(f"write a table that begins with [{table}], not {shown(value)}")
    for name in value:
        if not NAME.fullmatch(name):
            problem = "name a group with letters, digits, - and _ only, at most 60 of them"
            raise wrong(problem, name)
    return value


def _weigh(
    name: str, groups: targets.Groups, weights: dict[str, int], path: tuple[str, ...]
) -> int:
    """Return how many groups are read in all for one; a hundred times a hundred would hang."""
    if name in path or len(path) > targets.MAX_DEPTH:
        problem = f"groups are nested more than {targets.MAX_DEPTH} deep, or in a circle"
        raise wrong(problem, name)
    if name not in weights:
        inner = REFERENCE.findall(typography.plain(targets.written(groups[name])))
        weights[name] = 1 + sum(
            _weigh(word, groups, weights, (*path, name)) for word in inner if word in groups
        )
    if weights[name] > MOST_NESTED:
        problem = "this group names too many others through groups; name the servers themselves"
        raise wrong(problem, name)
    return weights[name]


class Channels(Table):
    """Where changes can be requested."""

    allow: values.Channels = key("allow")
    incident: values.Channels = key("incident")


class Protected(Table):
    """What is never touched."""

    servers: values.Targets = key("servers")


class LimitsTable(Table):
    """What one person may ask for."""

    max_servers: values.Servers = key("max_servers")
    confirm_above: values.Count = key("confirm_above")
    max_requests_per_hour: values.Count = key("max_requests_per_hour")
    max_open_per_user: values.Count = key("max_open_per_user")
    split_window_s: values.SecondsOrNone = key("split_window")


class ConductTable(Table):
    """How requests are carried through: `[defaults]`, and what a rule has for itself."""

    expires_s: values.Seconds = key("expires")
    use_within_s: values.Seconds = key("use_within")
    remind_s: values.Seconds = key("remind")
    escalate_s: values.Seconds = key("escalate")
    deny_reason: values.Flag = key("deny_reason")
    notify: values.Notify = key("notify")
    cooldown_s: values.SecondsOrNone = key("cooldown")
    on_change: values.OnChange = key("on_change")
    batch: values.Servers = key("batch")
    ramp: values.Sizes = key("ramp")
    pause_s: values.SecondsOrNone = key("pause")
    max_failures: values.Count = key("max_failures")
    max_per_rack: values.Count = key("max_per_rack")


class FreezeTable(Table):
    """A span of time in which nothing, or less, is done."""

    name: Annotated[str, values.checked(values.line, '"year end"')] = key("name")
    starts: values.Moment = key("from", values.A_MOMENT)
    ends: values.Moment = key("until", values.A_MOMENT)
    actions: values.Actions = key("actions")
    override: values.Override = key("override")

    @pydantic.model_validator(mode="after")
    def _ends_later(self) -> FreezeTable:
        if self.starts >= self.ends:
            raise wrong("write a time that is later than from", "until")
        return self


class KeepTable(Table):
    """How many of some servers stay on."""

    servers: values.Targets = key("servers", '"web*"')
    on: values.Servers = key("on", "2")


class RuleTable(ConductTable):
    """Who may do what with some servers."""

    name: Annotated[str, values.checked(values.line, '"databases"')] = key("name")
    servers: values.Targets = key("servers", '"web*"')
    actions: values.Actions = key("actions", values.SOME_ACTIONS)
    requesters: values.People = key("requesters", '["sre"]')
    approvers: values.Needs = key(
        "approvers", "{ sre = 1 }, or approvers = {} if nobody has to approve"
    )
    from_servers: values.Rows = key("from_servers")
    reason: values.Pattern = key("reason")
    break_glass: values.People = key("break_glass")
    review_within_s: values.Seconds = key("review_within")
    steps: values.Steps = key("steps")
    may_skip: values.Skipped = key("may_skip")


class OrderTable(Table):
    """Which groups of servers go one after another."""

    on: values.TargetsInTurn = key("on")
    reboot: values.TargetsInTurn = key("reboot")


def _version(value: object) -> int:
    """Accept the one version of the format that there is."""
    # `true == 1` in Python, and isn't a version.
    if value != 1 or not values.is_whole(value):
        raise wrong(f"write version = 1, not {shown(value)}")
    return 1


def _apart(kind: str) -> pydantic.AfterValidator:
    """Return a validator that lets no two tables of one kind share a name."""

    def check(found: list[Any]) -> list[Any]:
        names = [named(one, place) for place, one in enumerate(found)]
        for place, name in enumerate(names):
            if name in names[:place]:
                raise wrong(f"another {kind} has this name; give this one its own", place, "name")
        return found

    return pydantic.AfterValidator(check)


People = Annotated[dict[str, tuple[str, ...]], pydantic.PlainValidator(people)]
Groups = Annotated[dict[str, targets.Text], pydantic.PlainValidator(groups)]


class File(Table):
    """The whole file, checked from the first field to the last."""

    version: Annotated[int, pydantic.PlainValidator(_version)] = key("version", "1")
    channels: Channels = key("channels")
    people: People = key("people")
    groups: Groups = key("groups")
    protected: Protected = key("protected")
    limits: LimitsTable = key("limits")
    defaults: ConductTable = key("defaults")
    freeze: Annotated[list[FreezeTable], _apart("freeze")] = key("freeze")
    keep: list[KeepTable] = key("keep")
    rule: Annotated[list[RuleTable], _apart("rule")] = key("rule")
    step: Annotated[list[StepTable], _apart("step")] = key("step")
    order: OrderTable = key("order")


def known(parsed: Mapping[str, Any]) -> values.KnownNames:
    """Return the names that one table has and others use, as far as they can be read."""
    people, steps = parsed.get("people"), parsed.get("step")
    named = (
        [one.get("name") for one in steps if isinstance(one, dict)]
        if isinstance(steps, list)
        else []
    )
    return values.KnownNames(
        people if isinstance(people, Mapping) else (),
        readable(parsed.get("groups", {})),
        [name for name in named if isinstance(name, str)],
    )
