"""A line to copy does what was typed and nothing else, or there is none."""

from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies as st

from bot.power import errors
from bot.power.command import command, offered_lines
from bot.power.targets import targets
from bot.power.text import nearest
from tests.power import fleet, fuzz_commands

FLEET = fleet.fleet()
SPARING = (
    *("except", "Except", "EXCEPT", "but", "but not", "not", "without", "excluding", "minus"),
    *("other than", "apart from", "except for", "exclude", "skipping", "unless", "no", "never"),
    *("nicht", "außer", "ohne", "除了", "不包括", "-", "—", "--", "!", "save", "bar", "sparing"),
    *("exept", "expect", "withut", "less", "spare", "leave out", "~", "^", "excl.", "(except"),
)
SPARED = ("web01", "web1", "WEB01", "wbe01", "web[01-03]", "web99", "canaries", "sn:SN1", "db1")
WIDE = ("@web", "web*", "web[01-20]", "tag:role=web", "dc:*A-1", "@wbe", "web[1-5]", "r1n* web*")
VERBS = ("reboot", "rebot", "Reboot", "restart", "please reboot", "power cycle", "{} reboot")


def offer(line: str, typed: str) -> str:
    """Return what may be offered of a line to somebody who typed this."""
    return offered_lines.checked(line, offered_lines.TypedLine(typed, FLEET, fleet.GROUPS))


def acted(line: str) -> set[str]:
    """Return the names that a line acts on."""
    said = command.parse(line)
    if not isinstance(said, command.Change):
        return set()
    return {row.name for row in targets.parse(said.targets, fleet.GROUPS).resolve(FLEET).servers}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("joint", [" ", ", ", ","])
@pytest.mark.parametrize("word", SPARING)
def test_nothing_that_is_to_be_spared_is_acted_on(verb: str, joint: str, word: str) -> None:
    """However the exclusion is worded: it is understood, or there is no line."""
    for wide in WIDE:
        for spared in SPARED:
            words = f"{wide}{joint}{word}{joint}{spared}"
            line = verb.format(words) if "{}" in verb else f"{verb} {words}"
            keys = {nearest.key(name) for name in ("web01", "web02", "web03")}
            keys = keys if "[" in spared else {nearest.key(spared), "web1"}
            mistake = fleet.mistake(line)
            if mistake is None:
                assert spared in ("web01", "web[01-03]"), line
                done = acted(line)
            else:
                done = acted(mistake.suggestion) if mistake.suggestion else set()
            if "1" in spared or spared == "wbe01":
                assert not keys & {nearest.key(name) for name in done}, line


@pytest.mark.parametrize(
    ("line", "typed"),
    [
        ("reboot web02", "reboot web01"),
        ("reboot web01 web02", "reboot web01"),
        ("reboot web01", "reboot web01 web02"),
        ("reboot @web", "reboot @web !web01"),
        ("reboot @web !web02", "reboot @web !web01"),
        ("off web01", "reboot web01"),
        ("reboot web01 because INC-123 disk", "reboot web01 because disk"),
        ("reboot web01 --break-glass", "reboot web01 because --break-glass"),
        ("reboot web01", "reboot web01 --dry-run"),
        ("reboot web01 --batch 5", "reboot web01 --batch five"),
        ("reboot web01 --incident INC-42", "reboot web01 --incident x y"),
        ("on rack:R10", "on rack:R10 stat:off"),
        ("reboot db01", "reboot web01"),
        ("reboot 0000012c-0000-4000-8000-000000000000", "reboot twin"),
        ("freeze network work", "freeze"),
        ("stop PR-7F3K", "stop PR-8F3K"),
        ("reboot web99", "reboot web99"),
        ("reboot web01 because …", "reboot web01"),
        (f"reboot {'web01 ' * 60}", f"reboot {'web01 ' * 60}"),
    ],
)
def test_a_line_that_does_something_else_is_not_offered(line: str, typed: str) -> None:
    """Another server, action, option, ticket or reason, and nothing left out."""
    assert offer(line, typed) == ""


@pytest.mark.parametrize(
    ("line", "typed"),
    [
        ("reboot web[01-05]", "reboot web[1-5]"),
        ("reboot web[01-20]", "reboot web[01-40]"),
        ("reboot web[01-20] !web07", "reboot web[01-20]-web07"),
        ("reboot web01 because kernel panic", "reboot web01 kernel panic"),
        ("on rack:R10 state:off", "on rack:r10 state:off"),
        ("reboot web01 --batch 2 because x y", "reboot web01 because x --batch 2 y"),
        ("help reboot", "reboot"),
        ("status web01", "status web01 --batch 5"),
    ],
)
def test_a_line_that_does_what_was_typed_is_offered(line: str, typed: str) -> None:
    """In our way of writing, nothing more and nothing less."""
    assert offer(line, typed) == line


def test_without_a_list_of_servers_no_change_is_offered() -> None:
    """What can't be resolved can't be known to be harmless."""
    typed = offered_lines.TypedLine("rebot web01", None, fleet.GROUPS)

    assert offered_lines.checked("reboot web01", typed) == ""
    assert offered_lines.checked("help", typed) == "help"


@pytest.mark.parametrize(
    ("typed", "near"),
    [
        ("Web01", "web01"),
        ("web1", "web01"),
        ("web001", "web01"),
        ("wbe01", "web01"),
        ("wweb01", "web01"),
        ("wb01", "web01"),
        ("web21", ""),
        ("wed01", ""),
        ("d01", ""),
        ("bd01", ""),
        ("dbs07", ""),
        ("r1n1", "r1n01"),
        ("r3n01", ""),
        ("twin1", ""),
    ],
)
def test_a_name_is_near_by_one_slip_and_never_by_number_or_role(typed: str, near: str) -> None:
    """Capitals, padding, one swapped pair, one letter more or less."""
    assert nearest.NameIndex(FLEET.by_name).near(typed) == near


@pytest.mark.parametrize(
    "line",
    [
        *("off db09", "off web20,web1", "off web21,web01", "off web1 web02", "off Web01 db01"),
        *("off @web web1", "off web01 wbe02", "off wed01", "off sn:SN109", "off tag:role=wev"),
    ],
)
def test_no_other_machine_is_offered(line: str) -> None:
    """Neither for a number or a role that isn't there, nor inside a list."""
    found = fleet.mistake(line)

    assert found is not None
    assert found.suggestion == ""
    assert "nearest" not in found.problem


@pytest.mark.parametrize(
    "typed",
    [
        *("power off web01", "turn off web01", "switch off web01", "please off web01"),
        *("hi, off web01", "Hello off web01", "hey! please turn off web01", "can you off web01"),
        *("<@U0BEN> off web01", "<@U0BEN|ben> <@U0SAM>, off web01", "@ben off web01"),
        *("hi <@U0SAM> switch off web01", "Good morning <@U0SAM>: can you <@U0BEN> off web01"),
        *("off: web01", "/power power off web01", "off web01, please", "off web01 and web01"),
    ],
)
def test_what_is_said_around_a_command_is_passed_over(typed: str) -> None:
    """Greetings, a colleague's name and the words of everyday speech name no server."""
    said = command.parse(typed)

    assert isinstance(said, command.Change)
    assert said.action == "off"
    assert {row.name for row in targets.parse(said.targets, {}).resolve(FLEET).servers} == {"web01"}


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200) | fuzz_commands.lines())
def test_an_offered_line_is_never_a_mistake(text: str) -> None:
    """Whatever was typed: a line to copy can be typed, and acts on what the text names."""
    found = fleet.mistake(text)

    if found is not None and found.suggestion:
        assert not isinstance(fuzz_commands.answer(found.suggestion), errors.UserMistake)
        acted(found.suggestion)
