"""The tables in which every key is a name of one's own: `[people]` and `[groups]`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bot.power.policy import policy_values as values
from bot.power.policy.policy_mistakes import NAME, shown, wrong
from bot.power.targets import targets
from bot.power.text import typography

REFERENCE = re.compile(r"@([A-Za-z0-9_-]+)")
PERSON = re.compile(r"[UWS][A-Z0-9]{2,30}")
MOST_NESTED = 200


def people(value: object) -> dict[str, tuple[str, ...]]:
    """Accept who is in each group of people."""
    found: dict[str, tuple[str, ...]] = {}
    for name, members in _named(value, "people").items():
        found[name] = values.words(members, '["U0123456789"]', name)
        for word in found[name]:
            if not PERSON.fullmatch(word):
                problem = f"{shown(word)} is no id of a person or a group"
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
