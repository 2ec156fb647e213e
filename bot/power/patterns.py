"""Patterns that a reason must contain: checked when the policy is read, explained by example."""

from __future__ import annotations

import re

MOST_PATTERN = 200
# An escaped character, a set or a character, and how often it is repeated.
PIECE = re.compile(r"(\\.|\[[^\[\]]+\]|[^\\])(\{[0-9]{1,2}(?:,[0-9]{0,2})?\}|[+*?])?")
# A group without groups inside: its first choice stands for it.
CHOICE = re.compile(r"(?<!\\)\((?:\?:)?([^()|?]*)(?:\|[^()]*)?\)")
SAMPLES = {r"\d": "1234567890", r"\w": "abcdefghij", r"\s": " " * 10, ".": "abcdefghij"}
SPECIAL = frozenset("()|^$[]{}*+?")
TOKEN = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(|\)(?:[+*]|\{[0-9]*,\})?|[+*]|\{[0-9]*,\}|.")


def problem(pattern: str) -> str:
    """Say why a pattern can't be used, or return an empty text."""
    if len(pattern) > MOST_PATTERN:
        return f"write a pattern of at most {MOST_PATTERN} characters"
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        return f"this isn't a regular expression: {error}"
    if _repeats_a_repeat(pattern):
        return (
            "a repeat within a repeat can take for ever; the pattern is searched in the reason, "
            'so write its smallest part, such as "INC-[0-9]+"'
        )
    return ""


def found(pattern: str, *texts: str) -> bool:
    """Whether the pattern is found somewhere in one of the texts."""
    return any(re.search(pattern, text) for text in texts)


def _repeats_a_repeat(pattern: str) -> bool:
    """Whether a group that repeats something without end is itself repeated without end."""
    repeats = [False]
    for match in TOKEN.finditer(pattern):
        piece = match[0]
        if piece == "(":
            repeats.append(False)
        elif piece.startswith(")") and len(repeats) > 1:
            inner, outer = repeats.pop(), len(piece) > 1
            if inner and outer:
                return True
            repeats[-1] = repeats[-1] or inner or outer
        elif piece in "+*" or (piece.startswith("{") and piece.endswith("}")):
            repeats[-1] = True
    return False


def example(pattern: str) -> str:
    """Return a text that the pattern is found in, or an empty one where none comes to mind."""
    plainer = pattern
    while (once := CHOICE.sub(r"\1", plainer)) != plainer:
        plainer = once
    if "(" in plainer.replace("\\(", ""):
        return ""
    parts = [_sample(piece[1], piece[2] or "") for piece in PIECE.finditer(plainer.split("|")[0])]
    made = "".join(parts)
    return made if found(pattern, made) else ""


def _sample(atom: str, repeat: str) -> str:
    """Return characters for one piece of a pattern."""
    if repeat.startswith("{"):
        times = int(repeat.strip("{}").split(",")[0])
    else:
        times = 3 if repeat in ("+", "*") else 1
    if atom.startswith("[") and atom.endswith("]"):
        first = atom[1:].removeprefix("^").removeprefix("\\")[0]
        chars = "1234567890" if first.isdigit() else first * 10
    elif atom in SAMPLES:
        chars = SAMPLES[atom]
    elif atom in SPECIAL or (atom.startswith("\\") and atom[1].isalnum()):
        return ""
    else:
        chars = atom.removeprefix("\\") * 10
    return (chars * times)[:times]
