"""The end of a freeze as people type it: understood, or a mistake with a line to type."""

from __future__ import annotations

import datetime

import pytest

from bot.power import errors
from bot.power.policy import freeze_ends
from bot.power.text import times

NOW = datetime.datetime(2026, 11, 29, 11, 30, tzinfo=datetime.UTC).timestamp()
BERLIN = times.zone_of("Europe/Berlin", 3600)
NEXT_FOUR = "2026-11-30T03:00"


def wanted(text: str) -> tuple[str, str]:
    """Return the reason and the end, in UTC, that a text is understood to have."""
    found = freeze_ends.read(text, NOW, BERLIN)
    if not found.until:
        return found.reason, ""
    end = datetime.datetime.fromtimestamp(found.until, datetime.UTC)
    return found.reason, f"{end:%Y-%m-%dT%H:%M}"


@pytest.mark.parametrize(
    ("text", "reason", "until"),
    [
        ("cooling until 04:00", "cooling", NEXT_FOUR),
        ("cooling (until 04:00)", "cooling", NEXT_FOUR),
        ("cooling until 4am.", "cooling", NEXT_FOUR),
        ("cooling, until 4 pm", "cooling", "2026-11-29T15:00"),
        ("cooling until 2026-12-01T04:00", "cooling", "2026-12-01T03:00"),
        ("cooling until 2026-12-01 04:00", "cooling", "2026-12-01T03:00"),
        ("cooling until 2026-12-01T04:00Z", "cooling", "2026-12-01T04:00"),
        ("cooling until 04:00Z", "cooling", "2026-11-30T04:00"),
        ("cooling until 04:00 UTC", "cooling", "2026-11-30T04:00"),
        ("cooling until 04:00+01:00", "cooling", NEXT_FOUR),
        ("cooling until 04:00 +01:00", "cooling", NEXT_FOUR),
        ("cooling until 04:00-05:00", "cooling", "2026-11-30T09:00"),
        ("cooling until 12:31", "cooling", "2026-11-29T11:31"),
        ("cooling until 12:30", "cooling", "2026-11-30T11:30"),
        ("cooling until tomorrow 04:00", "cooling", NEXT_FOUR),
        ("cooling until monday 8:00", "cooling", "2026-11-30T07:00"),
        ("cooling until sunday 12:00", "cooling", "2026-12-06T11:00"),
        ("cooling until noon", "cooling", "2026-11-30T11:00"),
        ("cooling for 2h", "cooling", "2026-11-29T13:30"),
        ("cooling for 300s", "cooling", "2026-11-29T11:35"),
        ("cooling for 90 minutes", "cooling", "2026-11-29T13:00"),
        ("cooling for 1h30m", "cooling", "2026-11-29T13:00"),
        ("cooling for 1h 30 min", "cooling", "2026-11-29T13:00"),
        ("cooling for 1.5h", "cooling", "2026-11-29T13:00"),
        ("cooling for 2h of 3 racks", "cooling for 2h of 3 racks", ""),
        ("cooling until ０４：００", "cooling", NEXT_FOUR),
        ("冷却 until ０４：００Ｚ", "冷却", "2026-11-30T04:00"),
        ("ｕｎｔｉｌ 04:00 cooling", "cooling", NEXT_FOUR),
        ("cooling until 2026‑12‑01T04:00", "cooling", "2026-12-01T03:00"),
        ("cooling for ２ｈ", "cooling", "2026-11-29T13:30"),
        ("until 04:00 because cooling", "cooling", NEXT_FOUR),
        ("until 04:00: cooling", "cooling", NEXT_FOUR),
        ("for 2h because cooling", "cooling", "2026-11-29T13:30"),
        ("everything until 04:00 because cooling", "cooling", NEXT_FOUR),
        ("power until 04:00 because cooling", "power because cooling", NEXT_FOUR),
        ("cooling because of a fan until 04:00", "cooling because of a fan", NEXT_FOUR),
        ("cooling until 04:00, vendor on site", "cooling vendor on site", NEXT_FOUR),
        ("wait until the vendor is done", "wait until the vendor is done", ""),
        ("hold until 3 disks are replaced", "hold until 3 disks are replaced", ""),
        ("cooling for 2 racks", "cooling for 2 racks", ""),
        ("wait until May signs", "wait until May signs", ""),
        ("wait until the night shift is here", "wait until the night shift is here", ""),
        ("wait until", "wait until", ""),
        ("fire", "fire", ""),
    ],
)
def test_person_says_the_end_of_a_freeze_or_none(text: str, reason: str, until: str) -> None:
    """A time behind until is the end and no part of the reason; other words stay words."""
    assert wanted(text) == (reason, until)


@pytest.mark.parametrize(
    ("text", "says", "copy"),
    [
        ("cooling until 25:00", "25:00 isn't a time of day.", "/power freeze cooling"),
        ("cooling until 24:00", "24:00 isn't a time of day.", "/power freeze cooling"),
        ("until 25:00 cooling", "25:00 isn't a time of day.", "/power freeze cooling"),
        ("cooling until 4", "4 isn't a time of day.", "/power freeze cooling"),
        ("cooling until 04.00", "04.00 has no colon.", "/power freeze cooling until 04:00"),
        (
            "cooling until 2025-12-01T04:00",
            "2025-12-01T04:00 has passed.",
            "/power freeze cooling until 04:00",
        ),
        (
            "cooling until today 04:00",
            "today 04:00 has passed.",
            "/power freeze cooling until 04:00",
        ),
        ("cooling until 2026-13-01T04:00", "no day 2026-13-01", "/power freeze cooling"),
        (
            "cooling until tomorrow",
            "tomorrow has no time of day.",
            "/power freeze cooling until 2026-11-30T00:00",
        ),
        (
            "cooling until 2027-03-28T02:30",
            "The clocks in Europe/Berlin skip 2027-03-28T02:30.",
            "/power freeze cooling until 2027-03-28T03:30",
        ),
        ("cooling until 04:00 CET", "CET isn't the same everywhere", "/power freeze cooling"),
        (
            "cooling until 04:00 Mars/Base",
            "There is no time zone Mars/Base.",
            "/power freeze cooling",
        ),
        ("cooling until 2030-01-01T00:00", "more than a year ahead", "/power freeze cooling"),
        ("cooling for 0h", "no time at all", "/power freeze cooling"),
        ("cooling until +20s", "+20s is a length of time.", "/power freeze cooling for 20s"),
        ("cooling until 2h", "2h is a length of time.", "/power freeze cooling for 2h"),
        ("cooling until in 30 min", "in 30 min is a length", "/power freeze cooling for 30 min"),
        ("until +2h because cooling", "+2h is a length", "/power freeze cooling for 2h"),
        ("cooling until +0h", "+0h is a length of time.", "/power freeze cooling"),
        ("until +20s cooling", "+20s is a length", "/power freeze cooling for 20s"),
        (
            "cooling until +1h, vendor on site",
            "+1h is",
            "/power freeze cooling vendor on site for 1h",
        ),
        ("cooling until end of day", "end of day isn't understood", "/power freeze cooling"),
        ("cooling until EOD", "EOD isn't understood", "/power freeze cooling"),
        ("cooling until next week", "next week isn't understood", "/power freeze cooling"),
        ("cooling until tomorrow morning", "tomorrow morning isn't", "/power freeze cooling"),
        ("cooling until 12/01", "12/01 isn't understood", "/power freeze cooling"),
        ("cooling until 1 December 04:00", "1 December 04:00 isn't", "/power freeze cooling"),
        ("cooling until Dec 1st", "Dec 1st isn't understood", "/power freeze cooling"),
        ("until 04:00", "Say why, as in freeze network work until 04:00.", "/power help freeze"),
    ],
)
def test_person_is_told_what_is_wrong_with_an_end_and_what_to_type(
    text: str, says: str, copy: str
) -> None:
    """What looks like an end and is none is never obeyed by half."""
    with pytest.raises(errors.UserMistake) as mistake:
        wanted(text)

    assert says in mistake.value.problem
    assert mistake.value.suggestion == copy


def test_time_that_clocks_show_twice_is_the_later_one() -> None:
    """A freeze doesn't end an hour before its holder may have meant."""
    found = freeze_ends.read("cooling until 2027-10-31T02:30", NOW, BERLIN)

    assert found.until == datetime.datetime(2027, 10, 31, 1, 30, tzinfo=datetime.UTC).timestamp()
    assert "the second time" in found.note


@pytest.mark.parametrize(
    ("name", "offset_s", "until"),
    [
        ("", 0, "2026-11-30T04:00"),
        ("Europe/Berlin", 3600, NEXT_FOUR),
        ("Nowhere/Atall", -18000, "2026-11-30T09:00"),
    ],
)
def test_time_without_a_zone_is_the_holders_own(name: str, offset_s: int, until: str) -> None:
    """By the zone of their profile; where that isn't known by its offset; else UTC."""
    found = freeze_ends.read("x until 04:00", NOW, times.zone_of(name, offset_s))

    end = datetime.datetime.fromtimestamp(found.until, datetime.UTC)
    assert f"{end:%Y-%m-%dT%H:%M}" == until
    assert found.note.endswith(
        name if name.startswith("Europe") else ("UTC-05:00" if name else "UTC")
    )
