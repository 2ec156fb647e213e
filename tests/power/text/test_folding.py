"""Names folded as a person would write them, and never folded wrongly."""

from __future__ import annotations

import random
import re
import time

import pytest
from hypothesis import given, settings, strategies as st

from bot.power.targets import targets
from bot.power.text import folding
from tests.power import fleet

NAMES = st.from_regex(r"[a-c](-?[0-9]{1,3}[a-c]?){0,3}", fullmatch=True)


@pytest.mark.parametrize(
    ("names", "folded"),
    [
        ("web01 web02 web03", "web[01-03]"),
        ("web06 web01 web03 web02", "web[01-03,06]"),
        ("web8 web9 web10 web11", "web[8-11]"),
        ("web08 web09 web10", "web[08-10]"),
        ("web08 web99 web100", "web[08,99],web100"),
        ("web1 web2 web01 web02", "web[01-02],web[1-2]"),
        ("r1n01 r1n02 r2n01 r2n02", "r[1-2]n[01-02]"),
        ("r1n01 r1n02 r2n01", "r1n[01-02],r2n01"),
        ("db03", "db03"),
        ("web10 web9 db1", "db1,web[9-10]"),
        ("web01.example web02.example", "web[01-02].example"),
        ("web1234567890 web1234567891", "web1234567890,web1234567891"),
        ("", ""),
    ],
)
def test_folding_writes_names_as_a_person_would(names: str, folded: str) -> None:
    """Ranges are in natural order, and differently padded numbers are kept apart."""
    assert folding.fold(names.split()) == folded


@pytest.mark.parametrize("odd", ["web[01-03]", "a b", "a,b", "!web01", "@web", 'say "x"', "a\nb"])
def test_folding_quotes_a_name_that_reads_as_something_else(odd: str) -> None:
    """A server that is called like a range is not taken for the range."""
    folded = folding.fold([odd, "web01", "web02"])

    assert '"' + odd.replace('"', "'") + '"' in folded
    assert "web[01-02]" in folded


def test_folding_leaves_foreign_letters_and_digits_alone() -> None:
    """Only ASCII digits are numbers."""
    assert folding.fold(["机1", "机2", "web١", "web٢"]) == "web١,web٢,机1,机2"


def test_folding_takes_numbers_of_any_length() -> None:
    """Digits beyond what a number may have are text, and cost no more."""
    long = "web" + "9" * 6000

    assert folding.fold([long]) == long


@settings(max_examples=100, deadline=None)
@given(st.sets(NAMES, min_size=1, max_size=40))
def test_folding_and_parsing_give_the_same_servers(names: set[str]) -> None:
    """What is folded can be typed, and means the same names."""
    found = fleet.names(folding.fold(names), fleet.named(*names, "other"))

    assert set(found) == names


@settings(max_examples=100, deadline=None)
@given(st.sets(NAMES, max_size=60), st.integers(20, 200))
def test_folding_stays_within_its_limit(names: set[str], limit: int) -> None:
    """The count of what is left out is right, and nothing is cut within a name."""
    text = folding.fold(names, limit)

    assert len(text) <= limit
    cut = re.fullmatch(r"(.*) and (\d+) more", text)
    if cut:
        shown = targets.parse(cut[1], {}).resolve(fleet.named(*names)).servers
        assert len(shown) + int(cut[2]) == len(names)


def test_folding_cuts_a_long_term_at_the_end_of_a_range() -> None:
    """A term that alone is too long keeps the ranges that there is room for."""
    names = [f"web{number:03}" for number in range(0, 200, 2)]

    assert folding.fold(names, 40) == "web[000,002,004,006,008] and 95 more"
    assert folding.fold(names, 12) == "100 servers"
    assert folding.fold([f"web{n:04}" for n in range(0, 4000, 2)], 12) == "2,000 servers"
    assert folding.fold(["a" * 50, '"' + "[" * 50], 30) == "2 servers"


def test_folding_orders_any_names_naturally() -> None:
    """`web9` comes before `web10`, whatever else stands in the name."""
    assert sorted(["web10", "web9", "a", "web09"], key=folding.natural)[:2] == ["a", "web9"]


def test_folding_is_quick_for_ten_thousand_names() -> None:
    """Two numbers a name, in any order; the bound leaves room for a slow machine."""
    names = [f"r{rack:02}n{node:02}" for rack in range(100) for node in range(100)]
    random.Random(1).shuffle(names)

    started = time.process_time()
    folded = folding.fold(names)

    assert folded == "r[00-99]n[00-99]"
    assert time.process_time() - started < 0.5


def test_many_names_fold_in_two_brackets() -> None:
    """Racks full of nodes are one term."""
    names = [f"rack{rack:02}-node{node:02}" for rack in range(60) for node in range(40)]

    assert folding.fold(names) == "rack[00-59]-node[00-39]"
