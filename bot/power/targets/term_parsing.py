"""A target term's text -> what it matches, or one clear mistake."""

from __future__ import annotations

import re

from bot.power import errors, server
from bot.power.targets import name_pattern
from bot.power.targets.terms import FieldTerm, NamesTerm, Tag, Value
from bot.power.text import nearest, typography

TAG = re.compile(r'(?:"([^"]+)"|([^"=]+))=(.+)', re.DOTALL)
TIME = re.compile(r"[0-9]{1,2}(?::[0-9]{2}){1,2}")
STATES = tuple(power.value for power in server.Power)
BEHIND_QUOTES = "A space or a comma must follow the closing quotation mark."
# Words that CloudDC and we choose are compared in small letters; what people chose is not.
MOMENTARY = frozenset({"state", "health"})
EXAMPLES = {
    "sn": "sn:2102313AAA",
    "rack": "rack:R12",
    "room": "room:A-1",
    "dc": "dc:A-1",
    "state": "state:off",
    "health": "health:Critical",
    "tag": "tag:role=web",
}


def matcher(body: str, *, everything: bool) -> NamesTerm | FieldTerm | Tag:
    """Parse a term that is no group; `everything` allows a wildcard without a literal.

    Raises:
        UserMistake: it can't be understood.

    """
    if body.startswith('"'):
        return NamesTerm(_quoted(body))
    kind, colon, value = body.partition(":")
    # Kinds are ASCII: `机房:A` can only be a name.
    if not colon or not kind.isascii():
        return NamesTerm(_pattern(body, everything))
    if kind.lower() not in EXAMPLES:
        raise _unknown_kind(kind, value, body)
    if not value:
        example = EXAMPLES[kind.lower()]
        raise _mistake(f"{kind}: needs a value right after it, such as {example}.", body)
    if kind.lower() == "tag":
        return _tag(value, body, everything)
    return _field(kind.lower(), value, body, everything)


def _field(kind: str, value: str, body: str, everything: bool) -> FieldTerm:
    """Parse the value of a field."""
    if kind in MOMENTARY:
        value = value.lower()
    if kind == "state" and value.strip('"') not in STATES:
        found = nearest.words(value, STATES)
        raise _mistake(
            f"{typography.shown(value)} isn't a state; the states are {', '.join(STATES)}.",
            body,
            f"state:{found[0]}" if found else "",
        )
    return FieldTerm(kind, _value(value, body, everything))


def _tag(value: str, body: str, everything: bool) -> Tag:
    """Parse `key=value`, either of which may be quoted, or both together."""
    if value.startswith('"') and value.endswith('"') and value.count('"') == 2:
        key, has_value, held = value[1:-1].partition("=")
        if key and has_value:
            return Tag(key, Value(held))
    split = TAG.fullmatch(value)
    if split is None:
        raise _mistake("A tag needs a key and a value, such as tag:role=web.", body)
    strange = typography.foreign(split[2] or "", allowed=":@/")
    if strange:
        raise _mistake(f"{strange}; put the key in quotes.", body, f'tag:"{split[2]}"={split[3]}')
    return Tag(split[1] or split[2], _value(split[3], body, everything))


def _value(value: str, body: str, everything: bool) -> Value:
    """Parse a value: quoted and exact, or with brackets and wildcards."""
    if value.startswith('"'):
        inside, _, behind = value[1:].partition('"')
        if behind:
            raise _mistake(BEHIND_QUOTES, body)
        if not inside:
            raise _mistake("There is nothing between the quotation marks.", body)
        return Value(inside)
    strange = typography.foreign(value, allowed="[],*?")
    if strange or '"' in value:
        problem = f"{strange or 'There is a quotation mark in the value'}; put the value in quotes."
        bare = value.replace('"', "")
        raise _mistake(problem, body, f'{body.removesuffix(value)}"{bare}"')
    try:
        return Value(value, _pattern(value, everything))
    except errors.UserMistake as mistake:
        better = mistake.suggestion and body.removesuffix(value) + mistake.suggestion
        raise _mistake(mistake.problem, body, better) from None


def _quoted(body: str) -> name_pattern.Pattern:
    """Return the one name that stands in quotes, in which nothing is a wildcard."""
    inside, _, behind = body[1:].partition('"')
    if behind:
        raise _mistake(f"{BEHIND_QUOTES} {name_pattern.MARK_IN_NAME}", body)
    if not inside:
        raise _mistake("There is nothing between the quotation marks.", body)
    if len(inside) > name_pattern.MOST_CHARACTERS:
        most = name_pattern.MOST_CHARACTERS
        raise _mistake(f"A name has at most {most} characters; this one has {len(inside)}.", body)
    return name_pattern.Pattern(inside, (inside,))


def _pattern(text: str, everything: bool) -> name_pattern.Pattern:
    """Parse a pattern, which must have a letter or a digit beside its wildcards."""
    pattern = name_pattern.parse(text)
    literals = (piece for piece in pattern.pieces if isinstance(piece, str))
    if pattern.is_wild and not everything and not any(re.search("[^._-]", p) for p in literals):
        quoted = typography.shown(text)
        problem = f"{quoted} would match every server; put a letter or a digit beside the wildcard."
        raise _mistake(problem, text)
    return pattern


def _unknown_kind(kind: str, value: str, body: str) -> errors.UserMistake:
    """Return the error for a word before a colon that there isn't."""
    if TIME.fullmatch(body):
        problem = "A request can't wait for a time; it starts as soon as it is approved."
        return _mistake(problem, body)
    found = nearest.words(kind, EXAMPLES)
    kinds = ", ".join(f"{known}:" for known in EXAMPLES)
    return _mistake(
        f"{typography.shown(kind)}: isn't a way to find servers; these are: {kinds}.",
        body,
        f"{found[0]}:{value}" if found else "",
    )


def _mistake(problem: str, term: str, better: str = "") -> errors.UserMistake:
    """Return the error for a term; `better` is the term as it was perhaps meant."""
    return errors.UserMistake(problem, token=term, suggestion=better)
