"""Reads the policy file: TOML text in, a `Policy` out, or one sentence that says what to mend.

Nothing is guessed: an unknown key, a name that isn't defined and a value out of its range are
mistakes, because a policy that was misread would let somebody do what nobody meant.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import re
import tomllib
from collections.abc import Mapping

from bot.power import errors
from bot.power.policy import policy, policy_rules, policy_steps, policy_values
from bot.power.policy.policy_values import ACTIONS, MOST_SERVERS, Table, shown
from bot.power.targets import targets
from bot.power.text import typography

MOST_TEXT = 200_000
TOP_KEYS = (
    "version",
    "channels",
    "people",
    "groups",
    "protected",
    "limits",
    "defaults",
    "freeze",
    "keep",
    "rule",
    "step",
    "order",
)
LIMIT_KEYS = (
    "max_servers",
    "confirm_above",
    "max_requests_per_hour",
    "max_open_per_user",
    "split_window",
)
FREEZE_KEYS = ("name", "from", "until", "actions", "override")
CHANNEL = re.compile(r"[CG][A-Z0-9]{2,30}")
REFERENCE = re.compile(r"@([A-Za-z0-9_-]+)")
MOST_NESTED = 200
PERSON = re.compile(r"[UWS][A-Z0-9]{2,30}")


def read(text: str) -> policy.Policy:
    """Read a policy file.

    Raises:
        PolicyError: the file can't be used; the first mistake is named with its line.
    """
    parsed = _parse(text)
    top = Table(text, (), "", parsed, TOP_KEYS)
    _check_version(top)
    channels = top.table("channels", ("allow", "incident"))
    people, groups = _people(top), _groups(top)
    protected = top.table("protected", ("servers",))
    steps = policy_steps.read(top)
    return policy.Policy(
        version=version(parsed),
        allow=_channels(channels, "allow"),
        incident=_channels(channels, "incident"),
        people=people,
        groups=groups,
        protected=(
            policy_rules.selection(protected, groups)
            if protected.has("servers")
            else policy.Nothing()
        ),
        limits=_limits(top.table("limits", LIMIT_KEYS)),
        freezes=_freezes(top, people),
        keeps=tuple(_keep(table, groups) for table in top.tables("keep", ("servers", "on"))),
        rules=policy_rules.read(top, people, groups, [step.name for step in steps]),
        steps=steps,
        order=policy_steps.read_order(top, groups),
    )


def _check_version(top: Table) -> None:
    """Accept the one version of the format that there is."""
    if not top.has("version"):
        raise top.missing("version", "1")
    value = top.values["version"]
    if value != 1 or not policy_values.is_whole(value):
        raise top.error("version", f"write version = 1, not {shown(value)}")


def version(parsed: Mapping[str, object]) -> str:
    """Return the first 12 hex digits of SHA-256 over the file's content in canonical JSON.

    Comments, order of keys and layout don't count; dates are written as ISO 8601.
    """

    def iso(value: object) -> str:
        return value.isoformat() if isinstance(value, datetime.datetime) else str(value)

    canonical = json.dumps(parsed, sort_keys=True, separators=(",", ":"), default=iso)
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]


def _parse(text: str) -> Mapping[str, object]:
    """Read the text as TOML."""
    if len(text) > MOST_TEXT:
        raise errors.PolicyError(
            f"The policy file is too long: it has {len(text):,} characters, "
            f"and {MOST_TEXT:,} is the most."
        )
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise errors.PolicyError(f"The policy file isn't TOML: {error}.") from error
    except RecursionError as error:
        raise errors.PolicyError("The policy file nests its values too deeply.") from error


def _channels(table: Table, key: str) -> frozenset[str]:
    """Read a list of channel ids."""
    found = table.words(key, (), '["C0123456789"]')
    for word in found:
        if not CHANNEL.fullmatch(word):
            problem = f"{shown(word)} is no channel id; write the id that begins with C"
            raise table.error(key, f"{problem} and stands at the end of the channel's details")
    return frozenset(found)


def _people(top: Table) -> dict[str, tuple[str, ...]]:
    """Read who is in each group of people."""
    table = top.table("people", None)
    found: dict[str, tuple[str, ...]] = {}
    for name in table.values:
        _check_name(table, name)
        found[name] = table.words(name, None, '["U0123456789"]')
        for word in found[name]:
            if not PERSON.fullmatch(word):
                problem = f"{shown(word)} is no id of a person or a group"
                raise table.error(
                    name, f"{problem}; write a member ID (U...) or a user group ID (S...)"
                )
    return found


def _groups(top: Table) -> dict[str, targets.Text]:
    """Read the groups of servers; each may name the others."""
    table = top.table("groups", None)
    found: dict[str, targets.Text] = {}
    for name in table.values:
        _check_name(table, name)
        found[name] = table.targets(name, '"web*"')
    weights: dict[str, int] = {}
    for name, text in found.items():
        _weigh(table, name, found, weights, ())
        policy_rules.parsed_targets(table, name, text, found)
    return found


def _weigh(
    table: Table,
    name: str,
    groups: targets.Groups,
    weights: dict[str, int],
    path: tuple[str, ...],
) -> int:
    """Return how many groups are read in all for one; a hundred times a hundred would hang."""
    if name in path or len(path) > targets.MAX_DEPTH:
        most = targets.MAX_DEPTH
        raise table.error(name, f"groups are nested more than {most} deep, or in a circle")
    if name not in weights:
        inner = REFERENCE.findall(typography.plain(targets.written(groups[name])))
        weights[name] = 1 + sum(
            _weigh(table, word, groups, weights, (*path, name)) for word in inner if word in groups
        )
    if weights[name] > MOST_NESTED:
        problem = "this group names too many others through groups; name the servers themselves"
        raise table.error(name, problem)
    return weights[name]


def _check_name(table: Table, name: str) -> None:
    """Accept a name that can be typed and shown as it is."""
    if not policy_values.NAME.fullmatch(name):
        problem = "name a group with letters, digits, - and _ only, at most 60 of them"
        raise table.error(name, problem)


def _limits(table: Table) -> policy.Limits:
    """Read what one person may ask for."""
    usual = policy.Limits()
    return policy.Limits(
        max_servers=table.whole("max_servers", usual.max_servers, high=MOST_SERVERS),
        confirm_above=table.whole("confirm_above", usual.confirm_above),
        max_requests_per_hour=table.whole("max_requests_per_hour", usual.max_requests_per_hour),
        max_open_per_user=table.whole("max_open_per_user", usual.max_open_per_user),
        split_window_s=table.seconds("split_window", usual.split_window_s, zero=True),
    )


def _freezes(top: Table, people: Mapping[str, tuple[str, ...]]) -> tuple[policy.Freeze, ...]:
    """Read the freezes; their names tell them apart."""
    found: dict[str, policy.Freeze] = {}
    for table in top.tables("freeze", FREEZE_KEYS):
        freeze = _freeze(table, people)
        if freeze.name in found:
            raise table.error("name", "another freeze has this name; write one of its own")
        found[freeze.name] = freeze
    return tuple(found.values())


def _freeze(table: Table, people: Mapping[str, tuple[str, ...]]) -> policy.Freeze:
    """Read a span of time in which nothing, or less, is done."""
    starts, ends = table.moment("from"), table.moment("until")
    if starts >= ends:
        raise table.error("until", "write a time that is later than from")
    override: policy.Needs = ()
    if table.has("override"):
        override = table.needs("override", table.values["override"], people)
        if not override:
            raise table.error("override", "name a group, or leave the key out: then nothing passes")
    return policy.Freeze(
        name=table.line("name", f"number {int(table.path[-1]) + 1}", '"year end"'),
        starts=starts,
        ends=ends,
        actions=table.actions("actions", ACTIONS),
        override=override,
    )


def _keep(table: Table, groups: targets.Groups) -> policy.Keep:
    """Read how many of some servers stay on."""
    if not table.has("on"):
        raise table.missing("on", "2")
    on = table.whole("on", 1, high=MOST_SERVERS)
    servers = policy_rules.selection(table, groups)
    return policy.Keep(servers, targets.written(table.targets("servers", '"web*"')), on)
