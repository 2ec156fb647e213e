"""Terms held against the inventory: the servers that are meant, or what is wrong with them.

Exact names and ranges are looked up, all else is matched; both are bounded before they begin.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from bot.power import errors, server
from bot.power.targets import in_words, name_pattern, unresolved
from bot.power.targets.name_pattern import Work
from bot.power.targets.terms import (
    FieldTerm,
    GroupTerm,
    NamesTerm,
    Term,
    TermSet,
    mended,
    names_one,
)
from bot.power.targets.unresolved import UnknownTerm
from bot.power.text import folding, nearest, spelling, typography

# Patterns times servers, the slow ones counted as several: 40 to 250 ms as measured.
MOST_WORK = 100_000
MOST_IDS_SHOWN = 3  # Twins that a sentence names.
MOST_UNREAD = 100  # Characters of the names in a sentence.
# More servers than these are ordered by the snapshot's own order, which is made once.
FEW = 500


@dataclasses.dataclass(frozen=True, slots=True)
class Resolved:
    """The servers that are meant, and those that were named and taken out, in natural order.

    `reading` says in words what was meant where terms narrow each other, else it is empty.
    `selected` says that more than single names, ids and serial numbers were typed.
    `unsure` may or may not be meant, since what the terms ask for can't be read of them; they are
    looked for where something is to be changed.
    """

    servers: tuple[server.Server, ...]
    taken_out: tuple[server.Server, ...] = ()
    reading: str = ""
    selected: bool = False
    unsure: tuple[server.Server, ...] = ()


def resolve(
    members: TermSet, snapshot: server.Snapshot, work: Work, *, for_change: bool = False
) -> Resolved:
    """Return the servers of a snapshot that terms mean.

    `for_change` wants racks of one name in several rooms told apart.

    Raises:
        UserMistake: names are unknown or mean several servers, a term matches nothing, nothing
            is left, or it would be too much work.

    """
    # Before the first match: what is too much must not be begun.
    _refuse_much_work(members, snapshot)
    search = _Search(members.terms, snapshot, work)
    found = {id(term): search.found(term) for term in members.terms}
    # All terms were searched first, so that every unknown name is told at once.
    if search.unknown:
        raise unresolved.mistake(search.unknown, members.terms, snapshot)
    named = _narrowed(members, found)
    out = {row.id for t in members.terms if t.takes_out for row in found[id(t)]}
    out |= _missed(members, named, work)
    left = [row for row in named if row.id not in out]
    if not left:
        raise errors.UserMistake(
            "Nothing is left: every server that you name is also taken out with !."
        )
    # Now, since another term may have narrowed the twins down to one.
    search.refuse_twins(left)
    if for_change:
        unresolved.refuse_unclear(members, left, snapshot)
    taken_out = [row for row in named if row.id in out]
    said = in_words.reading(members)
    selected = not all(map(names_one, members.terms))
    # A look may leave a server out; a change must say that it can't tell.
    unsure = {row.id: row.unread for row in search.unsure(members)} if for_change else {}
    sure = [row for row in left if row.id not in unsure]
    doubtful = _ordered((snapshot.servers[id_] for id_ in unsure), snapshot)
    out_rows = _ordered(taken_out, snapshot)
    return Resolved(_ordered(sure, snapshot), out_rows, said, selected, doubtful)


def _missed(members: TermSet, named: Sequence[server.Server], work: Work) -> set[str]:
    """Return the ids of servers that exclusions miss by case, width or blanks alone.

    Whoever takes web* out means Web08 as well; a whole name is meant as it is written.
    """
    out = (term for term in members.terms if term.takes_out and not names_one(term))
    wide = [one.matcher.folded() for one in out if not isinstance(one.matcher, GroupTerm)]
    return {row.id for row in named for one in wide if one.matches(row, work)}


def _narrowed(
    members: TermSet, found: Mapping[int, Sequence[server.Server]]
) -> list[server.Server]:
    """Return the servers that every clause names.

    Raises:
        UserMistake: a clause leaves none of those before it.

    """
    named: dict[str, server.Server] = {}
    for place, clause in enumerate(members.clauses):
        rows = {row.id: row for term in clause for row in found[id(term)]}
        left = {id_: row for id_, row in named.items() if id_ in rows} if place else rows
        if not left:
            raise _none_left(members, place, len(named))
        named = left
    return list(named.values())


def _none_left(members: TermSet, place: int, count: int) -> errors.UserMistake:
    """Return the error for a clause that is true of none of the servers before it."""
    before = dataclasses.replace(members, clauses=members.clauses[:place])
    clause = members.clauses[place]
    alike = any(one[0].kind == clause[0].kind for one in before.clauses)
    why = "& narrows, a space adds up" if alike else "terms of different kinds narrow each other"
    return errors.UserMistake(
        f"{in_words.none_of(before, clause, count)}; {why}.",
        token=typography.shown(" ".join(term.text for term in clause)),
    )


def _ordered(rows: Iterable[server.Server], snapshot: server.Snapshot) -> tuple[server.Server, ...]:
    """Return servers in the natural order of their names."""
    found = list(rows)
    if len(found) > FEW:
        wanted = {row.id for row in found}
        return tuple(row for row in snapshot.ordered if row.id in wanted)
    return tuple(sorted(found, key=lambda row: (folding.natural(row.name), row.name, row.id)))


def _refuse_much_work(members: TermSet, snapshot: server.Snapshot) -> None:
    """Refuse more patterns than can be held against so many servers at once."""
    patterns = members.patterns
    servers = max(1, len(snapshot.servers))
    if patterns * servers > MOST_WORK:
        most = MOST_WORK // servers
        raise errors.UserMistake(
            f"{patterns} ranges and patterns for {servers:,} servers are too many at once; use "
            f"at most {most}, counting those inside groups{_heavy(members)}."
        )


def _heavy(members: TermSet) -> str:
    """Say why more are counted than were typed, where that is so."""
    if members.patterns <= members.size:
        return ""
    return f" (a star together with a range or ? counts as {name_pattern.STARRED_WEIGHT})"


def _spelled(count: int) -> str:
    """Return a number, a small one as a word."""
    return {2: "two", 3: "three", 4: "four"}.get(count, str(count))


class _Search:
    """Terms while they are held against a snapshot, with the names that turned out unknown."""

    def __init__(self, terms: Sequence[Term], snapshot: server.Snapshot, work: Work) -> None:
        self._terms, self._snapshot, self._work = terms, snapshot, work
        self.unknown: list[UnknownTerm] = []
        self._twins: dict[str, Term] = {}

    def found(self, term: Term) -> Sequence[server.Server]:
        """Return the servers that one term matches.

        Raises:
            UserMistake: the term matches nothing.

        """
        matcher = term.matcher
        if isinstance(matcher, NamesTerm) and not matcher.pattern.is_wild:
            return self._looked_up(term, matcher)
        rows = self._snapshot.servers.values()
        found = [row for row in rows if matcher.matches(row, self._work)]
        momentary = isinstance(matcher, FieldTerm) and matcher.kind in unresolved.MOMENTARY
        # `!state:off` takes out nothing where nothing is off, and is no mistake.
        if not found and not (momentary and term.takes_out):
            raise self._nothing(term)
        return found

    def _looked_up(self, term: Term, names: NamesTerm) -> Sequence[server.Server]:
        """Return the servers of an id, a name, or a range of at most 10,000 names."""
        if names.server_id in self._snapshot.servers:
            return [self._snapshot.servers[names.server_id]]
        found: list[server.Server] = []
        missing: list[str] = []
        for name in names.pattern.names():
            rows = self._snapshot.by_name.get(name, ())
            if len(rows) > 1 and not term.takes_out:
                self._twins[name] = term
            found += rows
            if not rows:
                _refuse_alike(term, name)
                missing.append(name)
        if missing:
            self.unknown.append(UnknownTerm(term, missing, [row.name for row in found]))
        return found

    def unsure(self, members: TermSet) -> list[server.Server]:
        """Return the servers of which it can't be read whether they are meant."""
        rows = (row for row in self._snapshot.servers.values() if row.unread)
        return [row for row in rows if members.may_match(row, self._work) is None]

    def refuse_twins(self, left: Sequence[server.Server]) -> None:
        """Refuse a name that still means several servers when all terms were read.

        Raises:
            UserMistake: it does.

        """
        for name, term in self._twins.items():
            rows = [row for row in left if typography.normal(row.name) == name]
            if len(rows) > 1:
                raise self._ambiguous(term, name, rows)

    def _ambiguous(
        self, term: Term, name: str, rows: Sequence[server.Server]
    ) -> errors.UserMistake:
        """Return the error for a name that several servers have."""
        typed = [self._typed(row) for row in rows[:MOST_IDS_SHOWN]]
        places = [self._snapshot.apart.get(row.id, row.id) for row in rows[:MOST_IDS_SHOWN]]
        told = zip(typed, places, strict=True)
        each = ", ".join(one if one in place else f"{one} ({place})" for one, place in told)
        more = f" and {len(rows) - len(typed)} more" if len(rows) > len(typed) else ""
        # No line: whichever of them it took may be the wrong machine.
        return errors.UserMistake(
            f"There are {_spelled(len(rows))} servers called {spelling.shown(name)}: "
            f"{each}{more}. Type the one you mean.",
            token=typography.shown(term.typed),
        )

    def _typed(self, row: server.Server) -> str:
        """Return the term that means this server alone: by its serial number, or else its id."""
        # Two records may have the same serial number, or none at all.
        alone = sum(one.sn == row.sn for one in self._snapshot.servers.values()) == 1
        return f"sn:{row.sn}" if alone and nearest.PLAIN.fullmatch(row.sn) else row.id

    def _unread(self, term: Term) -> str:
        """Say of how many servers it can't be read whether a term matches them."""
        rows = self._snapshot.servers.values()
        unread = [row.name for row in rows if not term.asks.isdisjoint(row.unread)]
        if not unread:
            return ""
        asked = " and ".join(sorted(part.value for part in term.asks))
        return f"; the {asked} of {folding.fold(unread, MOST_UNREAD, marked=True)} can't be read"

    def _nothing(self, term: Term) -> errors.UserMistake:
        """Return the error for a term that matches no server, with the nearest value there is."""
        better = unresolved.nearest_value(term, self._snapshot)
        hint = f"; the nearest is {better}" if better else ""
        if asked := unresolved.asked_about(term, self._snapshot):
            better, hint = asked, f"; ? stands for one character, and {asked} is there without it"
        return errors.UserMistake(
            f"{typography.shown(term.text)} matches no server{hint}{self._unread(term)}.",
            token=typography.shown(term.typed),
            suggestion=mended(self._terms, term, better),
        )


def _refuse_alike(term: Term, name: str) -> None:
    """Refuse a quoted name that nobody has, where a character of it may look like another."""
    strange = typography.strange_in_name(name, allowed=" ") if term.text.startswith('"') else ""
    if strange and not name.isascii():
        raise errors.UserMistake(
            f"{strange}, and no server has exactly that name.", token=typography.shown(term.typed)
        )
