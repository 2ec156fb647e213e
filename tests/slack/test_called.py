"""Every line to copy begins with the command that people have here, whatever it is called."""

from __future__ import annotations

import pytest

from bot.power import inputs
from bot.power.lifecycle import State
from bot.slack.blockkit import paging
from bot.slack.inbound import desk
from bot.slack.render import home
from bot.workflow import answers
from tests.slack import builders
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
    """A button knows none; what was typed keeps its own."""
    taking = desk.Desk(side.store, side.workflow, side.desk._answering, side.clock, command="/ops")

    async def ack(*words: object, **rest: object) -> None:
        """Take it."""

    pressed = builders.inbound(inputs.Pressed(do=inputs.Do.DETAILS, request_id="PR-1"))
    typed = builders.inbound(inputs.Typed(text="help", called="/typed"), key="x")
    for inbound in (pressed, typed):
        await taking.take(inbound, ack)  # type: ignore[arg-type]
    await taking.close()

    assert [one.called for one in side.workflow.handled] == ["/ops", "/typed"]
