"""The way to Slack is looked after: dead connections, refused tokens, strangers on the same app."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from typing import Any

import pytest
import structlog

from bot.slack.door import connection, sockets, watchdog
from tests.slack.conftest import Side
from tests.support import ticks


@dataclasses.dataclass
class Way:
    """A watchdog over two sockets, by a clock that is moved by hand."""

    side: Side
    clock: ticks.GivenClock
    socket: sockets.SocketMode
    dog: watchdog.Watchdog

    @property
    def opened(self) -> int:
        """How many connections Slack has seen."""
        return self.side.workspace.hub.connections_seen

    async def pass_s(self, seconds: float) -> None:
        """Let time pass and look."""
        await self.clock.pass_s(seconds)
        await self.dog.look()


async def hang(line: sockets.SocketLine) -> None:
    """Let a client end up as some were seen: no socket, and nothing that brings it back."""
    client: Any = line.handler.client
    client.auto_reconnect_enabled = False
    client.current_session_monitor.cancel()
    client.message_receiver.cancel()
    await client.disconnect()


@pytest.fixture(params=[sockets.START_S])
async def way(request: pytest.FixtureRequest, side: Side) -> AsyncIterator[Way]:
    """Two connected sockets, which may take so long to come up, and their watchdog."""
    clock = ticks.HandClock()
    app = connection.make_app(side.client, await connection.introduce(side.client))
    socket = sockets.SocketMode(
        app,
        side.workspace.app.app_token,
        clock,
        sockets.SocketBounds(ping_s=30, start_s=request.param),
    )
    await socket.start()
    dog = watchdog.Watchdog(side.client, side.store, clock, socket)
    yield Way(side, clock, socket, dog)
    await socket.close()


async def test_one_dead_socket_of_two_is_made_anew_and_the_other_left_alone(way: Way) -> None:
    """A connection that has stayed unwell is replaced; until then the other one serves."""
    dead, alive = way.socket.lines
    opened = way.opened
    await hang(dead)

    await way.pass_s(10)
    assert (way.opened, await way.dog.problem()) == (opened, "")
    await way.pass_s(31)

    assert way.opened == opened + 1
    assert way.socket.lines[0] is alive
    assert len(way.socket.lines) == 2
    assert all([await line.well() for line in way.socket.lines])


async def test_a_way_without_any_socket_is_a_problem_until_it_is_back(way: Way) -> None:
    """What `/readyz` shows is what the watchdog sees."""
    for line in way.socket.lines:
        await hang(line)
    assert await way.dog.problem() == "no socket is connected"

    await way.pass_s(10)
    await way.pass_s(31)

    assert await way.dog.problem() == ""


async def test_a_socket_that_answers_no_ping_is_not_well(way: Way) -> None:
    """Open is not enough: the last pong may be a minute old at most."""
    line = way.socket.lines[0]
    assert await line.well()

    line.handler.client.last_ping_pong_time = 1.0

    assert not await line.well()


@pytest.mark.parametrize("way", [5.0], indirect=True)
async def test_slack_that_opens_no_socket_is_tried_again_at_every_look(way: Way) -> None:
    """An outage in which nothing can be opened ends by itself."""
    for line in way.socket.lines:
        await hang(line)
    await way.pass_s(10)
    way.side.workspace.chaos.fail("apps.connections.open", "error", 1, error="internal_error")
    await way.pass_s(31)

    async with asyncio.timeout(60):
        while not await way.socket.well():
            await way.pass_s(10)


async def test_a_token_that_slack_refuses_in_mid_run_is_said_once(way: Way) -> None:
    """The token is tried every minute; its loss is a problem, and told once."""
    way.side.workspace.chaos.fail("auth.test", "error", 2, error="token_revoked")
    await way.pass_s(61)
    await way.pass_s(61)
    assert "token_revoked" in await way.dog.problem()
    assert [entry.event for entry in way.side.store.audited] == ["slack.away"]

    await way.pass_s(61)

    assert await way.dog.problem() == ""


async def test_another_process_on_the_same_app_is_noticed(way: Way) -> None:
    """Slack gives each payload to any one connection, so a stranger's swallows clicks."""
    app = connection.make_app(way.side.client, await connection.introduce(way.side.client))
    stranger = sockets.SocketMode(
        app, way.side.workspace.app.app_token, ticks.GivenClock(), sockets.SocketBounds(ping_s=30)
    )

    with structlog.testing.capture_logs() as logged:
        await stranger.start()
        async with asyncio.timeout(30):
            while stranger.others < 2:  # noqa: ASYNC110 -- the client has no event for a hello
                await asyncio.sleep(0)
    await stranger.close()

    said = [one for one in logged if one["event"] == "slack.others_connected"]
    assert [one["others"] for one in said] == [1, 2]
    assert way.socket.others == 0
