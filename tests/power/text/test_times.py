"""A duration is written alike wherever one is: in a setting, an option, the policy."""

from __future__ import annotations

import pytest

from bot import setting_words
from bot.power import errors
from bot.power.command import command
from bot.power.policy import policy_file
from bot.power.text import times


def in_a_setting(text: str) -> float | None:
    """Read it as a setting's value."""
    try:
        return float(str(setting_words.seconds(text)))
    except ValueError:
        return None


def in_an_option(text: str) -> float | None:
    """Read it as an option's value."""
    try:
        found = command.parse(f"reboot web01 --pause={text}")
    except errors.UserMistake:
        return None
    assert isinstance(found, command.Change)
    return found.options.pause_s


def in_the_policy(text: str) -> float | None:
    """Read it as a key's value."""
    try:
        found = policy_file.read(f'version = 1\n[limits]\nsplit_window = "{text}"')
    except errors.PolicyError:
        return None
    return found.limits.split_window_s


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("500ms", 0.5), ("1.5s", 1.5), ("2S", 2.0), ("10m", 600.0), ("1h", 3600.0),
        ("1.s", None), (".5s", None), ("1.2345s", None), ("1,5s", None), ("10", None),
        ("-1s", None), ("1e3s", None), ("1234567s", None), ("1d", None), ("5ſ", None),
        ("٥s", None), ("५s", None), ("", None),
    ],
)  # fmt: skip
def test_duration_is_read_alike_everywhere(text: str, expected: float | None) -> None:
    """What one takes all take; what one refuses all refuse."""
    read = [in_a_setting(text), in_an_option(text), in_the_policy(text), times.duration_s(text)]

    assert read == [expected] * 4


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0 s"), (59.6, "1 min"), (250, "4 min 10 s"), (90000, "1 d 1 h"), (-3, "0 s")],
)
def test_durations_are_told_in_two_units(seconds: float, shown: str) -> None:
    """Two units are enough for anybody."""
    assert times.duration(seconds) == shown
