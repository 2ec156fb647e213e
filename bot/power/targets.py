"""The servers that people name: terms by spaces or commas, matched against the inventory.

`!term` takes out, and wins wherever it stands. The same language describes groups of servers in
the policy file, where a bare `*` may stand and a name may match nothing yet.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping

from bot.power import (
    errors,
    name_pattern,
    nearest,
    resolving,
    server,
    term_parsing,
    terms,
    typography,
)
from bot.power.resolving import Resolved
from bot.power.terms import Term, TermSet

MOST_CHARACTERS = 2_000
MOST_TERMS = 100
MOST_RANGES = 200
MOST_NAMED = 10_000
MAX_DEPTH = 5
MOST_GROUP_TERMS = 1_000
EVERYTHING = re.compile(r"[*?]+|all", re.IGNORECASE)
# A comma in brackets or quotes belongs to the term.
TERM = re.compile(r'(?:"[^"]*"|\[[^\[\]]*\]|[^,])+')
SPACED_BRACKET = re.compile(r"\[[^\[\]\"]* [^\[\]\"]*\]")
LETTERS = re.compile(r"!([A-Za-z]+)[0-9\[]")
GROUP_NAME = re.compile(r"[A-Za-z0-9_-]{1,60}")


@dataclasses.dataclass(frozen=True)
class Selection:
    """Parsed target text; `text` is in plain characters, its terms parted by spaces."""

    text: str
    members: TermSet

    @property
    def terms(self) -> tuple[Term, ...]:
        """The terms in the order in which they were typed."""
        return self.members.terms

    def matches(self, row: server.Server, /, work: name_pattern.Work | None = None) -> bool:
        """Whether a server is named, and not taken out; names that don't exist are no mistake."""
        return self.members.matches(row, work or name_pattern.Work())

    def resolve(self, snapshot: server.Snapshot, work: name_pattern.Work | None = None) -> Resolved:
        """Return the servers of a snapshot that are named.

        Raises:
            UserMistake: names are unknown or mean several servers, a term matches nothing,
                nothing is left, or it would be too much work.

        """
        return resolving.resolve(self.terms, snapshot, work or name_pattern.Work())


def parse(text: str, groups: Mapping[str, str]) -> Selection:
    """Parse what a person typed; `groups` are the policy file's, usable as `@name`.

    Raises:
        UserMistake: it can't be understood, or is larger than the bounds.

    """
    return _Reading(groups, in_policy=False).selection(text)


def parse_policy_targets(text: str, groups: Mapping[str, str]) -> Selection:
    """Parse a group of servers in the policy file.

    Raises:
        UserMistake: it can't be understood, or is larger than the bounds.

    """
    return _Reading(groups, in_policy=True).selection(text)


class _Reading:
    """One text while it is parsed, with the groups that it names; each group is parsed once."""

    def __init__(self, groups: Mapping[str, str], *, in_policy: bool) -> None:
        self._groups = groups
        self._in_policy = in_policy
        self._path: list[str] = []
        self._known: dict[str, terms.Group] = {}

    def selection(self, text: str) -> Selection:
        """Parse the whole text."""
        members = self._members(text, in_policy=self._in_policy)
        return Selection(" ".join(term.typed for term in members.terms), members)

    def _members(self, text: str, *, in_policy: bool) -> TermSet:
        """Parse the terms of the text, or of a group."""
        words = _split(text)
        _refuse_lone_sign(words)
        found: list[Term] = []
        for word in words:
            try:
                found.append(self._term(word, in_policy))
            except errors.UserMistake as mistake:
                raise _in_whole(mistake, words) from None
        _refuse_large(found, in_policy=in_policy)
        # The reader of the policy file refuses such a text itself, by its table and line.
        if not in_policy and all(term.takes_out for term in found):
            problem = "Only exclusions are named; say first which servers they are taken out of."
            letters = LETTERS.match(words[0])
            better = f"{letters[1]}* {' '.join(words)}" if letters else ""
            raise errors.UserMistake(problem, token=words[0], suggestion=better)
        return TermSet(tuple(found))

    def _term(self, word: str, in_policy: bool) -> Term:
        """Parse one term."""
        takes_out, body = word.startswith("!"), word.removeprefix("!")
        if not body or body.startswith("!"):
            named = body.lstrip("!")
            problem = "Write one ! right in front of what is taken out."
            raise errors.UserMistake(problem, token=word, suggestion=named and f"!{named}")
        if EVERYTHING.fullmatch(body) and not (in_policy and body == "*"):
            raise _everything(word, takes_out, in_policy, self._groups)
        if body.startswith("@"):
            return Term(body, takes_out, self._group(body[1:], word))
        try:
            return Term(body, takes_out, term_parsing.matcher(body, everything=in_policy))
        except errors.UserMistake as mistake:
            sign = "!" if takes_out else ""
            better = mistake.suggestion or nearest.habit(body)
            raise errors.UserMistake(
                mistake.problem, token=word, suggestion=better and sign + better
            ) from None

    def _group(self, name: str, word: str) -> terms.Group:
        """Return a group of the policy file."""
        if name not in self._groups:
            raise _no_group(name, word, self._groups)
        if name in self._path:
            circle = " -> ".join(f"@{one}" for one in (*self._path, name))
            raise errors.UserMistake(f"These groups name each other: {circle}.", token=word)
        if len(self._path) >= MAX_DEPTH:
            problem = f"Groups in groups go at most {MAX_DEPTH} deep."
            raise errors.UserMistake(problem, token=word)
        if name not in self._known:
            self._path.append(name)
            members = self._members(self._groups[name], in_policy=True)
            self._path.pop()
            self._known[name] = terms.Group(name, members)
        return self._known[name]


def _split(text: str) -> list[str]:
    """Return the terms of a text, each in plain characters.

    Raises:
        UserMistake: there are none, or too many, or brackets or quotes don't match.

    """
    if len(text) > MOST_CHARACTERS:
        problem = f"Targets have at most {MOST_CHARACTERS:,} characters; these have {len(text):,}."
        raise errors.UserMistake(problem)
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


def _refuse_lone_sign(words: list[str]) -> None:
    """Refuse a ! or a kind with a space behind it: it would be a guess what it belongs to."""
    places = range(len(words) - 1)
    place = next((p for p in places if words[p] == "!" or words[p].endswith(":")), -1)
    if place < 0:
        return
    joined = [*words[:place], words[place] + words[place + 1], *words[place + 2 :]]
    raise errors.UserMistake(
        f"Write {typography.shown(words[place])} right in front of what follows, without a space.",
        token=typography.shown(words[place]),
        suggestion=" ".join(joined),
    )


def _refuse_large(found: list[Term], *, in_policy: bool) -> None:
    """Refuse more ranges, names or nested terms than the bounds allow."""
    names = [term.matcher.pattern for term in found if isinstance(term.matcher, terms.Names)]
    ranges = sum(pattern.ranges for pattern in names)
    if ranges > MOST_RANGES:
        problem = f"At most {MOST_RANGES} ranges can be given; these are {ranges}."
        raise errors.UserMistake(problem)
    named = sum(pattern.count for pattern in names if not pattern.is_wild)
    if named > MOST_NAMED and not in_policy:
        problem = f"At most {MOST_NAMED:,} servers can be named; these are {named:,}."
        raise errors.UserMistake(problem)
    if TermSet(tuple(found)).size > MOST_GROUP_TERMS:
        problem = f"With their groups these are more than {MOST_GROUP_TERMS:,} terms."
        raise errors.UserMistake(problem, token=found[0].typed)


def _everything(
    word: str, takes_out: bool, in_policy: bool, groups: Mapping[str, str]
) -> errors.UserMistake:
    """Return the error for a term that would match every server."""
    if takes_out:
        return errors.UserMistake(f"{typography.shown(word)} takes out every server.", token=word)
    if in_policy:
        return errors.UserMistake("Every server is written * here.", token=word, suggestion="*")
    problem = f"{typography.shown(word)} would be every server; name them, or a group such as @web."
    first = next(iter(groups), "")
    return errors.UserMistake(problem, token=word, suggestion=f"@{first}" if first else "web*")


def _no_group(name: str, word: str, groups: Mapping[str, str]) -> errors.UserMistake:
    """Return the error for a group that the policy doesn't have."""
    if not GROUP_NAME.fullmatch(name):
        problem = "A group is @ and a name of letters, digits, - and _, such as @web."
        return errors.UserMistake(problem, token=word)
    near = nearest.words(name, groups)
    sign = "!@" if word.startswith("!") else "@"
    some = ", ".join(f"@{known}" for known, _ in zip(groups, range(5), strict=False))
    more = f" and {len(groups) - 5} more" if len(groups) > 5 else ""
    known = f"the groups are {some}{more}" if groups else "the policy has none"
    return errors.UserMistake(
        f"There is no group @{name}; {known}.",
        token=word,
        suggestion=f"{sign}{near[0]}" if near else "",
    )


def _in_whole(mistake: errors.UserMistake, words: list[str]) -> errors.UserMistake:
    """Return a mistake with all targets as its suggestion, the wrong term mended in them."""
    better = mistake.suggestion
    if better and mistake.token in words:
        better = " ".join(better if word == mistake.token else word for word in words)
    return errors.UserMistake(
        mistake.problem, token=typography.shown(mistake.token), suggestion=better
    )
