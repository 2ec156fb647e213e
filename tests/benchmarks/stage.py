"""The whole bot between the stand-ins: a fleet of any size that people switch from Slack."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime
import pathlib
import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

from bot.power.lifecycle import ENDED
from bot.sandbox import data_centre, demo, workspace
from bot.sandbox.data_centre import serve
from bot.sandbox.data_centre.api import exchange, routing
from bot.sandbox.data_centre.machines import fleet
from tests.benchmarks import children, ingress, payloads

T = TypeVar("T")
OPS = "C0OPS"
DANA = "U0DANA"
PATIENCE_S = 120.0
LOOK_S = 0.02
IDS_PER_CALL = 50
PAGE_ROWS = 1000
PREFIX = "srv-"
# The bot signs its calls; a peer that is too plain for that has this token.
TOKEN = "bench"

POLICY = """\
version = 1
[channels]
allow = ["C0OPS"]
[people]
sre = ["U0DANA"]
[groups]
fleet = "srv-*"
[limits]
max_servers = 10000
confirm_above = 10001
max_requests_per_hour = 1000
max_open_per_user = 1000
[defaults]
ramp = []
batch = 10000
max_per_rack = 10000
[[rule]]
name = "all"
servers = "*"
actions = ["on", "off", "reboot", "cycle"]
requesters = ["sre"]
approvers = {}
"""


@dataclasses.dataclass(frozen=True)
class Ended:
    """How an operation ended: its state, and when it was asked for and over (epoch seconds)."""

    state: str
    asked_at: float
    ended_at: float

    @property
    def wall_s(self) -> float:
        """Seconds from the press of Request to the end state."""
        return self.ended_at - self.asked_at


@dataclasses.dataclass
class Stage:
    """A bot that is running, with its Slack and its data centre in this process."""

    slack: workspace.Workspace
    centre: data_centre.DataCentre
    child: children.Child
    database: pathlib.Path
    environment: dict[str, str]

    @property
    def puts(self) -> int:
        """Power calls so far."""
        return self.centre.counts().get(routing.Operation.CHANGE_POWER, 0)

    @property
    def reads(self) -> int:
        """Calls so far that read servers: pages of the list, and single ones."""
        counts = self.centre.counts()
        return sum(counts.get(one, 0) for one in (routing.Operation.LIST, routing.Operation.SHOW))

    async def plan(self, text: str) -> tuple[workspace.Message, float]:
        """Type a command; return its plan, and the seconds from the command to the plan."""
        seen = len(self.slack.ephemerals(DANA))
        began = time.monotonic()
        await self.slack.command(DANA, OPS, text)
        shown = await self.until(lambda: self.slack.ephemerals(DANA)[seen:])
        if "Request" not in str(shown[-1].blocks):
            raise RuntimeError(f"no plan: {shown[-1].text}")
        return shown[-1], time.monotonic() - began

    async def request(self, plan: workspace.Message) -> float:
        """Press Request and return when (epoch seconds)."""
        asked_at = time.time()
        await self.slack.click(DANA, plan, "Request")
        return asked_at

    async def carry_out(self, text: str) -> Ended:
        """Type a command, press Request, and wait for the end."""
        before = len(self.rows())
        plan, _ = await self.plan(text)
        asked_at = await self.request(plan)
        state, ended_at = await self.until(lambda: self._ended(before))
        return Ended(state, asked_at, ended_at)

    def _ended(self, before: int) -> tuple[str, float] | None:
        found = self.rows()[before:]
        return found[0] if found and found[0][0] in {state.value for state in ENDED} else None

    def rows(self) -> list[tuple[str, float]]:
        """Return state and end of all requests, in the order in which they were made."""
        uri = f"file:{self.database}?mode=ro"
        with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=30.0)) as connection:
            found = connection.execute("SELECT state, ended_at FROM requests ORDER BY created_at")
            return [(str(state), float(at)) for state, at in found]

    async def until(self, look: Callable[[], T | None]) -> T:
        """Wait for the first true value."""
        async with asyncio.timeout(PATIENCE_S):
            while not (found := look()):  # noqa: ASYNC110 -- another process writes it
                await asyncio.sleep(LOOK_S)
        return found


class FarCentre(data_centre.DataCentre):
    """A data centre to which a request and its answer take a while."""

    round_trip_s = 0.0

    def handle(self, request: exchange.HttpRequest) -> exchange.HttpResponse | exchange.Dropped:
        """Answer, later by the way there and back."""
        outcome = super().handle(request)
        if isinstance(outcome, exchange.HttpResponse) and self.round_trip_s:
            return dataclasses.replace(outcome, delay_s=outcome.delay_s + self.round_trip_s)
        return outcome


def servers(count: int) -> list[fleet.Server]:
    """Return a fleet whose servers are all on, well and ready, named in two numbers."""
    return [
        dataclasses.replace(
            one,
            name=f"{PREFIX}{place // 40 + 1:03}-{place % 40 + 1:02}",
            tags=one.tags[:3],
            power=data_centre.Power.ON,
            health_state="OK",
            manage_state="in-use",
            frozen_state=0,
        )
        for place, one in enumerate(fleet.build(count, seed=1))
    ]


def centre(
    count: int,
    *,
    duration_s: float,
    token: str = "",
    round_trip_s: float = 0.0,
    spread: float = 0.0,
) -> FarCentre:
    """Return a data centre in which an operation takes so long: every one, or half of them."""
    made = FarCentre(
        servers(count),
        clock=time.monotonic,
        wall=lambda: datetime.datetime.now(datetime.UTC),
        account=data_centre.Account(
            project_id=demo.PROJECT_ID, ak=demo.ACCESS_KEY, sk=demo.SECRET_KEY, token=token or None
        ),
        pace=data_centre.Pace(duration_s, spread=spread, jitter=0.0),
    )
    made.round_trip_s = round_trip_s
    return made


@contextlib.asynccontextmanager
async def playing(
    count: int,
    *,
    duration_s: float,
    module: str = "bot",
    poll: str = "1s",
    http: bool = False,
    round_trip_s: float = 0.0,
    spread: float = 0.0,
    policy: str = POLICY,
    **env: str,
) -> AsyncIterator[Stage]:
    """Run the bot on a fleet while the block lasts, over Socket Mode or over HTTP."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = pathlib.Path(name)
        (folder / "policy.toml").write_text(policy)
        simulated = centre(
            count, duration_s=duration_s, token=TOKEN, round_trip_s=round_trip_s, spread=spread
        )
        api = await serve.start(simulated)
        slack = workspace.Workspace(
            app=workspace.App(id="A0BENCH", signing_secret=payloads.SECRET), clock=time.time
        )
        await slack.start()
        given = demo.environment(slack.api_url, api.url, folder)
        given |= children.environment() | given
        given |= {"POWERBOT_RATE": "1000", "POWERBOT_POLL_FIRST": poll, "POWERBOT_POLL_CAP": poll}
        given |= {"POWERBOT_CARD_PACE": "3s", "POWERBOT_LOG_LEVEL": "error", "BENCH_TOKEN": TOKEN}
        given |= env
        if http:
            port = str(ingress.free_port())
            del given["SLACK_APP_TOKEN"]
            given |= {"PORT": port, "SLACK_SIGNING_SECRET": slack.app.signing_secret}
            slack.use_request_url(f"http://127.0.0.1:{port}/slack/events")
        try:
            async with running_bot(given, module, folder) as child:
                if http:
                    await ingress.listening(int(given["PORT"]))
                else:
                    await connected(slack, child)
                yield Stage(slack, simulated, child, folder / "powerbot.db", given)
        finally:
            await slack.stop()
            await api.stop()


@contextlib.asynccontextmanager
async def running_bot(
    given: dict[str, str], module: str, folder: pathlib.Path
) -> AsyncIterator[children.Child]:
    """Run the bot over Socket Mode while the block lasts."""
    async with children.running("-m", module, "run", env=given, cwd=folder) as child:
        yield child


async def connected(slack: workspace.Workspace, child: children.Child) -> None:
    """Wait until the bot has opened its sockets.

    Raises:
        RuntimeError: it ended instead.
    """
    async with asyncio.timeout(PATIENCE_S):
        while not slack.hub.connected:
            if child.process.returncode is not None:
                raise RuntimeError("the bot ended before it was connected")
            await asyncio.sleep(LOOK_S)
