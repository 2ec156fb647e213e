"""The HTTP address holds only so many, for so long, and answers all the same."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import errno
import resource
import time
from collections.abc import AsyncIterator, Sequence

import aiohttp
import pytest
from aiohttp import web

from bot import http_limits
from bot.slack.door import turned_away
from bot.slack.door.turned_away import Check

QUICK = http_limits.Bounds(connections=20, head_s=0.3, body_s=0.3, keep_alive_s=0.5, body=1000)
PATIENCE_S = 10.0


class Address:
    """A bounded server with two routes, and connections that are opened by hand."""

    def __init__(self, bounds: http_limits.Bounds) -> None:
        self.away = turned_away.TurnedAway()
        self.door = http_limits.BoundedServer(self.away, bounds)
        self.held = asyncio.Event()
        self._opened: list[asyncio.StreamWriter] = []

    async def start(self) -> None:
        """Serve."""

        async def echo(request: web.Request) -> web.Response:
            return web.Response(body=await request.read())

        async def hold(_: web.Request) -> web.Response:
            await self.held.wait()
            return web.Response(text="held")

        routes = [web.post("/echo", echo), web.get("/healthz", echo), web.get("/hold", hold)]
        await self.door.open(routes, "127.0.0.1", 0)

    async def stop(self) -> None:
        """Close all."""
        for writer in self._opened:
            writer.close()
        await self.door.close()

    async def connect(self, said: bytes = b"") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a connection and say something."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.door.port)
        self._opened.append(writer)
        writer.write(said)
        await writer.drain()
        return reader, writer

    async def status(self, said: bytes) -> int:
        """Say something and return the status of the answer, 0 for a connection that is cut."""
        reader, _ = await self.connect(said)
        async with asyncio.timeout(PATIENCE_S):
            with contextlib.suppress(ConnectionError):
                line = await reader.readline()
                return int(line.split()[1]) if line else 0
        return 0

    async def healthy(self) -> bool:
        """Ask on a new connection."""
        return await self.status(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n") == 200

    async def emptied(self) -> bool:
        """Wait until no connection is left."""
        until = time.monotonic() + PATIENCE_S
        while self.door.connections and time.monotonic() < until:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        return not self.door.connections


@pytest.fixture
async def address() -> AsyncIterator[Address]:
    """An address with short times."""
    made = Address(QUICK)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def patient() -> AsyncIterator[Address]:
    """The same, where a connection may idle for longer than a busy machine needs for a test."""
    made = Address(dataclasses.replace(QUICK, keep_alive_s=60.0))
    await made.start()
    yield made
    await made.stop()


@pytest.mark.parametrize(
    "said",
    [b"", b"P", b"POST /echo HTTP/1.1\r\nHost: a\r\n", b"\r\n\r\n", b"GET /" + b"a" * 500],
)
async def test_a_caller_who_sends_no_whole_head_is_cut_off(address: Address, said: bytes) -> None:
    """Half-open connections would stay for an hour."""
    for _ in range(5):
        await address.connect(said)

    assert await address.emptied()
    assert address.away.counts[Check.HEAD_SLOW] == 5
    assert await address.healthy()


async def test_a_caller_who_drips_a_head_is_cut_off(address: Address) -> None:
    """Each byte in time, and the whole never."""
    reader, writer = await address.connect(b"GET /healthz HTTP/1.1\r\n")
    began = time.monotonic()
    with contextlib.suppress(ConnectionError):
        while time.monotonic() - began < PATIENCE_S and not reader.at_eof():
            writer.write(b"X-A: b\r\n")
            await writer.drain()
            await asyncio.sleep(0.05)

    assert time.monotonic() - began < 3
    assert await address.emptied()


@pytest.mark.parametrize(
    "framing", [b"Content-Length: 900\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n5\r\n"]
)
async def test_a_caller_who_drips_a_body_is_told_so(address: Address, framing: bytes) -> None:
    """The answer is 408, and the connection is gone."""
    status = await address.status(b"POST /echo HTTP/1.1\r\nHost: a\r\n" + framing + b"abc")

    assert status == 408
    assert address.away.counts[Check.BODY_SLOW] == 1
    assert await address.emptied()


async def test_a_second_request_of_a_connection_has_its_own_time(address: Address) -> None:
    """A kept connection that begins and doesn't go on is cut off like a new one."""
    whole = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
    reader, writer = await address.connect(whole)
    assert b"200" in await reader.readline()
    writer.write(b"GET /hea")
    await writer.drain()

    assert await address.emptied()
    assert address.away.counts[Check.HEAD_SLOW] == 1


@pytest.mark.parametrize(
    ("said", "status", "check"),
    [
        (
            b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n" + b"a" * 2000,
            413,
            Check.BODY_LARGE,
        ),
        (b"nonsense\r\n\r\n", 400, Check.HTTP_MALFORMED),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, Check.HTTP_MALFORMED),
        (b"GET /healthz HTTP/9.9\r\n\r\n", 400, Check.HTTP_MALFORMED),
        (
            b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 9000 + b"\r\n\r\n",
            400,
            Check.HTTP_MALFORMED,
        ),
        (
            b"GET /healthz HTTP/1.1\r\nHost: a\r\n" + b"X: a\r\n" * 100 + b"\r\n",
            400,
            Check.HTTP_MALFORMED,
        ),
        (b"GET /healthz HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", 400, Check.HTTP_MALFORMED),
        (
            b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n0",
            400,
            Check.HTTP_MALFORMED,
        ),
        (
            b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            400,
            Check.HTTP_MALFORMED,
        ),
        (
            b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
            400,
            Check.HTTP_MALFORMED,
        ),
        (b"GET /../../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n", 404, Check.PATH_UNKNOWN),
        (b"GET /echo HTTP/1.1\r\nHost: a\r\n\r\n", 405, Check.METHOD_WRONG),
        (b"DELETE /healthz HTTP/1.1\r\nHost: a\r\n\r\n", 405, Check.METHOD_WRONG),
    ],
)
async def test_nonsense_gets_a_short_no_and_one_line(
    address: Address,
    said: bytes,
    status: int,
    check: Check,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """No traceback, whoever sends it however often."""
    statuses = {await address.status(said) for _ in range(5)}

    printed = "".join(capsys.readouterr())
    assert statuses == {status}
    assert address.away.counts[check] == 5
    assert printed.count("door.refused") <= 1
    assert "Traceback" not in printed


async def test_whoever_has_sent_nothing_gives_way_to_a_new_caller(address: Address) -> None:
    """Connections that idle keep nobody out, not even before their time is over."""
    for _ in range(60):
        await address.connect()

    assert await address.healthy()
    assert address.door.connections <= QUICK.connections
    assert address.away.counts[Check.CROWDED] >= 40


async def test_a_caller_who_has_asked_before_stays_while_strangers_crowd(patient: Address) -> None:
    """Slack's kept connection isn't the one that makes room."""
    whole = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
    reader, writer = await patient.connect(whole)
    head = await reader.readuntil(b"\r\n\r\n")
    for _ in range(60):
        await patient.connect()
    writer.write(whole)

    assert b"200" in head
    assert b"200" in await reader.readline()


async def test_requests_that_are_answered_are_never_cut_off(address: Address) -> None:
    """When every place is one that waits for its answer, the newcomer has to go."""
    asking = [
        asyncio.create_task(address.status(b"GET /hold HTTP/1.1\r\nHost: a\r\n\r\n"))
        for _ in range(QUICK.connections)
    ]
    async with asyncio.timeout(PATIENCE_S):
        while address.door.connections < QUICK.connections:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)

    assert not await address.healthy()
    address.held.set()
    assert await asyncio.gather(*asking) == [200] * QUICK.connections


async def test_an_idle_connection_is_kept_for_its_time_only(address: Address) -> None:
    """A pooled connection is welcome, for a while."""
    async with aiohttp.ClientSession() as http:
        for _ in range(2):
            async with http.get(f"http://127.0.0.1:{address.door.port}/healthz") as answer:
                assert answer.status == 200
        assert address.door.connections == 1
        assert await address.emptied()


def test_the_process_may_have_as_many_descriptors_as_the_system_gives() -> None:
    """A shell's usual soft limit is raised, never lowered, and the bounds follow a low one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(512, hard), hard))
        assert http_limits.raise_descriptors(600) == min(600, hard)
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == min(600, hard)
        assert http_limits.raise_descriptors(100) == min(600, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize(("descriptors", "connections"), [(65_536, 256), (400, 144), (100, 16)])
def test_fewer_descriptors_mean_fewer_connections(descriptors: int, connections: int) -> None:
    """The database, Slack and CloudDC need theirs, too."""
    assert http_limits.bounds_for(descriptors).connections == connections


async def test_a_shortage_of_descriptors_is_said_once_a_minute(
    address: Address, capsys: pytest.CaptureFixture[str]
) -> None:
    """The event loop would print a traceback for each connection that it can't take."""
    loop = asyncio.get_running_loop()
    for _ in range(1000):
        context = {"message": "socket.accept() …", "exception": OSError(errno.EMFILE, "too many")}
        loop.call_exception_handler(context)

    printed = "".join(capsys.readouterr())
    assert printed.count("\n") == 1
    assert address.away.counts[Check.NO_DESCRIPTORS] == 1000


def test_the_bounds_are_those_that_operators_read() -> None:
    """The table of bounds in OPERATING names the figures."""
    assert _figures(http_limits.USUAL) == [256, 10.0, 10.0, 75.0, 8190, 8190, 64, 1048576]


def _figures(bounds: http_limits.Bounds) -> Sequence[float]:
    return [getattr(bounds, name) for name in bounds.__dataclass_fields__]
