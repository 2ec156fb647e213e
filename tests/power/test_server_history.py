"""What was done to a server is told from the audit log alone, as far as the log says it."""

from __future__ import annotations

from typing import Any

from bot.power import server_history
from bot.power.lifecycle import State
from tests.slack import builders

FOUND = builders.request_in(State.SUCCEEDED)


def row(seq: int, event: str, user_id: str = "", **more: Any) -> dict[str, Any]:
    """Return a row of the audit log."""
    given = {"detail": {}, "server_ids": [], "at": 100.0 + seq, "request_id": "PR-7F3K"}
    return {"seq": seq, "event": event, "user_id": user_id, **given, **more}


ROWS = [
    row(9, "servers.settled", server_ids=["id-2"], detail={"state": "failed"}),
    row(8, "servers.settled", server_ids=["id-1"], detail={"state": "proven"}),
    row(7, "request.running", server_ids=["id-1", "id-2"]),
    row(5, "approval.withdrawn", "U0ROSA", detail={"user": "U0SAM"}),
    row(4, "approval.given", "U0ROSA", detail={"group": "dc-ops"}),
    row(3, "approval.given", "U0SAM", detail={"group": "sre"}),
    row(2, "request.pending", "U0OLGA"),
]


def test_a_deed_is_told_from_its_rows_in_any_order() -> None:
    """Who asked, whose approval stood, when it ran, and what became of this server."""
    found = server_history.deed("id-1", FOUND, ROWS)

    assert found == server_history.deed("id-1", FOUND, ROWS[::-1])
    assert (found.asked_by, found.at, found.fate) == ("U0OLGA", 107.0, "proven")
    assert found.approvals == (server_history.Yes("U0ROSA", "dc-ops"),)
    assert (found.first, found.last) == (2, 9)
    assert not found.break_glass


def test_a_deed_under_way_has_no_fate_yet() -> None:
    """What another server became isn't told of this one."""
    found = server_history.deed("id-3", FOUND, ROWS)

    assert found.fate is None


def test_a_deed_of_which_the_log_says_nothing_is_told_from_the_request() -> None:
    """An old log may have been cut; the requester is known all the same."""
    found = server_history.deed("id-1", FOUND, [])

    assert (found.asked_by, found.last) == ("U0DANA", 0)


def test_break_glass_is_told() -> None:
    """Nobody was asked first."""
    assert server_history.deed("id-1", FOUND, [*ROWS, row(6, "request.break_glass")]).break_glass


def test_requests_are_told_once_each_the_newest_first() -> None:
    """Rows without a request are no deed."""
    rows = [{"request_id": one} for one in ("PR-2", "", "PR-2", "PR-1", "PR-2")]

    assert server_history.request_ids(rows) == ["PR-2", "PR-1"]
