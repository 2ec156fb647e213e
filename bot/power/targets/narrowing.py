"""How terms are read together: one kind adds up, kinds narrow each other, & narrows anything.

What could be read in two ways is refused with both readings. A person's line may mix kinds; a text
of the policy file may not, since a list and & say there which of the two is meant.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from bot.power import errors
from bot.power.targets.terms import Term

AND = "&"
# A reading that takes more lines than these is told by the first of them.
MOST_SHOWN = 4
Part = list[Term]  # The terms between two `&`.
Clauses = tuple[tuple[Term, ...], ...]


def clauses(parts: Sequence[Part], *, in_policy: bool) -> Clauses:
    """Return the terms that name, by what adds up; `parts` are what stood between the &.

    Raises:
        UserMistake: it could be read in two ways.

    """
    named = [[term for term in part if not term.takes_out] for part in parts]
    named = [part for part in named if part]
    kinds = [term.kind for part in named for term in part]
    several = any(len(part) > 1 for part in named)
    if in_policy and several and (len(named) > 1 or len(set(kinds)) > 1):
        raise _in_policy(named, [term.typed for part in parts for term in part if term.takes_out])
    if several and len(named) > 1 and len(set(kinds)) < len(kinds):
        raise _in_line(named)
    return tuple(clause for part in named for clause in _by_kind(part))


def parted(words: Sequence[str]) -> list[list[str]]:
    """Return the words between the &.

    Raises:
        UserMistake: an & has no term on one of its sides.

    """
    parts: list[list[str]] = [[]]
    for word in words:
        if word == AND:
            parts.append([])
        else:
            parts[-1].append(word)
    if not all(parts):
        better = f" {AND} ".join(" ".join(part) for part in parts if part)
        problem = f"{AND} stands between two terms, such as web* {AND} tag:role=web."
        raise errors.UserMistake(problem, token=AND, suggestion=better)
    return parts


def _by_kind(part: Sequence[Term]) -> Clauses:
    """Return terms by their kind, in the order in which the kinds were typed."""
    found: dict[str, tuple[Term, ...]] = {}
    for term in part:
        found[term.kind] = (*found.get(term.kind, ()), term)
    return tuple(found.values())


def _in_line(named: Sequence[Part]) -> errors.UserMistake:
    """Return the error for a typed line in which & and a space could go either way."""
    whole = " ".join(term.text for part in named for term in part)
    kinds = [{term.kind for term in part} for part in named]
    plain = all(len(part) == 1 for part in kinds) and len(set.union(*kinds)) == len(kinds)
    narrow = [whole] if plain else _narrowest(named)
    problem = (
        f"{AND} narrows and a space adds up, so this can be read in two ways: ask for "
        f"{' and for '.join(narrow)}, or for {' and for '.join(_apart(named))}."
    )
    return errors.UserMistake(problem, token=AND)


def _in_policy(named: Sequence[Part], out: Sequence[str]) -> errors.UserMistake:
    """Return the error for a text of the policy file that mixes kinds, or & and spaces."""
    narrow = [" ".join([one, *out]) for one in _narrowest(named)]
    wide = written([*_apart(named), *out])
    problem = (
        f"this can be read in two ways: a list adds up, {wide}; {AND} narrows, {written(narrow)}"
    )
    whole = f" {AND} ".join(" ".join(term.text for term in part) for part in named)
    return errors.UserMistake(problem, token=whole)


def _narrowest(named: Sequence[Part]) -> list[str]:
    """Return the reading in which all narrow that can: (a b) & c as a & c, b & c."""
    found: list[tuple[str, ...]] = [()]
    for clause in (clause for part in named for clause in _by_kind(part)):
        found = [(*before, term.text) for before in found for term in clause][:MOST_SHOWN]
    return [f" {AND} ".join(one) for one in found]


def _apart(named: Sequence[Part]) -> list[str]:
    """Return the reading in which & binds its neighbours alone: a b & c as a, b & c."""
    found: list[str] = []
    for part in named:
        first, *others = [term.text for term in part]
        if found:
            found[-1] = f"{found[-1]} {AND} {first}"
        else:
            found.append(first)
        found += others
    return found[:MOST_SHOWN]


def written(texts: Sequence[str]) -> str:
    """Return texts as TOML has them: one text, or a list."""
    quoted = [_toml(text) for text in texts]
    return quoted[0] if len(quoted) == 1 else f"[{', '.join(quoted)}]"


def _toml(text: str) -> str:
    """Return a text in TOML's quotes; single ones where it has double ones itself."""
    return f"'{text}'" if '"' in text and "'" not in text else json.dumps(text, ensure_ascii=False)
