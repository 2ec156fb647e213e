"""The id of a request as people type it, alone or among the words of a no."""

from __future__ import annotations

import re

from bot.power import request, vocabulary
from bot.power.command import command_line
from bot.power.command.command_line import Line
from bot.power.text import typography

REQUEST_ID = re.compile(rf"(?:PR-?)?([{request.ID_ALPHABET}]{{{request.ID_LENGTH}}})")
# What people put around an id: the end of a sentence, brackets, the signs of bold and code.
MARKS = ".,;:!?()<>#*_~`'\""
# Words around the id that are no reason.
IDLE = vocabulary.POLITE | vocabulary.PASSED_OVER | {"request", "it", "pr"}


def only_one(line: Line) -> str:
    """Return a request's id, however it was typed: PR-7F3K, pr7f3k or 7f3k.

    Raises:
        UserMistake: there is none, or more than that.
    """
    if not line.words:
        problem = f"Say which request to {line.verb}; requests lists the open ones."
        raise line.mistake(problem, better="requests")
    word = line.one("one request's id")
    if not (found := _id_in(word)):
        problem = f"{typography.shown(word)} isn't a request id; ids look like PR-7F3K"
        rule = ", without 0, 1, I, L and O" if set(word.upper()) & set("01ILO") else ""
        raise line.mistake(f"{problem}{rule}.", word)
    return found


def of_a_no(line: Line) -> tuple[str, str, int]:
    """Return what a no is about, and its reason or the length of one that is too long.

    Nobody is kept from stopping by words around the id, which are a reason too; nor by a long
    reason: it isn't kept, and they are told.

    Raises:
        UserMistake: no request is named, or several are.
    """
    named = [word for word in line.words if _is_full(word)]
    word = named[0] if len(named) == 1 else next(iter(line.words), "")
    if len(named) > 1 or not _id_in(word):
        return only_one(line), "", 0
    more = [one for one in line.words if one is not word]
    said = [] if all(one.lower().strip(MARKS) in IDLE for one in more) else more
    return _id_in(word), *reason_of_a_no(" ".join([*said, line.reason or ""]))


def reason_of_a_no(said: str) -> tuple[str, int]:
    """Return the reason of a no as one line, or the length of one that is too long to be kept."""
    reason = typography.sentence(said)
    too_long = len(reason) if len(reason) > command_line.MOST_REASON else 0
    return "" if too_long else reason, too_long


def _is_full(word: str) -> bool:
    """Whether a word is an id that nobody takes for one of a reason, such as "rack"."""
    return word.strip(MARKS).upper().startswith(request.ID_PREFIX) and bool(_id_in(word))


def _id_in(word: str) -> str:
    """Return the request's id that a word is, or an empty text."""
    # Some foreign letters become ASCII ones when they are capitalised.
    match = REQUEST_ID.fullmatch(word.strip(MARKS).upper()) if word.isascii() else None
    return request.ID_PREFIX + match[1] if match else ""
