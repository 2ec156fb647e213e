"""How long Slack waits for an acknowledgement, over HTTP and over Socket Mode."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import itertools
import pathlib
import socket
import sqlite3
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence

from tests.benchmarks import children, load, payloads, slack_side
from tests.benchmarks.rows import Profile, Row, ratios
from tests.support import databases

PEER = "bare Bolt"
OURS = "tests.benchmarks.peers.ours"
BOLT = "tests.benchmarks.peers.bolt"
FLOOR = "tests.benchmarks.peers.floor"
WARM_S = 0.3
_tokens = itertools.count(1)


@dataclasses.dataclass(frozen=True)
class Contender:
    """A running program and how a load is put on it."""

    name: str
    child: children.Child
    drive: Callable[[str, int, float], Awaitable[load.Load]]
    answered: list[int]


@dataclasses.dataclass
class Cell:
    """The rounds of one contender under one load."""

    loads: list[load.Load] = dataclasses.field(default_factory=list)
    cpu_s: list[float] = dataclasses.field(default_factory=list)

    @property
    def rates(self) -> list[float]:
        """Answers a second, round by round."""
        return [one.rate for one in self.loads]

    @property
    def middles(self) -> list[float]:
        """Middle latencies, round by round."""
        return [one.p50_s for one in self.loads]


Cells = dict[str, Cell]


async def take_turns(
    contenders: Sequence[Contender], kind: str, in_flight: int, profile: Profile
) -> Cells:
    """Measure everybody in each round, in turn, backwards in every other round."""
    cells = {one.name: Cell() for one in contenders}
    for number in range(profile.rounds):
        for one in contenders if number % 2 == 0 else contenders[::-1]:
            before = one.child.cpu_s()
            found = await one.drive(kind, in_flight, profile.seconds)
            if found.refused:
                raise RuntimeError(f"{one.name} refused {found.refused} of {found.answers}")
            cells[one.name].loads.append(found)
            cells[one.name].cpu_s.append((one.child.cpu_s() - before) / found.answers)
    return cells


def check_stored(database: pathlib.Path, ours: Contender) -> None:
    """Look whether everything that was acknowledged is in the record.

    Raises:
        RuntimeError: something is missing.
    """
    with contextlib.closing(sqlite3.connect(database)) as connection:
        (stored,) = connection.execute("SELECT count(*) FROM inbox").fetchone()
    if stored < sum(ours.answered):
        raise RuntimeError(f"{sum(ours.answered)} were acknowledged and {stored} are stored")


# -- HTTP


@contextlib.asynccontextmanager
async def over_http(
    name: str, module: str, *flags: str, side: slack_side.SlackSide, **env: str
) -> AsyncIterator[Contender]:
    """Run a program that accepts requests from Slack."""
    port = free_port()
    given = environment(side, PORT=str(port), **env)
    started = ("-m", module, "run", "--transport", "http", *flags)
    async with children.running(*started, env=given) as child:
        await listening(port)

        answered: list[int] = []

        async def drive(kind: str, in_flight: int, seconds: float) -> load.Load:
            found = await load.closed(port, kind, side.url, connections=in_flight, seconds=seconds)
            answered.append(found.answers)
            return found

        await drive("slash", 4, WARM_S)
        await drive("click", 4, WARM_S)
        yield Contender(name, child, drive, answered)


def free_port() -> int:
    """Return a port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def listening(port: int) -> None:
    """Wait until somebody listens."""
    async with asyncio.timeout(children.PATIENCE_S):
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            await asyncio.sleep(0.01)


def environment(side: slack_side.SlackSide, **env: str) -> dict[str, str]:
    """Return what a program is told of Slack; the bot's own settings mean nothing to its peers."""
    return children.environment(
        SLACK_API_URL=f"{side.url}/api/",
        SLACK_BOT_TOKEN="xoxb-bench",
        SLACK_SIGNING_SECRET=payloads.SECRET,
        CLOUDDC_ENDPOINT="http://127.0.0.1:9",
        CLOUDDC_PROJECT_ID="bench",
        CLOUDDC_AUTH_TOKEN="bench",
        POWERBOT_LOG_LEVEL="error",
        **env,
    )


async def http_rows(profile: Profile) -> AsyncGenerator[Row]:
    """Measure acknowledgements over HTTP."""
    async with contextlib.AsyncExitStack() as open_, slack_side.serving() as side:
        folder = pathlib.Path(open_.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        start = open_.enter_async_context
        contenders = [
            await start(over_http(PEER, BOLT, side=side)),
            await start(over_http("again", BOLT, side=side)),
            await start(
                over_http("SQLite", OURS, side=side, DATABASE_URL=f"sqlite:///{folder / 'a.db'}")
            ),
        ]
        address = open_.enter_context(databases.database("postgresql", folder))
        contenders.append(
            await start(over_http("PostgreSQL", OURS, side=side, DATABASE_URL=address))
        )
        if profile.full:
            contenders.append(await start(over_http("early", BOLT, "--before-response", side=side)))
            contenders.append(await start(over_http("floor", FLOOR, side=side)))
        loads = [("click", 1), ("click", 16), ("click", 64), ("slash", 16)]
        for kind, in_flight in loads:
            cells = await take_turns(contenders, kind, in_flight, profile)
            for row in _http_rows(kind, in_flight, cells):
                yield row
        check_stored(folder / "a.db", contenders[2])


# The bars and the goals: in flight -> store -> (bar, goal).
HTTP_WANTED = {
    1: {"SQLite": (4.0, 8.0)},
    16: {"SQLite": (0.9, 1.2), "PostgreSQL": (1.0, 1.5)},
    64: {"SQLite": (0.6, 1.0)},
}


def _http_rows(kind: str, in_flight: int, cells: Cells) -> list[Row]:
    peer = cells[PEER]
    control = _control(cells)
    rows = []
    for store in ("SQLite", "PostgreSQL"):
        bar, goal = HTTP_WANTED[in_flight].get(store, (None, None))
        what = f"HTTP, {kind} stored in {store} before its ack, {in_flight} in flight"
        rates = ratios(cells[store].rates, peer.rates)
        rows.append(
            Row(
                f"{what}: requests a second",
                PEER,
                rates,
                bar=bar,
                goal=goal,
                least=True,
                control=control,
                note=_absolute(cells, store),
            )
        )
        if in_flight == 1:
            wanted = (0.25, 0.1) if store == "SQLite" else (None, None)
            middles = ratios(cells[store].middles, peer.middles)
            rows.append(
                Row(f"{what}: p50", PEER, middles, bar=wanted[0], goal=wanted[1], control=control)
            )
    for other, words in (("early", "Bolt, process_before_response"), ("floor", "signature only")):
        if other in cells:
            faster = ratios(cells["SQLite"].rates, cells[other].rates)
            what = f"HTTP, {kind} stored in SQLite before its ack, {in_flight} in flight"
            rows.append(Row(f"{what}: requests a second", words, faster, control=control))
    return rows


def _control(cells: Cells) -> float:
    """Return how far the peer strays from itself."""
    strays = sorted(ratios(cells["again"].rates, cells[PEER].rates))
    return strays[len(strays) // 2]


def _absolute(cells: Cells, name: str) -> str:
    """Return the figures behind a ratio, of the middle round."""
    mine, theirs = cells[name], cells[PEER]

    def middle(values: Sequence[float]) -> float:
        return sorted(values)[len(values) // 2]

    return (
        f"{middle(mine.rates):,.0f}/s beside {middle(theirs.rates):,.0f}/s; "
        f"p50 {middle(mine.middles) * 1000:.1f} beside {middle(theirs.middles) * 1000:.1f} ms; "
        f"CPU {middle(mine.cpu_s) * 1e6:,.0f} beside {middle(theirs.cpu_s) * 1e6:,.0f} us"
    )


# -- Socket Mode


@contextlib.asynccontextmanager
async def over_socket(
    name: str, module: str, *, sockets: int, side: slack_side.SlackSide, **env: str
) -> AsyncIterator[Contender]:
    """Run a program that holds sockets to Slack."""
    token = f"xapp-{next(_tokens)}"
    given = environment(side, SLACK_APP_TOKEN=token, PORT=str(free_port()), **env)
    started = ("-m", module, "run", "--transport", "socket")
    async with children.running(*started, env=given) as child:
        await side.connected(token, sockets)

        answered: list[int] = []

        async def drive(kind: str, in_flight: int, seconds: float) -> load.Load:
            found = await side.envelopes(token, kind, in_flight=in_flight, seconds=seconds)
            answered.append(found.answers)
            return found

        await drive("slash", 4, WARM_S)
        await drive("click", 4, WARM_S)
        yield Contender(name, child, drive, answered)


# (kind, in flight) -> (bar, goal)
SOCKET_WANTED = {
    ("slash", 1): (4.0, 8.0),
    ("slash", 16): (1.3, 2.0),
    ("click", 16): (1.0, 1.5),
}


async def socket_rows(profile: Profile) -> AsyncGenerator[Row]:
    """Measure acknowledgements over Socket Mode."""
    async with contextlib.AsyncExitStack() as open_, slack_side.serving() as side:
        folder = pathlib.Path(open_.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        database = f"sqlite:///{folder / 'a.db'}"
        start = open_.enter_async_context
        contenders = [
            await start(over_socket(PEER, BOLT, sockets=1, side=side)),
            await start(over_socket("again", BOLT, sockets=1, side=side)),
            await start(over_socket("SQLite", OURS, sockets=2, side=side, DATABASE_URL=database)),
        ]
        for (kind, in_flight), (bar, goal) in SOCKET_WANTED.items():
            cells = await take_turns(contenders, kind, in_flight, profile)
            yield Row(
                f"Socket Mode, {kind} stored in SQLite before its ack, {in_flight} in flight: "
                "envelopes a second",
                PEER,
                ratios(cells["SQLite"].rates, cells[PEER].rates),
                bar=bar,
                goal=goal,
                least=True,
                control=_control(cells),
                note=_absolute(cells, "SQLite"),
            )
        check_stored(folder / "a.db", contenders[2])
