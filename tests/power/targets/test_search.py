"""What the search offers, and the servers that a message names."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings, strategies as st

from bot.power import server
from bot.power.targets import search, targets
from tests.power import fleet, fuzz_commands

CATALOGUE = search.Catalogue(fleet.fleet(), fleet.GROUPS)


def values(typed: str) -> list[str]:
    """Return the values that a search offers."""
    return [offer.value for offer in CATALOGUE.search(typed)]


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("", ["@web", "@db", "@both", "@loop", "@pool", "@everything", "db01"]),
        ("web0", ["web01", "web02", "web03"]),
        ("WEB1", ["web10", "web11"]),
        ("@we", ["@web"]),
        ("db", ["@db", "db01", "db02", "db03", "tag:role=db"]),
        ("02", ["db02", "r1n02", "r2n02", "web02"]),
        ("web[01-12]", ["web[01-12]"]),
        ("ｗｅｂ＊", ["web*"]),
        ("rack:r1", ["rack:R10", "rack:R11", "rack:R12"]),
        ("上海", ['dc:"上海 A-1"']),
        ("owned", ['tag:"owned by"="team a"']),
        ("!web07", ["!web07"]),
        ("!web*", ["!web*"]),
        ("state:off", ["state:off"]),
        ("no such thing", []),
        ("*", []),
    ],
)
def test_a_search_offers_the_likeliest_first(typed: str, first: list[str]) -> None:
    """What was typed itself, groups, names that begin so, tags and places, other names."""
    assert values(typed)[: len(first)] == first
    assert first or not values(typed)


def test_an_offer_says_what_it_stands_for() -> None:
    """The number of servers, or the state and the place of one."""
    notes = {
        offer.value: offer.note
        for typed in ("web", "web*", "!web*", "@d", "role=db")
        for offer in CATALOGUE.search(typed)
    }

    assert notes["web07"] == "off · rack R10 · OK"
    assert notes["web*"] == "20 servers"
    assert notes["!web*"] == "takes out 20 servers"
    assert notes["@db"] == "group: db[01-09]"
    assert notes["tag:role=db"] == "3 servers"


def test_a_server_whose_name_is_not_its_own_is_offered_by_id() -> None:
    """Two of one name are two choices."""
    assert values("twin") == [fleet.server_id(300), fleet.server_id(301)]


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200) | fuzz_commands.lines())
def test_whatever_is_typed_is_offered_within_slacks_sizes(typed: str) -> None:
    """At most a hundred, each once, each short enough, each a term that can be read."""
    offered = CATALOGUE.search(typed)

    assert len(offered) <= search.MOST_OFFERS
    assert len({offer.value for offer in offered}) == len(offered)
    for offer in offered:
        assert len(offer.value) <= search.MOST_VALUE
        if offer.value.removeprefix("!") not in ("@loop", "@pool"):
            targets.parse(offer.value.removeprefix("!"), fleet.GROUPS)


def test_a_search_in_ten_thousand_servers_takes_a_moment() -> None:
    """Slack waits three seconds; the bound leaves room for a slow machine."""
    big = search.Catalogue(fleet.named(*(f"web{n:05}" for n in range(10_000))), {"web": "web*"})

    started = time.process_time()
    for typed in ("", "w", "web0", "web0[0001-0500]", "*1*1*", "zzz", "!web"):
        big.search(typed)

    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("web01 is down", ["web01"]),
        (
            "CRITICAL: WEB02.example.com:9100, (db01) and `web[03-05]`!",
            ["db01", "web02", "web03", "web04", "web05"],
        ),
        ("sn SN101 / id 0000000a-0000-4000-8000-000000000000.", ["db01", "web10"]),
        ("twin twin twin", []),
        ("web99 web[98-99] web[1-99999] web[[1]] nothing", []),
        ("", []),
    ],
)
def test_the_servers_that_an_alert_names_are_found(words: str, names: list[str]) -> None:
    """By name without its domain, by range, serial number or id, in any case."""
    assert [row.name for row in search.servers_in(words, fleet.fleet())] == names


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=400))
def test_any_message_can_be_looked_through(words: str) -> None:
    """Nothing in a message breaks the search."""
    search.servers_in(words, fleet.fleet())


def test_a_message_that_names_thousands_is_bounded() -> None:
    """So much and no more is offered."""
    big = fleet.named(*(f"web{n:04}" for n in range(5_000)))
    words = " ".join(f"web[{n:04}-{n + 400:04}]" for n in range(0, 4_500, 401))

    assert len(search.servers_in(words, big)) < search.MOST_SERVERS + search.MOST_RANGE


def test_few_servers_are_chosen_one_by_one_and_many_folded() -> None:
    """Each of a few can be taken out again; many are one choice a range."""
    known = fleet.fleet()
    web = [row for row in known.servers.values() if row.name.startswith("web")]
    rest = [row for row in known.servers.values() if row.name in ("db01", "twin")]

    few = search.chosen(web[:3], known)
    many = search.chosen(web + rest, known)

    assert [offer.value for offer in few] == ["web01", "web02", "web03"]
    assert [(offer.value, offer.note) for offer in many[:2]] == [
        ("db01", "1 server"),
        ("web[01-20]", "20 servers"),
    ]
    assert {offer.value for offer in many[2:]} == {fleet.server_id(300), fleet.server_id(301)}


def test_a_server_called_like_an_id_is_offered_by_its_own() -> None:
    """Nothing that is offered can mean another server."""
    odd = server.Server(fleet.server_id(1), fleet.server_id(2))
    known = fleet.snapshot([odd, server.Server(fleet.server_id(2), "web01")])

    assert search.single(odd, known).value == fleet.server_id(1)


def test_a_tag_that_can_not_be_typed_is_not_offered() -> None:
    """Not even quotes could carry it."""
    row = server.Server(
        "1", "web01", tags=(("a", 'x"y'), ("b", "x\ny"), ("c", "“x”"), ("d", "x y"))
    )
    known = search.Catalogue(fleet.snapshot([row]), {})

    assert [offer.value for offer in known.search("tag:")] == ['tag:d="x y"']
