"""What was done to one server, told from the audit log: who asked, who agreed, what came of it.

The log says who and when; the request's own record says what was asked and why.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from bot.power import ports
from bot.power.lifecycle import ServerState

Row = Mapping[str, Any]

_FATES = {state.value: state for state in ServerState}

# Rows of one request that name this server.
MOST_ROWS = 500
MOST_DEEDS = 40  # Requests that `why` tells of, newest first.
# What is looked up of each request: who did what. Its calls may be thousands of rows.
TELLING = (
    "request.pending",
    "approval.given",
    "approval.withdrawn",
    "request.break_glass",
    "request.running",
)
MOST_OF_A_KIND = 50


@dataclasses.dataclass(frozen=True, slots=True)
class Yes:
    """An approval that stood at the end: by whom, and for which group."""

    user_id: str
    group: str


@dataclasses.dataclass(frozen=True, slots=True)
class Deed:
    """One request that touched the server.

    `asked_by` and the rest are of the audit log; `at` is when the run started (epoch seconds),
    `fate` what became of this server, None while it is under way. `first` and `last` are the
    numbers of the audit rows that tell it. `row` is the server in that run, until it is forgotten.
    """

    request: ports.Request
    at: float
    asked_by: str
    approvals: tuple[Yes, ...]
    break_glass: bool
    fate: ServerState | None
    first: int
    last: int
    row: ports.RunServer | None = None


def request_ids(rows: Sequence[Row]) -> list[str]:
    """Return the requests that rows speak of, each once, in the order of the rows."""
    return [one for one in dict.fromkeys(str(row["request_id"]) for row in rows) if one]


def deed(server_id: str, found: ports.Request, rows: Sequence[Row]) -> Deed:
    """Tell one request from its audit rows, in any order."""
    # By number, not by time: a clock may be set back, and numbers have no gaps.
    oldest_first = sorted(rows, key=lambda row: int(row["seq"]))
    agreed: dict[str, str] = {}
    asked_by, at, glass = "", found.created_at, False
    fate: ServerState | None = None
    for row in oldest_first:
        user_id, detail = str(row["user_id"]), row["detail"]
        match row["event"]:
            case "request.pending":
                asked_by = user_id
            case "approval.given":
                agreed[user_id] = str(detail.get("group", ""))
            case "approval.withdrawn":
                # A right that was lost is told as if it had not been given.
                agreed.pop(str(detail.get("user", user_id)), None)
            case "request.break_glass":
                glass = True
            case "request.running":
                at = float(row["at"])
            case "servers.settled" if server_id in row["server_ids"]:
                # A word of another version isn't guessed at.
                fate = _FATES.get(str(detail.get("state")))
    seqs = [int(row["seq"]) for row in rows] or [0]
    approvals = tuple(Yes(user_id, group) for user_id, group in agreed.items())
    asked = asked_by or found.order.requester.user_id
    return Deed(found, at, asked, approvals, glass, fate, min(seqs), max(seqs))
