"""How a run is shown: live tasks, rows for each server, and the cry over servers left off."""

from __future__ import annotations

import dataclasses
import re

import msgspec
import pytest

from bot.power import plan, ports, server
from bot.power.lifecycle import ServerState, State
from bot.power.messages import running
from bot.power.request import Action
from bot.slack.blockkit import paging
from bot.slack.render import cards, left_off, plans, private_answers as private, progress
from bot.slack.render.phrases import outcomes
from bot.workflow import answers
from tests.slack import builders

STATES = list(ServerState)


def run_of(count: int) -> list[ports.RunServer]:
    """Return a run whose servers are in every state in turn."""
    return [
        ports.RunServer(f"id{n}", f"web{n:03}", state=STATES[n % len(STATES)], detail="why")
        for n in range(count)
    ]


def test_a_small_run_has_a_task_for_each_server() -> None:
    """Waiting, under way, done, in trouble: in Slack's own words."""
    shown = progress.render(run_of(13), Action.REBOOT)

    assert shown["title"] == "web[000-012] · 1 still to be sent"
    assert [one["title"] for one in shown["tasks"]] == [f"web{n:03}" for n in range(13)]
    by_state = {STATES[n].value: one["status"] for n, one in enumerate(shown["tasks"])}
    assert by_state["queued"] == "pending"
    assert by_state["accepted"] == by_state["unknown"] == "in_progress"
    assert by_state["proven"] == by_state["skipped"] == "complete"
    assert by_state["failed"] == by_state["not proven"] == "error"


def test_a_large_run_has_a_task_for_each_outcome_and_its_counts_add_up() -> None:
    """Five thousand servers are a dozen tasks."""
    shown = progress.render(run_of(5000), Action.OFF)

    assert len(shown["tasks"]) <= progress.MOST_TASKS
    counts = [int(one["title"].split()[0].replace(",", "")) for one in shown["tasks"]]
    assert sum(counts) == 5000
    # The names stand with their outcome, and nowhere twice.
    assert re.fullmatch(r"[0-9,]+ still to be sent", shown["title"])


def test_a_run_that_was_stopped_has_nothing_still_to_be_sent() -> None:
    """The heading says that they won't be touched; what is below it says no other."""
    running_ = builders.request_in(State.RUNNING)
    stopped = dataclasses.replace(running_, stopped_by="U0OLGA")

    before, after = (str(cards.render(one, run_of(13)).blocks) for one in (running_, stopped))

    assert "1 still to be sent" in before
    assert "1 not to be sent" in after
    assert "still to be sent" not in after


def test_a_running_card_has_older_blocks_for_where_slack_refuses_tasks() -> None:
    """The buttons stay the last row in both."""
    card = cards.render(builders.request_in(State.RUNNING), run_of(5))

    assert [block["type"] for block in card.blocks].count("plan") == 1
    assert "plan" not in [block["type"] for block in card.plainer]
    assert card.blocks[-1]["type"] == card.plainer[-1]["type"] == "actions"


def test_details_have_every_server_in_pages_of_twenty() -> None:
    """Each page has its rows, and says which they are."""
    servers = tuple(run_of(50))
    shown = answers.RequestShown(builders.request_in(State.RUNNING), servers, builders.NOW)

    pages = [str(private.render(shown, paging.Turn(number)).blocks) for number in (1, 2, 3)]

    for number, row in enumerate(servers):
        assert row.name in pages[number // 20]
    assert "21 to 40 of 50" in pages[1]
    assert "Next" in pages[1]
    assert "Next" not in pages[2]


def test_the_error_that_is_asked_for_is_shown_whole() -> None:
    """It is why somebody types show, or why."""
    error = "iMetal.0110: The BMC did not confirm the operation in time; ask the data centre. " * 2
    row = msgspec.structs.replace(
        run_of(1)[0], state=ServerState.FAILED, detail=error, last_seen="on"
    )
    found = builders.request_in(State.FAILED)
    one = server.Server(id="id", name="web01", power_state="on", error=error)
    snapshot = server.Snapshot({"id": one}, builders.NOW)

    shown = private.render(answers.RequestShown(found, (row,), builders.NOW))
    why = private.render(answers.WhyShown(one, snapshot, (), builders.NOW))

    assert error.strip() in str(shown.blocks)
    assert "last seen on" in str(shown.blocks)
    assert error.strip() in str(why.blocks)


def test_servers_left_off_are_the_loudest_message_there_is() -> None:
    """A header, the names, the people, and a button that helps in the message itself."""
    told = running.LeftDark(
        names=["web01", "web02"], why="BMC <!channel> timeout", mention=["U0DANA"]
    )

    message = left_off.left_dark(builders.request_in(State.RUNNING), told)

    shown = str(message.blocks)
    assert "2 servers left off" in shown
    assert "web[01-02]" in shown
    assert "<@U0DANA>" in shown
    assert "<!channel>" not in shown
    assert "keeps checking for" in shown
    assert message.blocks[-1]["elements"][0]["text"]["text"] == "Power back on"


@pytest.mark.parametrize(
    ("state", "style"), [(ServerState.REJECTED, None), (ServerState.TIMED_OUT, "primary")]
)
def test_a_power_on_that_was_refused_is_not_what_to_press_next(
    state: ServerState, style: str | None
) -> None:
    """Whoever may see to the refusal does so first; the button is there, and doesn't shine."""
    row = msgspec.structs.replace(run_of(1)[0], state=state, step=1, last_seen="off")
    found = builders.request_in(
        State.FAILED, builders.planned(builders.order([row.name], Action.CYCLE))
    )

    alarm = running.LeftDark(names=["web01"], off=["web01"], state=state)
    on_card, in_thread = cards.render(found, [row]), left_off.left_dark(found, alarm)

    for shown in (message.blocks[-1]["elements"][0] for message in (on_card, in_thread)):
        assert shown["text"]["text"] == "Power back on"
        assert shown.get("style") == style
    assert ("sees to what refused the power-on" in str(on_card.blocks)) is (style is None)


def test_servers_that_may_be_off_are_told_apart_from_those_that_are() -> None:
    """Nobody reads "left off" of a server that was perhaps never switched off."""
    left = running.LeftDark(names=["web01", "web02"], off=["web01"], state=ServerState.TIMED_OUT)

    told = str(left_off.left_dark(builders.request_in(State.RUNNING), left).blocks)

    assert "not back on:* web01" in told
    assert "May be off:* web02" in told


def test_an_unknown_reboot_is_told_with_the_request_that_it_takes() -> None:
    """No button repeats it; the line to type says what is done."""
    lost = [ports.RunServer("id", "web01", state=ServerState.UNKNOWN)]

    told = outcomes.unsure(lost, Action.REBOOT)

    assert "make a separate request" in told
    assert "/power" not in told
    assert not outcomes.retryable(lost, Action.REBOOT)
    assert outcomes.unsure(lost, Action.OFF) == ""


def test_a_plan_that_meets_a_request_at_work_offers_to_watch_it() -> None:
    """One button for each of the first few, whether or not there is something left to ask."""
    line = plan.PlanLine(
        server_id="id", name="web01", verdict=plan.Verdict.BLOCKED, reason="why", held_by="PR-7F3K"
    )
    order = builders.order([])
    made = builders.planned(order).model_copy(update={"lines": (line,)})

    message = plans.render(answers.PlanShown(made, "PR-2222", builders.NOW))

    row = message.blocks[-1]
    assert [one["text"]["text"] for one in row["elements"]] == ["Watch PR-7F3K"]
    assert row["elements"][0]["value"] == "PR-7F3K"
    assert row["elements"][0]["action_id"] == "pb:details.pr_7f3k"
