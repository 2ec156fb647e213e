"""Text of others: nothing in it forges a line, and no name reads as another."""

from __future__ import annotations

import json

import msgspec
import pytest

from bot.power import server
from bot.power.planning import planning
from bot.power.request import Action
from bot.power.text import folding, spelling
from tests.power.policy_texts import asked, boxes, edited, fleet, known


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("fan\u2800\u2800\u2800\u2800Approved by sam", "fan Approved by sam"),
        ("fan\u3164\u3164x", "fan x"),
        ("fan\u00a0\u2003\u3000x", "fan x"),
        ("fan\nApproved\u2028by\u0085sam", "fan Approved by sam"),
        ("a\u200bb\u2060c\u00add\u034fe\ufe0ff", "abcdef"),
        ("\u202egnaw\u202c \u2067x\u2069", "gnaw x"),
        ("e\u0301\u0301\u0301\u0301\u0301x", "e\u0301\u0301x"),
        ("\U000e0041\U000e0100hi\U0001d173", "hi"),
        ("München 机房 Ωmega", "München 机房 Ωmega"),
    ],
)
def test_text_of_others_is_one_line_of_what_can_be_seen(written: str, read: str) -> None:
    """Blanks that are no spaces are one, what is invisible is gone, marks don't pile up."""
    assert spelling.seen(written) == read


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("web01", "web01"),
        ("web0\uff11", '"web0\uff11" (full-width 1)'),
        ("w\u0435b01", '"w\u0435b01" (Cyrillic \u0435)'),
        ("web\u200b01", '"web01" (zero width space)'),
        ("web\u280001", '"web 01" (braille pattern blank)'),
        ("web\u201001", '"web\u201001" (hyphen)'),
        ("web\u0131", '"web\u0131" (latin small letter dotless i)'),
        ("web\u0661", '"web\u0661" (arabic-indic digit one)'),
        ("\U0001d430eb", '"\U0001d430eb" (mathematical bold small w)'),
        ("机房A-服务器01", '"机房A-服务器01"'),
        ("münchen01", '"münchen01"'),
        ("web 01", '"web 01"'),
        ("web01 ", '"web01" (with more spaces than show)'),
        ("web  01", '"web 01" (with more spaces than show)'),
        ('web"01', '"web\'01"'),
        (
            "\u0441\u043e\u0430\u0435",
            '"\u0441\u043e\u0430\u0435" '
            "(Cyrillic \u0441, Cyrillic \u043e, Cyrillic \u0430, 1 more)",
        ),
    ],
)
def test_name_that_is_not_plain_is_quoted_and_what_deceives_is_told(name: str, told: str) -> None:
    """Whoever approves sees that it isn't the name that it looks like."""
    assert spelling.shown(name) == told
    assert folding.fold([name], marked=True) == told


def test_servers_of_one_name_never_fold_into_one() -> None:
    """Each stands with its place; where no place is known, their number does."""
    apart = [folding.Apart("web01", "rack R1"), folding.Apart("web01", "rack R2")]

    assert folding.fold([*apart, "web02", "web03"], marked=True) == (
        "web01 (rack R1),web01 (rack R2),web[02-03]"
    )
    assert folding.fold(["web01", "web01", "web02"], marked=True) == "web01 (2 servers),web02"
    assert folding.fold([apart[0], apart[0]], marked=True) == "web01 (rack R1, 2 servers)"


def test_cut_list_counts_servers_of_one_name_one_by_one() -> None:
    """What is shown and what is behind the cut add up."""
    names = [folding.Apart("web01", f"rack R{n}") for n in range(10)]

    told = folding.fold(names, 60, marked=True)

    assert told.count("web01 (") == 3
    assert told.endswith(" and 7 more")


@pytest.mark.parametrize(
    ("one", "other", "places"),
    [
        ({"rack": "R1"}, {"rack": "R2"}, ["rack R1", "rack R2"]),
        (
            {"rack": "R1", "unit": "3", "sn": "A"},
            {"rack": "R1", "unit": "7", "sn": "B"},
            ["rack R1 unit 3", "rack R1 unit 7"],
        ),
        ({"rack": "R1", "sn": "A"}, {"rack": "R1", "sn": "B"}, ["rack R1 sn A", "rack R1 sn B"]),
        ({"rack": "R1"}, {"rack": "R1"}, ["rack R1 id a", "rack R1 id b"]),
        ({}, {}, ["id a", "id b"]),
        ({"rack": "R1", "dc": "X"}, {"rack": "R1", "dc": "Y"}, ["rack R1 in X", "rack R1 in Y"]),
    ],
)
def test_twins_are_told_apart_by_as_little_as_it_takes(
    one: dict[str, str], other: dict[str, str], places: list[str]
) -> None:
    """The rack, then the unit, then the serial number, at last the id; others need nothing."""
    rows = (
        server.Server("a", "web01", **one),  # type: ignore[arg-type]
        server.Server("b", "web01", **other),  # type: ignore[arg-type]
        server.Server("c", "web02", rack="R1"),
    )
    snapshot = server.Snapshot({row.id: row for row in rows}, 0.0)

    assert [snapshot.apart.get(row.id) for row in rows] == [*places, None]
    assert snapshot.label(rows[2]) == "web02"


def test_plan_keeps_what_tells_twins_apart() -> None:
    """It is frozen with the request: lines and targets say which is which at its end, too."""
    twins = [
        msgspec.structs.replace(one, name="web01", rack=rack)
        for one, rack in zip(boxes("web", 2), ("R1", "R2"), strict=True)
    ]

    made = planning.make(asked(Action.REBOOT, *twins), edited(), fleet(*twins), known())

    assert [line.apart for line in made.lines] == ["rack R1", "rack R2"]
    assert [target.label for target in made.order.targets] == [
        folding.Apart("web01", "rack R1"),
        folding.Apart("web01", "rack R2"),
    ]


@pytest.mark.parametrize(
    "name",
    ["web01", "机房-01", "a\u202eb", "\x9b31m", "\x7f\x1b[2J", "\u2028x", "\U000e0041", "\ud83d"],
)
def test_json_on_a_terminal_steers_nothing_and_reads_the_same(name: str) -> None:
    """What can't be seen is escaped; letters of every script stay letters."""
    printed = spelling.escaped(json.dumps({"name": name}, indent=2, ensure_ascii=False))

    assert json.loads(printed) == {"name": name}
    assert all(char.isprintable() or char == "\n" for char in printed)
    assert ("机房" in printed) is ("机房" in name)
