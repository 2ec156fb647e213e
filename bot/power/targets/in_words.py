"""Targets said in words, so that a person sees what a line that narrows was taken for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.power.targets.terms import NAMED, FieldTerm, Tag, Term, TermSet

STATES = {"unknown": "in an unknown state"}
# How a kind reads after the servers that it narrows; tags have a key of their own.
SAID = {
    "rack": "in rack {}",
    "room": "in room {}",
    "dc": "in room {}",
    "health": "with health {}",
}
# How a kind is said to be true, and untrue, of a server.
IS, HAS, MATCHES = ("is", "isn't"), ("has", "doesn't have"), ("matches", "doesn't match")
# A relative clause stands last, so that what it speaks of stays clear.
LAST = "state"


def reading(members: TermSet) -> str:
    """Return what terms mean, like `@web tagged role=web that are off, without web07`.

    The answer is empty where nothing narrows: then the terms say it themselves.
    """
    if len(members.clauses) < 2:
        return ""
    out = [term.text for term in members.terms if term.takes_out]
    return f"{subject(members)}, without {_list(out, 'and')}" if out else subject(members)


def subject(members: TermSet) -> str:
    """Return the servers that terms name, like `@web tagged role=web`."""
    named = [clause for clause in members.clauses if clause[0].kind == NAMED]
    head = _joined(named[0], "and") if named else "servers"
    others = [one for one in members.clauses if not named or one is not named[0]]
    # False sorts first, so that all others keep the order in which they were typed.
    others.sort(key=lambda clause: clause[0].kind == LAST)
    return " ".join([head, *(narrowed(clause) for clause in others)])


def none_of(before: TermSet, clause: Sequence[Term], count: int) -> str:
    """Return that a clause is true of none of the `count` servers that others name.

    Like `None of web* (3 servers) is in rack R14`.
    """
    head, kind = subject(before), clause[0].kind
    does, doesnt = HAS if kind == "health" else MATCHES if kind == NAMED else IS
    what = told(clause).removeprefix("with ")
    named = any(one[0].kind == NAMED for one in before.clauses)
    if count > 1:
        return f"None of {'' if named else 'the '}{head} ({count:,} servers) {does} {what}"
    one = f"{head} (1 server)" if named else f"The only one of the {head}"
    return f"{one} {doesnt} {what}"


def narrowed(clause: Sequence[Term]) -> str:
    """Return what a clause says of the servers that stand before it, like `that are off`."""
    kind = clause[0].kind
    if kind == LAST:
        return f"that are {told(clause)}"
    return told(clause) if kind != NAMED else f"that are also {told(clause)}"


def told(clause: Sequence[Term]) -> str:
    """Return what a clause says of a server, like `off`, `in rack R12` or `tagged role=web`."""
    kind = clause[0].kind
    if kind == NAMED:
        return _joined(clause, "or")
    if kind == LAST:
        return _list([STATES.get(one, one) for one in _values(clause)], "or")
    if kind in SAID:
        return SAID[kind].format(_list(list(_values(clause)), "or"))
    return f"tagged {_list(list(_values(clause)), 'or')}"


def _joined(clause: Sequence[Term], word: str) -> str:
    """Return terms as they are typed, in one list."""
    return _list([term.text for term in clause], word)


def _values(clause: Sequence[Term]) -> Iterator[str]:
    """Yield what the terms of one kind ask for."""
    for term in clause:
        match term.matcher:
            case Tag(key=key, value=value):
                yield f"{key}={value.exact}"
            case FieldTerm(value=value):
                yield value.exact


def _list(parts: Sequence[str], word: str) -> str:
    """Return parts as one list: `a, b and c`."""
    unique = list(dict.fromkeys(parts))
    head = ", ".join(unique[:-1])
    return f"{head} {word} {unique[-1]}" if head else unique[-1]
