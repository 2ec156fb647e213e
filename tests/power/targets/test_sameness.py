"""Names beyond ASCII can be typed, one letter in two forms is one, and the policy folds."""

from __future__ import annotations

import unicodedata
from typing import Literal

import pytest

from bot.power import errors, server
from bot.power.targets import search, targets
from tests.power import fleet
from tests.power.policy_texts import edited

PROTECTED = 'servers = ["tag:powerbot=never", "pdu*"]'
APART = unicodedata.normalize("NFD", "Büro-01")
MIXED = "w\u0435b01"
RUSSIAN = "\u0441\u0435\u0440\u0432\u0435\u040001".replace("\u0400", "\u0440")
NAMES = [APART, "机房A-服务器01", "机房A-服务器02", "web 01", MIXED, RUSSIAN, "a,b", "x&y"]
KNOWN = fleet.snapshot(
    server.Server(fleet.server_id(n), name, dc=unicodedata.normalize("NFD", "Köln 1"))
    for n, name in enumerate(NAMES)
)


def named(text: str) -> set[str]:
    """Return the names that a typed text means, as the list has them."""
    found = targets.parse(text, {"all": "*"}).resolve(KNOWN, for_change=True)
    return {row.name for row in found.servers}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("机房A-服务器01", ["机房A-服务器01"]),
        ('"机房A-服务器01"', ["机房A-服务器01"]),
        (f"“机房A-服务器01”,{RUSSIAN}", ["机房A-服务器01", RUSSIAN]),
        ("机房*", ["机房A-服务器01", "机房A-服务器02"]),
        ("机房A-服务器[01-02]", ["机房A-服务器01", "机房A-服务器02"]),
        ("机房?-服务器??", ["机房A-服务器01", "机房A-服务器02"]),
        ('"web 01"', ["web 01"]),
        ("web*", ["web 01"]),
        (f'"{MIXED}"', [MIXED]),
        ("Büro-01", [APART]),
        (APART, [APART]),
        ("Bü*", [APART]),
        ('"a,b" "x&y"', ["a,b", "x&y"]),
        ('机房* & dc:"Köln 1" !"机房A-服务器02"', ["机房A-服务器01"]),
        ('机房*&"机房A-服务器02"', ["机房A-服务器02"]),
    ],
)
def test_person_types_any_name_that_the_list_shows(text: str, names: list[str]) -> None:
    """In quotes always, and without them where its letters look like no others."""
    assert named(text) == set(names)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (MIXED, "CYRILLIC SMALL LETTER IE; write a name that has it in quotes."),
        ("\u0440\u0441", "CYRILLIC SMALL LETTER ER; write a name that has it in quotes."),
        ('"we\u0432 01"', "CYRILLIC SMALL LETTER VE, and no server has exactly that name."),
        ('"web\u200b01"', "ZERO WIDTH SPACE, and no server has exactly that name."),
        (
            '"web 01"x',
            "A space or a comma must follow the closing quotation mark. Quotation marks go "
            "around a whole name; type ? for one inside a name.",
        ),
        ('""', "There is nothing between the quotation marks."),
    ],
)
def test_look_alike_is_refused_by_its_name(text: str, said: str) -> None:
    """Unless it is exactly what a server is named."""
    with pytest.raises(errors.UserMistake) as caught:
        named(text)

    assert caught.value.problem.endswith(said)


@pytest.mark.parametrize(
    ("typed", "offered"),
    [("服务器１", '"服务器１"'), ("ＤＢ01", '"ＤＢ01"'), ("服务器1", '"服务器１"')],
)
def test_name_in_wide_letters_is_offered_in_the_quotes_that_it_needs(
    typed: str, offered: str
) -> None:
    """Typed without quotes, wide letters are read as narrow ones, which it isn't written in."""
    wide = fleet.snapshot(
        server.Server(fleet.server_id(n), name) for n, name in enumerate(["服务器１", "ＤＢ01"])
    )

    with pytest.raises(errors.UserMistake) as caught:
        targets.parse(typed, {}).resolve(wide)

    assert caught.value.suggestion == offered
    assert [row.name for row in targets.parse(offered, {}).resolve(wide).servers] == [offered[1:-1]]


def test_quotation_mark_within_a_name_has_a_sign_that_stands_for_it() -> None:
    """Quotes within quotes can't be told apart; the refusal says what is typed instead."""
    marked = fleet.snapshot([server.Server(fleet.server_id(1), 'a"b')])

    for typed in ('a"b', '"a"b"'):
        with pytest.raises(errors.UserMistake) as caught:
            targets.parse(typed, {}).resolve(marked)
        assert caught.value.problem.endswith("type ? for one inside a name.")
    assert [row.name for row in targets.parse("a?b", {}).resolve(marked).servers] == ['a"b']


def test_every_name_that_is_offered_can_be_typed() -> None:
    """The search field's values name the server that they stand for."""
    for row in KNOWN.servers.values():
        assert named(search.single(row, KNOWN).value) == {row.name}


@pytest.mark.parametrize(
    "name",
    [
        *(
            "pdu01",
            "PDU01",
            "Pdu 01",
            " pdu-7",
            "ＰＤＵ01",
            "p\u200bdu1",
            "pdu\u00a01",
            "\u3000pdu",
        ),
        *("p\u034fdu1", "p\ufe0fdu1", "p\u3164du1", "\u2800pdu1", "p\U000e0100du1"),
    ],
)
def test_policy_protects_a_name_whatever_its_case_width_and_blanks(name: str) -> None:
    """A capital letter takes no protection away."""
    assert edited().protects(server.Server("id", name))


@pytest.mark.parametrize(
    ("key", "value"),
    [("Powerbot", "Never"), ("powerbot ", " never"), ("ＰＯＷＥＲＢＯＴ", "never")],
)
def test_policy_protects_a_tag_whatever_its_case_width_and_blanks(key: str, value: str) -> None:
    """Key and value alike."""
    assert edited().protects(server.Server("id", "web01", tags=((key, value),)))


@pytest.mark.parametrize(
    "selector", ['dc:"Köln 1"', 'rack:"R 12"', "sn:s1", "@halls", "büro*", '"Büro 01"']
)
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_policy_compares_every_field_in_one_form(
    selector: str, form: Literal["NFC", "NFD"]
) -> None:
    """A mark in one piece or apart, in the policy or in the list."""
    halls = "[groups]\nhalls = 'dc:\"KÖLN 1\"'\n"
    after = unicodedata.normalize("NFD" if form == "NFC" else "NFC", f"servers = '{selector}'")
    rules = edited((PROTECTED, after), ("[groups]\n", halls))

    name, room = (unicodedata.normalize(form, one) for one in ("Büro 01", "Köln 1"))
    assert rules.protects(server.Server("id", name, dc=room, rack="r12", sn="S1"))


def test_typed_targets_stay_exact_in_case() -> None:
    """Only the policy folds: a typed name is one server's."""
    with pytest.raises(errors.UserMistake):
        named("WEB*")


def test_servers_by_name_are_all_of_one_name_and_nothing_is_made_for_those_alone() -> None:
    """A sweep of 10,000 is made ready for a plan of five: only twins have a list of their own."""
    composed = unicodedata.normalize("NFC", APART)
    known = fleet.named(APART, "web01", composed, "web02")

    assert [row.name for row in known.by_name[composed]] == [APART, composed]
    assert [row.name for row in known.by_name["web01"]] == ["web01"]
    assert known.by_name.get("web03", ()) == ()
    assert set(known.by_name) == {composed, "web01", "web02"}
    assert len(known.by_name) == 3
    assert set(known.by_name.twins) == {composed}
