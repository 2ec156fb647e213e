"""Words that were delivered late, or lay in the store while the bot was down."""

from __future__ import annotations

import dataclasses

import pytest

from bot.power import inputs, ports
from bot.power.lifecycle import State
from bot.workflow import answers
from tests.workflow.world import DANA, SAM, World

LINE = "reboot web01 because kernel panic"


def late(world: World, kind: str, text: str, age_s: float) -> ports.Inbound:
    """Return words that somebody wrote so long ago."""
    ts = f"{world.clock.now() - age_s:.6f}"
    if kind == "mention":
        return world.inbound(DANA, inputs.Mentioned(text=text, message_ts=ts))
    return dataclasses.replace(world.inbound(DANA, inputs.Typed(text=text)), at=float(ts))


@pytest.mark.parametrize("kind", ["command", "mention"])
@pytest.mark.parametrize("text", [LINE, "status web01", "unfreeze", "reboot nothing"])
async def test_requester_s_late_words_do_nothing_and_are_given_back(
    world: World, kind: str, text: str
) -> None:
    """No plan is made and nobody is looked up; the line to send again is the one that was sent."""
    said = await world.flow.handle(late(world, kind, text, 301))

    assert isinstance(said, answers.Mistake)
    assert "5 minutes after it was sent and did nothing" in said.problem
    assert said.suggestion.removeprefix("/power ") == text
    assert world.folk.asked == []
    assert [row["event"] for row in await world.audit()] == ["words.too_late"]


async def test_requester_s_stop_is_obeyed_after_an_outage(world: World) -> None:
    """It was acknowledged, so it is not lost, however long the bot was down."""
    id_ = await world.ask(LINE)
    await world.press(SAM, "approve", id_)

    await world.flow.handle(late(world, "command", f"stop {id_}", 900))

    assert await world.state(id_) is State.STOPPED
    assert world.calls() == []


async def test_requester_s_mention_of_a_minute_ago_is_obeyed(world: World) -> None:
    """Slack may be slow without doing harm."""
    said = await world.flow.handle(late(world, "mention", LINE, 60))

    assert isinstance(said, answers.PlanShown)
