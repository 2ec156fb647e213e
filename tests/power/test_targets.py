"""The language of targets: what each term means, and what is refused with which words."""

from __future__ import annotations

import time

import pytest
from ClusterShell.NodeSet import RESOLVER_NOGROUP, NodeSet
from hypothesis import given, settings, strategies as st

from bot.power import errors, server, targets

UUID = "0b5e0f0a-1111-4222-8333-444455556666"
ROWS = (
    *(
        server.Server(
            f"id-web{number:02}",
            f"web{number:02}",
            power_state="on" if number % 2 else "off",
            health_state="OK",
            sn=f"SN{number}",
            dc="上海 A-1" if number < 5 else "BER",
            rack=f"R{number}",
            tags=(("role", "web"), ("owner", "Ann B"), ("empty", "")),
        )
        for number in range(1, 13)
    ),
    server.Server("id-web1", "web1"),
    server.Server("id-web2", "web2"),
    server.Server("id-web10x", "web10x"),
    server.Server("id-db1", "db-1", health_state="Critical", rack="R1", tags=(("role", "db"),)),
    server.Server("id-grid", "r1-u2", power_state="powering-on"),
    server.Server("id-grid2", "r2-u2", rack="R*"),
    server.Server(UUID, "odd name"),
    server.Server("id-twin1", "twin"),
    server.Server("id-twin2", "twin"),
)
SNAPSHOT = server.Snapshot({row.id: row for row in ROWS}, 0)
GROUPS = {
    "web": "web[01-12]",
    "even": "@web !web01 !web03 !web[05,07,09,11]",
    "deep": "@even db-1",
    "circle": "@round",
    "round": "@circle",
    "self": "@self web01",
    "fleet": "*",
    "future": "new[01-03]",
    "broken": "web[01",
}


def names(text: str, groups: dict[str, str] | None = None) -> str:
    """Return the names that a text resolves to, in order, or ids for odd ones."""
    found = targets.parse(text, GROUPS if groups is None else groups).resolve(SNAPSHOT)
    return " ".join(row.name for row in found.servers)


def mistake(text: str, groups: dict[str, str] | None = None) -> errors.UserMistake:
    """Return the mistake that a text is refused with."""
    with pytest.raises(errors.UserMistake) as caught:
        names(text, groups)
    return caught.value


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("web01", "web01"),
        ("web03,web01 , web02", "web01 web02 web03"),
        ("web01 web01", "web01"),
        ("web[01-03]", "web01 web02 web03"),
        ("web[01-02,05]", "web01 web02 web05"),
        ("web[01-02],db-[1]", "db-1 web01 web02"),
        ("web[1-2]", "web1 web2"),
        ("web[09-10]", "web09 web10"),
        ("r[1-2]-u[2]", "r1-u2 r2-u2"),
        ("web[0][1-2]", "web01 web02"),
        ("web0?", "web01 web02 web03 web04 web05 web06 web07 web08 web09"),
        ("web1?", "web10 web11 web12"),
        ("*-*", "db-1 r1-u2 r2-u2"),
        ("r*u2", "r1-u2 r2-u2"),
        ("web[10-11]*", "web10 web10x web11"),
        ("?[1-2]-u*", "r1-u2 r2-u2"),
        (UUID, "odd name"),
        (UUID.upper(), "odd name"),
        ("sn:SN3", "web03"),
        ("SN:SN1?", "web10 web11 web12"),
        ("rack:R1", "db-1 web01"),
        ('rack:"R*"', "r2-u2"),
        ("rack:“R*”", "r2-u2"),
        ("dc:BER !web[06-12]", "web05"),
        ('dc:"上海 A-1"', "web01 web02 web03 web04"),
        ('dc:"上海 A-1" !sn:SN2', "web01 web03 web04"),
        ("state:off !web[04-12]", "web02"),
        ("state:CHANGING", "r1-u2"),
        ('state:"changing"', "r1-u2"),
        ("health:critical", "db-1"),
        ("health:Crit*", "db-1"),
        ("tag:role=db", "db-1"),
        ("tag:role=d?", "db-1"),
        ('tag:owner="Ann B" !web[02-12]', "web01"),
        ('tag:"owner=Ann B" !web[02-12]', "web01"),
        ('tag:"role" !web*', "db-1"),
        ("tag:role !web*", "db-1"),
        ("tag:empty= !web[02-12]", "web01"),
        ("@even", "web02 web04 web06 web08 web10 web12"),
        ("@deep !web[04-12]", "db-1 web02"),
        ("@web !@even !web[05-11]", "web01 web03"),
        ("@fleet !web* !twin* !r*", "db-1 odd name"),
        ("!web02 web[01-03]", "web01 web03"),
        ("web[01-03] !web02 web02", "web01 web03"),
        ("web[01-03] !*2", "web01 web03"),
        ("ｗｅｂ［０１－０２］", "web01 web02"),
        ("web[01–02]", "web01 web02"),
        ("web01\u00a0web02\u3000！web02", "web01"),
    ],
)
def test_each_term_means_these_servers(text: str, found: str) -> None:
    """Terms are held against the inventory; what is taken out wins wherever it stands."""
    assert names(text) == found


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "Say which servers are meant"),
        (" , ", "Say which servers are meant"),
        ("!", "! takes out the servers that follow it"),
        ("!web01", "Say first which servers are meant"),
        ("web01 !web01", "Everything that is named is also taken out"),
        ("web[01-20", "The brackets don't match"),
        ("web01]", "The brackets don't match"),
        ("web]01[", "The brackets don't match"),
        ("web[[01]]", "The brackets don't match"),
        ("web[01 -03]", "The brackets don't match"),
        ("web[]", '"" is no range of numbers'),
        ("web[a-b]", '"a-b" is no range of numbers'),
        ("web[1-9/2]", '"1-9/2" is no range of numbers'),
        ("web[*]", '"*" is no range of numbers'),
        ("web[01-3]", 'Both sides of "01-3" need the same number of digits'),
        ("web[1-03]", 'Both sides of "1-03" need the same number of digits'),
        ("web[05-01]", '"05-01" counts down'),
        ("web[1-1234567890]", "Numbers have at most 9 digits"),
        ("a[1][1][1][1][1][1][1][1][1]", "At most 8 bracket groups"),
        ("*a*b*c*", "At most 3 stars are allowed in a name"),
        ("sn:*a*b*c*", "At most 3 stars are allowed in a value"),
        ("web[1-999999999]", "These names are 999999999 servers; at most 10000"),
        ("w[1-100]-[1-100] web01", "These names are 10001 servers"),
        ("x" * 2001, "Targets have at most 2000 characters"),
        (" ".join(["a"] * 101), "At most 100 terms are allowed; these are 101"),
        ("a" + "-" * 600, "At most 200 ranges"),
        ("web01/web02", "Server names have letters, digits"),
        ("foo:bar", '"foo:" isn\'t known; there are sn:, rack:'),
        ("rack:", '"rack:" needs a value'),
        ('rack:""', '"rack:" needs a value'),
        ("tag:=web", "A tag is written tag:key=value"),
        ("state:sleeping", "The states are on, off, changing, unknown"),
        ('dc:"上海 A-1', "A quote isn't closed"),
        ("rack:R99", "rack:R99 matches no server"),
        ('dc:"BE*"', 'dc:"BE*" matches no server'),
        ("web01 !zz*", "!zz* matches no server"),
        ("@future", "@future matches no server"),
        ("@wob", "There is no group @wob; the groups are @web"),
        ("@circle", "Groups are nested more than 5 deep, or in a circle"),
        ("@self", "Groups are nested more than 5 deep, or in a circle"),
        ("@broken", "The brackets don't match"),
        ("wеb01", "Character 2 is cyrillic small letter ie"),
        ("web[0١]", "Character 6 is arabic-indic digit one"),
        ("twin", "2 servers are called twin; use an id: id-twin1, id-twin2"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_reason(text: str, problem: str) -> None:
    """Each bound and each mistake has its own words."""
    assert mistake(text).problem.startswith(problem)


@pytest.mark.parametrize("text", ["*", "**", "?*", "web01 *", "all", "ALL"])
def test_everything_at_once_cannot_be_typed(text: str) -> None:
    """A bare star is for the policy file."""
    assert mistake(text).problem.startswith("Everything at once can't be typed")


def test_the_policy_may_say_everything() -> None:
    """A bare star stands in groups and rules."""
    selection = targets.parse_policy_targets("* !web*", GROUPS)

    assert selection.matches(SNAPSHOT.servers["id-db1"])
    assert not selection.matches(SNAPSHOT.servers["id-web01"])


def test_the_bounds_themselves_are_allowed() -> None:
    """A hundred terms, two hundred ranges and ten thousand names can be parsed."""
    targets.parse(" ".join(["a"] * 100), {})
    targets.parse(f"w[{','.join(str(number) for number in range(200))}]", {})
    targets.parse("w[1-100]-[00-99]", {})
    targets.parse("a" * 2000, {})
    targets.parse("a[1][1][1][1][1][1][1][1]", {})
    targets.parse("w[123456789]", {})


def test_unknown_names_are_said_all_at_once_with_the_nearest() -> None:
    """One unknown name stops the whole."""
    found = mistake("web01 web[13-14] dbb-1")

    assert found.problem.startswith("3 names aren't known: dbb-1,web[13-14].")
    assert "The nearest are " in found.problem
    assert found.suggestion in SNAPSHOT.by_name


def test_one_unknown_name_has_its_nearest() -> None:
    """The name to copy is one that exists."""
    found = mistake("db-1 db_1")

    assert found.problem == "No server is called db_1. The nearest are db-1."
    assert found.suggestion == "db-1"


def test_an_unknown_id_is_an_unknown_name() -> None:
    """Ids are never guessed."""
    unknown = UUID.replace("0", "1")

    assert mistake(unknown).problem.startswith(f"No server is called {unknown}.")


def test_an_unknown_name_that_is_taken_out_stops_the_whole() -> None:
    """A slip after ! would switch off the server that was to be spared."""
    assert mistake("web[01-03] !web002").problem.startswith("No server is called web002.")


def test_many_unknown_names_are_counted() -> None:
    """Ten are named, the rest is a number."""
    found = mistake("new[0001-9999]")

    assert found.problem.startswith("9999 names aren't known: new[0001-0010] and 9989 more.")


def test_an_ambiguous_name_is_no_hindrance_to_a_pattern() -> None:
    """A wildcard means all servers that match."""
    assert names("twin*") == "twin twin"


def test_an_unknown_group_is_refused_with_the_nearest() -> None:
    """The line to copy is a group that exists."""
    assert mistake("@evn").suggestion == "@even"
    assert mistake("@web", {}).problem == "There is no group @web; the policy file has none."


def test_groups_are_nested_five_deep() -> None:
    """The sixth level is refused."""
    groups = {f"g{level}": f"@g{level + 1}" for level in range(1, 6)} | {"g5": "web01"}

    assert names("@g1", groups) == "web01"
    assert "nested more than 5" in mistake("@g0", groups | {"g0": "@g1"}).problem


def test_nested_groups_are_bounded_in_all() -> None:
    """Groups that name groups a hundred times can't eat time and memory."""
    groups = {f"g{level}": f"@g{level + 1} " * 100 for level in range(1, 5)} | {"g5": "a " * 100}
    began = time.monotonic()

    found = mistake("@g1", groups)

    assert found.problem == "The groups named here have more than 1000 terms together."
    assert time.monotonic() - began < 1


def test_a_name_in_other_digits_is_not_in_a_range() -> None:
    """Digits of other scripts in the vendor's names are no numbers."""
    selection = targets.parse("web[1-9]", {})

    assert not selection.matches(server.Server("x", "web٣"))
    assert not selection.matches(server.Server("x", "web²"))


def test_too_many_patterns_over_too_many_servers_are_refused() -> None:
    """Exact names beside them make the patterns no cheaper."""
    big = server.Snapshot(
        {str(number): server.Server(str(number), f"n{number}") for number in range(21_000)}, 0
    )
    selection = targets.parse("n1 " * 50 + "n* " * 50, {})

    with pytest.raises(errors.UserMistake, match="50 patterns over 21000 servers are too many"):
        selection.resolve(big)


def test_a_counted_range_is_resolved_in_natural_order() -> None:
    """Nine comes before ten."""
    rows = {name: server.Server(name, name) for name in ("n10", "n9", "n11")}
    found = targets.parse("n[9-11]", {}).resolve(server.Snapshot(rows, 0))

    assert [row.name for row in found.servers] == ["n9", "n10", "n11"]


NUMBERS = st.tuples(st.integers(0, 120), st.integers(0, 30), st.sampled_from([0, 3])).map(
    lambda one: f"{one[0]:0{one[2]}}-{one[0] + one[1]:0{one[2]}}"
)
BRACKETS = st.lists(NUMBERS, min_size=1, max_size=3).map(lambda parts: f"[{','.join(parts)}]")
PATTERNS = st.tuples(
    st.sampled_from(["n", "web-"]), BRACKETS, st.one_of(st.just(""), st.just("-u[01-03]"))
).map("".join)


@given(st.lists(PATTERNS, min_size=1, max_size=4))
@settings(deadline=None)
def test_ranges_mean_the_same_to_clustershell(patterns: list[str]) -> None:
    """Another tool of the trade reads ranges as the same names."""
    text = ",".join(patterns)
    expected = set(NodeSet(text, resolver=RESOLVER_NOGROUP))
    rows = {name: server.Server(name, name) for name in (*expected, "n", "web-", "n0000", "n007")}
    selection = targets.parse(text, {})

    assert {row.name for row in selection.resolve(server.Snapshot(rows, 0)).servers} == expected
    assert {row.name for row in rows.values() if selection.matches(row)} == expected


PARTS = st.sampled_from(
    (
        *("web", "01", "[", "]", "[1-3]", "-", ",", "*", "?", "!", "@", "@web", ":", "tag:"),
        *("rack:", "state:", '"', "“", "=", " ", "—", "٣", "\u200b", "\ud800", UUID),
    )
)
TEXTS = st.one_of(st.text(), st.lists(st.one_of(PARTS, st.text(max_size=2))).map("".join))


@given(TEXTS, TEXTS)
@settings(max_examples=300, deadline=None)
def test_any_text_is_servers_or_a_mistake(text: str, group: str) -> None:
    """Nothing but a mistake is ever raised, whatever is typed or stands in a group."""
    problem = "x"
    try:
        targets.parse_policy_targets(text, {"web": group})
        selection = targets.parse(text, {"web": group})
        assert selection.resolve(SNAPSHOT).servers
    except errors.UserMistake as found:
        problem = found.problem
    assert problem
