"""Whether a line may be offered to copy: the one gate that all of them pass.

A line is parsed and resolved before it is shown. It acts on no server that wasn't named and on
none that was to be spared, and it has no word that wasn't typed: all else is no line at all.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Collection, Sequence

from bot.power import errors, server
from bot.power.command import command, mistyped_words
from bot.power.targets import name_pattern, target_words, targets, terms
from bot.power.text import nearest, typography
from bot.power.vocabulary import BECAUSE, BEGINNINGS, PREFIX, SYNONYMS, VERBS

# A longer line is no help on a phone; none is ever cut.
MOST_CHARACTERS = 300
MOST_NAMES = 10_000  # As many as a request can have.
# Each is held against every server.
MOST_SPARED = 20
DOWN = re.compile(r"([0-9]+)-([0-9]+)")


@dataclasses.dataclass(frozen=True)
class TypedLine:
    """What a person typed, and what is known: a line is held against both.

    Without a snapshot no line that changes servers is offered.
    """

    text: str
    snapshot: server.Snapshot | None
    groups: targets.Groups

    @functools.cached_property
    def words(self) -> mistyped_words.TypedWords:
        """The words of the text by what they are."""
        return mistyped_words.read(self.text)


def checked(line: str, typed: TypedLine) -> str:
    """Return a line, without its prefix, if it may be offered; else an empty text."""
    bare = line.removeprefix(PREFIX).strip()
    if not bare or len(bare) > MOST_CHARACTERS:
        return ""
    try:
        return bare if _may_be_offered(command.parse(bare), typed) else ""
    except errors.UserMistake:
        return ""


def exactly(
    text: str,
    wanted: Collection[str],
    snapshot: server.Snapshot,
    groups: targets.Groups,
) -> bool:
    """Whether target text means exactly the servers of these ids."""
    try:
        found = targets.parse(text, groups).resolve(snapshot).servers
    except errors.UserMistake:
        return False
    return {row.id for row in found} == set(wanted)


def _may_be_offered(said: command.Command, typed: TypedLine) -> bool:
    """Whether a command does nothing that wasn't typed.

    Raises:
        UserMistake: its servers can't be found.

    """
    match said:
        case command.Change():
            return _is_careful(said, typed.words) and _acts_as_named(said, typed)
        case command.Read(targets=named):
            if named and typed.snapshot is not None:
                targets.parse(named, typed.groups).resolve(typed.snapshot)
            return True
        case command.Show(request_id=request_id):
            return typed.words.have(request_id[3:])
        case (
            command.Stop(request_id=request_id, reason=reason)
            | command.Cancel(request_id=request_id, reason=reason)
        ):
            return typed.words.have(f"{request_id[3:]} {reason}")
        case command.Freeze(reason=reason):
            return typed.words.have(reason)
        case command.Unfreeze(every=every):
            # Whoever lifts their own freeze isn't led to lift those of others.
            return not every or typed.words.have("all")
        case _:
            return True


def _is_careful(said: command.Change, typed: mistyped_words.TypedWords) -> bool:
    """Whether action, options and reason were typed, and no option is left out."""
    verbs = {SYNONYMS.get(word.casefold(), word.casefold()) for word in typed.words}
    meant = said.action.value
    if meant not in verbs and not any(nearest.words(word, VERBS) == [meant] for word in verbs):
        return False
    written = [part.split() for part in said.written_options()]
    names = {part[0] for part in written}
    # Neither given nor taken away: both would change how much care is taken.
    if "--break-glass" in names - typed.options or not typed.options <= names:
        return False
    values = " ".join(part[1] for part in written if len(part) > 1 and part[0] != "--pause")
    return names <= typed.options | typed.slips and typed.have(f"{values} {said.reason}")


def _acts_as_named(said: command.Change, typed: TypedLine) -> bool:
    """Whether a change acts on what was named, all of it, and on nothing that is to be spared.

    Raises:
        UserMistake: its servers can't be found.

    """
    if typed.snapshot is None:
        return False
    acted = targets.parse(said.targets, typed.groups).resolve(typed.snapshot).servers
    words = typography.words(said.targets)
    found = [term for word in words for term in target_words.TERM.findall(word.text)]
    named = [term for term in found if not term.startswith("!")]
    spared = [term[1:] for term in found if term.startswith("!")]
    wanted = typed.words.named
    # In a list a slip may be another server's name; alone it can only be itself.
    alone = len(wanted) == 1
    held = _Held(typed.snapshot, typed.groups)
    return (
        all(any(held.stands_for(term, one, alone=alone) for one in wanted) for term in named)
        and all(
            any(held.stands_for(term, one, alone=alone) for term in named)
            or _is_of_reason(one, said.reason)
            for one in wanted
        )
        and len(typed.words.spared) <= MOST_SPARED
        and all(held.is_spared(one, spared, acted) for one in typed.words.spared)
    )


def _is_of_reason(word: str, reason: str) -> bool:
    """Whether a word went into the reason, or stood for because."""
    if not reason:
        return False
    given = reason.casefold().split()
    begins, _, rest = word.casefold().partition(":")
    if begins in BEGINNINGS or nearest.alike(begins, BECAUSE):
        return not rest or rest in given
    return word.casefold() in given


@dataclasses.dataclass(frozen=True)
class _Held:
    """Terms held against the servers that there are."""

    snapshot: server.Snapshot
    groups: targets.Groups

    def stands_for(self, term: str, typed: str, *, alone: bool) -> bool:
        """Whether a term of a line is what was typed, or a part of it.

        A slip is mended in the only term of a line.
        """
        if _same(term, typed) or (alone and nearest.alike(term, typed)):
            return True
        # An id is either right or another server; there is nothing to mend in it.
        if terms.SERVER_ID.fullmatch(term):
            return False
        part, whole = self._ids(term), self._ids(typed)
        return bool(part) and part <= whole

    def is_spared(self, typed: str, spared: Sequence[str], acted: Sequence[server.Server]) -> bool:
        """Whether it is known what was to be spared, and nothing of it is acted on."""
        known = any(_same(term, typed) for term in spared)
        keys = _keys(typed)
        ids = self._ids(typed)
        rows = self.snapshot.servers.values()
        known = known or bool(ids) or any(nearest.key(row.name) in keys for row in rows)
        return known and not any(
            row.id in ids or nearest.key(row.name) in keys or nearest.alike(row.name, typed)
            for row in acted
        )

    def _ids(self, text: str) -> frozenset[str]:
        """Return the ids of the servers that a term means as it stands, none where it can't."""
        try:
            found = targets.parse(text, self.groups)
        except errors.UserMistake:
            return frozenset()
        rows = self.snapshot.servers.values()
        return frozenset(row.id for row in rows if found.matches(row))


def _same(one: str, two: str) -> bool:
    """Whether two terms differ in quotes, capitals, leading zeros or a range's direction alone."""
    first, second = (nearest.key(text.replace('"', "")) for text in (one, two))
    if first == second:
        return True
    return "[" in one and DOWN.sub(_upwards, first) == DOWN.sub(_upwards, second)


def _upwards(found: re.Match[str]) -> str:
    """Return a range with its smaller number first."""
    low, high = sorted(found.groups(), key=lambda digits: (len(digits), digits))
    return f"{low}-{high}"


def _keys(text: str) -> frozenset[str]:
    """Return the names that a term without wildcards stands for, in any way of writing."""
    try:
        pattern = name_pattern.parse(text)
    except errors.UserMistake:
        return frozenset({nearest.key(text)})
    if pattern.is_wild or pattern.count > MOST_NAMES:
        return frozenset()
    return frozenset(map(nearest.key, pattern.names()))
