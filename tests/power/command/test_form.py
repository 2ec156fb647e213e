"""A form that was filled in means what the same typed line would mean."""

from __future__ import annotations

import pytest

from bot.power import request
from bot.power.command import command, form
from bot.power.command.form import FormField
from bot.power.request import Action
from tests.power import fleet

FILLED = {"action": "reboot", "servers": "web[01-03] !web02", "reason": "kernel panic"}


def test_a_filled_form_is_the_command_that_would_have_been_typed() -> None:
    """Both ways end in the same value, options included."""
    typed = (
        "reboot web[01-03] !web02 --batch 5 --pause 30s --max-failures 2 --incident INC-42"
        " --break-glass because kernel panic"
    )
    filled = {
        **FILLED,
        "batch": "5",
        "pause": " 30s ",
        "max_failures": "2",
        "incident": "INC-42",
        "break_glass": "yes",
    }

    assert form.read(filled, fleet.GROUPS).change == command.parse(typed)


def test_what_is_left_empty_is_left_to_the_policy() -> None:
    """Only action and servers are needed."""
    found = form.read({"action": "on", "servers": "@db"}, fleet.GROUPS)

    assert found.change == command.Change(Action.ON, "@db", request.Options(), "")
    assert found.problems == {}


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("action", "explode", "Choose what to do."),
        ("action", "", "Choose what to do."),
        ("servers", " ", "Choose at least one server, group or tag."),
        ("servers", "@wbe", "There is no group @wbe; the groups are"),
        ("servers", "!web01", "Only exclusions are named"),
        ("servers", "web01 " * 900, "Targets have at most 2,000 characters"),
        ("reason", "x" * 501, "A reason has at most 500 characters; this one has 501."),
        ("batch", "five", "This takes a whole number from 1 to 10,000, not five."),
        ("pause", "3 days", "This takes a number with ms, s, m or h right after it, not 3 days."),
        ("pause", "2h", "This takes at most one hour, 1h, not 2h."),
        ("max_failures", "0", "This takes a whole number from 1 to 10,000, not 0."),
        ("incident", "INC 42", "This takes one name of letters, digits"),
    ],
)
def test_a_mistake_stands_at_the_field_that_it_is_in(field: str, value: str, words: str) -> None:
    """The words are those of a typed line, without the option's name."""
    found = form.read({**FILLED, field: value}, fleet.GROUPS)

    assert found.change is None
    assert set(found.problems) == {FormField(field)}
    assert words in found.problems[FormField(field)]
    assert "--" not in found.problems[FormField(field)]


def test_all_mistakes_of_a_form_are_told_at_once() -> None:
    """Nobody sends it again for each of them."""
    found = form.read({"action": "", "servers": "", "batch": "x", "pause": "x"}, {})

    assert set(found.problems) == {
        FormField.ACTION,
        FormField.SERVERS,
        FormField.BATCH,
        FormField.PAUSE,
    }
