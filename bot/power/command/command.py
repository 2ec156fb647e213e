"""What people may type after `/power` or after a mention: a command, or one clear mistake.

`VERBS` is the only list of verbs. Targets stay text here; `targets` says what they mean.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from bot.power import errors, request, vocabulary
from bot.power.command import command_line, command_options, request_ids
from bot.power.command.command_line import Line
from bot.power.request import Action
from bot.power.targets import target_words
from bot.power.text import typography
from bot.power.vocabulary import BECAUSE, PREFIX

VERBS = vocabulary.VERBS
OPTIONS = vocabulary.OPTIONS

SAID = {Action.ON: "switch on", Action.OFF: "switch off"}
EVERYTHING = frozenset({"*", "all"})


@dataclasses.dataclass(frozen=True, slots=True)
class Change:
    """Do something to servers; `targets` is text for `targets.parse`."""

    action: Action
    targets: str
    options: request.Options = dataclasses.field(default_factory=request.Options)
    reason: str = ""

    def line(self, targets: str) -> str:
        """Return the line to type for the same change of other targets."""
        # A mended line may have found the reason among the targets.
        before, because, rest = targets.partition(f" {BECAUSE} ")
        reason = " ".join(part for part in (rest, self.reason) if part)
        words = [PREFIX, self.action.value, before, *self.written_options()]
        return " ".join([*words, BECAUSE, reason] if because or reason else words)

    def written_options(self) -> list[str]:
        """Return the options as they are typed."""
        return _written(self.options)


@dataclasses.dataclass(frozen=True, slots=True)
class Read:
    """`status`, `list` or `history` of all servers, or of those that are named."""

    verb: str
    targets: str = ""

    def line(self, targets: str) -> str:
        """Return the line to type for the same look at other targets."""
        return f"{PREFIX} {self.verb} {targets}".strip()


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
class Owed:
    """What was taken out around waves and isn't back."""


@dataclasses.dataclass(frozen=True, slots=True)
class Stop:
    """Stop a running request; `too_long` is the length of a reason that isn't kept."""

    request_id: str
    reason: str = ""
    too_long: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class Cancel:
    """Take one's own request back; `too_long` is the length of a reason that isn't kept."""

    request_id: str
    reason: str = ""
    too_long: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class Freeze:
    """Hold all changes back; the reason may have an end in it."""

    reason: str


@dataclasses.dataclass(frozen=True, slots=True)
class Unfreeze:
    """Lift one's own freeze, or every one."""

    every: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Help:
    """Explain one verb or topic, or all (None)."""

    verb: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class OpenForm:
    """Bare `/power`: choose instead of type."""


Command = (
    Change
    | Read
    | Why
    | Show
    | Requests
    | Owed
    | Stop
    | Cancel
    | Freeze
    | Unfreeze
    | Help
    | OpenForm
)


def parse(text: str) -> Command:
    """Parse what follows `/power` or the mention.

    Raises:
        UserMistake: it can't be understood.

    """
    line = command_line.read(text)
    if line is None:
        return OpenForm()
    if line.verb in tuple(Action):
        return _change(Action(line.verb), line)
    match line.verb:
        case "status" | "list" | "history":
            return _look(line)
        case "why":
            return Why(line.one("the name of one server"))
        case "show":
            return Show(request_ids.only_one(line))
        case "stop":
            return Stop(*request_ids.of_a_no(line))
        case "cancel":
            return Cancel(*request_ids.of_a_no(line))
        case "freeze":
            return Freeze(_freeze_reason(line))
        case "help":
            return Help(_helped(line))
        case _:
            return _alone(line)


def _change(action: Action, line: Line) -> Change:
    """Parse a verb that changes servers: targets and options, then perhaps a reason."""
    reason = line.checked_reason()
    try:
        targets, options = command_options.read(line.words)
    except errors.UserMistake as mistake:
        because = f" {BECAUSE} {reason}" if reason else ""
        meant = f"{action.value} {mistake.suggestion}{because}"
        better = meant if mistake.suggestion else f"help {action.value}"
        raise line.mistake(mistake.problem, mistake.token, better) from None
    targets = _understood(line, targets)
    if not targets:
        raise line.mistake(f"Say which servers to {SAID.get(action, action.value)}.")
    return Change(action, " ".join(targets), options, reason)


def _look(line: Line) -> Read:
    """Parse a verb that reads servers; without targets it means all of them."""
    for word in line.words:
        if command_options.name_of(word):
            problem = f"{line.verb} changes nothing, so it takes no options."
            better = " ".join(w for w in line.words if w != word)
            raise line.mistake(problem, word, f"{line.verb} {better}".strip())
    targets = " ".join(_understood(line, line.words))
    if line.reason is not None:
        problem = f"{line.verb} changes nothing, so it takes no reason."
        raise line.mistake(problem, BECAUSE, f"{line.verb} {targets}".strip())
    # For a look a bare star is harmless; for a change it can't be typed.
    return Read(line.verb, "" if targets.lower() in EVERYTHING else targets)


def _understood(line: Line, targets: Sequence[str]) -> list[str]:
    """Return targets with words such as except understood."""
    try:
        return target_words.understood(targets)
    except errors.UserMistake as mistake:
        raise line.mistake(mistake.problem, mistake.token) from None


def _freeze_reason(line: Line) -> str:
    """Return the reason for a freeze, with or without because in front of it."""
    if line.reason is not None and not line.words:
        return line.checked_reason()
    # The whole line as it was typed: a freeze has no targets that could end somewhere.
    reason = command_line.bounded_reason(line.whole)
    if not reason:
        raise line.mistake("Say why, as in freeze network work until 04:00.")
    return reason


def _helped(line: Line) -> str | None:
    """Return the verb or the topic that help is wanted for."""
    if not line.words:
        return None
    verb = line.words[0].lower()
    if verb not in VERBS and verb not in vocabulary.TOPICS:
        near = command_line.nearest_verb(verb)
        hint = f" Did you mean {near}?" if near else ""
        problem = f"There is no verb {typography.shown(verb)}.{hint}"
        raise line.mistake(problem, verb, f"help {near}".strip())
    return verb


def _alone(line: Line) -> Requests | Owed | Unfreeze:
    """Parse a verb that nothing follows."""
    if line.verb == "unfreeze" and line.reason is None and len(line.words) == 1:
        if line.words[0].lower() in EVERYTHING:
            return Unfreeze(every=True)
        problem = "unfreeze lifts your own freeze, and unfreeze all lifts every one."
        raise line.mistake(problem, line.words[0], line.verb)
    if line.words or line.reason is not None:
        word = line.words[0] if line.words else BECAUSE
        raise line.mistake(f"{line.verb} takes nothing after it.", word, line.verb)
    if line.verb == "owed":
        return Owed()
    return Unfreeze() if line.verb == "unfreeze" else Requests()


def _written(options: request.Options) -> list[str]:
    """Return options as they are typed."""
    pause_ms = round((options.pause_s or 0) * 1000)
    # In whole seconds where that is exact, as a person would type it.
    pause = f"{pause_ms}ms" if pause_ms % 1000 else f"{pause_ms // 1000}s"
    wanted = {
        "--dry-run": options.dry_run,
        f"--batch {options.batch}": options.batch is not None,
        f"--pause {pause}": options.pause_s is not None,
        f"--max-failures {options.max_failures}": options.max_failures is not None,
        f"--incident {options.incident}": bool(options.incident),
        f"--without {','.join(options.without)}": bool(options.without),
        "--break-glass": options.break_glass,
    }
    return [text for text, given in wanted.items() if given]
