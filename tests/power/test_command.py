"""What may be typed after `/power`: every verb, every option, every clear mistake."""

from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies as st

from bot.power import command, errors, guide
from bot.power.request import Action, Options


def mistake(text: str) -> errors.UserMistake:
    """Return the mistake that a text is refused with."""
    with pytest.raises(errors.UserMistake) as caught:
        command.parse(text)
    return caught.value


def change(text: str) -> command.Change:
    """Return a text parsed as a change."""
    found = command.parse(text)
    assert isinstance(found, command.Change)
    return found


@pytest.mark.parametrize("action", list(Action))
def test_verbs_that_change_take_targets_and_a_reason(action: Action) -> None:
    """The words before because are targets, the words after it the reason."""
    assert command.parse(f"{action} web[01-03] !web02 because new disk") == command.Change(
        action, "web[01-03] !web02", Options(), "new disk"
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", command.OpenForm()),
        (" \u00a0 ", command.OpenForm()),
        ("status", command.Read("status")),
        ("STATUS rack:R12", command.Read("status", "rack:R12")),
        ("list state:off web*", command.Read("list", "state:off web*")),
        ("history db03", command.Read("history", "db03")),
        ("why web01", command.Why("web01")),
        ("show PR-7F3K", command.Show("PR-7F3K")),
        ("requests", command.Requests()),
        ("stop pr7f3k", command.Stop("PR-7F3K")),
        ("cancel 7f3k", command.Cancel("PR-7F3K")),
        ("freeze network work", command.Freeze("network work")),
        ("freeze because network work", command.Freeze("network work")),
        ("unfreeze", command.Unfreeze()),
        ("help", command.Help()),
        ("help Reboot", command.Help("reboot")),
        ("on <http://web01.example|web01.example>", change("on web01.example")),
        ("off a because x &lt; y &amp; z", command.Change(Action.OFF, "a", Options(), "x < y & z")),
    ],
)
def test_each_verb_is_understood(text: str, found: command.Command) -> None:
    """Every verb has one meaning, in small or capital letters."""
    assert command.parse(text) == found


@pytest.mark.parametrize("verb", list(command.VERBS))
def test_each_example_parses_and_stands_in_the_help(verb: str) -> None:
    """The help is true: its examples can be typed."""
    example = command.VERBS[verb].example

    command.parse(example)

    assert f"Example: /power {example}" in guide.help_text(verb)
    assert f"{verb}: " in guide.help_text(None)


@pytest.mark.parametrize("verb", [action.value for action in Action])
def test_help_for_a_change_lists_all_options(verb: str) -> None:
    """What can be added is shown with the verb."""
    assert all(option in guide.help_text(verb) for option in command.OPTIONS)


@pytest.mark.parametrize(
    "word", ["PR-7F3K", "pr-7f3k", "7F3K", "pr7f3k", "PR–7F3K", "ＰＲ－７Ｆ３Ｋ"]
)
def test_an_id_is_understood_however_it_is_typed(word: str) -> None:
    """Small letters, no prefix, long dashes and full width are the same id."""
    assert command.parse(f"show {word}") == command.Show("PR-7F3K")


@pytest.mark.parametrize(
    "word", ["PR-7F3", "PR-7F3KK", "PR-7F30", "PR-7FIK", "XX-7F3K", "PR-7F3\u212a"]
)
def test_what_is_no_id_is_refused(word: str) -> None:
    """Ids have four letters and digits that nobody confuses."""
    found = mistake(f"stop {word}")

    assert "is no id of a request" in found.problem
    assert found.suggestion == "/power stop PR-7F3K"


@pytest.mark.parametrize(
    ("typed", "options"),
    [
        ("--dry-run", Options(dry_run=True)),
        ("--break-glass", Options(break_glass=True)),
        ("--batch 5", Options(batch=5)),
        ("--batch=10000", Options(batch=10_000)),
        ("--pause 30s", Options(pause_s=30)),
        ("--pause=500ms", Options(pause_s=0.5)),
        ("--pause 5M", Options(pause_s=300)),
        ("--pause 1h", Options(pause_s=3600)),
        ("--pause 0s", Options(pause_s=0)),
        ("--max-failures 2", Options(max_failures=2)),
        ("--incident INC-42", Options(incident="INC-42")),
        ("--dry-run --batch 2 --break-glass", Options(dry_run=True, batch=2, break_glass=True)),
        ("—dry-run", Options(dry_run=True)),
        ("–batch 5", Options(batch=5)),
        ("-dry-run", Options(dry_run=True)),
        ("--DRY-RUN", Options(dry_run=True)),
        ("－－batch\u00a0５", Options(batch=5)),
    ],
)
def test_each_option_is_understood_anywhere_before_because(typed: str, options: Options) -> None:
    """Options stand before, between or after targets, as a phone types them too."""
    for text in (f"{typed} a b", f"a {typed} b", f"a b {typed}"):
        assert change(f"reboot {text} because x") == command.Change(
            Action.REBOOT, "a b", options, "x"
        )


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ("--batch 0", "whole number from 1 to 10000"),
        ("--batch 10001", "whole number from 1 to 10000"),
        ("--batch 1.5", "whole number"),
        ("--batch ٣", "whole number"),
        ("--batch " + "9" * 50, "whole number"),
        ("--max-failures x", "whole number"),
        ("--pause 30", "takes a time"),
        ("--pause 61m", "at most 1h"),
        ("--pause ٣s", "takes a time"),
        ("--pause -3s", "--pause needs a value"),
        ("--incident a!b", "--incident takes a name"),
        ("--incident " + "x" * 81, "at most 80"),
        ("--batch", "--batch needs a value"),
        ("--batch=", "--batch needs a value"),
        ("--batch --dry-run", "--batch needs a value"),
        ("--dry-run=yes", "--dry-run takes no value"),
    ],
)
def test_wrong_values_of_options_are_refused(typed: str, problem: str) -> None:
    """Each option says what it takes, with a line to copy."""
    found = mistake(f"on web01 {typed}")

    assert problem in found.problem
    assert found.suggestion


@pytest.mark.parametrize(
    ("typed", "near"),
    [
        ("--dryrun", "--dry-run"),
        ("--max-failure", "--max-failures"),
        ("—brake-glass", "--break-glass"),
    ],
)
def test_an_unknown_option_is_refused_with_the_nearest(typed: str, near: str) -> None:
    """Options are never guessed, and never taken for servers."""
    found = mistake(f"on web01 {typed}")

    assert "There is no option" in found.problem
    assert found.suggestion == near


def test_an_unknown_option_that_is_like_none_has_no_line_to_copy() -> None:
    """Nothing is suggested where nothing would help."""
    assert mistake("on web01 --zzzz").suggestion == ""


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("on a because x --dry-run", "/power on a --dry-run because x"),
        ("on a because x —dry-run y", "/power on a --dry-run because x y"),
        ("on a because x --batch 5 y", "/power on a --batch 5 because x y"),
        ("on a because x --batch=5", "/power on a --batch=5 because x"),
        ("on a because --dry-run", "/power on a --dry-run"),
        ("on a --batch 2 because x -break-glass", "/power on a --batch 2 --break-glass because x"),
    ],
)
def test_a_late_option_is_refused_with_a_line_that_works(text: str, line: str) -> None:
    """An option after because is a mistake, and the line to copy says what was meant."""
    found = mistake(text)

    assert found.problem.startswith("Put --")
    assert found.problem.endswith("before because.")
    assert found.suggestion == line
    command.parse(line.removeprefix("/power "))


def test_the_first_because_ends_targets_and_options() -> None:
    """Words that look like unknown options, and a second because, belong to the reason."""
    found = change("off web01 BECAUSE it hangs - because of --foo")

    assert found.targets == "web01"
    assert found.reason == "it hangs - because of --foo"


def test_dashes_in_quoted_values_are_no_options() -> None:
    """A value in quotes may hold spaces and dashes, also curly quotes."""
    found = change("on dc:“A -1 --dry-run” web01 --batch 5")

    assert found.targets == 'dc:"A -1 --dry-run" web01'
    assert found.options == Options(batch=5)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("on", "Say which servers to switch on."),
        ("off --dry-run", "Say which servers to switch off."),
        ("cycle because x", "Say which servers to cycle."),
        ("on web01 because", "Say why after because."),
        ("freeze", "Say why after freeze."),
        ("freeze because", "Say why after freeze."),
        ("show", "show takes the id of a request"),
        ("show PR-7F3K PR-7F3K", "show takes the id of a request"),
        ("why", "why takes a server."),
        ("why web01 web02", "why takes a server."),
        ("requests mine", "requests takes nothing after it."),
        ("unfreeze now", "unfreeze takes nothing after it."),
        ("help fly", 'There is no verb "fly".'),
        ("on web01 because " + "x" * 501, "A reason has at most 500 characters."),
        ("freeze " + "x" * 501, "A reason has at most 500 characters."),
        ("x" * 4001, "A command has at most 4000 characters."),
    ],
)
def test_what_is_missing_or_too_much_is_said(text: str, problem: str) -> None:
    """One sentence says what is wrong."""
    assert mistake(text).problem.startswith(problem)


def test_a_reason_of_five_hundred_characters_is_taken() -> None:
    """The bound itself is allowed."""
    assert change("on web01 because " + "x" * 500).reason == "x" * 500


def test_an_unknown_verb_is_refused_with_the_nearest() -> None:
    """The line to copy has the nearest verb and all the other words."""
    found = mistake("rebot web01 because x")

    assert found.token == "rebot"
    assert found.problem.startswith('There is no verb "rebot"; there are on, off, reboot')
    assert found.suggestion == "/power reboot web01 because x"


def test_an_unknown_verb_that_is_like_none_leads_to_the_help() -> None:
    """Nothing is guessed."""
    assert mistake("xyzzy web01").suggestion == "/power help"


WORDS = st.sampled_from(
    [*command.VERBS, *command.OPTIONS, "because", "web01", "5", "30s", "-", "—", '"', "=", "<@U1>"]
)


@given(st.one_of(st.text(), st.lists(st.one_of(WORDS, st.text(max_size=5))).map(" ".join)))
@settings(max_examples=300, deadline=None)
def test_any_text_is_a_command_or_a_mistake(text: str) -> None:
    """Nothing but a mistake is ever raised, and it has one line."""
    lines = ["x"]
    try:
        command.parse(text)
    except errors.UserMistake as found:
        lines = found.problem.splitlines()
    assert len(lines) == 1
