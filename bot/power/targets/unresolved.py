"""The answer to names that no server has, and to racks that stand in several rooms.

All unknown names are told at once, with what was perhaps meant. A rack's name is only its room's
own, so a rack that several rooms have is refused until a room is named.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

from bot.power import errors, server
from bot.power.targets import name_pattern, term_parsing
from bot.power.targets.terms import FIELDS, FieldTerm, GroupTerm, NamesTerm, Tag, Term, TermSet
from bot.power.text import folding, nearest, typography
from bot.power.vocabulary import BEGINNINGS, POLITE

# What is true of a server at this moment may well be true of none.
MOMENTARY = frozenset({"state", "health"})
PAIR = 2  # A kind and its value.
MOST_SHOWN = 10  # Unknown names in the sentence.
MOST_NEAREST = 3  # Of which the existing numbers are told.
# Names of one range that are looked for in other spellings.
MOST_WRITTEN = 1_000
# A word without a digit is more likely part of a reason than a server.
PLAIN_WORD = re.compile(r"[^\W\d_]{2,}")
WORDS = re.compile(rf'{PLAIN_WORD.pattern}|"[^"0-9]* [^"0-9]*"')
ADDRESS = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")


@dataclasses.dataclass(frozen=True, slots=True)
class UnknownTerm:
    """A term of which names are missing from the inventory, and those of it that are there."""

    term: Term
    missing: list[str]
    there: list[str]


@dataclasses.dataclass(frozen=True, slots=True)
class _Meant:
    """All targets as they were perhaps meant, and whether a reason follows them."""

    line: str = ""
    reason: bool = False


NOTHING = _Meant()


def mistake(
    unknown: Sequence[UnknownTerm], terms: Sequence[Term], snapshot: server.Snapshot
) -> errors.UserMistake:
    """Return the error for all unknown names at once, with what was perhaps meant."""
    missing = list(dict.fromkeys(name for one in unknown for name in one.missing))
    known = nearest.NameIndex(snapshot.by_name)
    # Where the list falls short the very server that was typed may be one that it leaves out.
    meant = NOTHING if snapshot.shortfall else _meant(unknown, terms, known)
    return errors.UserMistake(
        f"{_sentence(missing, unknown)}{_hint(unknown, terms, meant, known)}.",
        token=typography.shown(unknown[0].term.typed),
        suggestion=meant.line,
    )


def _hint(
    unknown: Sequence[UnknownTerm], terms: Sequence[Term], meant: _Meant, known: nearest.NameIndex
) -> str:
    """Return the end of the sentence: what was perhaps meant, or which numbers there are."""
    if all(one.term.text.lower() in POLITE for one in unknown):
        return ""
    if joined := _joined(unknown, known):
        return f"; {joined}"
    if meant.reason or all(WORDS.fullmatch(one.term.text) for one in unknown):
        return "; a reason begins with because" if len(terms) > len(unknown) else ""
    first = unknown[0]
    if ADDRESS.fullmatch(first.term.text):
        return "; servers are found by name here, not by address"
    if meant.line and len(terms) == 1 and (said := _said(first.term.text, meant.line)):
        return f"; {said} {meant.line}"
    host, dot, _ = first.missing[0].partition(".")
    if dot and known.written([host]) == [host]:
        return "; names here have no domain"
    told = list(dict.fromkeys(known.numbers(one.missing[0]) for one in unknown[:MOST_NEAREST]))
    found = [one for one in told if one]
    return f"; {', '.join(found)}" if found else ""


def _joined(unknown: Sequence[UnknownTerm], known: nearest.NameIndex) -> str:
    """Say which name was typed with blanks in it, where all unknown words together are one."""
    words = [one.term.text for one in unknown]
    if len(words) < 2 or any(one.term.takes_out for one in unknown):
        return ""
    if words[0].lower() in term_parsing.EXAMPLES and len(words) == PAIR:
        return f"here that is written {words[0].lower()}:{words[1]}"
    spaced, joined = " ".join(words), "".join(words)
    if known.written([spaced]) == [spaced]:
        return f'a name with spaces needs quotes: "{spaced}"'
    return f"here it is written {joined}" if known.written([joined]) == [joined] else ""


def _said(typed: str, meant: str) -> str:
    """Return how a term that was perhaps meant is named: another way of writing, or a slip."""
    name = meant.strip('"')
    if nearest.key(typed) == nearest.key(name) or nearest.habit(typed):
        return "here it is written"
    return "the nearest is" if nearest.alike(typed, name) else ""


def _sentence(missing: Sequence[str], unknown: Sequence[UnknownTerm]) -> str:
    """Say which names are unknown: up to ten, and how many more."""
    named = missing[:MOST_SHOWN]
    folded = folding.terms(named)
    # Words that don't fold stay in the order of a sentence.
    shown = [typography.shown(one) for one in (folded if len(folded) < len(named) else named)]
    if len(missing) == 1:
        matcher = unknown[0].term.matcher
        is_id = isinstance(matcher, NamesTerm) and matcher.server_id
        return f"{'No server has the id' if is_id else 'There is no server'} {shown[0]}"
    more = len(missing) - MOST_SHOWN
    end = f" and {more:,} more" if more > 0 else ""
    return f"There are no servers {', '.join(shown)}{end}"


def _meant(
    unknown: Sequence[UnknownTerm], terms: Sequence[Term], known: nearest.NameIndex
) -> _Meant:
    """Return all targets as they were perhaps meant, or nothing where that is a guess.

    What is to be spared must be known; and among several targets a name that is alike may be
    another server, so that nothing is put in its place there.
    """
    wrong = {id(one.term): one for one in unknown}
    # A line without it would act on what was to be spared.
    if any(one.term.takes_out and not one.there for one in unknown):
        return NOTHING
    reason = _reason_begins(terms, wrong, known)
    if reason:
        before = " ".join(term.typed for term in terms[:reason])
        line = f"{before} because {' '.join(_reason(terms[reason:]))}"
        return _Meant(line, reason=True)
    meant: list[str] = []
    for term in terms:
        one = wrong.get(id(term))
        if one and term.text.lower() in POLITE:
            continue
        better = _better(one, known, alone=len(terms) == 1) if one else [term.text]
        if not better:
            return NOTHING
        meant += [f"!{text}" if term.takes_out else text for text in better]
    return _Meant(" ".join(dict.fromkeys(meant)))


def _reason(terms: Sequence[Term]) -> list[str]:
    """Return the words of a reason, without the one that stands for because."""
    found = [term.typed for term in terms]
    return found[1:] if _begins_reason(found[0]) and len(found) > 1 else found


def _begins_reason(word: str) -> bool:
    """Whether a word stands for because."""
    return word.lower() in BEGINNINGS or nearest.alike(word, "because")


def _better(one: UnknownTerm, known: nearest.NameIndex, *, alone: bool) -> list[str]:
    """Return what a term was perhaps meant to be: the whole of it, or what is there of it."""
    habit = nearest.habit(one.term.text)
    if habit:
        return (_written(habit, known) if alone else []) or habit.split()
    if len(one.missing) > MOST_WRITTEN:
        return []
    if alone and (whole := known.written([*one.there, *one.missing])):
        return folding.terms(whole)
    # Names that are there in another way of writing are meant too, so less is no answer.
    partly = alone or one.term.takes_out
    return folding.terms(one.there) if partly and not any(map(known.near, one.missing)) else []


def _written(term: str, known: nearest.NameIndex) -> list[str]:
    """Return a name or a range as it is written here, or nothing where not all of it is there."""
    try:
        pattern = name_pattern.parse(term)
    except errors.UserMistake:
        return []
    if pattern.is_wild or pattern.count > MOST_WRITTEN:
        return []
    return folding.terms(known.written(list(pattern.names())))


def _reason_begins(
    terms: Sequence[Term], wrong: dict[int, UnknownTerm], known: nearest.NameIndex
) -> int:
    """Return where words begin that look like a reason without because, or 0.

    Behind a group or a pattern they may spare some of its servers in words that nobody knows
    here, so there the first word must be one that begins a reason.
    """
    place = len(terms)
    while place and _is_word(wrong.get(id(terms[place - 1])), known):
        place -= 1
    if place == len(terms) or any(id(term) in wrong for term in terms[:place]):
        return 0
    sure = all(_is_one_name(term) for term in terms[:place])
    return place if sure or _begins_reason(terms[place].text) else 0


def _is_one_name(term: Term) -> bool:
    """Whether a term names one server."""
    return isinstance(term.matcher, NamesTerm) and term.matcher.pattern.is_plain


def _is_word(one: UnknownTerm | None, known: nearest.NameIndex) -> bool:
    """Whether an unknown term is a plain word that no server's name is like."""
    if one is None or one.term.takes_out:
        return False
    return bool(PLAIN_WORD.fullmatch(one.term.text)) and not known.near(one.term.text)


def asked_about(term: Term, snapshot: server.Snapshot) -> str:
    """Return the server that stands before the ? of a sentence, which is no wildcard there."""
    name = term.text.rstrip("?")
    asked = isinstance(term.matcher, NamesTerm) and name != term.text
    return name if asked and name in snapshot.by_name else ""


def nearest_value(term: Term, snapshot: server.Snapshot) -> str:
    """Return the term with a value that some server has."""
    rows = snapshot.servers.values()
    match term.matcher:
        case FieldTerm(kind=kind, value=value) if kind not in MOMENTARY:
            known = sorted({FIELDS[kind](row) for row in rows} - {""})
            return nearest.value(f"{kind}:", value.exact, known)
        case Tag(key=key, value=value):
            held = sorted({text for row in rows for name, text in row.tags if name == key})
            keys = sorted({name for row in rows for name, _ in row.tags})
            if not held:
                near = nearest.words(key, keys)
                return f"tag:{near[0]}={value.exact}" if near else ""
            return nearest.value(f"tag:{key}=", value.exact, held)
        case FieldTerm() | NamesTerm() | GroupTerm():
            return ""


ROOMS = frozenset({"room", "dc"})
MOST_ROOMS = 3  # In the sentence.


def refuse_unclear(
    members: TermSet, rows: Sequence[server.Server], snapshot: server.Snapshot
) -> None:
    """Refuse a rack that stands in several rooms, where no room is named.

    Raises:
        UserMistake: the servers of one rack's name are in more than one room.

    """
    racks = [clause for clause in members.clauses if clause[0].kind == "rack"]
    if not racks or any(clause[0].kind in ROOMS for clause in members.clauses):
        return
    found = server.Snapshot({row.id: row for row in rows}, snapshot.started_at).shared_racks
    if not found:
        return
    rack, here = min(found.items())
    kinds = [clause[0].kind for clause in members.clauses]
    # A kind that narrows itself was typed with &, which is lost here.
    typed = " ".join(term.typed for term in members.terms) if len(set(kinds)) == len(kinds) else "…"
    lines = [f"{typed} {_room(room)}" for room in here[:MOST_ROOMS] if room]
    shown = ", ".join(room or "no room" for room in here[:MOST_ROOMS])
    more = f" and {len(here) - MOST_ROOMS} more" if len(here) > MOST_ROOMS else ""
    raise errors.UserMistake(
        f"Several rooms have a rack {rack} ({shown}{more}); say which one: {' or '.join(lines)}.",
        token=typography.shown(racks[0][0].text),
    )


def _room(room: str) -> str:
    """Return a room as a term."""
    return f"dc:{room}" if nearest.PLAIN.fullmatch(room) else f'dc:"{room}"'
