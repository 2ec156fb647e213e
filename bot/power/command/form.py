"""A request that was filled in instead of typed: the same words, the same rules, errors by field.

What is read here is exactly what the parser would have read, so that both ways end in one plan.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable, Mapping

from bot.power import errors, request, server
from bot.power.command import command_line, command_options, offered_lines
from bot.power.command.command import Change
from bot.power.request import Action
from bot.power.targets import target_words, targets
from bot.power.text import typography

MOST_CHARACTERS = command_line.MOST_RAW


class FormField(enum.StrEnum):
    """What there is to fill in."""

    ACTION = "action"
    SERVERS = "servers"
    REASON = "reason"
    INCIDENT = "incident"
    CHANNEL = "channel"
    BATCH = "batch"
    PAUSE = "pause"
    MAX_FAILURES = "max_failures"
    BREAK_GLASS = "break_glass"


OPTIONS = {
    FormField.BATCH: "--batch",
    FormField.PAUSE: "--pause",
    FormField.MAX_FAILURES: "--max-failures",
    FormField.INCIDENT: "--incident",
}


@dataclasses.dataclass(frozen=True, slots=True)
class ReadForm:
    """A form as it was understood, or what is wrong with it, by field."""

    change: Change | None
    problems: Mapping[FormField, str]


def read(
    filled: Mapping[str, str],
    groups: targets.Groups,
    snapshot: server.Snapshot | None = None,
) -> ReadForm:
    """Read a form; servers stand in it as target terms, parted by spaces."""
    problems: dict[FormField, str] = {}

    def given(field: FormField, reader: Callable[[str], object]) -> object:
        text = filled.get(field.value, "")
        try:
            # Before it is stripped or parsed: a cut value could lose what it takes out.
            _refuse_long(text)
            return reader(text.strip())
        except errors.UserMistake as mistake:
            problems[field] = sentence(offered(mistake, filled, groups, snapshot))
            return None

    action = given(FormField.ACTION, _action)
    named = given(FormField.SERVERS, lambda text: _targets(text, groups))
    reason = given(FormField.REASON, command_line.bounded_reason)
    options = {name: given(field, _option(name)) for field, name in OPTIONS.items()}
    if problems or not isinstance(action, Action):
        return ReadForm(None, problems)
    made = request.Options.model_validate(
        {
            "batch": options["--batch"],
            "pause_s": options["--pause"],
            "max_failures": options["--max-failures"],
            "incident": options["--incident"] or "",
            "break_glass": bool(filled.get(FormField.BREAK_GLASS.value)),
        }
    )
    return ReadForm(Change(action, str(named), made, str(reason)), {})


def offered(
    mistake: errors.UserMistake,
    filled: Mapping[str, str],
    groups: targets.Groups,
    snapshot: server.Snapshot | None,
) -> errors.UserMistake:
    """Return a mistake with better targets only where they may be offered."""
    action, typed = (filled.get(field.value, "") for field in (FormField.ACTION, FormField.SERVERS))
    known = offered_lines.TypedLine(f"{action} {typed}", snapshot, groups)
    held = offered_lines.checked(f"{action} {mistake.suggestion}", known)
    better = mistake.suggestion if mistake.suggestion and held else ""
    return errors.UserMistake(mistake.problem, token=mistake.token, suggestion=better)


def _refuse_long(text: str) -> None:
    """Refuse what no field takes, before any of it is left out."""
    if len(text) > MOST_CHARACTERS:
        problem = f"This has {len(text):,} characters; a field takes at most {MOST_CHARACTERS:,}."
        raise errors.UserMistake(problem)


def sentence(mistake: errors.UserMistake) -> str:
    """Return a mistake as the words under a field: what is wrong, and what to choose instead."""
    better = f" Try {mistake.suggestion}" if mistake.suggestion else ""
    return f"{errors.sentence(mistake.token, mistake.problem)}{better}"


def _action(text: str) -> Action:
    """Return the action that was chosen."""
    if text not in set(Action):
        raise errors.UserMistake("Choose what to do.")
    return Action(text)


def _targets(text: str, groups: targets.Groups) -> str:
    """Return the servers as target text that can be parsed."""
    if not text:
        raise errors.UserMistake("Choose at least one server, group or tag.")
    words = [word.text for word in typography.words(text)]
    return targets.parse(" ".join(target_words.understood(words)), groups).text


def _option(name: str) -> Callable[[str], object]:
    """Return the reader of an option that may be left empty."""

    def read_one(text: str) -> object:
        value = typography.plain(text)
        try:
            return command_options.READERS[name](name, value) if value else None
        except errors.BadValue as mistake:
            raise errors.UserMistake(mistake.under_its_label) from None

    return read_one
