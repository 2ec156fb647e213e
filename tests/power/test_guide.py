"""Help is made of the parser's own table, so that all of it can be typed."""

from __future__ import annotations

import pytest

from bot.power import command, guide


def test_help_names_every_verb() -> None:
    """One line each."""
    text = guide.help_text(None)

    assert all(f"\n{verb} " in text for verb in command.VERBS)


@pytest.mark.parametrize("verb", command.VERBS)
def test_help_for_a_verb_says_how_and_who_and_shows_lines(verb: str) -> None:
    """Usage, who may use it, and at least one example."""
    text = guide.help_text(verb)

    assert text.startswith(f"/power {command.VERBS[verb].usage}\n")
    assert "Who: " in text
    assert "Example: /power " in text


@pytest.mark.parametrize("verb", command.VERBS)
def test_every_example_can_be_typed(verb: str) -> None:
    """An example that is a mistake would teach one."""
    for example in command.VERBS[verb].examples:
        assert command.parse(f"/power {example}") != command.OpenForm()


@pytest.mark.parametrize("option", command.OPTIONS)
def test_help_for_a_change_names_every_option(option: str) -> None:
    """Those of the parser's table."""
    assert option in guide.help_text("reboot")


def test_help_for_an_unknown_verb_is_the_help_for_all() -> None:
    """The parser has refused it before."""
    assert guide.help_text("frobnicate") == guide.help_text(None)
