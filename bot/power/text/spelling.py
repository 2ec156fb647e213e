"""What can't be seen, or looks like something else, in text that others have written.

Invisible characters are dropped and blanks that are no spaces become spaces, so that no text makes
a line of its own; in a name such characters are told beside it, for two names may look alike.
"""

from __future__ import annotations

import json
import re
import unicodedata

# Categories that are invisible or steer the direction of text: controls, formats (bidi, zero
# width, tags), surrogates, private use, unassigned.
HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
# Letters, marks and symbols that show as nothing, or as a blank of their own width: Unicode's
# Default_Ignorable_Code_Point, the blank Braille pattern, and fillers.
IGNORABLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\u2800"
    "\U0001d159\U00013441\U00013442\U00016fe4\U000e0100-\U000e01ef]"
)
# Of these nothing is left; the others stand where a blank does, and become one.
JOINED = re.compile("[\u034f\u17b4\u17b5\u180b-\u180f\ufe00-\ufe0f\U00016fe4\U000e0100-\U000e01ef]")
# More marks than this on one letter cover the lines around them.
MOST_MARKS = 2
DELETE = "\x7f"
BREAKS = frozenset("\n\r\t\v\f\x85\u2028\u2029")
PLAIN = re.compile(r"[A-Za-z0-9._-]+")
# What would read as something else among other names.
CONFUSING = re.compile(r"""[\s\[\](){},*?!@:="'`&|\uff01-\uff5e]""")
# Scripts with letters that look like Latin ones (Unicode's confusables).
ALIKE = frozenset(
    (
        "CYRILLIC",
        "GREEK",
        "ARMENIAN",
        "CHEROKEE",
        "COPTIC",
        "LISU",
        "DESERET",
        "GEORGIAN",
        "TIFINAGH",
    )
)
# Marks that nobody overlooks above or below a letter.
VISIBLE_MARKS = frozenset("\u0300\u0301\u0302\u0303\u0308\u030a\u030c\u0327\u0304\u0306\u030b")
KNOWN_LETTERS = frozenset("ßæøåðþœÆØÅÐÞŒłŁđĐ")
MOST_TOLD = 3


def seen(foreign: str) -> str:
    """Return one line of what can be seen, its words parted by single spaces."""
    # Most text by far, and nothing in it hides.
    if foreign.isascii() and foreign.isprintable():
        return " ".join(foreign.split())
    kept: list[str] = []
    marks = 0
    for char in foreign:
        marks = marks + 1 if unicodedata.category(char) in ("Mn", "Me") else 0
        if marks <= MOST_MARKS:
            kept.append(_kept(char))
    return " ".join("".join(kept).split())


def seen_indented(line: str) -> str:
    """Return a line for a terminal: as `seen`, behind the blanks with which it begins."""
    return " " * (len(line) - len(line.lstrip(" "))) + seen(line)


def escaped(printed: str) -> str:
    """Return JSON for a terminal, the same to whoever reads it as JSON.

    Controls and formats within its texts would move the cursor, or turn what stands behind them.
    """
    if printed.isascii() and DELETE not in printed:
        return printed
    return "".join(_escaped(char) for char in printed)


def _escaped(char: str) -> str:
    """Return a character, or its escape in JSON where it isn't seen."""
    if char == "\n" or not (unicodedata.category(char) in HIDDEN or char in BREAKS):
        return char
    return json.dumps(char).strip('"') if char != DELETE else "\\u007f"


def _kept(char: str) -> str:
    """Return what is left of a character."""
    if char in BREAKS:
        return " "
    if unicodedata.category(char) in HIDDEN or JOINED.match(char):
        return ""
    return " " if IGNORABLE.match(char) else char


def shown(name: str) -> str:
    """Return a name as people read it: quoted unless it is plain, odd characters told beside it."""
    if PLAIN.fullmatch(name):
        return name
    told = list(dict.fromkeys(filter(None, map(_told, name))))
    if name != " ".join(name.split()) and not told:
        told = ["with more spaces than show"]
    more = [f"{len(told) - MOST_TOLD} more"] if len(told) > MOST_TOLD else []
    beside = f" ({', '.join([*told[:MOST_TOLD], *more])})" if told else ""
    return f'"{seen(name).replace(chr(34), chr(39))}"{beside}'


def _told(char: str) -> str:
    """Return the name of a character in a server's name; empty for one that nobody mistakes."""
    if char.isascii() and char.isprintable():
        return ""
    full = unicodedata.name(char, f"U+{ord(char):04X}")
    if 0xFF01 <= ord(char) <= 0xFF5E:
        return f"full-width {chr(ord(char) - 0xFEE0)}"
    if full.split(" ", 1)[0] in ALIKE:
        return f"{full.split(' ', 1)[0].capitalize()} {char}"
    return full.lower() if _deceives(char, full) else ""


def _deceives(char: str, full: str) -> bool:
    """Whether a character can't be seen, or may be taken for an ASCII one."""
    category = unicodedata.category(char)
    if category in HIDDEN or IGNORABLE.match(char) or category[0] in "MPSZN":
        return True
    if unicodedata.normalize("NFKC", char).isascii():
        return True
    if not full.startswith(("LATIN", "MODIFIER", "SMALL")):
        return False
    apart = unicodedata.normalize("NFD", char)
    visible = len(apart) == 2 and apart[0].isascii() and apart[1] in VISIBLE_MARKS
    return not (visible or char in KNOWN_LETTERS)
