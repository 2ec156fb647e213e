"""Patterns of the policy: RE2's, bounded in size, and searched in linear time."""

from __future__ import annotations

import random
import re
import unicodedata

import pytest

from bot.power.command import command_line
from bot.power.policy import policy_file, reason_patterns
from tests.power import fuzz_patterns, policy_texts

# A reason of 500 characters has at most so many bytes, and a search takes each of them once.
MOST_BYTES = 4 * command_line.MOST_REASON


@pytest.mark.parametrize(
    ("pattern", "there"),
    [("(a|aa)+$", False), ("(a+)+$", False), ("(a*)*$", True), ("([a-z]+)*!", False)],
)
def test_a_pattern_that_would_run_away_elsewhere_is_answered(pattern: str, there: bool) -> None:
    """A reason of a hundred `a` would keep a backtracking search busy for ever."""
    assert reason_patterns.problem(pattern) == ""
    assert reason_patterns.found(pattern, "a" * 499 + "?") is there


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("(?<=a)b", "look ahead or behind"),
        ("(?!a)b", "look ahead or behind"),
        (r"(a)\1", "back-references"),
        ("a**", "RE2 accepts"),
        ("a{1001}", "repeats too often"),
        (r"\pL{150}\pN{50}", "too large"),
        ("a" * 201, "at most 200 characters"),
        (")", "RE2 accepts"),
    ],
)
def test_a_pattern_that_re2_does_not_take_is_refused_in_our_words(pattern: str, why: str) -> None:
    """Whoever writes the policy learns what to write instead."""
    assert why in reason_patterns.problem(pattern)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [("caf\u00e9", "cafe\u0301"), ("cafe\u0301", "caf\u00e9"), ("工单", "见工单1")],
)
def test_a_letter_is_found_however_it_was_put_together(pattern: str, text: str) -> None:
    """A phone writes an accent as a letter of its own."""
    assert reason_patterns.found(pattern, text)


def test_a_reason_with_half_a_letter_is_searched_all_the_same() -> None:
    """A lone surrogate, which JSON can carry, is no reason to fail."""
    assert reason_patterns.found("INC-[0-9]+", "\ud83d INC-1")


def test_any_pattern_that_is_taken_costs_at_most_so_many_steps() -> None:
    """Random patterns of the kinds that hurt: each is refused, or its program is small enough."""
    draw = random.Random(7)
    taken = 0
    for _ in range(2_000):
        pattern = fuzz_patterns.pattern(draw)
        if reason_patterns.problem(pattern):
            continue
        taken += 1
        assert fuzz_patterns.steps(pattern, MOST_BYTES) <= reason_patterns.MOST_PROGRAM * MOST_BYTES
        reason_patterns.found(pattern, fuzz_patterns.reason(draw))
    assert taken > 500


def test_a_simple_pattern_finds_what_python_would_find() -> None:
    """The change of the engine changes no answer of a plain pattern."""
    draw = random.Random(8)
    for _ in range(2_000):
        pattern = fuzz_patterns.simple(draw)
        text = fuzz_patterns.reason(draw)[:30]
        in_one_form = unicodedata.normalize("NFC", text)
        assert reason_patterns.found(pattern, text) is bool(
            re.search(pattern, in_one_form, re.ASCII)
        )


def test_the_policy_takes_a_pattern_that_only_looks_dangerous() -> None:
    """Nothing but RE2 decides what can be used."""
    text = policy_texts.CONTRACT.replace('"INC-[0-9]+"', '"(INC-?[0-9]+)+"')

    assert "(INC-?[0-9]+)+" in [rule.reason for rule in policy_file.read(text).rules]
