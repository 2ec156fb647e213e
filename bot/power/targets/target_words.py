"""Target text cut into its terms, with a sign for what is spared; the unclear is refused.

`@web except web01` spares web01: each term behind such a word is read as `!term`, to the end of the
targets. Where that is more than was meant, fewer servers are acted on, and the plan says which.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from bot.power import errors
from bot.power.targets import narrowing
from bot.power.text import typography
from bot.power.vocabulary import BECAUSE, BEGINNINGS

MOST_CHARACTERS = 2_000  # Of all targets.
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
    # One form before anything is compared: the same letter can be written in two.
    text = typography.normal(text)
    found: list[str] = []
    for word in typography.words(text):
        if word.unclosed:
            problem = "A closing quotation mark is missing."
            raise errors.UserMistake(problem, token=typography.shown(word.text))
        found += TERM.findall(word.text)
    if not found:
        raise errors.UserMistake("No servers are named.", suggestion="web[01-03]")
    if len(found) > MOST_TERMS:
        problem = f"At most {MOST_TERMS} terms are allowed; this has {len(found)}."
        raise errors.UserMistake(problem)
    plain = typography.plain(text)
    spaced = SPACED_BRACKET.search(plain)
    if spaced:
        better = SPACED_BRACKET.sub(lambda bracket: bracket[0].replace(" ", ""), plain)
        raise errors.UserMistake(
            "Brackets have no spaces in them.", token=typography.shown(spaced[0]), suggestion=better
        )
    return found


def refuse_reason(words: list[str]) -> None:
    """Refuse a reason that is begun as a field is, like `reason: disk`."""
    for place, word in enumerate(words):
        begins, colon, value = word.partition(":")
        if place and colon and begins.casefold() in BEGINNINGS:
            rest = " ".join([*filter(None, [value]), *words[place + 1 :]])
            raise errors.UserMistake(
                "A reason begins with because.",
                token=typography.shown(word),
                suggestion=f"{' '.join(words[:place])} {BECAUSE} {rest}" if rest else "",
            )


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


SPARING = frozenset(
    (
        # English
        *("except", "excepting", "exempt", "exclude", "excluding", "excludes", "excluded", "excl"),
        *("but", "not", "no", "nor", "never", "don't", "dont", "without", "minus", "less"),
        *("barring", "besides", "unless", "other", "apart", "aside", "rather", "instead"),
        *("skip", "skipping", "ignore", "ignoring", "omit", "omitting", "avoid", "avoiding"),
        *("spare", "sparing", "keep", "keeping", "leave", "leaving"),
        # German, French, Spanish
        *("außer", "ausser", "ausgenommen", "ohne", "nicht", "sauf", "hormis", "excepto", "salvo"),
        # Chinese and Japanese
        *("除", "除了", "除去", "不包括", "不含", "排除", "以外", "除外"),
    )
)
# Chinese has no space behind the word.
GLUED = ("除了", "除去", "不包括", "不含", "排除", "除")
# What may stand between such a word and the first term: "other than", "apart from".
LINKS = frozenset({"than", "from", "for", "of", "to", "the", "out", "any", "touch", "touching"})
BETWEEN = LINKS | {narrowing.AND}
# These join or soften what is named, and name nothing.
FILLERS = frozenset({"and", "und", "please", "pls", "plz", "bitte", "thanks", "thx"})


def spares(term: str) -> bool:
    """Whether a term is a word that spares what is named behind it."""
    return term.strip("(:;.").replace("’", "'").casefold() in SPARING


def understood(words: Sequence[str]) -> list[str]:
    """Return targets with `!` in front of each term that a word spares; without one as typed.

    Raises:
        UserMistake: nothing follows such a word.

    """
    terms = [
        part for word in words for term in TERM.findall(word) for part in parted_from_sparing(term)
    ]
    # As typed, so that what is shown as typed is what was typed.
    if not any(spares(term) or term.casefold() in FILLERS for term in terms):
        return list(words)
    found = list(_with_signs(terms))
    if terms and spares(terms[-1]):
        raise errors.UserMistake(
            f"Nothing follows {typography.shown(terms[-1])}; name what to take out after it, or "
            "write ! in front, as in !web07.",
            token=typography.shown(terms[-1]),
        )
    return found


def _with_signs(terms: Sequence[str]) -> Iterator[str]:
    """Yield what names servers, with its sign."""
    sparing = False
    for term in terms:
        if spares(term):
            sparing = True
        elif term.casefold() in FILLERS or (sparing and term.casefold() in BETWEEN):
            continue
        else:
            yield f"!{term}" if sparing and not term.startswith("!") else term


def parted_from_sparing(term: str) -> list[str]:
    """Return a word that spares and the term that was typed right behind it, apart."""
    word, colon, rest = term.partition(":")
    if colon and rest and spares(word):
        return [word, rest]
    glued = next((one for one in GLUED if term.startswith(one) and term != one), "")
    if glued and not spares(term):
        return [glued, term.removeprefix(glued)]
    return [term]
