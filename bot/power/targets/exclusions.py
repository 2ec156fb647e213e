"""Words that spare servers, `@web except web01`: each term behind one is read as `!term`.

What is behind such a word is taken out to the end of the targets. Where that is more than was
meant, fewer servers are acted on, and the plan says which.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.power import errors
from bot.power.targets import narrowing
from bot.power.targets.target_words import TERM
from bot.power.text import typography

WORDS = frozenset(
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
    return term.strip("(:;.").replace("’", "'").casefold() in WORDS


def understood(words: Sequence[str]) -> list[str]:
    """Return targets with `!` in front of each term that a word spares; without one as typed.

    Raises:
        UserMistake: nothing follows such a word.

    """
    terms = [part for word in words for term in TERM.findall(word) for part in parted(term)]
    if not any(spares(term) or term.casefold() in FILLERS for term in terms):
        return list(words)
    found = list(_with_signs(terms))
    if terms and spares(terms[-1]):
        raise errors.UserMistake(
            f"Nothing follows {typography.shown(terms[-1])}; "
            "name behind it what is taken out, or write ! in front, such as !web07.",
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


def parted(term: str) -> list[str]:
    """Return a word that spares and the term that was typed right behind it, apart."""
    word, colon, rest = term.partition(":")
    if colon and rest and spares(word):
        return [word, rest]
    glued = next((one for one in GLUED if term.startswith(one) and term != one), "")
    if glued and not spares(term):
        return [glued, term.removeprefix(glued)]
    return [term]
