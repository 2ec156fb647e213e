"""What is a no: exactly what the parser obeys as one, however it is written."""

from __future__ import annotations

import pytest

from bot.power import errors, inputs, ports, request
from bot.power.command import command, halts

DANA = request.Person(user_id="U0DANA", team_id="T0DEMO")
LINES = (
    "stop PR-7F3K",
    "please stop 7f3k because x",
    "ｓｔｏｐ PR-7F3K",
    "   \u3000stop PR-7F3K",
    "/power cancel PR-7F3K",
    "hey can you cancel PR-7F3K",
    "".join(f"<@U0COLLEAGUE{n}> " for n in range(20)) + "stop PR-7F3K",
    "stop PR-7F3K now!",
    "freeze because stop",
    "unfreeze",
    "stop",
    "stop everything",
    "help stop",
    "reboot web01 because stop PR-7F3K",
    "turn off web01; stop PR-7F3K",
)


@pytest.mark.parametrize("text", LINES)
def test_a_line_is_a_no_when_it_is_obeyed_as_one_and_only_then(text: str) -> None:
    """Whatever asks whether it is one gets the parser's answer."""
    said = halts.of(
        ports.Inbound("k", DANA, request.Place(channel_id="C"), inputs.Typed(text=text), 0.0)
    )

    try:
        obeyed: object = command.parse(text)
    except errors.UserMistake:
        obeyed = None
    assert (said is not None) == isinstance(obeyed, command.Stop | command.Cancel | command.Freeze)
