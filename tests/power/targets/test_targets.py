"""Target terms: what they match, what is refused, and that the work stays bounded."""

from __future__ import annotations

import contextlib
import fnmatch
import itertools
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping

import pytest
from ClusterShell.NodeSet import RESOLVER_NOGROUP, NodeSet
from hypothesis import given, settings, strategies as st

from bot.power import errors, server
from bot.power.targets import name_pattern, targets
from bot.power.text import nearest
from tests.power import fleet, fuzz_commands

INVENTORY = fuzz_commands.inventory()
WEB = [f"web{n:02}" for n in range(1, 21)]
NODES = fleet.NODES


def refusal(
    text: str, known: server.Snapshot | None = None, groups: Mapping[str, str] | None = None
) -> str:
    """Return the sentence that refuses target text."""
    with pytest.raises(errors.UserMistake) as caught:
        targets.parse(text, groups or {}).resolve(known or fleet.fleet())
    return caught.value.problem


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("web01", ["web01"]),
        ("web[01-03,05]", ["web01", "web02", "web03", "web05"]),
        ("web[01-03],db01 web05,", ["db01", "web01", "web02", "web03", "web05"]),
        ("r[1-2]n[09-10]", ["r1n09", "r1n10", "r2n09", "r2n10"]),
        ("web1?", WEB[9:19]),
        ("*n0*", [name for name in NODES if "n0" in name]),
        ("r*n*1", ["r1n01", "r2n01"]),
        ("web[01-09]*", WEB[:9]),
        ("sn:SN101", ["db01"]),
        ("rack:R12", ["db01", "db02", "db03"]),
        ("rack:R[10-11] !rack:R11", WEB[:10]),
        ("tag:role=db", ["db01", "db02", "db03"]),
        ("tag:role=w*", WEB),
        ("tag:“owned by”=“team a”", WEB),
        ('tag:"role=db"', ["db01", "db02", "db03"]),
        ("dc:“上海 A-1” !web[02-20]", ["web01"]),
        ("State:OFF", ["web07"]),
        ("health:critical", ["db01", "db02", "db03"]),
        ("@db", ["db01", "db02", "db03"]),
        ("!@db @both", WEB),
        ("!state:unknown web01", ["web01"]),
        ("web* !web[02-19] !web20", ["web01"]),
        (fleet.server_id(7), ["web07"]),
        (f"{fleet.server_id(300).upper()}", ["twin"]),
        ("twi?", ["twin", "twin"]),
        ("@everything !web* !r* !twin", ["db01", "db02", "db03"]),
    ],
)
def test_a_person_names_servers(text: str, names: list[str]) -> None:
    """Each kind of term, and exclusions wherever they stand."""
    assert fleet.names(text) == names


@pytest.mark.parametrize("out", ["!web*", "!tag:role=web", "!tag:role=w*", "!rack:r01", "!sn:sn1*"])
def test_what_is_taken_out_is_not_missed_by_a_capital_letter(out: str) -> None:
    """It would be switched, though everybody reads that it is spared; its plan says it is not."""
    rows = [
        server.Server(fleet.server_id(8), "web08", rack="r01", sn="sn1", tags=(("role", "web"),)),
        server.Server(fleet.server_id(9), "Web09", rack="R01", sn="SN1", tags=(("role", "WEB"),)),
    ]
    known = fleet.snapshot([*rows, row("db01")])

    found = targets.parse(f"*b* {out}", {}).resolve(known)

    assert [one.name for one in found.servers] == ["db01"]
    assert {one.name for one in found.taken_out} == {"web08", "Web09"}


def test_a_whole_name_that_is_taken_out_is_meant_as_it_is_written() -> None:
    """The other one, whose name differs by a capital letter alone, can still be asked for."""
    known = fleet.named("web08", "Web08")

    assert fleet.names("web08 Web08 !web08", known) == ["Web08"]


def test_what_is_taken_out_is_told() -> None:
    """The plan can show it."""
    found = targets.parse("!web07 !db01 web[06-08]", {}).resolve(fleet.fleet())

    assert [row.name for row in found.taken_out] == ["web07"]


@pytest.mark.parametrize(
    ("text", "there", "absent"),
    [
        ("web[01-20]", "web01 web09 web20", "web1 web001 web21 web00"),
        ("web[1-20]", "web1 web9 web20", "web01 web09 web21 web0"),
        ("web[8-12]", "web8 web9 web10 web12", "web08 web13"),
        ("web[08-12]", "web08 web09 web12", "web8 web9 web13"),
        ("web[0-9]", "web0 web9", "web00 web09 web10"),
        ("web[007]", "web007", "web7 web07"),
        ("web[1-2]0", "web10 web20", "web1 web30 web12"),
        ("web[1-2][1-12]", "web11 web112 web212", "web1 web13a web312"),
        ("web[12345,2]*5", "web123455 web25 web2x5", "web15 web12345"),
        ("*[12345,2]*45", "12345", "1245a"),
    ],
)
def test_a_range_is_read_with_its_padding(text: str, there: str, absent: str) -> None:
    """Padded ranges match that width only, unpadded ones no leading zero."""
    pattern = name_pattern.parse(text)

    assert all(map(pattern.matches, there.split()))
    assert not any(map(pattern.matches, absent.split()))


RANGE = st.builds(
    lambda one, two, width: f"{min(one, two):0{width}}-{max(one, two):0{width}}",
    st.integers(0, 30),
    st.integers(0, 30),
    st.integers(1, 3),
)
NUMBER = st.builds(
    lambda number, width: f"{number:0{width}}", st.integers(0, 1200), st.integers(1, 4)
)
BRACKET = st.lists(RANGE | NUMBER, min_size=1, max_size=3).map(lambda parts: f"[{','.join(parts)}]")
TERM = st.builds(
    lambda head, first, second: f"{head}{first}{second}",
    st.sampled_from(["web", "db-", "n.x"]),
    BRACKET,
    st.just("") | st.builds("{}{}".format, st.sampled_from(["n", "-rack"]), BRACKET),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(TERM, min_size=1, max_size=2))
def test_ranges_mean_what_clustershell_takes_them_for(terms: list[str]) -> None:
    """On the common grammar both name the same servers, whatever the padding."""
    text = ",".join(terms)
    expected = set(NodeSet(text, resolver=RESOLVER_NOGROUP))
    chosen = targets.parse_policy_targets(text, {})

    ours = set(itertools.chain.from_iterable(name_pattern.parse(term).names() for term in terms))

    assert ours == expected
    assert all(chosen.matches(row(name)) for name in itertools.islice(ours, 50))


@settings(max_examples=100, deadline=None)
@given(st.sets(st.integers(0, 200), min_size=2, max_size=30), st.data())
def test_exclusions_mean_what_clustershell_takes_them_for(
    numbers: set[int], data: st.DataObject
) -> None:
    """What is taken out is what its difference takes out."""
    names = [f"web{n:03}" for n in sorted(numbers)]
    out = data.draw(st.lists(st.sampled_from(names), min_size=1, max_size=5, unique=True))
    expected = set(NodeSet(f"{','.join(names)}!{'!'.join(out)}", resolver=RESOLVER_NOGROUP))

    try:
        found = set(fleet.names(f"{','.join(names)} !{' !'.join(out)}", fleet.named(*names)))
    except errors.UserMistake:
        found = set()

    assert found == expected


@settings(max_examples=500, deadline=None)
@given(st.text("ab*?", min_size=1, max_size=8), st.text("ab", max_size=12))
def test_wildcards_match_as_in_a_shell(text: str, name: str) -> None:
    """Stars and question marks, compared with another matcher."""
    if text.count("*") > name_pattern.MOST_STARS:
        return

    assert name_pattern.parse(text).matches(name) == fnmatch.fnmatchcase(name, text)


@settings(max_examples=400, deadline=None)
@given(
    st.lists(
        st.sampled_from(["a", "1", "*", "?", "[1-3]", "[01-12]", "[1,11,111]", "[8-12]"]),
        min_size=1,
        max_size=7,
    ),
    st.text("a012", max_size=10),
)
def test_patterns_match_as_the_regular_expression_does(parts: list[str], name: str) -> None:
    """Ranges and wildcards mixed, compared with a regular expression made of written numbers."""
    text = "".join(parts)
    if parts.count("*") > name_pattern.MOST_STARS:
        return

    def piece(part: str) -> str:
        inside = name_pattern.parse(part)
        simple = {"*": ".*", "?": "."}
        return simple.get(part) or f"(?:{'|'.join(inside.names())})"

    expected = re.fullmatch("".join(map(piece, parts)), name) is not None
    assert name_pattern.parse(text).matches(name) == expected


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (" , ", "No servers are named."),
        ("web01 " * 101, "At most 100 terms are allowed; this has 101."),
        ("w" * 2001, "Targets have at most 2,000 characters; these have 2,001."),
        ("web01]", "The brackets don't match; ranges look like web[01-20,25]."),
        ("all", "all would be every server; name them, or a group such as @web."),
        ("@a", "There is no group @a; the policy has none."),
        ('dc:"a', "A closing quotation mark is missing."),
        ("tag:a b=c", "A tag needs a key and a value, such as tag:role=web."),
        ("tag:a$=c", 'The second character of a$ is "$"; put the key in quotes.'),
        ('tag:"a"', "A tag needs a key and a value, such as tag:role=web."),
    ],
)
def test_bounds_have_sentences_of_their_own(text: str, sentence: str) -> None:
    """More stand in the table of mistakes."""
    assert refusal(text) == sentence


def test_all_unknown_names_are_told_at_once() -> None:
    """Up to ten, and how many more."""
    text = "web[01-50] db[04-05] nothing"

    assert refusal(text) == (
        "There are no servers web[21-30] and 23 more; web has 01 to 20, db has 01 to 03."
    )


def test_two_servers_of_one_name_are_told_by_id() -> None:
    """Three ids at most; taking the name out takes both out."""
    many = fleet.named(*["twin"] * 5, "web01")

    assert f"{fleet.server_id(2)} and 2 more." in refusal("twin", many)
    assert fleet.names("w* t* !twin", many) == ["web01"]


def test_groups_in_groups_are_bounded() -> None:
    """Circles, depth and size are refused, each in its own words."""
    deep = {f"g{n}": f"@g{n + 1}" for n in range(9)} | {"g9": "web*"}
    wide = {"a": "@b " * 50, "b": "@c " * 50, "c": "web*"}

    assert refusal("@me", groups={"me": "@me"}) == "These groups name each other: @me -> @me."
    assert refusal("@g0", groups=deep) == "Groups can be nested at most 5 deep."
    assert refusal("@a", groups=wide) == "Counting their groups, there are more than 1,000 terms."


def test_ten_patterns_in_a_group_are_held_against_ten_thousand_servers() -> None:
    """Eleven are too much at once."""
    big = fleet.named(*(f"web{n:05}" for n in range(10_000)))
    patterns = " ".join(f"*{n}" for n in range(11))

    started = time.process_time()
    found = targets.parse("@g", {"g": patterns.removesuffix(" *10")}).resolve(big)

    assert len(found.servers) == 10_000
    assert time.process_time() - started < 2
    assert refusal("@g", big, {"g": patterns}) == (
        "11 ranges and patterns for 10,000 servers are too many at once; use at most 10, "
        "counting those inside groups."
    )


def test_ten_thousand_servers_can_be_named_one_by_one() -> None:
    """Names and ranges are looked up, not searched for."""
    big = fleet.named(*(f"web{n:05}" for n in range(10_000)))

    assert len(fleet.names("web[00000-09999]", big)) == 10_000


def row(name: str, **fields: str) -> server.Server:
    """Return a server of this name."""
    return server.Server("id", name, **fields)  # type: ignore[arg-type]


def test_the_policy_may_name_everything_and_what_is_not_there() -> None:
    """A bare star stands for all, and unknown names match nothing."""
    everything = targets.parse_policy_targets("* !pdu*", {})
    ranges = targets.parse_policy_targets("db[1-999999999] web01", {})

    assert everything.matches(row("x"))
    assert not everything.matches(row("pdu1"))
    assert ranges.matches(row("db77"))
    assert ranges.matches(row("web01"))
    assert not ranges.matches(row("db077"))


def test_the_policy_may_name_groups_tags_and_ids() -> None:
    """A group's own exclusions stay within it."""
    groups = {"web": "web* !web07", "all": "@web web07"}
    chosen = targets.parse_policy_targets(("@all", "tag:a=*", fleet.server_id(1)), groups)

    assert chosen.matches(row("web07"))
    assert chosen.matches(server.Server(fleet.server_id(1), "x"))
    assert chosen.matches(server.Server("id", "y", tags=(("a", "b"),)))
    assert not chosen.matches(row("db01"))


def test_the_policy_has_one_word_for_everything() -> None:
    """What only looks like it is a mistake there too."""
    with pytest.raises(errors.UserMistake, match=r"Write \* for every server"):
        targets.parse_policy_targets("all", {})


def test_a_pattern_takes_a_bounded_number_of_steps() -> None:
    """The hardest name for this pattern costs what the bound says, and no more."""
    pattern = name_pattern.parse("*" + "a?" * 30 + "*" + "[1,11,111]" * 8 + "*")
    work = name_pattern.Work()

    for name in fuzz_commands.NAMES:
        pattern.matches(name, work)

    assert 0 < work.steps < len(fuzz_commands.NAMES) * fuzz_commands.STEPS_A_MATCH


@settings(max_examples=400, deadline=None)
@given(fuzz_commands.lines() | st.text(max_size=100))
def test_any_text_is_understood_or_a_mistake(text: str) -> None:
    """The script throws a million at it; here are some, each with its steps counted."""
    fuzz_commands.try_line(text, INVENTORY)


def test_a_typed_name_that_is_long_is_not_searched_for_habits() -> None:
    """Suggestions cost a bounded amount."""
    assert nearest.habit("a" * 500 + "{1..2}") == ""


def test_a_tag_that_is_not_plain_is_suggested_in_quotes() -> None:
    """Each part of the tag is quoted where it must be, so that the suggestion can be typed."""
    with pytest.raises(errors.UserMistake) as caught:
        targets.parse("tag:a$=c web01", {})

    assert caught.value.suggestion == 'tag:"a$"=c web01'


def test_a_place_that_is_not_plain_is_suggested_in_quotes() -> None:
    """The line to copy can be typed."""
    with pytest.raises(errors.UserMistake) as caught:
        targets.parse('dc:"上海 A1"', {}).resolve(fleet.fleet())

    assert caught.value.suggestion == 'dc:"上海 A-1"'


@contextlib.contextmanager
def untraced() -> Iterator[None]:
    """Let coverage rest: it makes the language five times slower, and has seen it all by then."""
    tracing = sys.gettrace()
    sys.settrace(None)
    try:
        yield
    finally:
        sys.settrace(tracing)


def test_a_hundred_thousand_lines_are_understood_or_mistakes() -> None:
    """Random words and terms, each with its steps counted; fewer of them outside of CI."""
    count = 100_000 if os.environ.get("CI") else 5_000

    with untraced():
        cost = fuzz_commands.throw(count, 1, INVENTORY)

    assert cost.lines == count
    # A fuzz that is never understood would try the refusals alone.
    assert cost.understood > count / 100


def test_a_line_against_ten_thousand_servers_takes_little_memory() -> None:
    """Counted by allocation, so that no other process has a say in it."""
    big = fuzz_commands.large(10_000)

    for text in ("reboot @everything r*[1-9]", "reboot *1*[1-9]*", "reboot web[1-9999]", "off *"):
        assert fuzz_commands.weight(text, big) < 20e6


def test_slow_patterns_count_as_several() -> None:
    """A number behind a star is tried at every place, so that fewer of those may be given."""
    big = fleet.named(*(f"web{n:05}" for n in range(10_000)))

    assert len(fleet.names("*1[1-9]* *2[1-9]*", big)) > 100
    assert refusal("*1[1-9]* *2[1-9]* *3[1-9]*", big) == (
        "12 ranges and patterns for 10,000 servers are too many at once; use at most 10, "
        "counting those inside groups (a star together with a range or ? counts as 4)."
    )
