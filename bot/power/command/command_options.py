"""Options as people type them, `--batch 5` or a phone's `—batch=5`, taken out of the targets."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from bot.power import errors, request
from bot.power.text import nearest, times, typography
from bot.power.vocabulary import OPTIONS

MOST_SERVERS = 10_000  # In one request, whatever the policy says.
MOST_PAUSE_S = 3600.0  # An hour.
UNIT_WORD = re.compile(r"(?:ms|s|m|h|sec|min|hour|day)[a-z]*", re.IGNORECASE)
# Narrow enough to be shown as it is, and to hold no mention and no link.
INCIDENT = re.compile(r"[A-Za-z0-9#][A-Za-z0-9._#/-]{0,79}")
STEP = re.compile(r"[A-Za-z0-9_-]{1,60}")
# A minus before a digit begins a number, which the option in front of it will refuse.
OPTION = re.compile(r"-+(?![0-9])(.*)", re.DOTALL)

# A word with a dash in front that is no option but a server.
TARGET = re.compile(r"^-+[^=]*[0-9@:*\[]")

# What other tools call the reason.
REASONS = frozenset({"--reason", "--because", "--why", "--message", "--comment", "--m", "--r"})

Value = bool | int | float | str | tuple[str, ...]


def name_of(word: str) -> str:
    """Return the name of the option that a word is meant to be, or an empty text.

    Phones make one dash of two, so one is as good as two.
    """
    match = OPTION.fullmatch(word)
    return f"--{match[1].partition('=')[0].lower()}" if match else ""


def read(words: Sequence[str]) -> tuple[list[str], request.Options]:
    """Part words into targets and options; a mistake's suggestion is all the words, mended.

    Raises:
        UserMistake: an option is unknown, given twice, or its value can't be used.

    """
    targets: list[str] = []
    values: dict[str, Value] = {}
    place = 0
    while place < len(words):
        name = name_of(words[place])
        # Within open brackets a dash is a range's; the targets say that no space may be in them.
        open_brackets = bool(targets) and targets[-1].count("[") > targets[-1].count("]")
        if not name or (name == "--" and open_brackets):
            targets.append(words[place])
            place += 1
            continue
        end = place + _length(name, words[place:])
        try:
            value = _read_one(name, words[place:end], taken=name in values)
        except errors.UserMistake as mistake:
            better = mistake.suggestion
            mended = [*words[:place], *([better] if better else []), *words[end:]]
            # Nobody knows which of two values is meant.
            doubled = name in values and not OPTIONS[name].value
            raise errors.UserMistake(
                mistake.problem,
                token=typography.shown(mistake.token),
                suggestion=" ".join(mended) if better or doubled else "",
            ) from None
        if isinstance(value, tuple):
            before = values.get(name, ())
            value = (*(before if isinstance(before, tuple) else ()), *value)
        values[name] = value
        place = end
    return targets, _options(values)


def _length(name: str, words: Sequence[str]) -> int:
    """Return how many words an option takes up, as it was perhaps meant."""
    following = words[1] if len(words) > 1 else ""
    if name == "--":
        return 2 if f"--{following}" in OPTIONS else 1
    if "=" in words[0] or name not in OPTIONS or not OPTIONS[name].value or name_of(following):
        return 1
    if name == "--pause" and len(words) > 2 and UNIT_WORD.fullmatch(words[2]):
        return 3
    return min(2, len(words))


def _read_one(name: str, words: Sequence[str], *, taken: bool) -> Value:
    """Return the value of one option, True for one that takes none."""
    _refuse_unknown(name, words)
    # Of two batches nobody knows which was meant; steps add up.
    if taken and name != "--without":
        raise errors.UserMistake(f"{name} is given twice.", token=words[0])
    equals = "=" in words[0]
    value = words[0].partition("=")[2] if equals else " ".join(words[1:])
    if not OPTIONS[name].value:
        if equals:
            # --break-glass=no means that the person doesn't want it at all.
            better = "" if name == "--break-glass" else name
            raise errors.UserMistake(f"{name} takes no value.", token=words[0], suggestion=better)
        return True
    value = value.strip('"')
    if not value:
        problem = f"{name} needs a value, such as {written(name)}."
        raise errors.UserMistake(problem, token=words[0])
    return READERS[name](name, value)


def _refuse_unknown(name: str, words: Sequence[str]) -> None:
    """Accept a name that is in the table."""
    if name in OPTIONS:
        return
    if name == "--" and len(words) == 1:
        problem = (
            "A dash alone means nothing here: a reason begins with because, "
            "and ! in front of a server takes it out."
        )
        raise errors.UserMistake(problem, token=words[0])
    if name == "--":
        problem = "Put the dashes right before the option's name, without a space."
        raise errors.UserMistake(problem, token=words[0], suggestion=f"--{words[1]}")
    if name in REASONS:
        problem = "A reason isn't an option; put it at the end, after because."
        value = words[0].partition("=")[2].strip('"')
        raise errors.UserMistake(problem, token=words[0], suggestion=f"because {value}".strip())
    near = nearest.words(name, OPTIONS)
    if not near and TARGET.search(words[0]):
        problem = f"A dash doesn't take a server out; write ! instead: !{words[0].lstrip('-')}."
        raise errors.UserMistake(problem, token=words[0], suggestion=f"!{words[0].lstrip('-')}")
    hint = f"Did you mean {near[0]}?" if near else f"The options are {', '.join(OPTIONS)}."
    raise errors.UserMistake(
        f"There is no option {typography.shown(name)}. {hint}",
        token=words[0],
        suggestion=near[0] + words[0].lstrip("-")[len(name) - 2 :] if near else "",
    )


def written(name: str) -> str:
    """Return an option with its example value."""
    return f"{name} {OPTIONS[name].example}".strip()


def _whole(name: str, value: str) -> int:
    """Return a whole number from 1 to the most servers that a request can have."""
    if not re.fullmatch(r"[0-9]{1,9}", value) or not 1 <= int(value) <= MOST_SERVERS:
        raise _unusable(name, value, f"takes a whole number from 1 to {MOST_SERVERS:,}")
    return int(value)


def _seconds(name: str, value: str) -> float:
    """Return a time in seconds."""
    seconds = times.duration_s(value)
    if seconds is None:
        raise _unusable(name, value, "takes a number with ms, s, m or h right after it")
    if seconds > MOST_PAUSE_S:
        raise _unusable(name, value, "takes at most one hour, 1h")
    return seconds


def _incident(name: str, value: str) -> str:
    """Return the name of an incident."""
    if not INCIDENT.fullmatch(value):
        rule = "takes one name of letters, digits and . _ # / -, at most 80 characters"
        raise _unusable(name, value, rule)
    return value


def _steps(name: str, value: str) -> tuple[str, ...]:
    """Return names of steps."""
    found = tuple(word for word in value.split(",") if word)
    if not found or not all(STEP.fullmatch(word) for word in found):
        raise _unusable(name, value, "takes the name of a step, or all")
    return found


READERS: dict[str, Callable[[str, str], Value]] = {
    "--batch": _whole,
    "--pause": _seconds,
    "--max-failures": _whole,
    "--incident": _incident,
    "--without": _steps,
}


def _unusable(name: str, value: str, rule: str) -> errors.UserMistake:
    """Return the error for a value that an option doesn't take."""
    return errors.BadValue(name, rule, value, typography.shown(value))


def _options(values: dict[str, Value]) -> request.Options:
    """Return options as the model that requests keep."""
    given = {name[2:].replace("-", "_"): value for name, value in values.items()}
    if "pause" in given:
        given["pause_s"] = given.pop("pause")
    if isinstance(without := given.get("without"), tuple):
        given["without"] = tuple(dict.fromkeys(without))
    return request.Options.model_validate(given)
