"""Patterns that a reason must contain, or a label must match: checked when the policy is read.

They are RE2's (https://github.com/google/re2/wiki/Syntax), which searches in a time that grows
with the text and never runs away: whatever somebody types, and however the policy asks for it.
"""

from __future__ import annotations

import functools
import unicodedata
from typing import Any

import re2

from bot.power.text import typography

MOST_PATTERN = 200  # Characters.
# What a pattern comes to in RE2's own steps: a character is one, `[0-9]{4}` four, `\pL` 1,200.
# A search costs at most its length times this, which is what keeps it below 10 ms.
MOST_PROGRAM = 1_600
# Bytes within which RE2 caches what it has learnt about a pattern.
MOST_MEMORY = 8 << 20
MOST_KEPT = 256  # Compiled patterns.
LOOKING = ("(?=", "(?!", "(?<")  # RE2 looks neither ahead nor behind.


# What a pattern is held against, with an example that shows how one is written.
REASON = 'it is searched in the reason, so write what must be there, such as "INC-[0-9]+"'
LABEL = 'it must match the whole value of the label, such as "{name}(:[0-9]+)?"'


def problem(pattern: str, meant: str = REASON) -> str:
    """Say why a pattern can't be used, or return an empty text; `meant` says what it is for."""
    if len(pattern) > MOST_PATTERN:
        return f"write a pattern of at most {MOST_PATTERN} characters"
    try:
        program = _compiled(pattern)
    except re2.error as error:
        return _explained(error.args[0], meant)
    size = max(program.programsize, program.reverseprogramsize)
    # RE2 measures a program that is too large for it as -1.
    if min(program.programsize, program.reverseprogramsize) < 0 or size > MOST_PROGRAM:
        return "this pattern is too large to search with; repeat less, such as [0-9]{1,9}"
    return ""


def found(pattern: str, *texts: str) -> bool:
    """Whether the pattern is found somewhere in one of the texts."""
    program = _compiled(pattern)
    return any(program.search(_bytes(text)) is not None for text in texts)


def _bytes(text: str) -> bytes:
    """Return text as RE2 reads it, each letter in one form however it was put together."""
    return unicodedata.normalize("NFC", text).encode("utf-8", "replace")


@functools.lru_cache(maxsize=MOST_KEPT)
def _compiled(pattern: str) -> Any:
    """Return RE2's program for a pattern.

    Raises:
        re2.error: RE2 doesn't take it.
    """
    options = re2.Options()
    # RE2 would write the mistake to stderr, beside our log.
    options.log_errors = False
    # Nobody asks for what a group has matched, and keeping it costs more than the search.
    options.never_capture = True
    options.max_mem = MOST_MEMORY
    return re2.compile(_bytes(pattern), options)


def _explained(said: bytes | str, meant: str) -> str:
    """Return in our words why RE2 doesn't take a pattern."""
    why = said.decode(errors="replace") if isinstance(said, bytes) else said
    if any(sign in why for sign in LOOKING):
        return f"a pattern can't look ahead or behind, as (?=…) does; {meant}"
    if why.startswith("invalid escape sequence"):
        letter = why.rpartition(" ")[2]
        return f"RE2 doesn't know {letter} (it has no back-references); remove it"
    if why.startswith("invalid repetition size") or "too large" in why:
        return f"this repeats too often ({why}); repeat less, such as [0-9]{{1,9}}"
    return f"this isn't a regular expression that RE2 accepts ({why})"


def found_in_reason(pattern: str, reason: str, incident: str) -> bool:
    """Whether a rule's pattern is found in the reason or the incident.

    A ticket that was copied from a web page has hyphens of other kinds, and one from an East
    Asian keyboard wide digits: both are the ticket that they read as.
    """
    return found(pattern, reason, typography.plain(reason), incident)
