"""One table of the policy file while it is read: each value checked, each mistake a sentence."""

from __future__ import annotations

import datetime
import difflib
import json
import re
from collections.abc import Collection, Iterable, Mapping

from bot.power import errors, plan, request
from bot.power.policy import policy_lines
from bot.power.policy.policy import Needs

UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
DURATION = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)(ms|s|m|h)")
NAME = re.compile(r"[A-Za-z0-9_-]{1,60}")
ACTIONS = tuple(action.value for action in request.Action)
MOST_APPROVALS = 100
MOST_SERVERS = 10_000
SHOWN = 40


def shown(value: object) -> str:
    """Return a value of the file as a sentence quotes it."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def closest(word: str, known: Iterable[str]) -> str:
    """Return a question that names the nearest known word, or an empty text."""
    near = difflib.get_close_matches(word[:SHOWN], list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""


def is_whole(value: object) -> bool:
    """Whether a value is a whole number; TOML's true and false aren't."""
    return isinstance(value, int) and not isinstance(value, bool)


class Table:
    """A table of the file: `label` as people know it, `path` as the text has it.

    Every reader returns the default when the key was left out, and None as the default means
    that it may not be.

    Raises:
        PolicyError: the table has a key that isn't in `keys` (None allows any); the readers
            raise it for a value that can't be used.
    """

    def __init__(
        self,
        text: str,
        path: policy_lines.Path,
        label: str,
        values: Mapping[str, object],
        keys: Collection[str] | None,
    ) -> None:
        self.text, self.path, self.label, self.values = text, path, label, values
        for key in values:
            if keys is not None and key not in keys:
                hint = closest(key, keys) or f"; the keys here are {', '.join(keys)}"
                raise self.error(key, f"this key is unknown{hint}")

    def error(self, keys: str | tuple[str, ...], problem: str) -> errors.PolicyError:
        """Return the error for a key (or a key within its value), with line, table and key."""
        names = (keys,) if isinstance(keys, str) else keys
        line = policy_lines.find(self.text, (*self.path, *names))
        where = [f"Line {line}"] if line else []
        where += [self.label] if self.label else []
        where.append(".".join(shown(name) if not NAME.fullmatch(name) else name for name in names))
        end = "" if problem.endswith((".", "?")) else "."
        return errors.PolicyError(f"{', '.join(where)}: {problem}{end}")

    def missing(self, key: str, example: str) -> errors.PolicyError:
        """Return the error for a key that may not be left out."""
        return self.error(key, f"this key is missing; write {key} = {example}")

    def has(self, key: str) -> bool:
        """Whether the key is there."""
        return key in self.values

    def table(self, key: str, keys: Collection[str] | None) -> Table:
        """Read a table below the top one; one that was left out is empty."""
        value = self.values.get(key, {})
        if not isinstance(value, Mapping):
            raise self.error(key, f"write a table that begins with [{key}], not {shown(value)}")
        return Table(self.text, (*self.path, key), f"[{key}]", value, keys)

    def tables(self, key: str, keys: Collection[str]) -> list[Table]:
        """Read an array of tables, each labelled by its name, or by its number without one."""
        values = self.values.get(key, [])
        if not isinstance(values, list) or not all(isinstance(value, Mapping) for value in values):
            raise self.error(key, f"write tables that begin with [[{key}]], not {shown(values)}")
        found: list[Table] = []
        for index, value in enumerate(values):
            name = value.get("name", index + 1)
            label = f"[[{key}]] {shown(name)}"
            found.append(Table(self.text, (key, index), label, value, keys))
        return found

    def whole(self, key: str, default: int, *, low: int = 1, high: int = 1_000_000) -> int:
        """Read a whole number."""
        value = self.values.get(key, default)
        return self._checked_whole(key, value, low, high)

    def _checked_whole(self, key: str | tuple[str, ...], value: object, low: int, high: int) -> int:
        """Accept a whole number within its range."""
        if not isinstance(value, int) or not is_whole(value) or not low <= value <= high:
            problem = f"write a whole number from {low} to {high}, not {shown(value)}"
            raise self.error(key, problem)
        return value

    def wholes(self, key: str, default: tuple[int, ...], *, high: int) -> tuple[int, ...]:
        """Read a list of whole numbers from 1."""
        value = self.values.get(key, default)
        if isinstance(value, tuple):
            return value
        if not isinstance(value, list) or not all(map(is_whole, value)):
            raise self.error(key, f"write a list such as [1, 5], not {shown(value)}")
        if any(not 1 <= size <= high for size in value):
            raise self.error(key, f"each size must be from 1 to batch, which is {high}")
        return tuple(value)

    def seconds(self, key: str, default: float, *, zero: bool = False) -> float:
        """Read a duration; nothing at all (0s) only where that means something."""
        if key not in self.values:
            return default
        value = self.values[key]
        match = DURATION.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            problem = f'write a duration such as "500ms", "2s", "10m" or "1h", not {shown(value)}'
            raise self.error(key, problem)
        found = float(match[1]) * UNITS_S[match[2]]
        if not found and not zero:
            raise self.error(key, "write a duration longer than nothing")
        return found

    def flag(self, key: str, *, default: bool) -> bool:
        """Read true or false."""
        value = self.values.get(key, default)
        if not isinstance(value, bool):
            raise self.error(key, f"write true or false, not {shown(value)}")
        return value

    def line(self, key: str, default: str | None, example: str) -> str:
        """Read a text of one line."""
        if key not in self.values and default is None:
            raise self.missing(key, example)
        value = self.values.get(key, default)
        if not isinstance(value, str) or (value != default and not value.strip()):
            raise self.error(key, f"write a text such as {example}, not {shown(value)}")
        if not value.isprintable():
            raise self.error(key, "write the text on one line, without control characters")
        return value

    def words(self, key: str, default: tuple[str, ...] | None, example: str) -> tuple[str, ...]:
        """Read a list of texts without doubles."""
        if key not in self.values and default is None:
            raise self.missing(key, example)
        value = self.values.get(key, default)
        if isinstance(value, tuple):
            return value
        if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
            raise self.error(key, f"write a list such as {example}, not {shown(value)}")
        return tuple(dict.fromkeys(value))

    def targets(self, key: str, example: str) -> str | tuple[str, ...]:
        """Read a text that names servers, or a list of such texts, which adds up."""
        value = self.values.get(key)
        if not isinstance(value, list):
            return self.line(key, None, example)
        found = self.words(key, None, f"[{example}]")
        if not found or not all(text.strip() and text.isprintable() for text in found):
            raise self.error(key, f"write a list such as [{example}], not {shown(value)}")
        return found

    def actions(self, key: str, default: tuple[str, ...] | None) -> frozenset[request.Action]:
        """Read a list of actions."""
        typed = self.words(key, default, '["on", "off", "reboot", "cycle"]')
        found = [word.strip().lower() for word in typed]
        for word in found:
            if word not in ACTIONS:
                hint = closest(word, ACTIONS) or f"; the actions are {', '.join(ACTIONS)}"
                raise self.error(key, f"{shown(word)} is no action{hint}")
        return frozenset(map(request.Action, found))

    def people(
        self, key: str, default: tuple[str, ...] | None, people: Collection[str]
    ) -> tuple[str, ...]:
        """Read a list of groups of `[people]`."""
        found = self.words(key, default, '["sre"]')
        for word in found:
            self._check_people(key, word, people)
        return found

    def _check_people(self, key: str | tuple[str, ...], word: str, people: Collection[str]) -> None:
        """Accept a group that `[people]` has."""
        if word not in people:
            hint = closest(word, people) or f"; add {shown(word)} there, or name another"
            raise self.error(key, f"{shown(word)} isn't a group of [people]{hint}")

    def needs(self, keys: str | tuple[str, ...], value: object, people: Collection[str]) -> Needs:
        """Read a table of groups and how many distinct people of each must agree."""
        names = (keys,) if isinstance(keys, str) else keys
        if not isinstance(value, Mapping):
            raise self.error(names, f"write groups with counts: {{ sre = 1 }}, not {shown(value)}")
        found: list[plan.Need] = []
        for group, count in value.items():
            self._check_people((*names, group), group, people)
            checked = self._checked_whole((*names, group), count, 1, MOST_APPROVALS)
            found.append(plan.Need(group=group, count=checked))
        return tuple(found)

    def moment(self, key: str) -> datetime.datetime:
        """Read an instant, which must say its distance from UTC."""
        example = "2026-12-20T00:00:00+01:00"
        if key not in self.values:
            raise self.missing(key, example)
        value = self.values[key]
        if not isinstance(value, datetime.datetime) or value.tzinfo is None:
            problem = f"write a date and time with its offset, such as {example} without quotes"
            raise self.error(key, f"{problem}, not {shown(value)}")
        return value
