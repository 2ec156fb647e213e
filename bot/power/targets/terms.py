"""One target term and what it matches: `web[01-20]`, `db*`, `tag:role=web`, `@web`, a server id.

A term knows nothing of other terms, of the inventory, or of which group it stands in.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Callable, Sequence
from typing import Protocol

from bot.power import server
from bot.power.server import RecordPart
from bot.power.targets import name_pattern
from bot.power.targets.name_pattern import Work
from bot.power.text import typography

# The kind of names, patterns, ids, serial numbers and groups.
NAMED = "named"
# CloudDC's ids are lower-case UUIDs (CloudDC API, ListServers page).
SERVER_ID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


# What makes two texts the same that are compared.
Form = Callable[[str], str]


class Matcher(Protocol):
    """What a term says of a server."""

    def matches(self, row: server.Server, work: Work) -> bool:
        """Whether this server is meant."""


@dataclasses.dataclass(frozen=True)
class NamesTerm:
    """Servers by name; a plain name that is written like an id is a server's id."""

    pattern: name_pattern.Pattern
    form: Form = typography.normal

    def folded(self) -> NamesTerm:
        """Return what the policy means by it."""
        return NamesTerm(self.pattern.folded(), typography.folded)

    @functools.cached_property
    def server_id(self) -> str:
        """The server id that the term is, or an empty text."""
        return self.pattern.text.lower() if SERVER_ID.fullmatch(self.pattern.text) else ""

    def matches(self, row: server.Server, work: Work) -> bool:
        """Whether the server's name matches, or its id is this one."""
        if self.server_id and row.id == self.server_id:
            return True
        return self.pattern.matches(self.form(row.name), work)


@dataclasses.dataclass(frozen=True)
class Value:
    """What a field must hold: a pattern, or exactly this text where it was quoted."""

    exact: str
    pattern: name_pattern.Pattern | None = None

    def folded(self) -> Value:
        """Return what the policy means by it."""
        pattern = self.pattern.folded() if self.pattern else None
        return Value(typography.folded(self.exact), pattern)

    def accepts(self, text: str, work: Work) -> bool:
        """Whether this text is meant."""
        if self.pattern is None or self.pattern.is_plain:
            return text == self.exact
        return self.pattern.matches(text, work)


@dataclasses.dataclass(frozen=True)
class FieldTerm:
    """Servers by one field of their record, such as `rack`."""

    kind: str
    value: Value
    form: Form = typography.normal

    def folded(self) -> FieldTerm:
        """Return what the policy means by it."""
        return FieldTerm(self.kind, self.value.folded(), typography.folded)

    def matches(self, row: server.Server, work: Work) -> bool:
        """Whether the field holds the value."""
        return self.value.accepts(self.form(FIELDS[self.kind](row)), work)


@dataclasses.dataclass(frozen=True)
class Tag:
    """Servers by a tag; its key is never a pattern."""

    key: str
    value: Value
    form: Form = typography.normal

    def folded(self) -> Tag:
        """Return what the policy means by it."""
        return Tag(typography.folded(self.key), self.value.folded(), typography.folded)

    def matches(self, row: server.Server, work: Work) -> bool:
        """Whether the server has the tag with such a value."""
        form = self.form
        return any(
            form(key) == self.key and self.value.accepts(form(held), work) for key, held in row.tags
        )


@dataclasses.dataclass(frozen=True)
class GroupTerm:
    """The servers of a group from the policy file; `terms` are the group's own."""

    name: str
    members: TermSet

    def matches(self, row: server.Server, work: Work) -> bool:
        """Whether the server is in the group."""
        return self.members.matches(row, work)


@dataclasses.dataclass(frozen=True, slots=True)
class Term:
    """One term: `text` in plain characters, without the `!` that `takes_out` stands for."""

    text: str
    takes_out: bool
    matcher: NamesTerm | FieldTerm | Tag | GroupTerm

    @property
    def typed(self) -> str:
        """The term as it is typed."""
        return f"!{self.text}" if self.takes_out else self.text

    @property
    def asks(self) -> frozenset[RecordPart]:
        """The parts of a record on which it depends whether it is meant."""
        match self.matcher:
            case GroupTerm(members=members):
                return members.asks
            case Tag():
                return frozenset({RecordPart.TAGS})
            case FieldTerm(kind=kind):
                return frozenset({PARTS[kind]} if kind in PARTS else ())
            case NamesTerm(pattern=pattern):
                return frozenset() if pattern.text == "*" else frozenset({RecordPart.NAME})

    def may_match(self, row: server.Server, work: Work) -> bool | None:
        """Whether a server is meant; None where that can't be read of it."""
        found = self.matcher.matches(row, work)
        # A group may take out again what one of its terms names.
        certain = found and not isinstance(self.matcher, GroupTerm)
        return found if certain or self.asks.isdisjoint(row.unread) else None

    @property
    def kind(self) -> str:
        """What it speaks of: terms of one kind add up, and kinds narrow each other."""
        match self.matcher:
            case Tag(key=key):
                return f"tag:{key}"
            case FieldTerm(kind=kind) if kind != "sn":
                return kind
            case _:
                return NAMED


def mended(terms: Sequence[Term], wrong: Term, better: str) -> str:
    """Return all targets with a better text for one term, or nothing where there is none."""
    if not better:
        return ""
    sign = "!" if wrong.takes_out else ""
    return " ".join(sign + better if term is wrong else term.typed for term in terms)


@dataclasses.dataclass(frozen=True)
class TermSet:
    """Terms together: those of one clause add up, clauses narrow each other, ! takes out.

    `terms` are all of them as they were typed, `clauses` those that name, by what they add up to.
    """

    terms: tuple[Term, ...]
    clauses: tuple[tuple[Term, ...], ...]

    @functools.cached_property
    def asks(self) -> frozenset[RecordPart]:
        """The parts of a record on which it depends whether a server is meant."""
        return frozenset[RecordPart]().union(*(term.asks for term in self.terms))

    def may_match(self, row: server.Server, work: Work) -> bool | None:
        """Whether a server is meant; None where that can't be read of it."""
        out = [term.may_match(row, work) for term in self.terms if term.takes_out]
        named = [[one.may_match(row, work) for one in clause] for clause in self.clauses]
        if not named or any(out) or any(all(one is False for one in some) for some in named):
            return False
        return True if None not in out and all(map(any, named)) else None

    @functools.cached_property
    def size(self) -> int:
        """How many terms there are, those of groups counted each time they are named."""
        return size(self.terms)

    @functools.cached_property
    def patterns(self) -> int:
        """How many terms must be held against each server, counting those inside groups.

        One that takes longer to match counts as several.
        """
        return sum(_weight(term.matcher) for term in self.terms if not is_plain(term))

    @functools.cached_property
    def _sides(self) -> tuple[tuple[_Side, ...], _Side]:
        """What is named, clause by clause, and what is taken out."""
        out = _side([term for term in self.terms if term.takes_out])
        return tuple(_side(list(clause)) for clause in self.clauses), out

    def matches(self, row: server.Server, work: Work) -> bool:
        """Whether each clause names this server and no term takes it out."""
        named, taken_out = self._sides
        if not named or taken_out.has(row, work):
            return False
        return all(side.has(row, work) for side in named)


@dataclasses.dataclass(frozen=True, slots=True)
class _Side:
    """Terms by how they are looked up: plain names and ids in a set, patterns one by one."""

    plain: frozenset[str]
    patterns: tuple[Matcher, ...]
    form: Form

    def has(self, row: server.Server, work: Work) -> bool:
        """Whether one of the terms means this server."""
        if self.plain and (self.form(row.name) in self.plain or row.id in self.plain):
            return True
        return any(matcher.matches(row, work) for matcher in self.patterns)


def _side(terms: list[Term]) -> _Side:
    """Part plain names and ids from what must be held against each server."""
    plain = [term.matcher for term in terms if is_plain(term)]
    texts = [m.server_id or m.pattern.text for m in plain if isinstance(m, NamesTerm)]
    patterns = tuple(term.matcher for term in terms if not is_plain(term))
    forms = [m.form for m in plain if isinstance(m, NamesTerm)]
    return _Side(frozenset(texts), patterns, forms[0] if forms else typography.normal)


def size(terms: Sequence[Term]) -> int:
    """Return how many terms these are, those of groups counted each time they are named."""
    return sum(
        term.matcher.members.size if isinstance(term.matcher, GroupTerm) else 1 for term in terms
    )


def _weight(matcher: Matcher) -> int:
    """Return as how many patterns a matcher counts."""
    if isinstance(matcher, GroupTerm):
        return matcher.members.patterns
    return matcher.pattern.weight if isinstance(matcher, NamesTerm) else 1


def is_plain(term: Term) -> bool:
    """Whether a term is one name or one id."""
    return isinstance(term.matcher, NamesTerm) and term.matcher.pattern.is_plain


def names_one(term: Term) -> bool:
    """Whether a term can mean one server alone: a whole name, an id or a serial number."""
    if isinstance(term.matcher, FieldTerm) and term.matcher.kind == "sn":
        pattern = term.matcher.value.pattern
        return pattern is None or pattern.is_plain
    return is_plain(term)


# Which part of a record a field is; what isn't known of a power state is a state of its own.
PARTS = {
    "sn": RecordPart.SN,
    "rack": RecordPart.RACK,
    "room": RecordPart.ROOM,
    "dc": RecordPart.ROOM,
    "health": RecordPart.HEALTH,
}

# Words that CloudDC and we choose are compared in small letters; what people chose is not.
FIELDS: dict[str, Callable[[server.Server], str]] = {
    "sn": lambda row: row.sn,
    "rack": lambda row: row.rack,
    # CloudDC calls a room `dc` (CloudDC API, ListServers page).
    "room": lambda row: row.dc,
    "dc": lambda row: row.dc,
    "state": lambda row: row.power.value,
    "health": lambda row: row.health_state.lower(),
}
