"""Servers that a reason spares: `@web because the kernel is old, except web07`.

A reason is only words, so that they would be acted on all the same. Whoever types so is told,
before a plan is made, to take them out of the targets.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.power import errors, server
from bot.power.targets import resolving, target_words, targets
from bot.power.text import folding, typography

MOST_SHOWN = 100  # Characters of the names in the sentence.
AROUND = "().,;:\"'"  # What prose puts around a name.
# What prose may have between such a word and the name: "not on web07", "but leave the host web07".
BETWEEN = (
    target_words.BETWEEN
    | target_words.FILLERS
    | {"on", "in", "at", "with", "by", "yet", "alone", "including", "ones", "anything"}
    | {"server", "servers", "host", "hosts", "node", "nodes", "machine", "machines", "box"}
)


def refuse(reason: str, rows: Sequence[server.Server], groups: targets.Groups) -> None:
    """Refuse a reason that spares some of the servers that would be acted on.

    A reason that names all of them so says something else, as in "nothing but web07 is slow".

    Raises:
        UserMistake: it does; the sentence says what to write instead.
    """
    spared: dict[str, server.Server] = {}
    terms: list[str] = []
    for term, found in _spared(reason, rows, groups):
        terms.append(term)
        spared |= {row.id: row for row in found}
    if not spared or len(spared) == len({row.id for row in rows}):
        return
    names = folding.fold([row.name for row in spared.values()], MOST_SHOWN, marked=True)
    instead = " ".join(f"!{term}" for term in dict.fromkeys(terms))
    raise errors.UserMistake(
        f"The reason says to spare {names}, but a reason spares nothing: add {instead} to the "
        "targets, or leave that out of the reason.",
        token=typography.shown(terms[0]),
    )


def _spared(
    reason: str, rows: Sequence[server.Server], groups: targets.Groups
) -> Iterator[tuple[str, list[server.Server]]]:
    """Yield the terms that a reason spares, each with those of the servers that it means."""
    # Terms times servers: as much as the targets themselves may cost.
    left = resolving.MOST_WORK
    sparing = False
    for term in _terms(reason):
        if target_words.spares(term):
            sparing = True
            continue
        signed = term.startswith("!")
        body = term.lstrip("!").strip(AROUND)
        if sparing and body.casefold() in BETWEEN:
            continue
        if not body or not (sparing or signed) or (left := left - len(rows)) < 0:
            sparing = False
            continue
        found = _meant(body, rows, groups)
        # What follows names more of them until a word names none.
        sparing = sparing and bool(found)
        if found:
            yield body, found


def _terms(reason: str) -> Iterator[str]:
    """Yield the words of a reason, cut at commas."""
    for word in typography.words(reason):
        for term in target_words.TERM.findall(word.text):
            yield from target_words.parted_from_sparing(term)


def _meant(term: str, rows: Sequence[server.Server], groups: targets.Groups) -> list[server.Server]:
    """Return the servers that a term means, whatever its case and width; none where it is prose."""
    try:
        found = targets.parse_policy_targets(term, groups)
    # Most words of a reason are prose, and no targets at all.
    except errors.UserMistake:
        return []
    return [row for row in rows if found.matches(row)]
