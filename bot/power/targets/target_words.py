"""Target text cut into its terms, and what can't be told apart refused."""

from __future__ import annotations

import re

from bot.power import errors
from bot.power.targets import narrowing
from bot.power.text import sameness, typography

MOST_CHARACTERS = 2_000
MOST_TERMS = 100
# A comma in brackets or quotes belongs to the term.
TERM = re.compile(r'&|(?:"[^"]*"|\[[^\[\]]*\]|[^,&])+')
SPACED_BRACKET = re.compile(r"\[[^\[\]\"]* [^\[\]\"]*\]")


def split(text: str) -> list[str]:
    """Return the terms of a text, each in plain characters.

    Raises:
        UserMistake: there are none, or too many, or brackets or quotes don't match.

    """
    if len(text) > MOST_CHARACTERS:
        problem = f"Targets have at most {MOST_CHARACTERS:,} characters; these have {len(text):,}."
        raise errors.UserMistake(problem)
    text = sameness.normal(text)
    found: list[str] = []
    for word in typography.words(text):
        if word.unclosed:
            problem = "A quotation mark has no partner."
            raise errors.UserMistake(problem, token=typography.shown(word.text))
        found += TERM.findall(word.text)
    if not found:
        raise errors.UserMistake("No servers are named.", suggestion="web[01-03]")
    if len(found) > MOST_TERMS:
        problem = f"At most {MOST_TERMS} terms can be given; these are {len(found)}."
        raise errors.UserMistake(problem)
    plain = typography.plain(text)
    spaced = SPACED_BRACKET.search(plain)
    if spaced:
        better = SPACED_BRACKET.sub(lambda bracket: bracket[0].replace(" ", ""), plain)
        raise errors.UserMistake(
            "Brackets have no spaces in them.", token=typography.shown(spaced[0]), suggestion=better
        )
    return found


def refuse_lone_sign(words: list[str]) -> None:
    """Refuse a ! or a kind with a space behind it: it would be a guess what it belongs to."""
    places = range(len(words) - 1)
    alone = [p for p in places if words[p] == "!" or words[p].endswith(":")]
    place = next((p for p in alone if words[p + 1] != narrowing.AND), -1)
    if place < 0:
        return
    joined = [*words[:place], words[place] + words[place + 1], *words[place + 2 :]]
    raise errors.UserMistake(
        f"Write {typography.shown(words[place])} right in front of what follows, without a space.",
        token=typography.shown(words[place]),
        suggestion=" ".join(joined),
    )
