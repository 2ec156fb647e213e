"""The app's Home with the real bot: what waits is there, can be decided there, and moves on."""

from __future__ import annotations

from bot.sandbox.workspace.state.view_book import View
from tests.acceptance.conftest import DANA, SAM, Stage


def home_with(stage: Stage, person: str, words: str) -> View | None:
    """Return a person's Home when it shows these words."""
    found = stage.slack.home(person)
    return found if found is not None and words in f"{found.words} {found.buttons}" else None


async def test_an_approver_decides_on_home_and_sees_it_end(stage: Stage) -> None:
    """A Home that is open fills by itself; an approval there counts, and is answered there."""
    stage.slack.open_home(SAM)
    await stage.until(lambda: home_with(stage, SAM, "Nothing is waiting for you"))
    card = await stage.ask("/power reboot web01 because test")
    waiting = await stage.until(lambda: home_with(stage, SAM, "Approve"))

    await stage.slack.click(SAM, waiting, "Approve")
    await stage.until(lambda: home_with(stage, SAM, "Approved PR-"))
    await stage.thread_says(card, "audit head")
    ended = await stage.until(lambda: home_with(stage, SAM, "Recently finished"))

    assert "Succeeded" in ended.words
    assert stage.power_calls() == [tuple(stage.ids("web01"))]


async def test_a_requester_can_not_approve_on_home_either(stage: Stage) -> None:
    """One's own request stands on Home without Approve, and can be taken back there."""
    await stage.ask("/power reboot web01 because test")
    stage.slack.open_home(DANA)
    mine = await stage.until(lambda: home_with(stage, DANA, "Your requests"))

    assert "Approve" not in mine.buttons
    await stage.slack.click(DANA, mine, "Cancel")

    await stage.until(lambda: home_with(stage, DANA, "is cancelled"))
    assert stage.power_calls() == []
