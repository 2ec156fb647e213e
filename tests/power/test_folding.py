"""Names folded as a person would write them, and read back as the same set."""

from __future__ import annotations

import pytest
from ClusterShell.NodeSet import RESOLVER_NOGROUP, NodeSet
from hypothesis import given, settings, strategies as st

from bot.power import errors, folding, server, targets

NAMES = st.from_regex(r"[a-z]{1,4}[0-9]{0,3}(-[a-z]{1,3}[0-9]{1,2})?", fullmatch=True)
NEAR_NAMES = st.from_regex(r"(web|b)[0-9]{1,2}(-(r|ab)[01][0-9]?)?", fullmatch=True)
SETS = st.sets(st.one_of(NAMES, NEAR_NAMES).filter(lambda name: name != "all"), min_size=1)


def snapshot(names: set[str]) -> server.Snapshot:
    """Return an inventory of servers with these names."""
    return server.Snapshot({f"id-{name}": server.Server(f"id-{name}", name) for name in names}, 0)


@pytest.mark.parametrize(
    ("names", "folded"),
    [
        ([], ""),
        (["web01"], "web01"),
        (["web01", "web02", "web03"], "web[01-03]"),
        (["web03", "web01", "web01"], "web[01,03]"),
        (["web1", "web2", "web10"], "web[1-2,10]"),
        (["web9", "web10"], "web[9-10]"),
        (["web09", "web10", "web11"], "web[09-11]"),
        (["web0", "web1", "web10"], "web[0-1,10]"),
        (["web1", "web01"], "web01,web1"),
        (["db", "db1"], "db,db1"),
        (["r1-u1", "r1-u2", "r2-u1", "r2-u2"], "r[1-2]-u[1-2]"),
        (["r1-u1", "r2-u2"], "r1-u1,r2-u2"),
        (["web01.a", "web02.a", "web03.b"], "web[01-02].a,web03.b"),
        (["web2", "db1"], "db1,web2"),
        (["上海1", "上海2"], "上海1,上海2"),
        (["a[1]", "a1"], "a1,a[1]"),
    ],
)
def test_fold_writes_names_as_people_do(names: list[str], folded: str) -> None:
    """Numbers are joined to ranges, padding is kept, odd names stand alone."""
    assert folding.fold(names) == folded


def test_a_limit_counts_the_names_that_are_left() -> None:
    """The rest is counted in names, not in terms."""
    names = ["a1", "a2", "b1", "c1", "c2", "c3"]

    assert folding.fold(names, limit=10) == "a[1-2],b1 and 3 more"
    assert folding.fold(names, limit=1) == "a[1-2] and 4 more"
    assert folding.fold(names, limit=100) == "a[1-2],b1,c[1-3]"


def test_natural_order_puts_nine_before_ten() -> None:
    """Numbers are compared as numbers."""
    assert sorted(["web10", "web9", "web"], key=folding.natural) == ["web", "web9", "web10"]


def test_ten_thousand_names_fold_to_one_term() -> None:
    """Two numbers fold over each other."""
    names = [f"r{rack}-u{unit:02}" for rack in range(1, 101) for unit in range(100)]

    assert folding.fold(names) == "r[1-100]-u[00-99]"


@given(SETS)
@settings(deadline=None)
def test_fold_does_not_depend_on_the_order(names: set[str]) -> None:
    """The same set always has the same text."""
    assert folding.fold(sorted(names)) == folding.fold(sorted(names, reverse=True))


@given(SETS, SETS)
@settings(deadline=None)
def test_folded_text_resolves_to_the_same_set(names: set[str], others: set[str]) -> None:
    """What the card shows can be typed again, and means the same servers."""
    inventory = snapshot(names | others)

    found = targets.parse(folding.fold(names), {}).resolve(inventory)

    assert {row.name for row in found.servers} == names


@given(SETS, SETS)
@settings(deadline=None)
def test_matching_agrees_with_resolving(names: set[str], others: set[str]) -> None:
    """A folded text matches a server exactly if it resolves to it."""
    selection = targets.parse(folding.fold(names), {})

    assert {
        name for name in names | others if selection.matches(server.Server(name, name))
    } == names


@given(SETS)
@settings(deadline=None)
def test_folded_text_means_the_same_to_clustershell(names: set[str]) -> None:
    """Another tool of the trade reads the folded text as the same set."""
    assert set(NodeSet(folding.fold(names), resolver=RESOLVER_NOGROUP)) == names


@given(st.sets(st.text(), max_size=20), st.one_of(st.none(), st.integers(0, 200)))
@settings(deadline=None)
def test_fold_takes_any_name(names: set[str], limit: int | None) -> None:
    """Names come from the vendor and may be anything."""
    assert isinstance(folding.fold(names, limit), str)


def test_more_ranges_than_allowed_are_refused() -> None:
    """Scattered numbers end at the bound of ranges, with a message."""
    with pytest.raises(errors.UserMistake, match="At most 200 ranges"):
        targets.parse(f"w[{','.join(str(2 * n) for n in range(201))}]", {})
