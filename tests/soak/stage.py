"""The stand-ins and the replicas of one run, and how they are killed, frozen and started again."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime
import multiprocessing
import os
import pathlib
import random
import signal
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from bot.sandbox import data_centre, demo, workspace
from bot.sandbox.data_centre import serve
from bot.sandbox.data_centre.api import journal
from bot.sandbox.workspace.state import cast, directory
from bot.sandbox.workspace.state.state import Cast
from tests.soak import replica

# Each replica is a process of its own, forked from one that has imported everything already: a
# start costs a fraction of a second, and a thousand of them no more than they must.
NURSERY = multiprocessing.get_context("forkserver")
NURSERY.set_forkserver_preload(["tests.soak.replica"])

# What one real server takes to switch, before it is scaled.
OPERATION_S = 60.0
CHANNELS = tuple(f"C0SOAK{number}" for number in range(10))
REQUESTERS = ("U0DANA", "U0SAM")
APPROVERS = ("U0SAM", "U0DANA", "U0ROSA")
STRANGER = "U0OLGA"
PATIENCE_S = 120.0
POLICY = """
version = 1
[channels]
allow = [{channels}]
[people]
sre = ["U0DANA", "U0SAM"]
dc-ops = ["U0ROSA"]
[limits]
max_requests_per_hour = 100000
max_open_per_user = 10000
split_window = "1s"
[defaults]
expires = "{expires}"
use_within = "{use_within}"
ramp = [1, 5]
max_failures = 2
[[rule]]
name = "everything"
servers = "*"
actions = ["on", "off", "reboot", "cycle"]
requesters = ["sre"]
approvers = {{ sre = 1 }}
"""


def settings(factor: float) -> dict[str, str]:
    """Return the bot's waits, each divided by the factor, and its rates multiplied."""

    def waits(seconds: float) -> str:
        return f"{max(20, round(seconds / factor * 1000))}ms"

    return {
        "POWERBOT_POLL_FIRST": waits(2),
        "POWERBOT_POLL_CAP": waits(15),
        "POWERBOT_SETTLE": waits(60),
        "POWERBOT_DEADLINE_POWER": waits(600),
        "POWERBOT_DEADLINE_REBOOT": waits(1200),
        "POWERBOT_CARD_PACE": waits(3),
        "POWERBOT_RATE": str(5 * factor),
        "POWERBOT_SLACK_RATE": str(round(40 * factor)),
    }


class Replica:
    """One replica as a child process, which is started again whenever it ends."""

    def __init__(
        self, number: int, folder: pathlib.Path, environment: Mapping[str, str], factor: float
    ) -> None:
        self.number = number
        self.main: Callable[..., None] = replica.main
        self.starts = 0
        # When and how this replica was hurt, by the wall clock.
        self.killed_at: list[float] = []
        self.frozen_at: list[float] = []
        self.doom: tuple[str, ...] = ()
        self.statuses: list[int] = []
        self._folder = folder
        self._environment = dict(environment)
        self._factor = factor
        self._process: Any = None
        self._keeping: asyncio.Task[None] | None = None
        self._started_at = 0.0
        self._joining: asyncio.Task[None] | None = None
        self._again = asyncio.Event()
        self._again.set()

    def give(self, variables: Mapping[str, str]) -> None:
        """Let it have these variables too, from its next start on."""
        self._environment |= variables

    @property
    def log(self) -> pathlib.Path:
        """The file that its log goes to."""
        return self._folder / f"replica{self.number}.log"

    @property
    def alive(self) -> bool:
        """Whether the process lives."""
        return self._joining is not None and not self._joining.done()

    @property
    def pid(self) -> int:
        """The process's id; 0 while there is none."""
        return (self._process.pid or 0) if self._process is not None and self.alive else 0

    @property
    def age_s(self) -> float:
        """Seconds since the process was started."""
        return time.monotonic() - self._started_at

    def start(self) -> None:
        """Start it, and keep it running."""
        self._keeping = asyncio.create_task(self._keep_running(), name=f"replica {self.number}")

    def send(self, number: signal.Signals) -> bool:
        """Send a signal; False when there is nobody to take it."""
        if not self.alive:
            return False
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            # It has just ended, and whoever waits for it hasn't been told yet.
            return False
        return True

    def kill(self) -> None:
        """Kill it as a crash would."""
        if self.send(signal.SIGKILL):
            self.killed_at.append(time.time())

    async def freeze(self, seconds: float) -> None:
        """Stop it in whatever it does, and let it go on later."""
        if self.send(signal.SIGSTOP):
            self.frozen_at.append(time.time())
            await asyncio.sleep(seconds)
            self.send(signal.SIGCONT)

    def stay_down(self) -> None:
        """Don't start it again when it ends, until `come_back`."""
        self._again.clear()

    def come_back(self) -> None:
        """Start it again."""
        self._again.set()

    async def stop(self) -> None:
        """End it for good."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)

    async def _keep_running(self) -> None:
        try:
            while True:
                await self._again.wait()
                await self._run_once()
                await asyncio.sleep(0.1)
        finally:
            await self._end()

    async def _run_once(self) -> None:
        doom, self.doom = self.doom, ()
        given = (self._environment, str(self.log), self._factor, *doom)
        self._process = NURSERY.Process(target=self.main, args=given, daemon=True)
        self._process.start()
        self.starts += 1
        self._started_at = time.monotonic()
        self._joining = asyncio.create_task(self._gone(self._process))
        await asyncio.shield(self._joining)
        status = self._process.exitcode or 0
        self.statuses.append(status)
        if status == -signal.SIGKILL and doom:
            self.killed_at.append(time.time())

    async def _gone(self, process: Any) -> None:
        """Wait for a process to end; no thread may do it, for the answer can be read only once."""
        while process.exitcode is None:  # noqa: ASYNC110 -- a process has no event
            await asyncio.sleep(0.02)

    async def _end(self) -> None:
        if self._joining is None:
            return
        self.send(signal.SIGCONT)
        self.send(signal.SIGTERM)
        await asyncio.wait({self._joining}, timeout=30)
        self.send(signal.SIGKILL)
        await asyncio.wait({self._joining})


@dataclasses.dataclass
class Stage:
    """Everything of one run."""

    slack: workspace.Workspace
    centre: data_centre.DataCentre
    replicas: list[Replica]
    database_url: str
    factor: float
    folder: pathlib.Path

    async def ready(self) -> None:
        """Wait until every replica that is wanted has connected.

        Raises:
            TimeoutError: they have not.
        """
        async with asyncio.timeout(PATIENCE_S):
            while self.slack.hub.connected < 2 * len(self.replicas):  # noqa: ASYNC110 -- no event
                await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def standing(
    folder: pathlib.Path,
    database_url: str,
    *,
    replicas: int = 1,
    factor: float = 10.0,
    servers: int = 100,
    expires: str = "30m",
    use_within: str = "15m",
    operation_s: float = OPERATION_S,
    ack_s: float = 3.0,
    seed: int = 0,
) -> AsyncIterator[Stage]:
    """Run stand-ins and replicas while the block lasts; the replicas aren't started yet."""
    # Long enough that nothing falls out before the reckoning.
    centre = data_centre.DataCentre(
        data_centre.build(servers, seed=seed),
        clock=time.monotonic,
        wall=lambda: datetime.datetime.now(datetime.UTC),
        account=data_centre.Account(
            project_id=demo.PROJECT_ID, ak=demo.ACCESS_KEY, sk=demo.SECRET_KEY
        ),
        pace=data_centre.Pace(operation_s / factor),
        seed=seed,
    )
    centre.log = journal.Journal(1_000_000)
    api = await serve.start(centre)
    slack = workspace.Workspace(
        cast=Cast(channels=_channels()),
        rng=random.Random(seed),
        rate_factor=factor,
        ack_s=ack_s,
        redelivery_delays_s=(0.1, 60 / factor, 300 / factor),
    )
    await slack.start()
    policy = POLICY.format(
        channels=", ".join(f'"{one}"' for one in ("C0OPS", *CHANNELS)),
        expires=expires,
        use_within=use_within,
    )
    (folder / "policy.toml").write_text(policy)
    environment = demo.environment(slack.api_url, api.url, folder) | settings(factor)
    environment |= {"POWERBOT_DATABASE_URL": database_url, "POWERBOT_LOG_LEVEL": "debug"}
    made = [Replica(number, folder, environment, factor) for number in range(replicas)]
    try:
        yield Stage(slack, centre, made, database_url, factor, folder)
    finally:
        await asyncio.gather(*(one.stop() for one in made))
        await slack.stop()
        await api.stop()


def _channels() -> list[directory.Channel]:
    """Return many channels: Slack takes one post a second in each."""
    team = {"U0DANA", "U0SAM", "U0ROSA", "U0OLGA", cast.BOT_USER}
    named = [("ops", "C0OPS"), *((f"soak{number}", one) for number, one in enumerate(CHANNELS))]
    return [directory.Channel(one, name, set(team)) for name, one in named]
