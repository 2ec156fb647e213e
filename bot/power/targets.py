"""The servers that people name: terms by spaces or commas, matched against the inventory.

`!term` takes out, and wins wherever it stands. One unknown name stops the whole. The same
language describes groups of servers in the policy file, where a name may match nothing yet.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Callable, Iterable, Mapping

from bot.power import errors, folding, server, terms, typography
from bot.power.terms import Term, mistake

MAX_CHARACTERS = 2_000
MAX_TERMS = 100
MAX_RANGES = 200
MAX_DEPTH = 5
MAX_GROUP_TERMS = 1_000
MAX_WORK = 100_000
NAMED_MISSING = 10


@dataclasses.dataclass(frozen=True, slots=True)
class Resolved:
    """The servers that target text names, in natural order of their names."""

    servers: tuple[server.Server, ...]


@dataclasses.dataclass(frozen=True)
class Selection:
    """Parsed target text."""

    text: str
    terms: tuple[Term, ...]

    def matches(self, row: server.Server) -> bool:
        """Whether a server is named, and not taken out."""
        if any(term.takes_out and term.matches(row) for term in self.terms):
            return False
        return any(not term.takes_out and term.matches(row) for term in self.terms)

    def resolve(self, snapshot: server.Snapshot) -> Resolved:
        """Return the servers of a snapshot that are named.

        Raises:
            UserMistake: a name is unknown or ambiguous, a term matches nothing, or nothing is
                left after what was taken out.
        """
        _refuse_too_much_work(self.terms, snapshot)
        chosen: dict[str, server.Server] = {}
        out: set[str] = set()
        unknown: list[str] = []
        for term in self.terms:
            found = _found(term, snapshot, unknown)
            if term.takes_out:
                out.update(row.id for row in found)
            else:
                chosen.update((row.id, row) for row in found)
        if unknown:
            raise _unknown_names(unknown, snapshot)
        left = [row for id_, row in chosen.items() if id_ not in out]
        if not left:
            raise mistake("Everything that is named is also taken out with !.", self.text)
        return Resolved(tuple(sorted(left, key=lambda row: (folding.natural(row.name), row.id))))


def parse(text: str, groups: Mapping[str, str]) -> Selection:
    """Parse what a person typed; `groups` are the policy file's, usable as `@name`.

    Raises:
        UserMistake: it can't be understood, or is larger than the bounds.
    """
    found = _parse(text, _Book(groups), policy=False, depth=0)
    if all(term.takes_out for term in found):
        raise mistake("Say first which servers are meant; ! only takes out of them.", text)
    return Selection(text, found)


def parse_policy_targets(text: str, groups: Mapping[str, str]) -> Selection:
    """Parse a group of servers in the policy file, where a bare `*` may stand.

    Raises:
        UserMistake: it can't be understood, or is larger than the bounds.
    """
    return Selection(text, _parse(text, _Book(groups), policy=True, depth=0))


@dataclasses.dataclass(slots=True)
class _Book:
    """The policy's groups, and how many of their terms one text has used so far."""

    groups: Mapping[str, str]
    used: int = 0

    def use(self, count: int, word: str) -> None:
        """Count the terms of a group that is named.

        Raises:
            UserMistake: all groups together are larger than the bound.
        """
        self.used += count
        if self.used > MAX_GROUP_TERMS:
            raise mistake(
                f"The groups named here have more than {MAX_GROUP_TERMS} terms together.", word
            )


def _parse(text: str, book: _Book, *, policy: bool, depth: int) -> tuple[Term, ...]:
    """Parse all terms of a text."""
    if len(text) > MAX_CHARACTERS:
        raise mistake(f"Targets have at most {MAX_CHARACTERS} characters; use a group.", "")
    text = typography.plain(text)
    typography.refuse_foreign(text)
    words = split(text)
    if not words:
        raise mistake("Say which servers are meant, such as web[01-03] or @web.", "")
    if len(words) > MAX_TERMS:
        raise mistake(f"At most {MAX_TERMS} terms are allowed; these are {len(words)}.", "")
    if text.count('"') % 2:
        raise mistake("A quote isn't closed.", text)
    if text.count("-") + text.count(",") > 2 * MAX_RANGES + MAX_TERMS:
        raise mistake(f"At most {MAX_RANGES} ranges are allowed.", "")
    found = tuple(_term(word, book, policy=policy, depth=depth) for word in words)
    if sum(term.pattern.ranges for term in found if term.pattern) > MAX_RANGES:
        raise mistake(f"At most {MAX_RANGES} ranges are allowed.", "")
    named = sum(t.pattern.count for t in found if t.pattern and not t.pattern.wild)
    if named > terms.MAX_NAMED:
        raise mistake(
            f"These names are {named} servers; at most {terms.MAX_NAMED} can be named.", text
        )
    return found


def split(text: str) -> list[str]:
    """Split target text by spaces and commas, but not inside brackets or quotes."""
    words, word, depth, quoted = [], "", 0, False
    for character in text:
        quoted ^= character == '"'
        depth += (character == "[") - (character == "]")
        if character in " ," and not quoted and (depth <= 0 or character == " "):
            words.append(word)
            word, depth = "", 0
        else:
            word += character
    return [word for word in (*words, word) if word]


def _term(word: str, book: _Book, *, policy: bool, depth: int) -> Term:
    """Parse one term."""
    out = word.startswith("!")
    body = word.removeprefix("!")
    kind, colon, value = body.partition(":")
    if not body:
        raise mistake("! takes out the servers that follow it without a space.", word, "!web07")
    if body.startswith("@"):
        return Term(word, out, _group(body[1:], book, word, depth))
    if colon:
        if kind.lower() not in (*terms.FIELDS, "tag"):
            known = ", ".join(f"{name}:" for name in (*terms.FIELDS, "tag"))
            raise mistake(f'"{kind}:" isn\'t known; there are {known}.', word)
        return Term(word, out, terms.field_matcher(kind.lower(), value, word))
    if terms.UUID.fullmatch(body.lower()):
        wanted = body.lower()
        return Term(word, out, lambda row: row.id == wanted, by_id=wanted)
    pattern = terms.name_pattern(body)
    if not policy and not out and (body.strip("*?") == "" or body.lower() == "all"):
        raise mistake("Everything at once can't be typed; name a group, such as @web.", word)
    return Term(word, out, lambda row: pattern.matches(row.name), pattern=pattern)


def _group(name: str, book: _Book, word: str, depth: int) -> Callable[[server.Server], bool]:
    """Return what a group of the policy file matches."""
    groups = book.groups
    if name not in groups:
        near = difflib.get_close_matches(name, groups, n=1)
        known = (
            f"the groups are {', '.join(f'@{one}' for one in groups)}"
            if groups
            else ("the policy file has none")
        )
        raise mistake(f"There is no group @{name}; {known}.", word, f"@{near[0]}" if near else "")
    if depth >= MAX_DEPTH:
        raise mistake(f"Groups are nested more than {MAX_DEPTH} deep, or in a circle.", word)
    book.use(len(split(groups[name][:MAX_CHARACTERS])), word)
    inner = Selection(groups[name], _parse(groups[name], book, policy=True, depth=depth + 1))
    return inner.matches


def _refuse_too_much_work(found: Iterable[Term], snapshot: server.Snapshot) -> None:
    """Bound the work of terms that must be held against every server."""
    wide = sum(1 for term in found if not term.by_id and (not term.pattern or term.pattern.wild))
    work = wide * len(snapshot.servers)
    if work > 10 * MAX_WORK:
        raise mistake(
            f"{wide} patterns over {len(snapshot.servers)} servers are too many; use fewer.", ""
        )


def _found(term: Term, snapshot: server.Snapshot, unknown: list[str]) -> tuple[server.Server, ...]:
    """Return the servers that one term matches; names that don't exist are added to `unknown`.

    Raises:
        UserMistake: the term matches nothing, or a name belongs to several servers.
    """
    if term.pattern is not None and not term.pattern.wild:
        return _found_by_name(term.pattern, snapshot, unknown)
    if term.by_id:
        if term.by_id not in snapshot.servers:
            unknown.append(term.by_id)
            return ()
        return (snapshot.servers[term.by_id],)
    found = tuple(row for row in snapshot.servers.values() if term.matches(row))
    if not found:
        raise mistake(f"{term.text} matches no server.", term.text, "/power list")
    return found


def _found_by_name(
    pattern: terms.NamePattern, snapshot: server.Snapshot, unknown: list[str]
) -> tuple[server.Server, ...]:
    """Return the servers of a name or of a counted range of names."""
    found: list[server.Server] = []
    for name in pattern.names():
        rows = snapshot.by_name.get(name, ())
        if len(rows) > 1:
            ids = ", ".join(row.id for row in rows[:3])
            raise mistake(f"{len(rows)} servers are called {name}; use an id: {ids}.", name)
        if rows:
            found.append(rows[0])
        else:
            unknown.append(name)
    return tuple(found)


def _unknown_names(unknown: list[str], snapshot: server.Snapshot) -> errors.UserMistake:
    """Return the error that names all unknown names at once, with the nearest existing ones."""
    missing = list(dict.fromkeys(unknown))
    shown = folding.fold(missing[:NAMED_MISSING])
    more = f" and {len(missing) - NAMED_MISSING} more" if len(missing) > NAMED_MISSING else ""
    known = list(snapshot.by_name)
    close: dict[str, None] = {}
    for name in missing[:3]:
        close.update(dict.fromkeys(_nearest(name, known)))
    near = f" The nearest are {', '.join(list(close)[:3])}." if close else ""
    plural = "no server is" if len(missing) == 1 else f"{len(missing)} names aren't known:"
    text = f"{plural} called {shown}" if len(missing) == 1 else f"{plural} {shown}"
    return mistake(f"{text[0].upper()}{text[1:]}{more}.{near}", shown, next(iter(close), ""))


def _nearest(name: str, known: list[str]) -> list[str]:
    """Return existing names that look like this one, in a list cut to a bounded length."""
    head = name[:2].lower()
    candidates = [one for one in known if one[:2].lower() == head][:2000] or known[:2000]
    return difflib.get_close_matches(name, candidates, n=2, cutoff=0.6)
