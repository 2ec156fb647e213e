"""What Slack, phones and keyboards do to typed text, undone; and when two texts are the same.

Nothing inside double quotes is changed: a quoted value is matched exactly as it was typed.

A letter that looks like an ASCII one, or can't be seen, is refused by its name, so that nobody acts
on a server whose name only looks like what was meant. A letter may come in one piece or with its
mark apart, and both look alike (Unicode Standard Annex 15): typed text is compared in one normal
form. What protects a server must not miss it by a capital letter, a wide one or a blank, so the
policy is compared folded as well.
"""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from collections.abc import Iterator

from bot.power.text import spelling

# Slack writes <address|label>, <@U1|bob>, <#C1|ops> and <!subteam^S1|@sre>
# (https://docs.slack.dev/messaging/formatting-message-text). No part can hold < or >, so that
# the work stays linear in the length of the text.
FORM = re.compile(r"<([^<>|]*)(?:\|([^<>|]*))?>")
ENTITY = re.compile(r"&(amp|lt|gt);")
ENTITIES = {"amp": "&", "lt": "<", "gt": ">"}
ADDRESS = re.compile(r"(?:https?://|mailto:|tel:)\S+")
SIGNS = "@#!"

# Phones make one long dash of two short ones, but only in front of a word.
LONG_DASHES = "–—―"
SHORT_DASHES = "‐‑‒−﹣"
DOUBLE_QUOTES = '"“”„‟«»＂'
SINGLE_QUOTES = "‘’‚‛"
# Full-width ASCII, as East Asian keyboards type it (Unicode block U+FF00).
PLAIN = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
PLAIN.update({ord(dash): ord("-") for dash in LONG_DASHES + SHORT_DASHES})
PLAIN.update({ord(quote): ord("'") for quote in SINGLE_QUOTES})
# What our own messages write for a star, which Slack would take for bold; it may be copied.
PLAIN[ord("∗")] = ord("*")
# All spaces and line ends of Unicode (its categories Zs, Zl and Zp), and those of ASCII.
SPACES = (
    " \t\n\r\v\f\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
QUOTE = re.compile(f"[{DOUBLE_QUOTES}]")
# A part of a word: one quotation mark, or all up to the next one.
PART = re.compile(f"{QUOTE.pattern}|[^{SPACES}{DOUBLE_QUOTES}]+")
# Behind these a quotation mark begins a value; elsewhere it is a character like others.
BEFORE_A_VALUE = frozenset(":=,!&")

CODE = re.compile("[A-Za-z0-9._-]")
MOST_SHOWN = 60  # Characters of typed text that a sentence quotes.


@dataclasses.dataclass(frozen=True, slots=True)
class Word:
    """One word: `text` in plain characters, and where it began and ended in what was typed.

    A quoted part stands in straight double quotes. `unclosed` says that its end is missing.
    """

    text: str
    start: int
    end: int
    unclosed: bool = False


def undo_slack(text: str) -> str:
    """Return text as it was typed: links and people by their labels, entities as characters."""
    return ENTITY.sub(lambda found: ENTITIES[found[1]], FORM.sub(_typed, text))


def _typed(form: re.Match[str]) -> str:
    """Return what a person typed to make Slack write this form."""
    inside, label = form[1], form[2]
    sign, rest = inside[:1], inside[1:]
    if sign == "!" and rest in {"here", "channel", "everyone"}:
        return f"@{rest}"
    if sign and sign in SIGNS and not inside.startswith("!date^"):
        sign = "#" if sign == "#" else "@"
        return f"{sign}{(label or rest).lstrip('@#')}"
    if ADDRESS.fullmatch(inside) or label:
        return label or inside
    # Angle brackets that Slack didn't write; the parser will say that they can't stand here.
    return form[0]


def words(text: str) -> Iterator[Word]:
    """Yield the words of typed text, in plain characters, one at a time.

    A quoted value begins at the start of a word or behind : or =, and may have spaces in it.
    """
    place = 0
    while place < len(text):
        if text[place] in SPACES:
            place += 1
            continue
        word = _word_at(text, place)
        yield word
        place = word.end


def _word_at(text: str, start: int) -> Word:
    """Return the word that begins here."""
    made = ""
    place = start
    while part := PART.match(text, place):
        quote = text[place] in DOUBLE_QUOTES
        if quote and (not made or made[-1] in BEFORE_A_VALUE):
            close = QUOTE.search(text, place + 1)
            if close is None:
                return Word(made + text[place:], start, len(text), unclosed=True)
            made += f'"{text[place + 1 : close.start()]}"'
            place = close.end()
        else:
            # As an ASCII keyboard would have typed it, where that is certain.
            made += '"' if quote else part[0].translate(PLAIN)
            place = part.end()
    # In front of a word alone: elsewhere a long dash is punctuation.
    if text[start] in LONG_DASHES:
        made = f"--{made[1:]}"
    return Word(made, start, place)


def plain(text: str) -> str:
    """Return text in plain characters, its words parted by single spaces."""
    return " ".join(word.text for word in words(text))


def sentence(text: str) -> str:
    """Return free text in one line, without characters that can't be seen.

    Joiners stay, because Persian and emoji need them; everything else of Unicode's group C
    could hide or turn around what a reader sees.
    """
    seen = "".join(c if _is_visible(c) else " " for c in text)
    return " ".join(seen.split())


def _is_visible(character: str) -> bool:
    """Whether a character shows, or joins characters that do."""
    return character in "‌‍" or unicodedata.category(character)[0] != "C"


def foreign(word: str, allowed: str = "") -> str:
    """Say which character outside of quotes isn't an ASCII letter or digit, `.`, `_` or `-`.

    It is called by its name, since it may look like ASCII. `allowed` are further characters
    that may stand; the answer is empty where all may.
    """
    quoted = False
    for place, character in enumerate(word, start=1):
        quoted ^= character == '"'
        if not (quoted or character in allowed or character == '"' or CODE.match(character)):
            return f"{ordinal(place)} of {shown(word)} is {name_of(character)}"
    return ""


def ordinal(place: int) -> str:
    """Return a place in a word as a sentence begins with it."""
    first = ("The first", "The second", "The third")
    end = "th" if place % 100 in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(place % 10, "th")
    return f"{first[place - 1] if place <= len(first) else f'The {place}{end}'} character"


def name_of(character: str) -> str:
    """Return the character if it can be seen and is ASCII, else its Unicode name."""
    if character.isascii() and character.isprintable():
        return f'"{character}"' if character != '"' else "a quotation mark"
    return unicodedata.name(character, f"the control character U+{ord(character):04X}")


def shown(text: str, most: int = MOST_SHOWN) -> str:
    """Return typed text as a sentence quotes it: cut, and without what can't be seen."""
    seen = "".join(c if c.isprintable() else "�" for c in text[: most + 1])
    return seen if len(seen) <= most else f"{seen[: most - 1]}…"


def in_ascii(word: str) -> str:
    """Return a foreign word without accents and with plain digits, or nothing."""
    if word.isascii():
        return ""
    digits = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in word[:MOST_SHOWN])
    bare = "".join(c for c in unicodedata.normalize("NFKD", digits) if not unicodedata.combining(c))
    return bare if bare.isascii() and bare.isprintable() else ""


# East Asian letters look like no others, and stand beside ASCII ones.
APART = ("CJK UNIFIED", "HIRAGANA LETTER", "KATAKANA LETTER", "HANGUL SYLLABLE", "BOPOMOFO LETTER")
# Letters of these scripts have doubles among those of ASCII; what has one is written in quotes.
WHOLE = ("CYRILLIC", "GREEK")
ALIKE = frozenset("асеорхуіјѕһԁԛԝАВЕЅЗКМНОРСТУХІЈԌԚԜανοικρτυχϲΑΒΕΖΗΙΚΜΝΟΡΤΥΧ")
LIGATURES = frozenset("ßæøœłđðþÆØŒŁĐÐÞ")


def strange_in_name(word: str, allowed: str = "") -> str:
    """Say which character of a name can't stand outside of quotes, or return an empty text."""
    letters = {c for c in word if not c.isascii() and _is_clear(c)}
    return foreign(word, allowed=allowed + "".join(letters | _of_one_script(word)))


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
        # One letter without a double in ASCII shows that the whole word isn't ASCII.
        if ours and ours == letters and not ours <= ALIKE:
            return ours
    return set()


def normal(text: str) -> str:
    """Return the text in the one form in which it is compared: NFC."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def folded(text: str) -> str:
    """Return a text without case, width, blanks and characters that can't be seen."""
    if not text.isascii():
        # Twice, since a folded letter may have a shorter form of its own.
        wide = unicodedata.normalize("NFKC", text).casefold()
        text = "".join(c for c in unicodedata.normalize("NFKC", wide) if not _is_blank(c))
    return "".join(text.split()).lower()


def _is_blank(character: str) -> bool:
    """Whether a character only parts others, or can't be seen at all."""
    if spelling.IGNORABLE.match(character):
        return True
    return unicodedata.category(character) in {"Cc", "Cf", "Zs", "Zl", "Zp"}
