"""Hostile patterns and reasons; as a script it searches a number of them by the clock.

`python -m tests.power.fuzz_patterns 10000` fails when a pattern that the policy takes needs more
than 10 ms for the longest reason. The clock is the processor's, so that neighbours don't count.
"""

from __future__ import annotations

import argparse
import random
import sys
import time

import re2

from bot.power.command import command_line
from bot.power.policy import reason_patterns

MOST_S = 0.010
ATOMS = ["a", "b", "(", ")", "|", ".", "[ab]", "[^a]", r"\d", r"\w", r"\b", "$", "^", r"\pL", "é"]
REPEATS = ["*", "+", "?", "{2}", "{1,30}", "{50}", "{0,200}", "{500}", "*?", "{,5}", "{999,}"]
LETTERS = ["a", "a", "a", "b", "é", "上", "𐍈", "!", " ", "1"]
SHAPES = [
    *("({})+$", "({}|{})*$", "({}{})+{}", "(({})*)*$", "({}?){{{n}}}{}{{{n}}}", ".*{}.{{{n}}}$"),
    *("({}{{1,{n}}}){{1,{n}}}$", "(?i)({}|{})+x", "^({}+)+$", "({}*{}*)*!"),
]


def pattern(draw: random.Random) -> str:
    """Return a pattern: a shape that is known to hurt, or pieces in any order."""
    if draw.random() < 0.5:
        inner = [_atom(draw) for _ in range(4)]
        return draw.choice(SHAPES).format(*inner, n=draw.choice([2, 9, 30, 99, 300]))
    pieces = (
        draw.choice(ATOMS) + draw.choice(["", "", *REPEATS]) for _ in range(draw.randint(1, 30))
    )
    return "".join(pieces)


def simple(draw: random.Random) -> str:
    """Return a pattern that every engine reads alike and quickly."""
    atoms = ["a", "b", "[ab]", "[0-9]", "1", "!", "a+", "b?", "[^a]", "(a|b)", "é"]
    return "".join(draw.choice(atoms) for _ in range(draw.randint(1, 5)))


def reason(draw: random.Random) -> str:
    """Return a reason of the greatest length."""
    few = draw.sample(LETTERS, draw.randint(1, 4))
    return "".join(draw.choice(few) for _ in range(command_line.MOST_REASON - 1)) + "!"


def steps(text: str, most_bytes: int) -> int:
    """Return how many steps RE2 can need for a pattern: the size of its program for each byte."""
    options = re2.Options()
    options.never_capture = True
    options.log_errors = False
    made = re2.compile(text.encode("utf-8", "replace"), options)
    return int(max(made.programsize, made.reverseprogramsize)) * most_bytes


def _atom(draw: random.Random) -> str:
    return draw.choice(["a", "aa", "[ab]", ".", "ab?", r"\w", "a|b", "(?:a|aa)"])


def main(count: int, seed: int) -> int:
    """Search `count` patterns and print the slowest; return the exit status."""
    draw, slowest, taken = random.Random(seed), (0.0, "", ""), 0
    for _ in range(count):
        one, text = pattern(draw), reason(draw)
        if reason_patterns.problem(one):
            continue
        taken += 1
        began = time.thread_time()
        reason_patterns.found(one, text)
        slowest = max(slowest, (time.thread_time() - began, one, text))
    spent, one, text = slowest
    print(f"seed {seed}: {taken} of {count} taken, slowest {spent * 1000:.2f} ms: {one!r}")  # noqa: T201
    return 1 if spent > MOST_S else 0


if __name__ == "__main__":
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("count", type=int, nargs="?", default=10_000)
    reader.add_argument("--seed", type=int, default=1)
    given = reader.parse_args()
    sys.exit(main(given.count, given.seed))
