"""A typed line cut into its verb, the words behind it, and the reason behind because."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

from bot.power import errors, request
from bot.power.command import command_options
from bot.power.request import Action
from bot.power.targets import target_words
from bot.power.text import nearest, typography
from bot.power.vocabulary import (
    BECAUSE,
    OPTIONS,
    PASSED_OVER,
    POLITE,
    PREFIX,
    SYNONYMS,
    VERBS,
    Argument,
)

# What Slack makes of a link is longer than what was typed, so the first bound is wider.
MOST_RAW = 12_000
MOST_CHARACTERS = 4_000  # A longer line is refused whole: cut, it could lose what it takes out.
MOST_REASON = 500  # Characters.
MOST_SUGGESTED = 300  # Characters of a line to copy; a longer one doesn't fit a phone.
# Nobody approves by words; somebody who tries is told where the button is.
BUTTONS = {
    **dict.fromkeys(("approve", "approved", "lgtm", "yes", "ok"), "Approve"),
    **dict.fromkeys(("deny", "reject", "no"), "Deny"),
    "undo": "Undo",
    "retry": "Retry failed",
    "request": "Request",
    "details": "Details",
}
# What a server's name or a term has, and no verb.
SERVER = re.compile(r"[0-9*:@\[]")
REQUEST = re.compile(
    rf"{request.ID_PREFIX}[{request.ID_ALPHABET}]{{{request.ID_LENGTH}}}", re.IGNORECASE
)
# A colleague who is spoken to, as Slack writes it ("Formatting text": mentions), with what is said
# before the name.
GREETING = rf"(?:(?:{'|'.join(sorted(PASSED_OVER))})\b[\s,:;.!]*)*"
COLLEAGUE = re.compile(rf"\s*{GREETING}<(?:@[UW]|!subteam\^)[^<>]*>[\s,:;.!]*", re.IGNORECASE)
# A placeholder for a person's own words; a line that still has it can't be sent.
OPEN_END = "…"


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    """What follows a verb: words in plain characters, and the text behind because, or None.

    `whole` is all that follows the verb, as it was typed.
    """

    verb: str
    words: tuple[str, ...]
    reason: str | None
    whole: str

    def mistake(self, problem: str, token: str = "", better: str = "") -> errors.UserMistake:
        """Return an error with a line to copy: a better one, or one that explains the verb."""
        takes = VERBS[self.verb].takes
        usual = "requests" if Argument.REQUEST in takes else f"help {self.verb}"
        line = better if 0 < len(better) <= MOST_SUGGESTED else usual
        return errors.UserMistake(
            problem, token=typography.shown(token), suggestion=f"{PREFIX} {line}"
        )

    def one(self, what: str) -> str:
        """Return the one word behind the verb.

        Raises:
            UserMistake: there is none, or more than one.

        """
        if len(self.words) == 1:
            return self.words[0]
        token = self.words[1] if self.words else ""
        raise self.mistake(f"{self.verb} takes {what}, and nothing else.", token)

    def checked_reason(self) -> str:
        """Return the reason, or an empty text where because wasn't typed.

        Raises:
            UserMistake: it is empty or too long, or an option stands in it.

        """
        if self.reason is None:
            return ""
        reason = bounded_reason(self.reason)
        if not reason:
            better = " ".join([self.verb, *self.words]) if self.words else ""
            raise self.mistake(f"There is no reason after {BECAUSE}.", BECAUSE, better)
        self._refuse_late_options()
        return reason

    def _refuse_late_options(self) -> None:
        """Refuse an option in the reason: it would be read as words, and not be obeyed."""
        words = [typography.plain(word) for word in (self.reason or "").split()]
        for place, word in enumerate(words):
            name = command_options.name_of(word)
            if name not in OPTIONS:
                continue
            takes_next = OPTIONS[name].value and "=" not in word
            end = place + (2 if takes_next else 1)
            option = " ".join([name + word.lstrip("-")[len(name) - 2 :], *words[place + 1 : end]])
            rest = [*words[:place], *words[end:]]
            better = " ".join([self.verb, *self.words, option, *([BECAUSE, *rest] if rest else [])])
            raise self.mistake(f"Put {name} before {BECAUSE}.", word, better)


def read(text: str) -> Line | None:
    """Cut a line, or return None when nothing was typed.

    Raises:
        UserMistake: it is too long, has a verb that there isn't, or a quote without an end.

    """
    _refuse_long(text, MOST_RAW)
    typed = typography.undo_slack(without_colleagues(text))
    _refuse_long(typed, MOST_CHARACTERS)
    words = [word for word in typography.words(typed) if word.text.strip(",:")]
    if words and words[0].text.startswith("/") and _is_prefix(words):
        del words[0]
    first = _first(words)
    if first is None:
        return None
    whole = typed[first.end :]
    if not _is_verb(first):
        raise _unknown_verb(first.text, whole)
    return _cut(_bare(first.text), whole)


def _is_prefix(words: Sequence[typography.Word]) -> bool:
    """Whether a line begins with a command's name, which may have been copied with it."""
    if words[0].text.lower() == PREFIX or len(words) == 1:
        return True
    return _is_verb(words[1])


def without_colleagues(text: str) -> str:
    """Return a line without the colleagues who are spoken to, and greeted, in front of it."""
    while found := COLLEAGUE.match(text):
        text = text[found.end() :]
    return text


def _first(words: Sequence[typography.Word]) -> typography.Word | None:
    """Return the word that should be a verb: what is said before one is passed over.

    A colleague's name may have been typed and not chosen from Slack's list; so may a group of
    servers, which is passed over only where other servers are named behind the verb.
    """
    place = 0
    while place < len(words) and words[place].text.casefold().strip(",:;.!") in PASSED_OVER:
        place += 1
    named = words[place : place + 3]
    if len(named) == 3 and named[0].text.startswith("@") and _is_verb(named[1]):
        behind = named[2].text
        targets = behind.lower() != BECAUSE and not command_options.name_of(behind)
        if targets and not behind.startswith("!") and not target_words.spares(behind):
            place += 1
    return words[place] if place < len(words) else None


def _is_verb(word: typography.Word) -> bool:
    """Whether a word is a verb."""
    return _bare(word.text) in VERBS


def _bare(word: str) -> str:
    """Return a verb in small letters, without the signs of bold or code, or a sign behind it."""
    return word.lower().rstrip(",:;.!*_~`").lstrip("*_~`")


def _refuse_long(text: str, most: int) -> None:
    """Refuse a line that is longer than any that could be meant."""
    if len(text) > most:
        raise too_long(len(text), most)


def too_long(length: int, most: int = MOST_CHARACTERS) -> errors.UserMistake:
    """Return the error for a line of so many characters: nothing of it is obeyed."""
    return errors.UserMistake(
        f"A command has at most {most:,} characters; this one has {length:,}."
    )


def _cut(verb: str, whole: str) -> Line:
    """Cut what follows a verb at the first stand-alone because."""
    words: list[str] = []
    for word in typography.words(whole):
        if word.text.lower() == BECAUSE:
            return Line(verb, tuple(words), whole[word.end :], whole)
        # A freeze is prose, in which an apostrophe needs no partner.
        if word.unclosed and verb != "freeze":
            problem = "A closing quotation mark is missing."
            raise errors.UserMistake(problem, token=typography.shown(word.text))
        # Read as a target it would name nothing, and its reason would be lost.
        if word.text.lower().strip(":,-") == BECAUSE:
            raise _glued_because(verb, words, word.text, whole[word.end :])
        words.append(word.text)
    return Line(verb, tuple(words), None, whole)


def _glued_because(verb: str, words: Sequence[str], typed: str, rest: str) -> errors.UserMistake:
    """Return the error for a because with a colon or the like at it."""
    line = " ".join([verb, *words, BECAUSE, typography.sentence(rest)]).strip()
    problem = f"Write {BECAUSE} on its own, with nothing attached to it."
    return _verb_mistake(problem, typed, [line])


def bounded_reason(text: str) -> str:
    """Return a reason as one line.

    Raises:
        UserMistake: it is too long, or still has the sign that stands for a person's own words.

    """
    reason = typography.sentence(text)
    if reason.startswith((OPEN_END, "...")):
        problem = f"Replace {OPEN_END} with your own words."
        raise errors.UserMistake(problem, token=OPEN_END)
    if len(reason) > MOST_REASON:
        problem = f"A reason has at most {MOST_REASON} characters; this one has {len(reason):,}."
        raise errors.UserMistake(problem)
    return reason


def nearest_verb(word: str) -> str:
    """Return the verb that was perhaps meant, or an empty text."""
    if word.lower() in SYNONYMS:
        return SYNONYMS[word.lower()]
    return next(iter(nearest.words(word, VERBS)), "")


def _unknown_verb(word: str, whole: str) -> errors.UserMistake:
    """Return the error for a verb that there isn't, with the line as it was perhaps meant."""
    rest = [one.text for one in typography.words(whole)]
    moved, idle = _verb_in(rest), POLITE | PASSED_OVER
    if word.lower() in BUTTONS:
        button = BUTTONS[word.lower()]
        problem = f"{button} is a button on the request's card; it can't be typed."
        request_id = next(iter(rest), "")
        return _verb_mistake(problem, word, ["show", request_id] if request_id else ["requests"])
    if moved:
        others = [one for one in (word, *rest) if one.lower() not in {moved, *idle}]
        return _verb_mistake(f"The verb comes first: {moved}.", word, [moved, *others])
    near = nearest_verb(word)
    of_request = bool(rest) and rest[0].upper().startswith(request.ID_PREFIX)
    if near == Action.OFF and of_request:
        # Who halts a request doesn't mean servers.
        near = "stop"
    if near == "stop" and rest and not of_request and word.lower() in SYNONYMS:
        # Nor the other way round; which of the two is meant is theirs to say.
        problem = f"There is no verb {typography.shown(word)}: off powers servers off, and stop"
        return _verb_mistake(f"{problem} ends a request.", word, ["help", "off"])
    if near:
        return _verb_mistake(
            f"There is no verb {typography.shown(word)}. Did you mean {near}?", word, [near, *rest]
        )
    if word.lower() == BECAUSE:
        problem = "Say first what to do, and with which servers; the reason comes last."
        return _verb_mistake(problem, word, ["help"])
    is_request = REQUEST.fullmatch(word) is not None
    if is_request or SERVER.search(word):
        kind, verb = (Argument.REQUEST, "show") if is_request else (Argument.TARGETS, "status")
        able = [name for name, one in VERBS.items() if kind in one.takes]
        problem = f"Say first what to do with {typography.shown(word)}: {', '.join(able)}."
        named = rest[: rest.index(BECAUSE)] if BECAUSE in rest else rest
        return _verb_mistake(problem, word, [verb, word, *([] if is_request else named)])
    problem = f"There is no verb {typography.shown(word)}. The verbs are {', '.join(VERBS)}."
    return _verb_mistake(problem, word, ["help"])


def _verb_in(words: Sequence[str]) -> str:
    """Return the verb that stands behind the targets, as in `web01 off`, or an empty text."""
    lowered = [word.lower() for word in words]
    # A verb in the reason is a word like any other.
    before = lowered[: lowered.index(BECAUSE)] if BECAUSE in lowered else lowered
    return next((word for word in before if word in VERBS), "")


def _verb_mistake(problem: str, token: str, words: Sequence[str]) -> errors.UserMistake:
    """Return an error for a verb, with a line to copy that isn't longer than a line should be."""
    line = " ".join([PREFIX, *words])
    return errors.UserMistake(
        problem,
        token=typography.shown(token),
        suggestion=line if len(line) <= MOST_SUGGESTED else f"{PREFIX} help",
    )
