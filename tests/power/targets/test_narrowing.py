"""How terms are read together: one kind adds up, kinds narrow each other, & narrows anything."""

from __future__ import annotations

import json
import tomllib

import msgspec
import pytest

from bot.power import errors, server
from bot.power.targets import in_words, search, targets
from tests.power import fleet
from tests.power.policy_texts import edited


def box(number: int, name: str, **fields: object) -> server.Server:
    """Return a server that is on, in rack R12 of room A."""
    given = {"power_state": "on", "rack": "R12", "dc": "A", **fields}
    return server.Server(fleet.server_id(number), name, **given)  # type: ignore[arg-type]


WEB = (("role", "web"), ("env", "prod"))
MIXED = fleet.snapshot(
    [
        box(1, "web01", tags=WEB, sn="S1"),
        box(2, "web02", tags=WEB, power_state="off"),
        box(3, "web03", tags=(("role", "web"), ("env", "test")), rack="R13", power_state="off"),
        box(4, "db01", tags=(("role", "db"), ("env", "prod")), power_state="off"),
        box(5, "db02", tags=(("role", "db"), ("env", "test")), rack="R13", health_state="Critical"),
        box(6, "spare", dc="B", rack="R14", power_state="off", health_state="Warning"),
    ]
)
GROUPS = {"web": ("web*",), "prod": "tag:env=prod", "both": ("@web & tag:env=prod", "db02")}
ROOMS = fleet.snapshot(
    [box(1, "a1"), box(2, "a2"), box(3, "b1", dc="Hall B"), box(4, "c1", rack="R13")]
)


def named(text: str, known: server.Snapshot = MIXED, *, for_change: bool = True) -> str:
    """Return the names that a typed text means."""
    found = targets.parse(text, GROUPS).resolve(known, for_change=for_change)
    return " ".join(row.name for row in found.servers)


def refusal(text: str, known: server.Snapshot = MIXED) -> str:
    """Return the sentence that refuses a typed text."""
    with pytest.raises(errors.UserMistake) as caught:
        named(text, known)
    assert not caught.value.suggestion
    return caught.value.problem


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("tag:role=web state:off", "web02 web03"),
        ("state:off tag:role=web", "web02 web03"),
        ("rack:R12 state:off", "db01 web02"),
        ("web* state:off", "web02 web03"),
        ("@web state:off", "web02 web03"),
        ("sn:S1 web02 state:off", "web02"),
        ("web01 db01 tag:role=db", "db01"),
        (f"{fleet.server_id(1)} web02 rack:R12", "web01 web02"),
        ("tag:role=web tag:role=db rack:R13", "db02 web03"),
        ("tag:role=web tag:env=prod", "web01 web02"),
        ("tag:role=web tag:env=prod state:off", "web02"),
        ("state:off state:on dc:A health:Critical", "db02"),
        ("health:critical health:warning", "db02 spare"),
        ("rack:R12 rack:R14 state:off", "db01 spare web02"),
        ("dc:A room:A state:off rack:R13", "web03"),
        ("web* state:off !web02", "web03"),
        ("!rack:R13 web* state:off", "web02"),
        ("tag:role=db !state:off", "db02"),
        ("web* !tag:env=test !state:off", "web01"),
        ("@prod state:off", "db01 web02"),
        ("@both", "db02 web01 web02"),
        ("@both state:off", "web02"),
        ("web* & tag:env=prod", "web01 web02"),
        ("web*&tag:env=prod&state:off", "web02"),
        ("web* ＆ state:off", "web02 web03"),
        ("web* & *01", "web01"),
        ("tag:role=w* & tag:role=*b", "web01 web02 web03"),
        ("web* & state:off !web03", "web02"),
        ("web* & !web03 & state:off", "web02"),
        ("web* & tag:env=prod state:off", "web02"),
    ],
)
def test_person_names_servers_by_terms_that_add_up_and_narrow(text: str, names: str) -> None:
    """Terms of one kind add up, kinds narrow each other in any order, & narrows, ! takes out."""
    assert named(text) == names


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "web* rack:R14",
            "None of web* (3 servers) is in rack R14; terms of different kinds narrow each other.",
        ),
        (
            "tag:role=web state:off health:critical",
            "None of the servers tagged role=web that are off (2 servers) has health critical; "
            "terms of different kinds narrow each other.",
        ),
        ("web01 & web02", "web01 (1 server) doesn't match web02; & narrows, a space adds up."),
        (
            "rack:R14 web*",
            "The only one of the servers in rack R14 doesn't match web*; terms of different kinds "
            "narrow each other.",
        ),
        (
            "web01 web02 & state:off",
            "& narrows and a space adds up, so this can be read in two ways: ask for "
            "web01 web02 state:off, or for web01 and for web02 & state:off.",
        ),
        (
            "web* & *1 *2",
            "& narrows and a space adds up, so this can be read in two ways: ask for "
            "web* & *1 and for web* & *2, or for web* & *1 and for *2.",
        ),
        ("web* &", "& stands between two terms, such as web* & tag:role=web."),
    ],
)
def test_person_is_told_what_left_nothing_or_reads_in_two_ways(text: str, sentence: str) -> None:
    """The term that left nothing is named, and no line is offered that would act on more."""
    with pytest.raises(errors.UserMistake) as caught:
        named(text)

    assert caught.value.problem == sentence
    assert caught.value.suggestion in ("", "web*")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("web01 db*", ""),
        ("web* !web01", ""),
        ("tag:role=web state:off", "servers tagged role=web that are off"),
        ("state:off @web", "@web that are off"),
        ("web01 db01 rack:R12 rack:R13", "web01 and db01 in rack R12 or R13"),
        ("@web tag:env=prod dc:A !web01", "@web tagged env=prod in room A, without web01"),
        ("web* & *01", "web* that are also *01"),
        ("dc:A health:critical", "servers in room A with health critical"),
        (
            "rack:R14 state:unknown state:off",
            "servers in rack R14 that are in an unknown state or off",
        ),
    ],
)
def test_reading_is_said_in_words_where_kinds_narrow(text: str, said: str) -> None:
    """What adds up says itself; what narrows is read back."""
    assert in_words.reading(targets.parse(text, GROUPS).members) == said


@pytest.mark.parametrize(
    ("servers", "matching"),
    [
        (["web*", "tag:role=db"], "db01 db02 web01 web02 web03"),
        (["web* & tag:env=prod", "db02"], "db02 web01 web02"),
        (["web*", "db*", "!web02"], "db01 db02 web01 web03"),
        (["web* !web02", "web02"], "web01 web02 web03"),
        ("web* & tag:role=web & state:off", "web02 web03"),
        ("web01 web02 sn:S1 @prod", "db01 web01 web02"),
        ("web* !tag:env=test", "web01 web02"),
        ("tag:role=web tag:role=db", "db01 db02 web01 web02 web03"),
    ],
)
def test_policy_list_adds_up_and_ampersand_narrows(servers: str | list[str], matching: str) -> None:
    """In each table that names servers, and in a group that they name."""
    before, written = 'servers = ["tag:powerbot=never", "pdu*"]', json.dumps(servers)
    some = f"[groups]\nprod = 'tag:env=prod'\nsome = {written}\n"
    rows = sorted(MIXED.servers.values(), key=lambda row: row.name)

    for here in (written, '"@some"'):
        rules = edited((before, f"servers = {here}"), ("[groups]\n", some))
        assert " ".join(row.name for row in rows if rules.protects(row)) == matching


MIXES = [
    ("web* tag:role=web", '["web*", "tag:role=web"]', '"web* & tag:role=web"'),
    ("web* state:off !web01", '["web*", "state:off", "!web01"]', '"web* & state:off !web01"'),
    (
        "web* db* rack:R1",
        '["web*", "db*", "rack:R1"]',
        '["web* & rack:R1", "db* & rack:R1"]',
    ),
    (
        "web* db* & rack:R1",
        '["web*", "db* & rack:R1"]',
        '["web* & rack:R1", "db* & rack:R1"]',
    ),
    ("tag:a=1 tag:b=1", '["tag:a=1", "tag:b=1"]', '"tag:a=1 & tag:b=1"'),
]


@pytest.mark.parametrize(
    ("before", "key"),
    [
        ('servers = ["tag:powerbot=never", "pdu*"]', "servers"),
        ('web = ["web*", "tag:role=web"]', "web"),
        ('servers = "*"', "servers"),
        ('servers = "@db"\non = 2', "servers"),
    ],
)
@pytest.mark.parametrize(("mixed", "wide", "narrow"), MIXES)
def test_policy_text_that_mixes_kinds_is_refused_with_both_readings(
    before: str, key: str, mixed: str, wide: str, narrow: str
) -> None:
    """In a group, in what is protected or kept, and in a rule; both readings can be used."""
    after = before.replace(before.split("\n")[0], f'{key} = "{mixed}"')
    with pytest.raises(errors.PolicyError) as caught:
        edited((before, after))

    assert f"two ways: a list adds up, {wide}; & narrows, {narrow}." in str(caught.value)
    for reading in (wide, narrow):
        mended = before.replace(before.split("\n")[0], f"{key} = {reading}")
        value = tomllib.loads(f"v = {reading}")["v"]
        assert edited((before, mended)).version
        assert targets.parse_policy_targets(value, {})


def test_a_rack_of_several_rooms_is_told_apart_before_a_change() -> None:
    """The line to type names the room; who only looks sees all of them."""
    said = refusal("rack:R12", ROOMS)

    assert said == (
        "Several rooms have a rack R12 (A, Hall B); say which one: "
        'rack:R12 dc:A or rack:R12 dc:"Hall B".'
    )
    assert "Several rooms" in refusal("rack:R*", ROOMS)
    assert "Several rooms" in refusal("?1 rack:R12", ROOMS)
    assert named('rack:R12 dc:"Hall B"', ROOMS) == "b1"
    assert named("rack:R12&room:A", ROOMS) == "a1 a2"
    assert named("rack:R12 dc:A dc:Hall*", ROOMS) == "a1 a2 b1"
    assert named("rack:R13", ROOMS) == "c1"
    assert named("rack:R12 a1", ROOMS) == "a1"
    assert named("rack:R12", ROOMS, for_change=False) == "a1 a2 b1"


def test_search_offers_racks_of_one_name_by_their_rooms() -> None:
    """What is offered can be chosen as it stands, and names one rack."""
    offered = {one.value: one.note for one in search.Catalogue(ROOMS, {}).search("rack:R1")}

    assert offered["rack:R12&dc:A"] == "2 servers"
    assert offered['rack:R12&dc:"Hall B"'] == "1 server"
    assert offered["rack:R13"] == "1 server"
    assert all(named(value, ROOMS) for value in offered if value.startswith("rack:R12&"))


def test_a_name_of_several_servers_is_told_apart_by_a_kind_that_narrows() -> None:
    """Only where one is left; else the ids are named as before."""
    twins = fleet.snapshot([box(1, "web01"), box(2, "web01", rack="R13"), box(3, "web02")])

    assert named("web01 rack:R13", twins) == "web01"
    assert named(f"web01 !{fleet.server_id(1)}", twins) == "web01"
    with pytest.raises(errors.UserMistake, match=r"There are two servers called web01: .*rack R1"):
        named("web01 web02 state:on", twins)


def test_nobody_is_offered_one_of_two_servers_of_a_name() -> None:
    """The sentence tells each with its place; a line to copy would choose the machine."""
    rows = [box(1, "web01"), box(2, "web01", rack="R13")]
    twins = fleet.snapshot(
        [msgspec.structs.replace(row, sn=f"21AAA{n}") for n, row in enumerate(rows)]
    )

    with pytest.raises(errors.UserMistake) as caught:
        named("web01", twins)

    assert "sn:21AAA0 (" in caught.value.problem
    assert "sn:21AAA1 (" in caught.value.problem
    assert caught.value.suggestion == ""
