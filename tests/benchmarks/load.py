"""A load on one address: requests that were made before, one in flight on each connection.

Latency is from the write of a request to the last byte of its answer.
"""

from __future__ import annotations

import asyncio
import dataclasses
import statistics
import time
from collections.abc import Callable

from tests.benchmarks import payloads

DEADLINE_S = 60.0
# More answers than this in a second no Python server gives.
MOST_A_SECOND = 9000
PARTS = 100


@dataclasses.dataclass(frozen=True)
class Load:
    """What came of a load: answers a second, and seconds from request to answer."""

    answers: int
    lasted_s: float
    latencies_s: tuple[float, ...]
    refused: int

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.answers / self.lasted_s

    @property
    def p50_s(self) -> float:
        """The middle latency."""
        return statistics.median(self.latencies_s)

    @property
    def p99_s(self) -> float:
        """The latency that one in a hundred exceeds."""
        return percentile(self.latencies_s, 99)


def percentile(values: tuple[float, ...] | list[float], part: float) -> float:
    """Return the value below which `part` per cent lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part / PARTS))]


class _Connection(asyncio.Protocol):
    """One keep-alive connection that has one request in flight."""

    def __init__(self, answered: Callable[[_Connection, float, bool], None]) -> None:
        self._answered = answered
        self._got = bytearray()
        self._sent_at = 0.0
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way out."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def send(self, request: bytes) -> None:
        """Send a request and note when."""
        self._sent_at = time.perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Look whether the answer is whole; an ack with words in it is a refusal."""
        self._got += data
        head, found, rest = bytes(self._got).partition(b"\r\n\r\n")
        if not found or len(rest) < _length(head):
            return
        self._got.clear()
        self._answered(self, time.perf_counter() - self._sent_at, head[9:12] == b"200" and not rest)


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


async def closed(port: int, kind: str, slack: str, *, connections: int, seconds: float) -> Load:
    """Keep so many requests in flight for so long, each new one when an answer has come."""
    most = max(connections * 2, int(MOST_A_SECOND * seconds * min(1.0, connections / 8 + 0.25)))
    waiting = [payloads.signed_request(port, kind, slack) for _ in range(most)]
    latencies: list[float] = []
    refused = 0
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()
    until = 0.0

    def answered(connection: _Connection, latency_s: float, good: bool) -> None:
        nonlocal refused
        latencies.append(latency_s)
        refused += not good
        if time.perf_counter() < until and waiting:
            connection.send(waiting.pop())
        elif not ended.done():
            ended.set_result(None)

    opened = [
        (await loop.create_connection(lambda: _Connection(answered), "127.0.0.1", port))[1]
        for _ in range(connections)
    ]
    began = time.perf_counter()
    until = began + seconds
    for connection in opened:
        connection.send(waiting.pop())
    async with asyncio.timeout(DEADLINE_S):
        await ended
    lasted_s = time.perf_counter() - began
    for connection in opened:
        connection.transport.abort()
    return Load(len(latencies), lasted_s, tuple(latencies), refused)


async def planned(port: int, kind: str, slack: str, *, rate: float, seconds: float) -> Load:
    """Send at planned times, answers or not; latency counts from the planned time."""
    count = int(rate * seconds)
    waiting = [payloads.signed_request(port, kind, slack) for _ in range(count)]
    latencies: list[float] = []
    refused = 0
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()
    free: list[_Connection] = []

    def answered(connection: _Connection, latency_s: float, good: bool) -> None:
        nonlocal refused
        latencies.append(latency_s)
        refused += not good
        free.append(connection)
        if len(latencies) == count and not ended.done():
            ended.set_result(None)

    began = time.perf_counter()
    for number, request in enumerate(waiting):
        await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
        if not free:
            made = await loop.create_connection(lambda: _Connection(answered), "127.0.0.1", port)
            free.append(made[1])
        free.pop().send(request)
    async with asyncio.timeout(DEADLINE_S):
        await ended
    for connection in free:
        connection.transport.abort()
    return Load(count, time.perf_counter() - began, tuple(latencies), refused)
