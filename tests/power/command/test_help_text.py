"""Help is made of the parser's own table, so that all of it can be typed."""

from __future__ import annotations

import contextlib
import re

import pytest

from bot.power import errors, vocabulary
from bot.power.command import command, command_line, help_text


def test_help_shows_every_verb_on_one_screen() -> None:
    """Each in words to type; no line but the last begins with anything else than its heading."""
    text = help_text.help_text(None)
    typed = [words.split()[0] for words in re.findall(r"`([^`]+)`", text)]

    assert {*command.VERBS} - {"help"} <= {*typed}
    assert text.count("\n") < 6
    assert "`/power reboot web[01-20] !web07 because …`" in text


@pytest.mark.parametrize("verb", command.VERBS)
def test_help_for_a_verb_says_how_and_who_and_shows_lines(verb: str) -> None:
    """Usage, who may use it, and at least one example."""
    text = help_text.help_text(verb)

    assert text.startswith(f"`/power {command.VERBS[verb].usage}`\n")
    assert "*Who*  " in text
    assert "*Examples*  `/power " in text


@pytest.mark.parametrize("topic", vocabulary.TOPICS)
def test_help_explains_targets_and_options_too(topic: str) -> None:
    """People ask for what the usage calls them."""
    said = command.parse(f"help {topic}")
    assert isinstance(said, command.Help)
    text = help_text.help_text(said.verb)

    known = command.OPTIONS if topic == "options" else ("rack:R12", "sn:…", "!web07", "@web")
    assert all(f"`{word}" in text for word in known)
    assert text != help_text.help_text(None)


@pytest.mark.parametrize("part", vocabulary.Argument)
@pytest.mark.parametrize("verb", command.VERBS)
def test_a_verb_takes_what_its_usage_has(verb: str, part: vocabulary.Argument) -> None:
    """The parser goes by the one, people by the other."""
    known = command.VERBS[verb]

    assert (part in known.takes) == bool(re.search(rf"\b{part.value}\b", known.usage))


@pytest.mark.parametrize("verb", command.VERBS)
def test_every_example_can_be_typed(verb: str) -> None:
    """An example that is a mistake would teach one; the reason is the typist's own."""
    for example in command.VERBS[verb].examples:
        filled = example.replace(command_line.OPEN_END, "the disk failed")
        assert command.parse(f"/power {filled}") != command.OpenForm()


@pytest.mark.parametrize("verb", [verb for verb, one in command.VERBS.items() if one.changes])
def test_no_example_of_a_change_can_be_sent_as_it_stands(verb: str) -> None:
    """Who copies one without reading it changes nothing."""
    for example in command.VERBS[verb].examples:
        with contextlib.suppress(errors.UserMistake):
            said = command.parse(example)
            assert isinstance(said, command.Change)
            assert said.options.dry_run


@pytest.mark.parametrize("option", command.OPTIONS)
def test_help_for_a_change_names_every_option(option: str) -> None:
    """Those of the parser's table."""
    assert option in help_text.help_text("reboot")


def test_help_for_an_unknown_verb_is_the_help_for_all() -> None:
    """The parser has refused it before."""
    assert help_text.help_text("frobnicate") == help_text.help_text(None)
