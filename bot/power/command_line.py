"""A typed line cut into its verb, the words behind it, and the reason behind because."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from bot.power import command_options, errors, nearest, typography
from bot.power.vocabulary import OPTIONS, SYNONYMS, VERBS

# What Slack makes of a link is longer than what was typed, so the first bound is wider.
MOST_RAW = 12_000
MOST_CHARACTERS = 4_000
MOST_REASON = 500
MOST_SUGGESTED = 300
BECAUSE = "because"
# Nobody approves by words; who tries is told where the button is.
BUTTONS = {
    **dict.fromkeys(("approve", "approved", "lgtm", "yes", "ok"), "Approve"),
    **dict.fromkeys(("deny", "reject", "no"), "Deny"),
    "undo": "Undo",
    "retry": "Retry failed",
    "request": "Request",
    "details": "Details",
}
POLITE = frozenset({"please", "pls", "plz", "can", "could", "you", "the", "now", "just", "to"})
PREFIX = "/power"


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
        """Return an error with a line to copy: a better one, or the verb's example."""
        line = better if 0 < len(better) <= MOST_SUGGESTED else VERBS[self.verb].example
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
        better = ""
        if self.words and f"[{BECAUSE} REASON]" in VERBS[self.verb].usage:
            reason = " ".join([*self.words[1:], self.reason or ""])
            better = f"{self.verb} {self.words[0]} {BECAUSE} {reason}".strip()
        token = self.words[1] if self.words else ""
        raise self.mistake(f"{self.verb} takes {what}, and nothing else.", token, better)

    def reason_or_nothing(self) -> str:
        """Return the reason cut to its bound: nobody is kept from stopping by a long one."""
        return typography.sentence(self.reason or "")[:MOST_REASON]

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
            raise self.mistake(f"Nothing follows {BECAUSE}.", BECAUSE, better)
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
    typed = typography.undo_slack(text)
    _refuse_long(typed, MOST_CHARACTERS)
    # A mention is often followed by a colon or a comma, as in "@Powerbot: reboot web01".
    words = (word for word in typography.words(typed) if word.text.strip(",:"))
    first = next(words, None)
    if first is not None and first.text.lower() == PREFIX:
        first = next(words, None)
    if first is None:
        return None
    whole = typed[first.end :]
    if first.text.lower() not in VERBS:
        raise _unknown_verb(first.text, whole)
    return _cut(first.text.lower(), whole)


def _refuse_long(text: str, most: int) -> None:
    """Refuse a line that is longer than any that could be meant."""
    if len(text) > most:
        problem = f"A command has at most {most:,} characters; this one has {len(text):,}."
        raise errors.UserMistake(problem)


def _cut(verb: str, whole: str) -> Line:
    """Cut what follows a verb at the first stand-alone because."""
    words: list[str] = []
    for word in typography.words(whole):
        if word.text.lower() == BECAUSE:
            return Line(verb, tuple(words), whole[word.end :], whole)
        if word.unclosed and verb != "freeze":
            problem = "A quotation mark has no partner."
            raise errors.UserMistake(problem, token=typography.shown(word.text))
        if word.text.lower().strip(":,-") == BECAUSE:
            raise _glued_because(verb, words, word.text, whole[word.end :])
        words.append(word.text)
    return Line(verb, tuple(words), None, whole)


def _glued_because(verb: str, words: Sequence[str], typed: str, rest: str) -> errors.UserMistake:
    """Return the error for a because with a colon or the like at it."""
    line = " ".join([verb, *words, BECAUSE, typography.sentence(rest)]).strip()
    problem = f"{BECAUSE} stands alone, without another character at it."
    return _verb_mistake(problem, typed, [line])


def bounded_reason(text: str) -> str:
    """Return a reason as one line.

    Raises:
        UserMistake: it is too long.

    """
    reason = typography.sentence(text)
    if len(reason) > MOST_REASON:
        problem = f"A reason has at most {MOST_REASON} characters; this one has {len(reason)}."
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
    moved = _verb_in(rest)
    if word.lower() in BUTTONS:
        button = BUTTONS[word.lower()]
        problem = f"{button} is a button on the request's card; it can't be typed."
        request_id = next(iter(rest), "")
        return _verb_mistake(problem, word, ["show", request_id] if request_id else ["requests"])
    if moved:
        others = [one for one in (word, *rest) if one.lower() not in {moved, *POLITE}]
        return _verb_mistake(f"The verb comes first: {moved}.", word, [moved, *others])
    near = nearest_verb(word)
    if near:
        return _verb_mistake(
            f"There is no verb {typography.shown(word)}. Did you mean {near}?", word, [near, *rest]
        )
    problem = f"There is no verb {typography.shown(word)}. The verbs are {', '.join(VERBS)}."
    return _verb_mistake(problem, word, ["help"])


def _verb_in(words: Sequence[str]) -> str:
    """Return the verb that stands behind the targets, as in `web01 off`, or an empty text."""
    lowered = [word.lower() for word in words]
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
