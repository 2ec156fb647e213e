"""What the words of a typed line are, as far as that can be told of a line that is a mistake."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator

from bot.power.command import command_options
from bot.power.targets import target_words, term_parsing
from bot.power.targets.target_words import TERM
from bot.power.text import nearest, typography
from bot.power.vocabulary import BECAUSE, OPTIONS, PASSED_OVER, POLITE, SYNONYMS, VERBS

SPACED_BRACKET = re.compile(r"\[[^\[\]\"]*\]")
# A kind and its value with a space between: one term.
LONE_KIND = re.compile(rf"((?:{'|'.join(term_parsing.EXAMPLES)}):) +(?=\S)", re.IGNORECASE)
# A dash in front of an option's name, with a space between.
DASHED = re.compile(rf"(?<!\S)-+ ({'|'.join(name[2:] for name in OPTIONS)})(?!\S)")
NAMELESS = (
    target_words.FILLERS | target_words.LINKS | POLITE | PASSED_OVER | set(VERBS) | set(SYNONYMS)
)


@dataclasses.dataclass
class TypedWords:
    """Words by what they are: terms that are named, terms to be spared, options.

    `options` stand before because, by their own name or by one that is alike (`slips`, where
    those behind because are too).
    """

    text: str
    words: list[str] = dataclasses.field(default_factory=list)
    named: list[str] = dataclasses.field(default_factory=list)
    spared: list[str] = dataclasses.field(default_factory=list)
    options: set[str] = dataclasses.field(default_factory=set)
    slips: set[str] = dataclasses.field(default_factory=set)

    def have(self, words: str) -> bool:
        """Whether each of these words was typed."""
        return all(word in self.text for word in words.casefold().split())


def read(typed: str) -> TypedWords:
    """Read a line that a person typed."""
    plain = typography.plain(typography.undo_slack(typed))
    plain = LONE_KIND.sub(r"\1", SPACED_BRACKET.sub(lambda one: one[0].replace(" ", ""), plain))
    plain = DASHED.sub(r"--\1", plain)
    found = TypedWords(typography.sentence(typography.undo_slack(typed)).casefold())
    # Both as typed and as understood: a word of either may stand in an offered line.
    found.text += f" {plain.casefold()}"
    found.words = [word.text for word in typography.words(plain)]
    begins = next((n for n, word in enumerate(found.words) if _is_because(word)), None)
    _read_targets(found, found.words[:begins])
    # A verb with a slip in it names no server.
    if found.named and nearest.words(found.named[0], VERBS):
        del found.named[0]
    late = found.words[begins:] if begins is not None else []
    found.slips |= {name for word in late if (name := command_options.name_of(word)) in OPTIONS}
    return found


def _is_because(word: str) -> bool:
    """Whether a reason begins here, as it stands or with something glued to it."""
    bare = word.casefold().strip(":,-")
    return bare == BECAUSE or command_options.name_of(word) in command_options.REASONS


def _read_targets(found: TypedWords, words: list[str]) -> None:
    """Tell options from terms, and terms that are named from those that are to be spared."""
    rest = iter(words)
    sparing = False
    for word in rest:
        name = command_options.name_of(word)
        if not name or name == "--":
            sparing = _read_terms(found, word, sparing=sparing or bool(name))
            continue
        meant = name if name in OPTIONS else next(iter(nearest.words(name, OPTIONS)), "")
        (found.options if name in OPTIONS else found.slips).update({meant} - {""})
        # Its value is the next word, and no server.
        if meant and OPTIONS[meant].value and "=" not in word:
            next(rest, None)
        # A dash that is no option's may have been meant to take something out.
        elif not meant:
            found.spared.append(word.lstrip("-"))


def _read_terms(found: TypedWords, word: str, *, sparing: bool) -> bool:
    """Add the terms of a word; return whether those behind it are to be spared."""
    for term in _terms(word):
        if term == "!" or target_words.spares(term):
            sparing = True
        elif term.startswith("!"):
            found.spared.append(term.lstrip("!"))
        elif (
            term.strip("-")
            and term.casefold().strip(",:.") not in NAMELESS
            and not term.startswith("/")
        ):
            (found.spared if sparing else found.named).append(term)
    return sparing


def _terms(word: str) -> Iterator[str]:
    """Yield the terms of a word, other tools' habits in our words."""
    for term in TERM.findall(word):
        for part in target_words.parted_from_sparing(term):
            yield from (nearest.habit(part) or part).split() if '"' not in part else [part]
