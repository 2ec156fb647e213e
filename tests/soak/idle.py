"""What idle connections cost the bot over HTTP; a real process, measured from outside.

`python -m tests.soak.idle --connections 1100 --commands 40` types commands without and with so many
half-open connections, and fails when the acknowledgements are slower by more than 50 ms at their
95th percentile, when a half-open connection outlives its time, or when the log grows by 100 KB.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import os
import pathlib
import resource
import statistics
import sys
import tempfile
import time

from bot import http_limits
from bot.sandbox import demo, workspace
from bot.sandbox.data_centre import serve

DANA, OPS = "U0DANA", "C0OPS"
MOST_SLOWER_S = 0.05
MOST_LOG_BYTES = 100_000
# The bot's own time for a head, and some to spare.
LEFT_ALONE_S = http_limits.USUAL.head_s + 3


@dataclasses.dataclass(frozen=True)
class Measured:
    """Acknowledgements in seconds without and with idle connections, and what was left."""

    without_s: list[float]
    beside_s: list[float]
    left: int
    log_bytes: int

    @property
    def good(self) -> bool:
        """Whether idle connections made no difference."""
        slower_s = _p95(self.beside_s) - _p95(self.without_s)
        return slower_s <= MOST_SLOWER_S and not self.left and self.log_bytes < MOST_LOG_BYTES

    def __str__(self) -> str:
        """Return the figures as one line."""
        without, beside = (
            f"{statistics.median(one) * 1000:.0f} ms, {_p95(one) * 1000:.0f} ms at p95"
            for one in (self.without_s, self.beside_s)
        )
        return (
            f"acknowledged without: {without}; beside them: {beside}; "
            f"left: {self.left}; log: {self.log_bytes} bytes"
        )


def _p95(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.95)]


async def measure(folder: pathlib.Path, port: int, connections: int, commands: int) -> Measured:
    """Run the bot over HTTP and play both parts."""
    (folder / "policy.toml").write_text(demo.POLICY)
    slack, api = workspace.Workspace(clock=time.time), await serve.start(demo.simulated_centre(20))
    await slack.start()
    slack.use_request_url(f"http://127.0.0.1:{port}/slack/events")
    given = demo.environment(slack.api_url, api.url, folder)
    given |= {"PORT": str(port), "SLACK_SIGNING_SECRET": slack.app.signing_secret}
    given |= {"POWERBOT_LOG_LEVEL": "info"}
    del given["SLACK_APP_TOKEN"]
    log = folder / "bot.log"
    with log.open("wb") as printed:
        bot = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", "run"), env=given, cwd=folder, stderr=printed
        )
    try:
        await _listening(port)
        without_s = [await _acked_s(slack) for _ in range(commands)]
        before = log.stat().st_size
        idle = [await _idle(port) for _ in range(connections)]
        beside_s = [await _acked_s(slack) for _ in range(commands)]
        await asyncio.sleep(LEFT_ALONE_S)
        left = await _left(idle)
        return Measured(without_s, beside_s, left, log.stat().st_size - before)
    finally:
        bot.terminate()
        await bot.wait()
        await slack.stop()
        await api.stop()


async def _listening(port: int) -> None:
    """Wait until the bot takes connections."""
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.1)


async def _idle(port: int) -> asyncio.StreamReader:
    """Open a connection that says half a word and waits."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST /slack/eve")
    return reader


async def _left(idle: list[asyncio.StreamReader]) -> int:
    """Return how many of these connections are still open."""

    async def ended(reader: asyncio.StreamReader) -> bool:
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(0.1):
                await reader.read()
        return reader.at_eof() or reader.exception() is not None

    with contextlib.suppress(TimeoutError):
        return list(await asyncio.gather(*map(ended, idle))).count(False)
    return sum(not reader.at_eof() and reader.exception() is None for reader in idle)


async def _acked_s(slack: workspace.Workspace) -> float:
    """Type a command and return how long its acknowledgement took."""
    began = time.monotonic()
    await slack.command(DANA, OPS, "/power status web01")
    took_s = time.monotonic() - began
    await asyncio.sleep(0.05)
    return took_s


def main() -> int:
    """Measure, print, and return the exit status."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--connections", type=int, default=1100)
    reader.add_argument("--commands", type=int, default=40)
    reader.add_argument("--port", type=int, default=3999)
    given = reader.parse_args()
    http_limits.raise_descriptors()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with tempfile.TemporaryDirectory(prefix=f"idle-{os.getpid()}-") as folder:
        work = measure(pathlib.Path(folder), given.port, given.connections, given.commands)
        found = asyncio.run(work)
    print(f"{given.connections} idle connections (limit {hard}): {found}")  # noqa: T201
    return 0 if found.good else 1


if __name__ == "__main__":
    sys.exit(main())
