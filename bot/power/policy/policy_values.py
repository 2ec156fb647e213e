"""The values of the policy file: each is checked where it stands, each mistake is a sentence.

A type here is what a field of a table's model (`policy_tables`) is annotated with.
"""

from __future__ import annotations

import dataclasses
import datetime
import re
from collections.abc import Callable, Collection, Mapping
from typing import Annotated, Any, TypeVar

import pydantic

from bot.power import errors, plan, request
from bot.power.policy import policy, reason_patterns
from bot.power.policy.policy_mistakes import closest, shown, wrong
from bot.power.targets import targets
from bot.power.text import times

E = TypeVar("E", bound=str)

COUNT = re.compile(r"[1-9][0-9]{0,4}")  # TOML's keys are texts.
CHANNEL = re.compile(r"[CG][A-Z0-9]{2,30}")  # C, or G for older private channels.
ACTIONS = tuple(action.value for action in request.Action)
MOST_APPROVALS = 100  # Of one group.
MOST_SERVERS = 10_000


@dataclasses.dataclass(frozen=True, slots=True)
class KnownNames:
    """The names that other tables have, by which a value is checked: pydantic's context."""

    people: Collection[str] = ()
    groups: Mapping[str, targets.Text] = dataclasses.field(default_factory=dict)
    steps: Collection[str] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Chosen:
    """Servers as the file describes them, with its text."""

    text: targets.Text
    servers: policy.Selection


Info = pydantic.ValidationInfo[Any]
Turns = tuple[tuple[str, policy.Selection], ...]


def is_whole(value: object) -> bool:
    """Whether a value is a whole number; TOML's true and false aren't."""
    return isinstance(value, int) and not isinstance(value, bool)


# -- checks; each returns the value, or raises what is wrong with it


def line(value: object, example: str) -> str:
    """Accept a text of one line that says something."""
    if not isinstance(value, str) or not value.strip():
        raise wrong(f"write a string such as {example}, not {shown(value)}")
    if not value.isprintable():
        raise wrong("write the string on one line, without control characters")
    return value


def words(value: object, example: str, *below: str) -> tuple[str, ...]:
    """Accept a list of texts; doubles count once."""
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise wrong(f"write a list such as {example}, not {shown(value)}", *below)
    return tuple(dict.fromkeys(value))


def whole(value: object, high: int, *below: str) -> int:
    """Accept a whole number from 1."""
    if not isinstance(value, int) or not is_whole(value) or not 1 <= value <= high:
        raise wrong(f"write a whole number from 1 to {high}, not {shown(value)}", *below)
    return value


def target_text(value: object, example: str, *below: str) -> targets.Text:
    """Accept a text that names servers, or a list of such texts, which adds up."""
    if not isinstance(value, list):
        if not isinstance(value, str) or not value.strip():
            raise wrong(f"write a string such as {example}, not {shown(value)}", *below)
        if not value.isprintable():
            raise wrong("write the string on one line, without control characters", *below)
        return value
    found = words(value, f"[{example}]", *below)
    if not found or not all(text.strip() and text.isprintable() for text in found):
        raise wrong(f"write a list such as [{example}], not {shown(value)}", *below)
    return found


def selection(text: targets.Text, groups: targets.Groups, *below: str) -> policy.Selection:
    """Parse a text that names servers, with its mistakes told as mistakes of the file."""
    try:
        found = targets.parse_policy_targets(text, groups)
    except errors.UserMistake as mistake:
        problem = mistake.problem.rstrip(".")
        token = errors.lead(mistake.token, problem)
        quoted = f"{shown(token)}: " if token else ""
        hint = f"; write {mistake.suggestion}" if mistake.suggestion else ""
        raise wrong(f"{quoted}{problem}{hint}", *below) from mistake
    # What a text that only takes out protects or keeps would be nothing.
    if all(term.takes_out for term in found.terms):
        raise wrong("first say which servers you mean; ! only takes some of them out", *below)
    return found


def one_of(value: object, kind: type[E], said: str) -> E:
    """Accept one of a few words, in whatever case."""
    word = value.strip().lower() if isinstance(value, str) else ""
    for one in kind:  # type: ignore[attr-defined]
        if one == word:
            found: E = one
            return found
    raise wrong(f"write {said}, not {shown(value)}")


def _known_people(word: str, people: Collection[str], *below: str) -> None:
    if word not in people:
        hint = closest(word, people) or f"; add {shown(word)} there, or name another"
        raise wrong(f"{shown(word)} isn't a group in [people]{hint}", *below)


def needs(value: object, people: Collection[str], *below: str) -> policy.Needs:
    """Accept groups of people, and how many distinct people of each must agree."""
    if not isinstance(value, Mapping):
        raise wrong(f"write groups with counts: {{ sre = 1 }}, not {shown(value)}", *below)
    found: list[plan.Need] = []
    for group, count in value.items():
        _known_people(group, people, *below, group)
        checked = whole(count, MOST_APPROVALS, *below, group)
        found.append(plan.Need(group=group, count=checked))
    return tuple(found)


# -- types of fields


def _seconds(zero: bool) -> Callable[[object], float]:
    def seconds(value: object) -> float:
        found = times.duration_s(value) if isinstance(value, str) else None
        if found is None:
            said = 'write a duration such as "500ms", "2s", "10m" or "1h"'
            raise wrong(f"{said}, not {shown(value)}")
        if not found and not zero:
            raise wrong("write a duration longer than zero")
        return found

    return seconds


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise wrong(f"write true or false, not {shown(value)}")
    return value


def _moment(value: object) -> datetime.datetime:
    if not isinstance(value, datetime.datetime) or value.tzinfo is None:
        problem = f"write a date and time with its offset, such as {A_MOMENT} without quotes"
        raise wrong(f"{problem}, not {shown(value)}")
    return value


def _sizes(value: object) -> tuple[int, ...]:
    if not isinstance(value, list) or not all(map(is_whole, value)):
        raise wrong(f"write a list such as [1, 5], not {shown(value)}")
    return tuple(value)


def _actions(value: object) -> frozenset[request.Action]:
    found = [word.strip().lower() for word in words(value, SOME_ACTIONS)]
    for word in found:
        if word not in ACTIONS:
            hint = closest(word, ACTIONS) or f"; the actions are {', '.join(ACTIONS)}"
            raise wrong(f"{shown(word)} isn't an action{hint}")
    return frozenset(map(request.Action, found))


def _people(value: object, people: Collection[str]) -> tuple[str, ...]:
    found = words(value, '["sre"]')
    for word in found:
        _known_people(word, people)
    return found


def _override(value: object, people: Collection[str]) -> policy.Needs:
    found = needs(value, people)
    if not found:
        raise wrong("name a group, or leave the key out: then nothing passes")
    return found


def _rows(value: object, people: Collection[str]) -> tuple[tuple[int, policy.Needs], ...]:
    if not isinstance(value, Mapping):
        raise wrong(f"write rows such as {{ 10 = {{ sre = 2 }} }}, not {shown(value)}")
    found: list[tuple[int, policy.Needs]] = []
    for count, row in value.items():
        if not COUNT.fullmatch(count) or int(count) > MOST_SERVERS:
            problem = f"begin a row with a number of servers from 1 to {MOST_SERVERS}"
            raise wrong(f"{problem}, not {shown(count)}", count)
        found.append((int(count), needs(row, people, count)))
    return tuple(sorted(found, key=lambda row: row[0]))


def _pattern(value: object) -> str:
    pattern = "" if value == "" else line(value, '"INC-[0-9]+"')
    if problem := reason_patterns.problem(pattern):
        raise wrong(problem)
    return pattern


def _channels(value: object) -> frozenset[str]:
    found = words(value, '["C0123456789"]')
    for word in found:
        if not CHANNEL.fullmatch(word):
            problem = f"{shown(word)} isn't a channel id; write the id that begins with C"
            raise wrong(f"{problem} and is shown at the end of the channel's details")
    return frozenset(found)


def _chosen(value: object, groups: targets.Groups) -> Chosen:
    text = target_text(value, '"web*"')
    return Chosen(text, selection(text, groups))


def _once_each(value: object, found: tuple[str, ...], what: str) -> None:
    """Refuse a list whose order counts, where something is in it twice."""
    if isinstance(value, list) and len(value) != len(found):
        double = next(word for word in found if value.count(word) > 1)
        raise wrong(f"{what} {shown(double)} is listed twice; leave one out")


def _chosen_in_turn(value: object, groups: targets.Groups) -> Turns:
    texts = words(value, '["@db", "@web"]')
    _once_each(value, texts, "group")
    return tuple((text, selection(text, groups)) for text in texts)


def _step_names(found: tuple[str, ...], among: Collection[str], otherwise: str) -> tuple[str, ...]:
    for word in found:
        if word not in among:
            raise wrong(f"{shown(word)} isn't a step here{closest(word, among) or otherwise}")
    return found


def _steps(value: object, steps: Collection[str]) -> tuple[str, ...]:
    found = _step_names(words(value, SOME_STEPS), steps, "; add a [[step]] with this name")
    _once_each(value, found, "step")
    return found


def _skipped(value: object, info: Info) -> tuple[str, ...]:
    """Accept steps of the rule's own list, which is read before."""
    found = words(value, SOME_STEPS)
    return _step_names(found, info.data.get("steps") or (), "; name one of steps")


def checked(check: Callable[..., Any], *given: object) -> pydantic.PlainValidator:
    """Return what makes a field's type of a check that takes more than the value."""
    return pydantic.PlainValidator(lambda value: check(value, *given))


def _by(names: str, check: Callable[..., Any]) -> pydantic.PlainValidator:
    """Return what makes a field's type of a check by the names of another table."""

    def by_names(value: object, info: Info) -> Any:
        return check(value, getattr(info.context, names))

    return pydantic.PlainValidator(by_names)


A_MOMENT = "2026-12-20T00:00:00+01:00"
SOME_ACTIONS = '["on", "off", "reboot", "cycle"]'
SOME_STEPS = '["quiet", "drain"]'
Seconds = Annotated[float, pydantic.PlainValidator(_seconds(zero=False))]
SecondsOrNone = Annotated[float, pydantic.PlainValidator(_seconds(zero=True))]
Count = Annotated[int, checked(whole, 1_000_000)]
Servers = Annotated[int, checked(whole, MOST_SERVERS)]
Flag = Annotated[bool, pydantic.PlainValidator(_flag)]
Moment = Annotated[datetime.datetime, pydantic.PlainValidator(_moment)]
Sizes = Annotated[tuple[int, ...], pydantic.PlainValidator(_sizes)]
Actions = Annotated[frozenset[request.Action], pydantic.PlainValidator(_actions)]
People = Annotated[tuple[str, ...], _by("people", _people)]
Needs = Annotated[policy.Needs, _by("people", needs)]
Override = Annotated[policy.Needs, _by("people", _override)]
Rows = Annotated[tuple[tuple[int, policy.Needs], ...], _by("people", _rows)]
Pattern = Annotated[str, pydantic.PlainValidator(_pattern)]
Channels = Annotated[frozenset[str], pydantic.PlainValidator(_channels)]
Targets = Annotated[Chosen, _by("groups", _chosen)]
TargetsInTurn = Annotated[Turns, _by("groups", _chosen_in_turn)]
OnChange = Annotated[plan.OnChange, checked(one_of, plan.OnChange, '"skip" or "stop"')]
Notify = Annotated[plan.Notify, checked(one_of, plan.Notify, '"people", "group" or "none"')]
Steps = Annotated[tuple[str, ...], _by("steps", _steps)]
Skipped = Annotated[tuple[str, ...], pydantic.PlainValidator(_skipped)]
