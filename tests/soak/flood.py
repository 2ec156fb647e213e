"""What one member can do to everybody else by sending much; the real bot, measured from outside.

`python -m tests.soak.flood` boots the bot against stand-ins with 10,000 servers and plays, each
while a run is under way: 200 lines in a second; 1,000 plans that nobody asks for; 200 mentions in a
second; 200 forms and 200 searches in one. It prints how long a Stop took to be in force, the calls
after it, another's plan, the acknowledgements, and the memory. It fails when a Stop or another's
plan takes longer than a second, when a call leaves after a Stop, or when the memory has grown by
more than 100 MB.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import os
import pathlib
import sqlite3
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable

from bot.sandbox import data_centre, demo, workspace
from bot.sandbox.data_centre import serve
from bot.sandbox.data_centre.api.routing import Operation
from bot.sandbox.workspace.state import cast
from bot.sandbox.workspace.state.directory import Channel, Person
from bot.sandbox.workspace.state.state import Cast
from tests.soak.memory import resident_mb

FLOODERS = tuple(f"U0FLOOD{number}" for number in range(10))
ATTACKER, STOPPER, APPROVER, OTHER = FLOODERS[0], "U0ROSA", "U0SAM", "U0DANA"
# Each plays in a channel of its own: Slack takes one post a second in each.
RUNS, FLOODED, QUIET = "C0RUNS", "C0FLOOD", "C0QUIET"
MOST_S = 1.0
MOST_GROWN_MB = 100.0
PATIENCE_S = 60.0
REST_S = 10.0
EVERYTHING = "reboot web* worker* because flood"
POLICY = """
version = 1
[channels]
allow = ["C0RUNS", "C0FLOOD", "C0QUIET"]
[people]
sre = [{people}]
[limits]
max_servers = 10000
confirm_above = 10000
max_requests_per_hour = 10000
max_open_per_user = 1000
[defaults]
ramp = [1]
max_per_rack = 20
[[rule]]
name = "everything"
servers = "*"
actions = ["on", "off", "reboot", "cycle"]
requesters = ["sre"]
approvers = {{ sre = 1 }}
"""


@dataclasses.dataclass
class Measured:
    """The figures of one attack, in seconds and MB."""

    name: str
    stop_s: float = 0.0
    calls_after: int = 0
    plan_s: float = 0.0
    acks_s: list[float] = dataclasses.field(default_factory=list)
    sent: int = 0
    answered: int = 0
    before_mb: float = 0.0
    peak_mb: float = 0.0
    after_mb: float = 0.0

    @property
    def good(self) -> bool:
        """Whether everybody else could work."""
        grown_mb = self.after_mb - self.before_mb
        in_time = self.stop_s <= MOST_S and self.plan_s <= MOST_S
        return in_time and not self.calls_after and grown_mb <= MOST_GROWN_MB

    def __str__(self) -> str:
        """Return the figures as one line."""
        acks, verdict = sorted(self.acks_s) or [0.0], "ok" if self.good else "MISSED"
        return (
            f"{verdict}: {self.name}: Stop in force after {self.stop_s:.2f} s, "
            f"{self.calls_after} calls after it; another's plan {self.plan_s:.2f} s; "
            f"{self.sent} sent, acknowledged in {acks[len(acks) // 2]:.3f} s, "
            f"{acks[-1]:.3f} s at most; memory {self.before_mb:.0f} MB before, "
            f"{self.peak_mb:.0f} at most, {self.after_mb:.0f} after"
        )


class Scene:
    """The stand-ins and the bot."""

    def __init__(
        self, slack: workspace.Workspace, centre: data_centre.DataCentre, folder: pathlib.Path
    ) -> None:
        self.slack = slack
        self.centre = centre
        self.database = folder / "powerbot.db"
        self.pid = 0

    async def until(self, look: Callable[[], bool]) -> None:
        """Wait until something is so."""
        async with asyncio.timeout(PATIENCE_S):
            while not look():  # noqa: ASYNC110 -- nothing has an event for it
                await asyncio.sleep(0.01)

    def rows(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        """Read in the record, beside the bot."""
        uri = f"file:{self.database}?mode=ro"
        with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=30)) as connection:
            return connection.execute(statement, values).fetchall()

    def plans(self, user: str) -> int:
        """Return how many plans somebody sees in the quiet channel."""
        seen = self.slack.messages(QUIET, user)
        return sum("Request" in one.buttons for one in seen)

    def calls(self) -> int:
        """Return how many power calls have come."""
        return self.centre.log.counts().get(Operation.CHANGE_POWER, 0)

    async def plan(self, user: str) -> float:
        """Type a small change, and return how long its plan took."""
        before, began = self.plans(user), time.monotonic()
        await self.slack.command(user, QUIET, "/power reboot cache01 because mine")
        await self.until(lambda: self.plans(user) > before)
        return time.monotonic() - began

    async def run(self, number: int) -> str:
        """Start a run of many waves, and return its id once it has sent a call."""
        first = number * 40 + 101
        calls, cards = self.calls(), len(self._cards())
        names = f"worker[{first}-{first + 39}]"
        await self.slack.command(OTHER, RUNS, f"/power reboot {names} because a long run")
        await self.until(lambda: bool(self._plan_to_ask(names)))
        plan = self._plan_to_ask(names)[-1]
        await self.slack.click(OTHER, plan, "Request")
        await self.until(lambda: len(self._cards()) > cards)
        await self.slack.click(APPROVER, self._cards()[-1], "Approve")
        await self.until(lambda: self.calls() > calls)
        newest = "SELECT id FROM requests WHERE state = 'running' ORDER BY created_at DESC LIMIT 1"
        return str(self.rows(newest)[0][0])

    async def stop(self, run: str, told: Measured) -> None:
        """Type Stop, and note when it was in force and what was called after that."""
        began = time.time()
        await self.slack.command(STOPPER, RUNS, f"/power stop {run}")
        asked = "SELECT at FROM audit WHERE request_id = ? AND event = 'request.stop_asked'"
        await self.until(lambda: bool(self.rows(asked, run)))
        told.stop_s = float(str(self.rows(asked, run)[0][0])) - began
        calls = self.calls()
        await asyncio.sleep(5.0)
        told.calls_after = self.calls() - calls

    def _plan_to_ask(self, names: str) -> list[workspace.Message]:
        seen = self.slack.messages(RUNS, OTHER)
        return [one for one in seen if "Request" in one.buttons and not one.deleted]

    def _cards(self) -> list[workspace.Message]:
        return [one for one in self.slack.messages(RUNS) if one.metadata]


Attack = Callable[[Scene, Measured], Awaitable[None]]


async def measured(on: Scene, number: int, name: str, attack: Attack) -> Measured:
    """Attack while a run is under way, and let others work."""
    run = await on.run(number)
    told = Measured(name, before_mb=resident_mb(on.pid))
    watching = asyncio.create_task(_watch(on, told))
    attacking = asyncio.create_task(_awaited(attack(on, told)))
    await asyncio.sleep(0.5)
    stopping = asyncio.create_task(on.stop(run, told))
    told.plan_s = await on.plan(OTHER)
    await stopping
    await attacking
    await asyncio.sleep(REST_S)
    watching.cancel()
    told.after_mb = resident_mb(on.pid)
    return told


async def _awaited(work: Awaitable[None]) -> None:
    await work


async def _watch(on: Scene, told: Measured) -> None:
    """Note how large the process gets."""
    while True:
        told.peak_mb = max(told.peak_mb, resident_mb(on.pid))
        await asyncio.sleep(0.1)


async def _spread(count: int, send: Callable[[int], Awaitable[object]], told: Measured) -> None:
    """Send so many within a second, and note how long each acknowledgement took."""

    async def one(number: int) -> None:
        await asyncio.sleep(number / count)
        began = time.monotonic()
        await send(number)
        told.acks_s.append(time.monotonic() - began)

    told.sent += count
    await asyncio.gather(*(one(number) for number in range(count)))


def lines(count: int) -> Attack:
    """Return the attack of many lines in a second."""

    async def attack(on: Scene, told: Measured) -> None:
        async def send(number: int) -> object:
            return await on.slack.command(ATTACKER, FLOODED, f"/power {EVERYTHING} {number}")

        await _spread(count, send, told)

    return attack


def mentions(count: int) -> Attack:
    """Return the attack of many mentions in a second."""

    async def attack(on: Scene, told: Measured) -> None:
        async def send(number: int) -> object:
            return on.slack.say(FLOODERS[1], FLOODED, f"@powerbot {EVERYTHING} {number}")

        await _spread(count, send, told)
        told.acks_s.clear()

    return attack


def forms(count: int) -> Attack:
    """Return the attack of many forms, and as many searches in one, in a second."""

    async def attack(on: Scene, told: Measured) -> None:
        who = FLOODERS[2]
        await on.slack.command(who, FLOODED, "/power")
        await on.until(lambda: "multi_external_select" in str(on.slack.views(who)))
        view = on.slack.views(who)[-1]

        async def send(number: int) -> object:
            if number % 2:
                return await on.slack.command(FLOODERS[3], FLOODED, "/power")
            return await on.slack.suggest(who, view, "servers", f"w{number % 7}")

        await _spread(2 * count, send, told)

    return attack


def plans(count: int) -> Attack:
    """Return the attack of many plans that nobody asks for, as many at once as are let in."""

    async def attack(on: Scene, told: Measured) -> None:
        each = count // len(FLOODERS)

        async def one(who: str) -> None:
            for number in range(each):
                began = time.monotonic()
                seen = len(on.slack.ephemerals(who))
                await on.slack.command(who, FLOODED, f"/power {EVERYTHING} {number}")
                told.acks_s.append(time.monotonic() - began)
                await on.until(lambda seen=seen: len(on.slack.ephemerals(who)) > seen)  # type: ignore[misc]

        told.sent += each * len(FLOODERS)
        await asyncio.gather(*(one(who) for who in FLOODERS))

    return attack


def _people() -> list[Person]:
    flooders = [Person(one, one.lower(), one, "floods") for one in FLOODERS]
    return [*cast.people(), *flooders]


def _channels() -> list[Channel]:
    team = {OTHER, APPROVER, STOPPER, *FLOODERS, cast.BOT_USER}
    return [Channel(id_, id_.lower(), set(team)) for id_ in (RUNS, FLOODED, QUIET)]


@contextlib.asynccontextmanager
async def scene(folder: pathlib.Path, servers: int) -> AsyncIterator[Scene]:
    """Run the stand-ins and the bot for as long as the block lasts."""
    people = ", ".join(f'"{one}"' for one in (OTHER, APPROVER, *FLOODERS))
    (folder / "policy.toml").write_text(POLICY.format(people=people))
    centre = demo.simulated_centre(servers, 2.0)
    slack = workspace.Workspace(cast=Cast(people=_people(), channels=_channels()), clock=time.time)
    api = await serve.start(centre)
    await slack.start()
    on = Scene(slack, centre, folder)
    given = demo.environment(slack.api_url, api.url, folder) | {"POWERBOT_LOG_LEVEL": "info"}
    with (folder / "bot.log").open("wb") as printed:
        bot = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", "run"), env=given, cwd=folder, stderr=printed
        )
    on.pid = bot.pid
    try:
        await on.until(lambda: bool(slack.hub.connected))
        yield on
    finally:
        bot.terminate()
        await bot.wait()
        await slack.stop()
        await api.stop()


async def play(folder: pathlib.Path, servers: int, count: int, unasked: int) -> list[Measured]:
    """Play every attack, print its figures, and return them."""
    attacks = {
        f"{count} lines in a second": lines(count),
        f"{count} mentions in a second": mentions(count),
        f"{count} forms and {count} searches in a second": forms(count),
        f"{unasked} plans never asked for": plans(unasked),
    }
    found = []
    async with scene(folder, servers) as on:
        # The first sweep of the inventory is part of every bot that works.
        await on.plan(OTHER)
        for number, (name, attack) in enumerate(attacks.items()):
            found.append(await measured(on, number, name, attack))
            print(found[-1], flush=True)  # noqa: T201 -- it is what the command is for
        (stored,) = on.rows("SELECT count(*) FROM requests WHERE asked_at = 0")[0]
        size_mb = on.database.stat().st_size / 1e6
        print(f"unasked plans in the store: {stored}; database: {size_mb:.1f} MB")  # noqa: T201
    return found


def main() -> int:
    """Measure, print, and return the exit status."""
    reader = argparse.ArgumentParser(prog="python -m tests.soak.flood", description=__doc__)
    reader.add_argument("--servers", type=int, default=10_000)
    reader.add_argument("--count", type=int, default=200)
    reader.add_argument("--plans", type=int, default=1000)
    reader.add_argument("--folder", help="keep the log and the database here")
    given = reader.parse_args()
    with tempfile.TemporaryDirectory(prefix=f"flood-{os.getpid()}-") as made:
        folder = pathlib.Path(given.folder or made)
        folder.mkdir(parents=True, exist_ok=True)
        found = asyncio.run(play(folder, given.servers, given.count, given.plans))
    return 0 if all(one.good for one in found) else 1


if __name__ == "__main__":
    sys.exit(main())
