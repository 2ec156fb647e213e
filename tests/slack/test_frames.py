"""Odd frames of a socket: each is acknowledged where that can be, and none ends the loop."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from bot.slack.door.turned_away import Check
from tests.slack.conftest import Side

DANA, OPS = "U0DANA", "C0OPS"
ODD: Sequence[dict[str, Any]] = [
    {"type": "interactive"},
    {"type": "interactive", "payload": None},
    {"type": "interactive", "payload": "words"},
    {"type": "interactive", "payload": [1, 2]},
    {"type": "interactive", "payload": {}},
    {"type": "interactive", "payload": {"type": "block_actions", "actions": "x", "team": 7}},
    {"type": "interactive", "payload": {"type": {"a": 1}, "user": 5, "team": {"id": []}}},
    {"type": "interactive", "payload": {"type": "view_submission", "view": None}},
    {"type": "events_api", "payload": {"event": "x"}},
    {"type": "events_api", "payload": {"event": {"type": ["app_mention"]}, "team_id": {}}},
    {"type": "slash_commands", "payload": {"command": 5, "team_id": "T0DEMO"}},
    {"type": "a type of next year", "payload": {"a": 1}},
    {"type": 7, "payload": {}},
    {"type": None, "payload": {"command": "/power"}},
    {"payload": {"command": "/power", "text": "status"}},
]


def acked(side: Side) -> set[str]:
    """Return the ids of the frames that were acknowledged."""
    entries = side.workspace.journal.entries
    late = [one.details["ack"] for one in entries if one.kind == "ack" and one.name == "late"]
    return {str(ack["envelope_id"]) for ack in late}


async def commanded(side: Side) -> None:
    """Type a command, which arrives only where a socket still works."""
    known = len(side.store.inbox)
    await side.workspace.command(DANA, OPS, "/power status")
    assert len(side.store.inbox) == known + 1


@pytest.mark.parametrize("frame", ODD, ids=lambda frame: json.dumps(frame)[:60])
async def test_an_odd_frame_with_an_envelope_is_acknowledged(
    over_socket: Side, frame: dict[str, Any]
) -> None:
    """Slack would send it again, and show a person a warning sign."""
    await over_socket.workspace.hub.send_frame(json.dumps({**frame, "envelope_id": "odd-1"}))

    await over_socket.workspace.wait_for(lambda: "odd-1" in acked(over_socket), 5)
    await commanded(over_socket)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ping",
        "{",
        "[1]",
        "null",
        "{}",
        '{"type": "interactive", "payload": {}}',
        '{"envelope_id": 5, "type": "interactive", "payload": {}}',
        '{"envelope_id": "' + "e" * 5000 + '", "type": "interactive", "payload": {}}',
        '{"a":' * 5000,
        '{"type": "hello", "num_connections": "many"}',
        '{"type": ["hello"]}',
        '{"type": {"disconnect": 1}, "envelope_id": null}',
    ],
    ids=lambda text: text[:40],
)
async def test_a_frame_that_cant_be_acknowledged_leaves_the_socket_alive(
    over_socket: Side, text: str
) -> None:
    """Two of them, since two sockets take turns; what comes after is taken as ever."""
    for _ in range(2):
        await over_socket.workspace.hub.send_frame(text)

    await commanded(over_socket)
    await commanded(over_socket)


async def test_a_flood_of_odd_frames_is_counted_and_said_once(
    over_socket: Side, capsys: pytest.CaptureFixture[str]
) -> None:
    """A traceback for each would fill the disk."""
    for _ in range(200):
        await over_socket.workspace.hub.send_frame("{")
    await commanded(over_socket)

    assert over_socket.bolt.turned_away.counts[Check.FRAME_UNREADABLE] == 200
    said = capsys.readouterr()
    assert (said.out + said.err).count("frame_unreadable") == 1
    assert "Traceback" not in said.out + said.err
