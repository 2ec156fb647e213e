"""Letters beyond ASCII in a name: which may stand as they are, and which only in quotes.

A letter that looks like an ASCII one, or can't be seen, is refused by its name, so that nobody acts
on a server whose name only looks like what was meant.
"""

from __future__ import annotations

import unicodedata

from bot.power.text import typography

# East Asian letters look like no others, and stand beside ASCII ones.
APART = ("CJK UNIFIED", "HIRAGANA LETTER", "KATAKANA LETTER", "HANGUL SYLLABLE", "BOPOMOFO LETTER")
# Letters of these scripts have doubles among those of ASCII; what has one is written in quotes.
WHOLE = ("CYRILLIC", "GREEK")
ALIKE = frozenset("асеорхуіјѕһԁԛԝАВЕЅЗКМНОРСТУХІЈԌԚԜανοικρτυχϲΑΒΕΖΗΙΚΜΝΟΡΤΥΧ")
LIGATURES = frozenset("ßæøœłđðþÆØŒŁĐÐÞ")


def strange(word: str, allowed: str = "") -> str:
    """Say which character of a name can't stand outside of quotes, or return an empty text."""
    letters = {c for c in word if not c.isascii() and _is_clear(c)}
    return typography.foreign(word, allowed=allowed + "".join(letters | _of_one_script(word)))


def _is_clear(character: str) -> bool:
    """Whether a letter looks like no other."""
    name = unicodedata.name(character, "")
    if character in LIGATURES:
        return True
    if name.startswith("LATIN"):
        apart = unicodedata.normalize("NFD", character)
        marks = apart[1:]
        return apart[0].isascii() and bool(marks) and all(map(unicodedata.combining, marks))
    return unicodedata.category(character)[0] == "L" and name.startswith(APART)


def _of_one_script(word: str) -> set[str]:
    """Return the letters of a word that is of one script, and can't be read as an ASCII one."""
    letters = {c for c in word if c.isalpha()}
    for script in WHOLE:
        ours = {c for c in letters if unicodedata.name(c, "").startswith(script)}
        if ours and ours == letters and not ours <= ALIKE:
            return ours
    return set()
