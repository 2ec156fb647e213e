"""Answers over five thousand servers are folded, or come in pages that can be turned."""

from __future__ import annotations

import threading

import pytest

from bot.power import ports, server, server_history
from bot.power.lifecycle import ServerState, State
from bot.sandbox.workspace.blockkit import blocks as stand_in_blocks
from bot.slack.blockkit import blocks, paging
from bot.slack.outbound import delivery
from bot.slack.render import private_answers, request_lists, server_lists
from bot.workflow import answers
from tests.slack import builders
from tests.slack.conftest import Side

SERVERS = tuple(
    server.Server(
        id=f"id-{n}",
        name=f"r{n // 40:03}-web{n:05}.dc-a.example",
        power_state="off" if n % 97 == 0 else "on",
        health_state="Critical" if n % 500 == 0 else "OK",
        rack=f"R{n // 40:03}",
        tags=(("role", "web"),),
    )
    for n in range(5_000)
)
SNAPSHOT = server.Snapshot({one.id: one for one in SERVERS}, builders.NOW - 4)
REQUESTS = tuple(
    builders.request_in(
        State.PENDING,
        builders.planned(builders.order([f"r{n:03}-web{n:05}.dc-a.example"], reason="why " * 100)),
        card=ports.Card("C0123456789", "1795592863.145861"),
        approvals=(builders.approval("U0123456789"), builders.approval("U0987654321")),
    )
    for n in range(300)
)


def buttons(message: blocks.Message) -> list[str]:
    """Return the words on a message's buttons."""
    rows = [block["elements"] for block in message.blocks if block["type"] == "actions"]
    return [element["text"]["text"] for row in rows for element in row]


def words(message: blocks.Message) -> str:
    """Return the texts of a message's sections and small print."""
    return "\n".join(str(block) for block in message.blocks)


def shown(*, detailed: bool) -> answers.FleetShown:
    """Return the whole fleet."""
    return answers.FleetShown("all servers", SNAPSHOT, SERVERS, builders.NOW, detailed)


def test_status_of_a_large_fleet_is_one_phone_screen() -> None:
    """Counts by state and what is wrong, folded, and how many more there are."""
    message = server_lists.render(shown(detailed=False), paging.Turn(1, "status"))

    assert blocks.characters(message.blocks) < 4_000
    assert "*all servers:* 5,000 servers" in words(message)
    assert "*off* 52:" in words(message)
    assert "and 4" in words(message)
    assert words(message).index("Critical 10:") < words(message).index("*off*")
    assert "*on* 4,948" in words(message)
    assert max(map(len, message.text.split("\n"))) < 200

    assert buttons(message) == ["Show all", "Share"]


def test_list_of_a_large_fleet_is_a_table_in_pages() -> None:
    """The first, one in the middle and the last; each within Slack's limits."""
    first, middle, last = (
        server_lists.render(shown(detailed=True), paging.Turn(page, "list"))
        for page in (1, 125, 250)
    )

    assert buttons(first) == ["Next", "Share"]
    assert buttons(middle) == ["Previous", "Next", "Share"]
    assert buttons(last) == ["Previous", "Share"]
    assert "2,481 to 2,500 of 5,000" in words(middle)
    assert "r124-web04999.dc-a.example" in words(last)
    for message in (first, middle, last):
        assert "more line" not in words(message)
        assert blocks.fitted(message).blocks == message.blocks
        stand_in_blocks.check_message(list(message.blocks))
        stand_in_blocks.check_message(list(message.plainer))
        (table,) = [block for block in message.blocks if block["type"] == "table"]
        assert [cell["text"] for cell in table["rows"][0]] == [*server_lists.HEADING]
        assert len(table["rows"]) == 21
        assert "table" not in {block["type"] for block in message.plainer}


@pytest.mark.parametrize("count", [1, 5_000])
async def test_nobody_waits_while_a_large_answer_is_folded(
    side: Side, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    """It is rendered beside the event loop, a small one in it."""
    render, threads = private_answers.render, []

    def noted(*given: object) -> blocks.Message:
        threads.append(threading.current_thread())
        return render(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(private_answers, "render", noted)
    answer = answers.FleetShown("servers", SNAPSHOT, SERVERS[:count], builders.NOW)
    asking = builders.inbound()

    await delivery.Delivery(side.sender, side.clock).deliver(asking, answer)

    assert [one is threading.main_thread() for one in threads] == [count == 1]
    assert len(side.workspace.ephemerals(asking.person.user_id)) == 1


def test_a_page_beyond_the_last_is_the_last() -> None:
    """The fleet may have shrunk since the button was drawn."""
    message = server_lists.render(shown(detailed=True), paging.Turn(9_999, "list"))

    assert "4,981 to 5,000 of 5,000" in words(message)


def test_requests_and_history_come_in_pages_that_hold_all_rows() -> None:
    """None is left out at a page's end for want of room."""
    waiting = answers.RequestsShown(REQUESTS[:5], REQUESTS[5:], builders.NOW)
    past = answers.HistoryShown("all servers", REQUESTS, 500, True)
    url = "https://a-rather-long-name-of-a-workspace.slack.com/"
    turn = paging.Turn(2, "requests")

    for message in (
        request_lists.requests(waiting, turn, url),
        request_lists.history(past, turn, url),
    ):
        assert buttons(message) == ["Previous", "Next", "Share"]
        assert "26 to 50 of 300" in words(message)
        assert "more line" not in words(message)
        assert blocks.fitted(message).blocks == message.blocks


def test_why_holds_all_rows_of_a_page() -> None:
    """With everybody who may have approved, an incident and a long reason."""
    found = builders.request_in(
        State.SUCCEEDED,
        builders.planned(builders.order(["web00001"], reason="why " * 100)),
        card=ports.Card("C0123456789", "1795592863.145861"),
    )
    agreed = (server_history.Yes("U0123456789", "sre"), server_history.Yes("U0987654321", "dc-ops"))
    deed = server_history.Deed(
        found, builders.NOW, "U0DANA", agreed, False, ServerState.PROVEN, 100_012, 100_919
    )
    told = answers.WhyShown(SERVERS[0], SNAPSHOT, (deed,) * 40, builders.NOW)

    message = request_lists.why(
        told, paging.Turn(1, "why x"), "https://a-rather-long-name.slack.com/"
    )

    assert "1 to 15 of 40" in words(message)
    assert "more line" not in words(message)
    assert blocks.fitted(message).blocks == message.blocks
