"""A small language for the shape of JSON: strings, texts, lists, records, choices by `type`.

A check looks at one value and writes what is wrong into a report, in Slack's own wording and with
a JSON pointer. It never raises, so that one look finds all mistakes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.workspace.base import limits
from bot.sandbox.workspace.base.json_types import Json


@dataclass(slots=True)
class Report:
    """The mistakes that were found, as Slack words them; a bounded list."""

    errors: list[str] = field(default_factory=list)

    def add(self, message: str, at: str) -> None:
        """Write one mistake down."""
        if len(self.errors) < limits.ERRORS_PER_ANSWER:
            self.errors.append(f"{message} [json-pointer:{at}]")


Check = Callable[[Any, str, Report], None]


def string(maximum: int | None = None, minimum: int = 0, one_of: Sequence[str] = ()) -> Check:
    """A string; lengths count Unicode code points, as Slack's do."""

    def check(value: Any, at: str, report: Report) -> None:
        if not isinstance(value, str):
            report.add("must be a string", at)
            return
        if len(value) < minimum:
            report.add(f"must be more than {minimum - 1} characters", at)
        if maximum is not None and len(value) > maximum:
            report.add(f"must be less than {maximum + 1} characters", at)
        if one_of and value not in one_of:
            report.add(f"must be one of: {', '.join(one_of)}", at)

    return check


def boolean(value: Any, at: str, report: Report) -> None:
    """True or false."""
    if not isinstance(value, bool):
        report.add("must be a boolean", at)


def integer(minimum: int | None = None, maximum: int | None = None) -> Check:
    """A whole number within bounds."""

    def check(value: Any, at: str, report: Report) -> None:
        if not isinstance(value, int) or isinstance(value, bool):
            report.add("must be an integer", at)
            return
        if minimum is not None and value < minimum:
            report.add(f"must be greater than or equal to {minimum}", at)
        if maximum is not None and value > maximum:
            report.add(f"must be less than or equal to {maximum}", at)

    return check


def number(value: Any, at: str, report: Report) -> None:
    """Any number."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        report.add("must be a number", at)


def array(item: Check, minimum: int = 0, maximum: int | None = None) -> Check:
    """A list of so many items."""

    def check(value: Any, at: str, report: Report) -> None:
        if not isinstance(value, list):
            report.add("must be an array", at)
            return
        if len(value) < minimum:
            report.add(f"no less than {minimum} items allowed", at)
        if maximum is not None and len(value) > maximum:
            report.add(f"no more than {maximum} items allowed", at)
            return
        for index, one in enumerate(value):
            item(one, f"{at}/{index}", report)

    return check


def record(fields: Mapping[str, Check], required: Sequence[str] = ()) -> Check:
    """An object with these keys and no others."""

    def check(value: Any, at: str, report: Report) -> None:
        if not isinstance(value, dict):
            report.add("must be an object", at)
            return
        for name in required:
            if name not in value:
                report.add(f"missing required field: {name}", at)
        for name, one in value.items():
            if name in fields:
                fields[name](one, f"{at}/{name}", report)
            else:
                report.add(f"invalid additional property: {name}", at)

    return check


def by_type(kinds: Mapping[str, Check]) -> Check:
    """An object whose `type` chooses its shape."""

    def check(value: Any, at: str, report: Report) -> None:
        if not isinstance(value, dict):
            report.add("must be an object", at)
            return
        kind = value.get("type")
        if not isinstance(kind, str):
            report.add("missing required field: type", at)
        elif kind not in kinds:
            report.add(f"unsupported type: {kind}", f"{at}/type")
        else:
            kinds[kind](value, at, report)

    return check


def kind(fields: Mapping[str, Check], required: Sequence[str] = ()) -> Check:
    """A record that also has the `type` by which it was chosen."""
    return record({"type": string(), **fields}, required)


def together(*checks: Check) -> Check:
    """A value that must pass several checks."""

    def check(value: Any, at: str, report: Report) -> None:
        for one in checks:
            one(value, at, report)

    return check


def rule(holds: Callable[[Json], bool], message: str) -> Check:
    """A condition over the keys of one object; anything but an object is another check's matter."""

    def check(value: Any, at: str, report: Report) -> None:
        if isinstance(value, dict) and not holds(value):
            report.add(message, at)

    return check


def plain_text(maximum: int, minimum: int = 1) -> Check:
    """A text object of type plain_text."""
    fields = {"text": string(maximum, minimum), "emoji": boolean}
    return by_type({"plain_text": kind(fields, ["text"])})


def any_text(maximum: int, minimum: int = 1) -> Check:
    """A text object of either type."""
    words = string(maximum, minimum)
    return by_type(
        {
            "plain_text": kind({"text": words, "emoji": boolean}, ["text"]),
            "mrkdwn": kind({"text": words, "verbatim": boolean}, ["text"]),
        }
    )
