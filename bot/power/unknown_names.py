"""The answer to names that no server has: all of them at once, and what was perhaps meant."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

from bot.power import errors, folding, name_pattern, nearest, server, typography
from bot.power.terms import Names, Term

MOST_SHOWN = 10
MOST_NEAREST = 3
# A word without a digit is more likely part of a reason than a server.
PLAIN_WORD = re.compile(r"[A-Za-z]{2,}")
ADDRESS = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")
# How a reason is begun by those who don't know, or can't spell, because.
BEGINNINGS = frozenset({"reason", "for", "since", "bc", "cause", "cuz", "as", "due"})


@dataclasses.dataclass(frozen=True, slots=True)
class Unknown:
    """A term of which names are missing from the inventory, and those of it that are there."""

    term: Term
    missing: list[str]
    there: list[str]


def mistake(
    unknown: Sequence[Unknown], terms: Sequence[Term], snapshot: server.Snapshot
) -> errors.UserMistake:
    """Return the error for all unknown names at once, with the nearest existing ones."""
    missing = list(dict.fromkeys(name for one in unknown for name in one.missing))
    known = nearest.Names(snapshot.by_name)
    # One name of each term is enough to say what the term was perhaps meant to be.
    first = list(dict.fromkeys(one.missing[0] for one in unknown))[:MOST_NEAREST]
    near = {name: known.near(name) for name in first}
    lowered = {id(one.term): _in_small_letters(one, snapshot) for one in unknown}
    meant = _meant(unknown, terms, near, lowered)
    hint = "; a reason begins with because" if " because " in meant else _hint(unknown, near)
    small = lowered[id(unknown[0].term)]
    if small and len(unknown) == 1:
        hint = f"; here that is written {small}"
    return errors.UserMistake(
        f"{_sentence(missing, unknown)}{hint}.",
        token=typography.shown(unknown[0].term.typed),
        suggestion=meant,
    )


def _in_small_letters(one: Unknown, snapshot: server.Snapshot) -> str:
    """Return a term in small letters if all that it then names is there, or nothing."""
    lower = one.term.text.lower()
    if lower == one.term.text:
        return ""
    names = list(name_pattern.parse(lower).names())
    return lower if all(name in snapshot.by_name for name in names) else ""


def _hint(unknown: Sequence[Unknown], near: dict[str, str]) -> str:
    """Return the end of the sentence: what was perhaps meant."""
    habit = nearest.habit(unknown[0].term.text)
    if habit:
        return f"; here that is written {habit}"
    if ADDRESS.fullmatch(unknown[0].term.text):
        return "; servers are found by name here, not by address"
    found = list(dict.fromkeys(name for name in near.values() if name))
    if not found:
        return ""
    return f"; the nearest {'is' if len(found) == 1 else 'are'} {', '.join(found)}"


def _sentence(missing: Sequence[str], unknown: Sequence[Unknown]) -> str:
    """Say which names are unknown: up to ten, and how many more."""
    shown = [typography.shown(term) for term in folding.terms(missing[:MOST_SHOWN])]
    if len(missing) == 1:
        matcher = unknown[0].term.matcher
        is_id = isinstance(matcher, Names) and matcher.server_id
        return f"{'No server has the id' if is_id else 'There is no server'} {shown[0]}"
    more = len(missing) - MOST_SHOWN
    end = f" and {more:,} more" if more > 0 else ""
    return f"There are no servers {', '.join(shown)}{end}"


def _meant(
    unknown: Sequence[Unknown],
    terms: Sequence[Term],
    near: dict[str, str],
    lowered: dict[int, str],
) -> str:
    """Return all targets as they were perhaps meant, or nothing where none would be left."""
    wrong = {id(one.term): one for one in unknown}
    reason = _reason_begins(terms, wrong, near)
    if reason:
        before = " ".join(term.typed for term in terms[:reason])
        return f"{before} because {' '.join(_reason(terms[reason:]))}"
    meant: list[str] = []
    for term in terms:
        one = wrong.get(id(term))
        small = lowered.get(id(term), "")
        better = [small] if small else _better(one, near) if one else [term.text]
        meant += [f"!{text}" if term.takes_out else text for text in better]
    unique = list(dict.fromkeys(meant))
    return " ".join(unique) if any(not text.startswith("!") for text in unique) else ""


def _reason(terms: Sequence[Term]) -> list[str]:
    """Return the words of a reason, without the one that stands for because."""
    found = [term.typed for term in terms]
    meant = found[0].lower() in BEGINNINGS or nearest.words(found[0], ["because"])
    return found[1:] if meant and len(found) > 1 else found


def _better(one: Unknown, near: dict[str, str]) -> list[str]:
    """Return what of a term is there, or what it was perhaps meant to be."""
    if one.there:
        return folding.terms(one.there)
    habit = nearest.habit(one.term.text)
    found = habit or near.get(one.missing[0], "")
    return [found] if found else []


def _reason_begins(terms: Sequence[Term], wrong: dict[int, Unknown], near: dict[str, str]) -> int:
    """Return where words begin that look like a reason without because, or 0."""
    place = len(terms)
    while place and _is_word(wrong.get(id(terms[place - 1])), near):
        place -= 1
    rest_is_right = not any(id(term) in wrong for term in terms[:place])
    return place if place < len(terms) and rest_is_right else 0


def _is_word(one: Unknown | None, near: dict[str, str]) -> bool:
    """Whether an unknown term is a plain word that no server's name is like."""
    if one is None or one.term.takes_out:
        return False
    return bool(PLAIN_WORD.fullmatch(one.term.text)) and not near.get(one.term.text)
