"""Bots as real processes, with runs that send calls, and a Slack that can be switched off."""

from __future__ import annotations

import asyncio
import contextlib
import pathlib
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping

from bot.sandbox import data_centre, demo, racks, surroundings, workspace
from bot.sandbox.data_centre import serve
from bot.sandbox.workspace.state import cast
from bot.sandbox.workspace.state.directory import Channel
from bot.sandbox.workspace.state.state import Cast
from bot.storage import opening
from bot.storage.engine import connections

ASKER, APPROVER, RUNS = "U0DANA", "U0SAM", "C0RUNS"
PATIENCE_S = 90.0
# How often is looked for what has no event; a look into the record takes a few milliseconds.
LOOK_S = 0.03
OPERATION_S = 1.0
# Calls to CloudDC in a second: few, so that some of a wave are still to leave for a while, and
# not so few that a call waits longer for its turn than the bot takes to go on.
RATE = "2"
AROUND = "/balancer/power"
POLICY = """
version = 1
[channels]
allow = ["C0RUNS"]
[people]
sre = ["U0DANA", "U0SAM"]
[limits]
max_servers = 3000
confirm_above = 3000
max_requests_per_hour = 10000
max_open_per_user = 1000
split_window = "1s"
# A wave of many calls: before each wave Slack is asked about people, and these ask nobody.
[defaults]
batch = 3000
ramp = [3000]
max_failures = 3000
[[step]]
name = "balancer"
kind = "webhook"
url = "{balancer}"
secret = "env:LB_HOOK_SECRET"
[[rule]]
name = "balanced"
servers = "web*"
actions = ["off"]
requesters = ["sre"]
approvers = {{ sre = 1 }}
steps = ["balancer"]
[[rule]]
name = "everything"
servers = "*"
actions = ["reboot"]
requesters = ["sre"]
approvers = {{ sre = 1 }}
"""


class Scene:
    """The stand-ins and the bots."""

    def __init__(
        self,
        slack: workspace.Workspace,
        centre: data_centre.DataCentre,
        given: dict[str, str],
        folder: pathlib.Path,
        bots: int,
    ) -> None:
        self.bots = bots
        self.slack = slack
        self.centre = centre
        self.given = given
        self.folder = folder
        self.port = int(slack.url.rpartition(":")[2])
        self._silent: asyncio.Server | None = None
        self._heard: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        """The address of the record."""
        return self.given["POWERBOT_DATABASE_URL"]

    def rows(self, statement: str, **values: object) -> list[tuple[object, ...]]:
        """Read in the record, beside the bots."""
        with connections.reading(self.url) as connected:
            return [tuple(row) for row in connected.rows(statement, **values)]

    async def ask(self, line: str, *, approved: bool = True) -> str:
        """Type a change, request it, have it approved, and return the request's id."""
        plans, cards = self._plans(), self._cards()
        await self.slack.command(ASKER, RUNS, f"/power {line}")
        await until(lambda: len(self._plans()) > len(plans))
        await self.slack.click(ASKER, self._plans()[-1], "Request")
        await until(lambda: len(self._cards()) > len(cards))
        if approved:
            await self.slack.click(APPROVER, self._cards()[-1], "Approve")
        newest = "SELECT id FROM requests WHERE asked_at > 0 ORDER BY asked_at DESC LIMIT 1"
        return str(self.rows(newest)[0][0])

    async def switch_off(self, *, silent: bool) -> None:
        """Let nobody listen where Slack was; or let everybody in there, and answer nothing."""
        await self.slack.stop()
        if silent:
            self._silent = await asyncio.start_server(self._hear, "127.0.0.1", self.port)

    async def switch_on(self) -> None:
        """Let Slack be there again."""
        if self._silent is not None:
            self._silent.close()
            self._silent = None
            for writer in self._heard:
                writer.close()
            self._heard.clear()
        await self.slack.start(port=self.port)
        await self.connected()

    async def connected(self) -> None:
        """Wait until every bot has opened its sockets."""
        await until(lambda: self.slack.hub.connected >= 2 * self.bots)

    def calls(self, since: float, ids: frozenset[str] | None = None) -> list[float]:
        """Return when power calls came after an instant, for these servers or for any."""
        return [
            one.at
            for one in self.centre.power_calls()
            if one.at >= since and (ids is None or ids & set(one.ids))
        ]

    def untold(self, words: Mapping[str, int]) -> list[str]:
        """Return those words that the channel and its threads don't have as often as they should.

        Cards aren't counted: they are there before.
        """
        told = " ".join(one.text for one in self.slack.messages(RUNS) if not one.metadata)
        return [one for one, times in words.items() if told.count(one) < times]

    async def servers_of(self, request_id: str) -> frozenset[str]:
        """Return the ids of a request's servers."""
        store = opening.open_store(self.url, code_version="hold", migrate=False)
        try:
            found = await store.read(lambda tx: tx.request(request_id))
        finally:
            await store.close()
        assert found is not None
        return frozenset(found.order.server_ids)

    async def _hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read what comes until it ends, and answer nothing."""
        self._heard.add(writer)
        with contextlib.suppress(OSError):
            while await reader.read(65_536):
                pass

    def _plans(self) -> list[workspace.Message]:
        seen = self.slack.messages(RUNS, ASKER)
        return [one for one in seen if "Request" in one.buttons and not one.deleted]

    def _cards(self) -> list[workspace.Message]:
        return [one for one in self.slack.messages(RUNS) if one.metadata]


async def until(look: Callable[[], object], patience_s: float = PATIENCE_S) -> None:
    """Wait until something is so.

    Raises:
        TimeoutError: it never was.
    """
    async with asyncio.timeout(patience_s):
        while not look():  # noqa: ASYNC110 -- nothing has an event for it
            await asyncio.sleep(LOOK_S)


@contextlib.asynccontextmanager
async def scene(folder: pathlib.Path, url: str, bots: int, servers: int) -> AsyncIterator[Scene]:
    """Run the stand-ins and the bots for as long as the block lasts."""
    centre = demo.simulated_centre(servers, OPERATION_S)
    around = surroundings.Surroundings(racks.of(centre))
    beside, api = await surroundings.start(around), await serve.start(centre)
    team = {ASKER, APPROVER, cast.BOT_USER}
    slack = workspace.Workspace(
        cast=Cast(channels=[Channel(RUNS, "runs", team)]), clock=time.time, rate_factor=20
    )
    await slack.start()
    (folder / "policy.toml").write_text(POLICY.format(balancer=f"{beside.url}{AROUND}"))
    given = demo.environment(slack.api_url, api.url, folder) | racks.variables(around)
    given |= {"POWERBOT_DATABASE_URL": url, "POWERBOT_SLACK_RATE": "800", "POWERBOT_RATE": RATE}
    on = Scene(slack, centre, given, folder, bots)
    running = []
    try:
        for number in range(bots):
            with (folder / f"bot{number}.log").open("wb") as printed:
                running.append(
                    await asyncio.create_subprocess_exec(
                        *(sys.executable, "-m", "bot", "run"), env=given, cwd=folder, stderr=printed
                    )
                )
        await on.connected()
        yield on
    finally:
        for one in running:
            one.terminate()
        await asyncio.gather(*(one.wait() for one in running))
        await slack.stop()
        await beside.stop()
        await api.stop()
