"""Words that come too late do nothing, and are given back to whoever wrote them."""

from __future__ import annotations

import dataclasses

import pytest

from bot.power import inputs, ports, request
from bot.power.command import late_commands

NOW = 1_800_000_000.0
LINE = "reboot web01 because kernel panic"


def inbound(kind: str, *, at: float = NOW, text: str = LINE, message_ts: str = "") -> ports.Inbound:
    """Return words that were typed or, with the instant of their message, mention the bot."""
    mention = inputs.Mentioned(text=text, message_ts=message_ts)
    given = mention if kind == "mention" else inputs.Typed(text=text)
    person = request.Person(user_id="U0DANA", team_id="T0DEMO")
    place = request.Place(channel_id="C0OPS")
    return ports.Inbound("k", person, place, given, at)


@pytest.mark.parametrize(("age_s", "late"), [(0, False), (300, False), (301, True)])
def test_requester_s_mention_is_late_after_five_minutes(age_s: float, late: bool) -> None:
    """The message's own ts counts, not when it was delivered."""
    mention = inbound("mention", message_ts=f"{NOW - age_s:.6f}")

    assert (late_commands.judge(mention, NOW) is not None) is late


@pytest.mark.parametrize("kind", ["command", "mention"])
def test_requester_s_words_are_late_when_they_lay_here_too_long(kind: str) -> None:
    """What was stored when the bot went down is not obeyed an hour later."""
    told = late_commands.judge(inbound(kind, at=NOW - 3700, message_ts=f"{NOW - 3701}"), NOW)

    assert told is not None
    assert "1 hour after it was sent and did nothing" in told.sentence
    assert told.line.endswith(LINE)


@pytest.mark.parametrize("words", ["stop PR-7F3K", "cancel PR-7F3K", "freeze smoke in room 2"])
def test_requester_s_no_is_obeyed_however_long_it_lay_here(words: str) -> None:
    """It was taken in time, and it takes something back."""
    lain = inbound("command", at=NOW - 3600, text=words)
    late = inbound("mention", at=NOW, text=words, message_ts=f"{NOW - 3600}")

    assert late_commands.judge(lain, NOW) is None
    assert late_commands.judge(late, NOW) is not None


def test_requester_is_offered_no_line_that_would_be_cut() -> None:
    """A line that lacks its exclusions would act on what should be spared."""
    long = "reboot web* " + " ".join(f"!web{number:03}" for number in range(100))
    told = late_commands.judge(inbound("command", at=NOW - 900, text=long), NOW)

    assert told is not None
    assert told.line == ""


def test_requester_s_mention_is_late_by_slack_s_own_clock() -> None:
    """Where this machine's clock is behind, the time of the event counts."""
    mention = inbound("mention", at=NOW, message_ts=f"{NOW - 600}")

    assert late_commands.judge(mention, NOW - 3600) is not None


def test_approver_s_button_is_not_judged_by_its_age() -> None:
    """What it says is held against the state of its request."""
    approve = inputs.Pressed(do=inputs.Do.APPROVE, request_id="PR-7F3K", message_ts="1.0")
    pressed = dataclasses.replace(inbound("command", at=NOW - 9000), input=approve)

    assert late_commands.judge(pressed, NOW) is None


def test_requester_s_mention_without_an_instant_counts_from_its_delivery() -> None:
    """A ts that is no number is not taken for an age."""
    for odd in ("odd", "nan", "inf", "-inf"):
        assert late_commands.judge(inbound("mention", message_ts=odd), NOW) is None
