"""A request is called the same wherever people read of it."""

from __future__ import annotations

import pytest

from bot.operations import host_commands, host_view
from bot.power import ports
from bot.power.approval import late_clicks
from bot.power.causes import Cause
from bot.power.lifecycle import ServerState, State
from bot.slack.render import cards, home, request_lists, workflow_step
from bot.workflow import answers
from tests.slack import builders

HELD = ports.RunServer(
    "id-web49",
    "web49",
    state=ServerState.BLOCKED,
    cause=Cause.HELD,
    detail="busy with PR-4DNF",
)


@pytest.mark.parametrize(
    ("state", "held", "told"),
    [
        (State.FAILED, True, "🚫 not run"),
        (State.VOID, False, "⚪ not carried out"),
        (State.DENIED, False, "⛔ denied"),
    ],
    ids=["not run", "void", "denied"],
)
def test_a_request_that_did_nothing_is_told_as_its_card_tells_it(
    state: State, told: str, *, held: bool
) -> None:
    """On Home, in lists, by the host's commands, to a step, and to a late click."""
    planned = builders.planned(builders.order(["web49"]))
    found = builders.request_in(state, planned, held_back=held, ended_at=builders.NOW)
    rows = (HELD,) if held else ()
    sign, word = told.split(" ", 1)
    first = f"{sign} {word.capitalize()}"

    card = cards.render(found, rows)
    page = str(home.render(answers.HomeShown((), (), (), (found,), (), builders.NOW)))
    past = str(request_lists.history(answers.HistoryShown("web49", (found,))))
    host = host_view.listed([host_commands.HostView(found, rows, ())])
    step = workflow_step.result(found, rows)

    assert card.blocks[0]["text"]["text"].startswith(f"{first}: ")
    assert card.text.startswith(f"{first}: ")
    assert first in page
    assert f"{sign} PR-7F3K {word}: " in past
    assert host.startswith(f"PR-7F3K {word}: ")
    assert str(step.error).startswith(f"PR-7F3K {word}: ")
    assert f"has already ended: {word}" in late_clicks.sentence(found, builders.NOW)
