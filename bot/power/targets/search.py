"""What a search field offers while somebody types, and which servers a pasted text speaks of.

A catalogue is made once for each snapshot; a search over it is a few walks over strings. A text,
such as an alert, names servers by name, folded name, id or serial. Both only ever suggest: a person
looks at what was found before anything is planned.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import itertools
import re
from collections.abc import Iterator, Sequence

from bot.power import errors, server
from bot.power.targets import name_pattern, targets, terms
from bot.power.text import folding, nearest, typography

# "Block elements: multi-select" takes at most 100 options in an answer.
MOST_OFFERS = 100
MOST_OF_A_KIND = 20  # Groups, or tags and places, among the offers.
MOST_QUERY = 120  # Characters.
# An option's value has at most 150 characters ("Composition objects: option").
MOST_VALUE = 150
# One expression may be tried as it was typed; more would be too much work for each letter.
MOST_TERMS = 3
# Up to this many servers are offered one by one, so that each can be taken out again.
MOST_SINGLE = 20
MOST_FOLDED = 40  # Choices that a form is filled in with.


@dataclasses.dataclass(frozen=True, slots=True)
class Offer:
    """One choice: `value` is a target term as it may be typed, `label` and `note` are for eyes."""

    value: str
    label: str
    note: str = ""


class Catalogue:
    """What a snapshot has to offer, made ready for searching."""

    def __init__(self, snapshot: server.Snapshot, groups: targets.Groups) -> None:
        self.snapshot = snapshot
        self.groups = groups

    @functools.cached_property
    def _rows(self) -> list[tuple[str, server.Server]]:
        """All servers in natural order, each with its name in small letters."""
        return [(row.name.lower(), row) for row in self.snapshot.ordered]

    @functools.cached_property
    def _values(self) -> list[tuple[str, int]]:
        """All tags, racks and places as terms, with the number of servers that have them."""
        found: collections.Counter[str] = collections.Counter()
        for row in self.snapshot.servers.values():
            found.update(_terms_of(row, self.snapshot))
        return sorted(found.items(), key=lambda item: folding.natural(item[0]))

    def search(self, typed: str) -> list[Offer]:
        """Return what fits what was typed, at most a hundred choices, the likeliest first.

        Nothing fits what is very long: the beginning of it would be something else.
        """
        if len(typed) > MOST_QUERY:
            return []
        query = typography.plain(typed)
        word = query.lstrip("!").lower()
        sign = "!" if query.startswith("!") else ""
        starts = list(itertools.islice(self._named(word, sign, starting=True), MOST_OFFERS))
        found = [
            *self._as_typed(query),
            *itertools.islice(self._grouped(word, sign), MOST_OF_A_KIND),
            # Names that begin so leave room for groups, tags and places.
            *starts[: MOST_OFFERS - 2 * MOST_OF_A_KIND],
            *itertools.islice(self._held(word, sign), MOST_OF_A_KIND),
            *starts[MOST_OFFERS - 2 * MOST_OF_A_KIND :],
            *itertools.islice(self._named(word, sign, starting=False), MOST_OFFERS),
        ]
        # Backwards, so that of two alike the one that stands first is kept.
        return list({offer.value: offer for offer in reversed(found)}.values())[::-1][:MOST_OFFERS]

    def _as_typed(self, query: str) -> Iterator[Offer]:
        """Yield the query itself where it is an expression that names several servers."""
        text = query.removeprefix("!")
        if not text or len(query) > MOST_VALUE or len(text.split()) > 1:
            return
        try:
            chosen = targets.parse(text, self.groups)
            if len(chosen.terms) > MOST_TERMS:
                return
            found = chosen.resolve(self.snapshot).servers
        except errors.UserMistake:
            return
        if [row.name for row in found] != [text]:
            yield Offer(query, query, _size(len(found), query))

    def _grouped(self, word: str, sign: str) -> Iterator[Offer]:
        """Yield the groups of the policy whose name has the word in it."""
        for name, text in self.groups.items():
            if word.removeprefix("@") in name.lower():
                yield Offer(f"{sign}@{name}", f"{sign}@{name}", f"group: {targets.written(text)}")

    def _named(self, word: str, sign: str, *, starting: bool) -> Iterator[Offer]:
        """Yield the servers whose name begins with the word, or has it further on."""
        for name, row in self._rows:
            if word in name and name.startswith(word) == starting:
                yield single(row, self.snapshot, sign)

    def _held(self, word: str, sign: str) -> Iterator[Offer]:
        """Yield the tags and places that have the word in them."""
        for text, count in self._values:
            if word in text.lower() and len(text) < MOST_VALUE:
                yield Offer(sign + text, sign + text, _size(count, sign))


def _terms_of(row: server.Server, snapshot: server.Snapshot) -> Iterator[str]:
    """Yield the terms by which a server may be found beside its name."""
    for key, held in row.tags:
        if _typeable(key) and _typeable(held):
            yield f"tag:{_quoted(key)}={_quoted(held)}"
    if _typeable(row.dc):
        yield f"dc:{_quoted(row.dc)}"
    if _typeable(row.rack) and row.rack not in snapshot.shared_racks:
        yield f"rack:{_quoted(row.rack)}"
    elif _typeable(row.rack) and _typeable(row.dc):
        yield f"rack:{_quoted(row.rack)}&dc:{_quoted(row.dc)}"


# A fleet of thousands has a few hundred tags, racks and places.
@functools.lru_cache(maxsize=4096)
def _typeable(text: str) -> bool:
    """Whether a value can be typed at all, at the least in quotes."""
    return bool(text) and text.isprintable() and not set(text) & set(typography.DOUBLE_QUOTES)


@functools.lru_cache(maxsize=4096)
def _quoted(text: str) -> str:
    """Return a value as it is typed: in quotes where it has other characters than names."""
    return text if nearest.PLAIN.fullmatch(text) else f'"{text}"'


def _name(text: str) -> str:
    """Return a server's name as it is typed."""
    bare = text and not typography.strange_in_name(text)
    return text if bare else f'"{text}"'


def single(row: server.Server, snapshot: server.Snapshot, sign: str = "") -> Offer:
    """Return the offer of one server: by name, or by id where the name can't be typed for it."""
    only = len(snapshot.by_name.get(typography.normal(row.name), ())) == 1
    plain = _typeable(row.name) and not terms.SERVER_ID.fullmatch(row.name)
    parts = [row.power.value, f"rack {row.rack}" if row.rack else "", row.health_state]
    note = " · ".join(part for part in parts if part)
    return Offer(sign + (_name(row.name) if only and plain else row.id), sign + row.name, note)


def chosen(rows: Sequence[server.Server], snapshot: server.Snapshot) -> tuple[Offer, ...]:
    """Return offers for servers that are chosen already: one by one, or folded where many."""
    if len(rows) <= MOST_SINGLE:
        return tuple(single(row, snapshot) for row in rows)
    typeable = [
        row for row in rows if single(row, snapshot).value == row.name and row.name.isascii()
    ]
    names = {row.name for row in typeable}
    folded = [text for text in folding.terms(names) if len(text) <= MOST_VALUE]
    others = [single(row, snapshot) for row in rows if row.name not in names]
    found = [Offer(text, text, _count_note(text)) for text in folded] + others
    return tuple(found[:MOST_FOLDED])


def _count_note(text: str) -> str:
    """Return how many servers a folded term stands for."""
    return _size(name_pattern.parse(text).count, text)


def _size(count: int, sign: str) -> str:
    """Return how many servers a choice names or takes out."""
    servers = "1 server" if count == 1 else f"{count:,} servers"
    return f"takes out {servers}" if sign.startswith("!") else servers


# What is looked at of a message; Slack's largest has 40,000 characters.
MOST_CHARACTERS = 40_000
MOST_WORDS = 4_000  # Of a message.
MOST_SERVERS = 1_000
# One folded name in an alert stands for a handful of servers, not for a data centre.
MOST_RANGE = 500
WORD = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]|\[[0-9,-]{1,60}\])*")


def servers_in(words: str, snapshot: server.Snapshot) -> tuple[server.Server, ...]:
    """Return the servers that a text names, each once, in natural order."""
    known = _known(snapshot)
    found: dict[str, server.Server] = {}
    if len(words) > MOST_CHARACTERS:
        # Half a name may be another server's.
        words = words[: MOST_CHARACTERS + 1].rpartition(" ")[0]
    matches = WORD.finditer(words)
    for _, match in zip(range(MOST_WORDS), matches, strict=False):
        for name in _readings(match[0]):
            row = known.get(name.lower())
            if row is not None:
                found[row.id] = row
        if len(found) >= MOST_SERVERS:
            break
    return tuple(sorted(found.values(), key=lambda row: (folding.natural(row.name), row.id)))


def _known(snapshot: server.Snapshot) -> dict[str, server.Server]:
    """Return servers by everything that means exactly one of them, in small letters."""
    found: dict[str, server.Server] = {}
    doubled: set[str] = set()
    for row in snapshot.servers.values():
        for key in {row.name.lower(), row.id.lower(), row.sn.lower()} - {""}:
            # What two servers share names neither.
            if found.setdefault(key, row) is not row:
                doubled.add(key)
    return {key: row for key, row in found.items() if key not in doubled}


def _readings(word: str) -> list[str]:
    """Return what a word may mean: itself, without its domain, or the names of its ranges."""
    bare = word.rstrip("._-")
    if "[" in bare:
        return _written_out(bare)
    if terms.SERVER_ID.fullmatch(bare):
        return [bare]
    # Alerts write "web01.example.com:9100" for the server that the inventory calls web01.
    return [bare, bare.split(".")[0]]


def _written_out(word: str) -> list[str]:
    """Return the names that a word with ranges stands for, when they are few."""
    try:
        pattern = name_pattern.parse(word)
    except errors.UserMistake:
        return []
    return list(pattern.names()) if pattern.count <= MOST_RANGE else []
