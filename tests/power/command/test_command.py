"""What may be typed, and the exact answer to each mistake."""

from __future__ import annotations

import pathlib
import tomllib

import pytest
from hypothesis import given, settings, strategies as st

from bot.power import errors, request
from bot.power.command import command
from bot.power.request import Action
from tests.power import fleet, fuzz_commands

GOLDEN = pathlib.Path(__file__).with_name("mistakes.toml")
MISTAKES = tomllib.loads(GOLDEN.read_text(encoding="utf-8"))["mistake"]


@pytest.mark.parametrize("row", MISTAKES, ids=[str(row["typed"])[:40] for row in MISTAKES])
def test_a_mistake_gets_the_sentence_and_the_line_of_the_table(row: dict[str, str]) -> None:
    """The table is read aloud when it is changed."""
    found = fleet.mistake(row["typed"])

    assert found is not None
    assert (found.problem, found.token, found.suggestion) == (
        row["says"],
        row["token"],
        row["copy"],
    )


@pytest.mark.parametrize("row", MISTAKES, ids=[str(row["typed"])[:40] for row in MISTAKES])
def test_a_line_to_copy_is_not_a_mistake_again(row: dict[str, str]) -> None:
    """What is offered can be typed, where its servers are in the fleet."""
    if not row["copy"] or "A/2" in row["copy"] or '"上海"' in row["copy"]:
        return

    again = fleet.mistake(row["copy"])

    assert again is None or "server" in again.problem, again and again.problem


def test_the_table_of_mistakes_is_long_and_reads_well() -> None:
    """Each answer is a sentence, and no line is too long for a message."""
    assert len(MISTAKES) >= 160
    for row in MISTAKES:
        assert row["says"][-1] in ".?", row
        assert len(row["says"]) < 250
        assert not row["copy"] or row["copy"].startswith("/power ")


@pytest.mark.parametrize(
    "typed",
    [
        "reboot web[01-20] !web07 --dry-run because it is stuck",
        "Reboot web[01–20] !web07 —dry-run Because it is stuck",
        "REBOOT web[01-20] -dry-run !web07 because it is stuck",
        "/power reboot web[01-20] !web07 –dry-run because  it\nis stuck",
        ": reboot\u00a0web[01-20]\u3000!web07 --dry-run because it is stuck",
        "reboot ｗｅｂ[01-20] ！web07 －－dry-run because it is stuck",
    ],
)
def test_a_phone_types_the_same_command(typed: str) -> None:
    """Dashes, spaces, capitals and widths make no difference."""
    assert command.parse(typed) == command.Change(
        Action.REBOOT, "web[01-20] !web07", request.Options(dry_run=True), "it is stuck"
    )


@pytest.mark.parametrize(
    ("typed", "pause_s"), [("500ms", 0.5), ("2s", 2), ("10M", 600), ("1h", 3600), ("0s", 0)]
)
def test_a_pause_is_a_number_with_a_unit(typed: str, pause_s: float) -> None:
    """Milliseconds, seconds, minutes and hours, up to one hour."""
    said = command.parse(f"on web01 --pause={typed}")

    assert isinstance(said, command.Change)
    assert said.options.pause_s == pause_s


def test_options_stand_anywhere_before_because() -> None:
    """With a space or an equals sign, in curly quotes too."""
    typed = "off --batch=5 web01 --max-failures 2 db01 --incident “INC-42” --break-glass because x"

    assert command.parse(typed) == command.Change(
        Action.OFF,
        "web01 db01",
        request.Options(batch=5, max_failures=2, incident="INC-42", break_glass=True),
        "x",
    )


def test_only_the_first_because_that_stands_alone_begins_the_reason() -> None:
    """A quoted one is part of its value."""
    said = command.parse('reboot dc:"a because b" because “x” because y')

    assert isinstance(said, command.Change)
    assert (said.targets, said.reason) == ('dc:"a because b"', "“x” because y")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", command.OpenForm()),
        (" /power ", command.OpenForm()),
        ("status", command.Read("status")),
        ("status *", command.Read("status")),
        ("list state:off", command.Read("list", "state:off")),
        ("history db03", command.Read("history", "db03")),
        ("why web01", command.Why("web01")),
        ("show pr7f3k", command.Show("PR-7F3K")),
        ("show 7f3k", command.Show("PR-7F3K")),
        ("stop Pr-7f3k because wrong rack", command.Stop("PR-7F3K", "wrong rack")),
        ("stop PR-7F3K because", command.Stop("PR-7F3K")),
        ("stop PR-7F3K now please", command.Stop("PR-7F3K")),
        ("stop PR-7F3K wrong rack", command.Stop("PR-7F3K", "wrong rack")),
        ("stop PR-7F3K now because of rack 2", command.Stop("PR-7F3K", "of rack 2")),
        ("stop request PR-7F3K!", command.Stop("PR-7F3K")),
        ("STOP!! it, PR-7F3K.", command.Stop("PR-7F3K")),
        ("*stop* PR-7F3K", command.Stop("PR-7F3K")),
        ("`stop PR-7F3K`", command.Stop("PR-7F3K")),
        ("cancel (PR-7F3K) wrong rack", command.Cancel("PR-7F3K", "wrong rack")),
        ("cancel PR—7F3K", command.Cancel("PR-7F3K")),
        ("freeze until 04:00", command.Freeze("until 04:00")),
        ('freeze because of "x', command.Freeze('of "x')),
        ("freeze web because x", command.Freeze("web because x")),
        ("unfreeze", command.Unfreeze()),
        ("requests", command.Requests()),
        ("help", command.Help()),
        ("help Reboot", command.Help("reboot")),
    ],
)
def test_other_verbs_are_understood(typed: str, said: command.Command) -> None:
    """Each verb gives its own value."""
    assert command.parse(typed) == said


@pytest.mark.parametrize("typed", ["on web01 --pause 5ſ", "show PR-7ﬀK", "show PR-7F3K"])
def test_letters_that_only_look_right_are_refused(typed: str) -> None:
    """A long s, a ligature and the sign of Kelvin become ASCII when their case is changed."""
    with pytest.raises(errors.UserMistake):
        command.parse(typed)


def test_nobody_is_kept_from_stopping_by_a_long_reason() -> None:
    """It isn't cut but left out, and its length is known."""
    said = command.parse(f"stop PR-7F3K because {'x' * 900}")

    assert said == command.Stop("PR-7F3K", "", 900)


def test_a_long_text_of_slack_is_refused_before_it_is_read() -> None:
    """What can't be a command costs nothing."""
    with pytest.raises(errors.UserMistake, match="at most 12,000 characters"):
        command.parse("<" * 12_001)


def test_a_line_to_copy_is_cut_to_the_example_when_it_is_long() -> None:
    """A message has room for a line, not for a page."""
    with pytest.raises(errors.UserMistake) as caught:
        command.parse(f"rebot {'web01 ' * 100}")

    assert caught.value.suggestion == "/power help"


def test_a_change_is_written_as_the_line_that_makes_it() -> None:
    """All options and the reason are in it."""
    typed = (
        "/power cycle db01 --dry-run --batch 5 --pause 1500ms --max-failures 2"
        " --incident INC-42 --break-glass because it hangs"
    )
    said = command.parse(typed)

    assert isinstance(said, command.Change)
    assert said.line(said.targets) == typed


@settings(max_examples=400, deadline=None)
@given(st.text(max_size=300) | fuzz_commands.lines())
def test_any_text_is_a_command_or_a_mistake(text: str) -> None:
    """Nothing else is ever raised, and what is said can be shown."""
    found = fuzz_commands.answer(text)

    assert not isinstance(found, errors.UserMistake) or 0 < len(found.problem) < 400


PHONES = tomllib.loads(GOLDEN.with_name("phones.toml").read_text(encoding="utf-8"))["phone"]


@pytest.mark.parametrize("row", PHONES, ids=[str(row["does"])[:60] for row in PHONES])
def test_a_phones_characters_are_understood_or_refused_by_name(row: dict[str, str]) -> None:
    """Nothing that a keyboard inserts by itself is taken for something else."""
    if "says" in row:
        found = fleet.mistake(row["typed"])
        assert found is not None
        assert found.problem == row["says"]
        return

    said = command.parse(row["typed"])

    assert isinstance(said, command.Change | command.Read)
    assert said.line(said.targets) == row["means"]
