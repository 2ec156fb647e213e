"""What people may type after `/power` or after a mention, as a value or as one clear mistake.

`VERBS` and `OPTIONS` are the only list of what there is: the parser, the help and the errors
read it.
"""

from __future__ import annotations

import dataclasses
import difflib
import re

from bot.power import errors, request, typography
from bot.power.request import Action

MAX_TEXT = 4_000
MAX_REASON = 500
UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
DURATION = re.compile(r"([0-9]{1,6})(ms|s|m|h)")
REQUEST_ID = re.compile(
    rf"(?:pr-?)?([{request.ID_ALPHABET.lower()}]{{{request.ID_LENGTH}}})",
    re.IGNORECASE | re.ASCII,
)
BECAUSE = "because"


@dataclasses.dataclass(frozen=True, slots=True)
class Verb:
    """A verb: how it is written, what it does in one line, and an example."""

    usage: str
    does: str
    example: str


CHANGE = "TARGETS [OPTIONS] [because REASON]"
VERBS: dict[str, Verb] = {
    "on": Verb(f"on {CHANGE}", "switches servers on", "on web[01-03]"),
    "off": Verb(
        f"off {CHANGE}", "shuts servers down and switches them off", "off web07 because new disk"
    ),
    "reboot": Verb(
        f"reboot {CHANGE}",
        "restarts servers; the call is sent once",
        "reboot web[01-20] !web07 because kernel panic",
    ),
    "cycle": Verb(
        f"cycle {CHANGE}",
        "switches servers off, proven, then on, proven",
        "cycle db03 because INC-42 hangs",
    ),
    "status": Verb("status [TARGETS]", "shows power states", "status rack:R12"),
    "list": Verb("list [TARGETS]", "lists servers with their details", "list state:off"),
    "requests": Verb("requests", "shows open requests, yours to approve first", "requests"),
    "show": Verb("show ID", "shows one request", "show PR-7F3K"),
    "history": Verb("history [TARGETS]", "shows past changes of servers", "history db03"),
    "why": Verb("why SERVER", "says who changed a server last, and why", "why web01"),
    "stop": Verb("stop ID", "stops a running request: no new call leaves", "stop PR-7F3K"),
    "cancel": Verb("cancel ID", "takes your own request back", "cancel PR-7F3K"),
    "freeze": Verb("freeze REASON", "holds all changes back", "freeze network work until 04:00"),
    "unfreeze": Verb("unfreeze", "ends the freeze", "unfreeze"),
    "help": Verb("help [VERB]", "explains", "help reboot"),
}
OPTIONS: dict[str, str] = {
    "--dry-run": "shows the plan and ends there",
    "--batch": "at most N servers in a wave",
    "--pause": "waits between waves, such as 30s",
    "--max-failures": "stops at N failures",
    "--incident": "names the incident",
    "--break-glass": "at once, in public, reviewed later",
}
FLAGS = frozenset({"--dry-run", "--break-glass"})


@dataclasses.dataclass(frozen=True, slots=True)
class Change:
    """Do something to servers; `targets` is text for `targets.parse`."""

    action: Action
    targets: str
    options: request.Options
    reason: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Read:
    """`status`, `list` or `history` of all servers, or of those that are named."""

    verb: str
    targets: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Why:
    """Who changed a server last."""

    server: str


@dataclasses.dataclass(frozen=True, slots=True)
class Show:
    """One request."""

    request_id: str


@dataclasses.dataclass(frozen=True, slots=True)
class Requests:
    """Open requests."""


@dataclasses.dataclass(frozen=True, slots=True)
class Stop:
    """Stop a running request."""

    request_id: str


@dataclasses.dataclass(frozen=True, slots=True)
class Cancel:
    """Take one's own request back."""

    request_id: str


@dataclasses.dataclass(frozen=True, slots=True)
class Freeze:
    """Hold all changes back."""

    reason: str


@dataclasses.dataclass(frozen=True, slots=True)
class Unfreeze:
    """End the freeze."""


@dataclasses.dataclass(frozen=True, slots=True)
class Help:
    """Explain one verb, or all (None)."""

    verb: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class OpenForm:
    """Bare `/power`."""


Command = (
    Change | Read | Why | Show | Requests | Stop | Cancel | Freeze | Unfreeze | Help | OpenForm
)


def parse(text: str) -> Command:
    """Parse what follows `/power` or the mention.

    Raises:
        UserMistake: it can't be understood; nothing else is ever raised.
    """
    if len(text) > MAX_TEXT:
        raise errors.UserMistake(f"A command has at most {MAX_TEXT} characters.")
    words = typography.plain(typography.undo_slack(text)).split()
    if not words:
        return OpenForm()
    verb, rest = words[0].lower(), words[1:]
    if verb not in VERBS:
        raise _unknown_verb(words[0], rest)
    if verb in tuple(Action):
        return _change(Action(verb), rest)
    return _other(verb, rest)


def _unknown_verb(word: str, rest: list[str]) -> errors.UserMistake:
    """Return the error for a verb that there isn't, with the nearest one."""
    near = difflib.get_close_matches(word.lower()[:20], VERBS, n=1, cutoff=0.5)
    line = f"/power {' '.join([near[0], *rest])}"[:200] if near else "/power help"
    return errors.UserMistake(
        f'There is no verb "{word[:40]}"; there are {", ".join(VERBS)}.',
        token=word[:40],
        suggestion=line,
    )


def _other(verb: str, rest: list[str]) -> Command:
    """Parse a verb that changes no server."""
    text = " ".join(rest)
    match verb:
        case "status" | "list" | "history":
            return Read(verb, text)
        case "why":
            return Why(_one(verb, rest, "a server"))
        case "show":
            return Show(_request_id(verb, rest))
        case "stop":
            return Stop(_request_id(verb, rest))
        case "cancel":
            return Cancel(_request_id(verb, rest))
        case "freeze":
            return Freeze(_reason(verb, text))
        case "help":
            return Help(_helped(rest))
        case _:
            if rest:
                raise _mistake(verb, f"{verb} takes nothing after it.", rest[0])
            return Unfreeze() if verb == "unfreeze" else Requests()


def _mistake(verb: str, problem: str, token: str = "") -> errors.UserMistake:
    """Return an error with the verb's example as the line to copy."""
    return errors.UserMistake(problem, token=token[:80], suggestion=f"/power {VERBS[verb].example}")


def _one(verb: str, rest: list[str], what: str) -> str:
    """Return the one word after a verb."""
    if len(rest) != 1:
        raise _mistake(verb, f"{verb} takes {what}.", " ".join(rest))
    return rest[0]


def _request_id(verb: str, rest: list[str]) -> str:
    """Return a request's id, however it was typed: pr7f3k, PR-7F3K or 7f3k."""
    word = _one(verb, rest, "the id of a request, such as PR-7F3K")
    match = REQUEST_ID.fullmatch(word)
    if match is None:
        raise _mistake(verb, f'"{word[:40]}" is no id of a request; they look like PR-7F3K.', word)
    return request.ID_PREFIX + match[1].upper()


def _reason(verb: str, text: str) -> str:
    """Return a reason that isn't empty and not too long."""
    text = text.removeprefix(f"{BECAUSE} ").strip()
    if not text or text == BECAUSE:
        raise _mistake(verb, f"Say why after {BECAUSE if verb != 'freeze' else verb}.")
    if len(text) > MAX_REASON:
        raise _mistake(verb, f"A reason has at most {MAX_REASON} characters.")
    return text


def _helped(rest: list[str]) -> str | None:
    """Return the verb that help is wanted for."""
    if not rest:
        return None
    if rest[0].lower() not in VERBS:
        raise _mistake("help", f'There is no verb "{rest[0][:40]}".', rest[0])
    return rest[0].lower()


def _change(action: Action, rest: list[str]) -> Change:
    """Parse a verb that changes servers: targets and options, then perhaps a reason."""
    reason = ""
    lowered = [word.lower() for word in rest]
    if BECAUSE in lowered:
        place = lowered.index(BECAUSE)
        reason = _reason(action.value, " ".join(rest[place + 1 :]))
        _refuse_late_options(action, rest[:place], rest[place + 1 :])
        rest = rest[:place]
    targets: list[str] = []
    given: dict[str, str] = {}
    waiting = list(rest)
    quoted = False
    while waiting:
        word = waiting.pop(0)
        if word.startswith("-") and len(word) > 1 and not quoted:
            name, value = _option(action, word, waiting)
            given[name] = value
        else:
            quoted ^= word.count('"') % 2 == 1
            targets.append(word)
    if not targets:
        raise _mistake(action.value, f"Say which servers to {_meaning(action)}.")
    return Change(action, " ".join(targets), _options(action, given), reason)


def _meaning(action: Action) -> str:
    """Return the verb as it reads in a sentence."""
    return {"on": "switch on", "off": "switch off"}.get(action.value, action.value)


def _refuse_late_options(action: Action, before: list[str], after: list[str]) -> None:
    """Refuse a known option in the reason: it would be read as words."""
    for place, word in enumerate(after):
        name = _canonical(word)
        if name in OPTIONS:
            end = place + (1 if name in FLAGS or "=" in word else 2)
            moved = [name + word[len(word.partition("=")[0]) :], *after[place + 1 : end]]
            rest = [*after[:place], *after[end:]]
            because = [BECAUSE, *rest] if rest else []
            line = " ".join(["/power", action.value, *before, *moved, *because])
            raise errors.UserMistake(
                f"Put {name} before {BECAUSE}.", token=word, suggestion=line[:300]
            )


def _canonical(word: str) -> str:
    """Return an option's name with two dashes and no value; phones drop a dash."""
    return f"--{word.lstrip('-').partition('=')[0].lower()}" if word.startswith("-") else word


def _option(action: Action, word: str, waiting: list[str]) -> tuple[str, str]:
    """Read one option and its value, which follows it or an equals sign."""
    name = _canonical(word)
    if name not in OPTIONS:
        near = difflib.get_close_matches(name[:20], OPTIONS, n=1, cutoff=0.5)
        raise errors.UserMistake(
            f'There is no option "{word[:40]}"; there are {", ".join(OPTIONS)}.',
            token=word[:40],
            suggestion=near[0] if near else "",
        )
    _, equals, value = word.partition("=")
    if name in FLAGS:
        if equals:
            raise _mistake(action.value, f"{name} takes no value.", word)
        return name, "yes"
    if not equals:
        value = waiting.pop(0) if waiting else ""
    if not value or value.startswith("-"):
        raise errors.UserMistake(
            f"{name} needs a value.", token=word, suggestion=f"{name} {_sample(name)}"
        )
    return name, value


def _sample(name: str) -> str:
    """Return an example value of an option."""
    return {"--pause": "30s", "--incident": "INC-42", "--max-failures": "2"}.get(name, "5")


def _options(action: Action, given: dict[str, str]) -> request.Options:
    """Return the options as values."""
    return request.Options(
        dry_run="--dry-run" in given,
        break_glass="--break-glass" in given,
        batch=_number(given, "--batch", 10_000),
        max_failures=_number(given, "--max-failures", 10_000),
        pause_s=_seconds(given),
        incident=_incident(given),
    )


def _number(given: dict[str, str], name: str, most: int) -> int | None:
    """Return a whole number from 1 to `most`."""
    if name not in given:
        return None
    value = given[name]
    if not (value.isascii() and value.isdecimal() and len(value) < 8 and 1 <= int(value) <= most):
        raise errors.UserMistake(
            f"{name} takes a whole number from 1 to {most}.",
            token=value[:40],
            suggestion=f"{name} {_sample(name)}",
        )
    return int(value)


def _seconds(given: dict[str, str]) -> float | None:
    """Return the pause in seconds, at most an hour."""
    if "--pause" not in given:
        return None
    value = given["--pause"]
    match = DURATION.fullmatch(value.lower())
    if match is None or (pause_s := int(match[1]) * UNITS_S[match[2]]) > UNITS_S["h"]:
        raise errors.UserMistake(
            "--pause takes a time such as 30s or 5m, at most 1h.",
            token=value[:40],
            suggestion="--pause 30s",
        )
    return pause_s


def _incident(given: dict[str, str]) -> str:
    """Return the incident's name."""
    value = given.get("--incident", "")
    if value and not re.fullmatch(r"[A-Za-z0-9._#/-]{1,80}", value):
        raise errors.UserMistake(
            "--incident takes a name of letters, digits and dashes, at most 80 characters.",
            token=value[:40],
            suggestion="--incident INC-42",
        )
    return value
