"""Every line to copy begins with the command that people have here, whatever it is called."""

from __future__ import annotations

import pytest

from bot.power.lifecycle import State
from bot.slack.blockkit import paging
from bot.slack.inbound import bolt_registration, guard
from bot.slack.render import home
from bot.workflow import answers
from tests.slack import builders, fakes, test_payloads
from tests.slack.conftest import Side


def test_home_names_the_command() -> None:
    """In how to ask, and below a list that is cut."""
    many = tuple(builders.request_in(State.PENDING, id=f"PR-{n}") for n in range(9))
    shown = answers.HomeShown(many, (), (), (), (), builders.NOW)

    drawn = str(home.render(shown, called="/ops"))

    assert "`/ops reboot web[01-03] because …`" in drawn
    assert "`/ops requests`" in drawn
    assert "/power" not in drawn


@pytest.mark.parametrize("called", ["/ops", "@Powerbot"])
def test_line_under_a_shared_answer_names_the_command(called: str) -> None:
    """Readers copy it."""
    turn = paging.Turn(line="status web01", shared_by="U0DANA", called=called)

    assert f"`{called} status web01`" in str(paging.below(turn))


async def test_payload_without_a_typed_command_is_given_the_name_of_ours(side: Side) -> None:
    """A button knows none; a mention keeps the bot's own name."""
    guarding = guard.Guard(builders.TEAM, side.sender)
    heard = bolt_registration.Registration(side.processor, side.forms, guarding, "/ops")

    await heard.button_pressed(fakes.Acked(), test_payloads.pressed())
    await heard.bot_mentioned(fakes.Acked(), test_payloads.mentioned())
    await side.processor.close()

    assert [one.called for one in side.workflow.handled] == ["/ops", "@Powerbot"]
