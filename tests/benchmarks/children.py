"""Child processes: started on a core of their own, read until they are ready, ended by their id."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import pathlib
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping

READY = b"READY "
PATIENCE_S = 120.0
STOP_S = 20.0
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
# What is measured has this core to itself; who measures stays on the others.
MEASURED_CORE = 0
ROOT = pathlib.Path(__file__).parents[2]
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
OURS = ("SLACK_", "CLOUDDC_", "HUAWEICLOUD_", "HW_", "POWERBOT_", "DATABASE_URL")


@dataclasses.dataclass(frozen=True)
class Child:
    """A running program; `started_at` is when it was started (monotonic)."""

    process: asyncio.subprocess.Process
    started_at: float

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    def cpu_s(self) -> float:
        """Seconds of processor time so far, user and system."""
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND

    def memory_bytes(self) -> int:
        """Bytes of memory that it holds at this moment."""
        return int(pathlib.Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * PAGE_BYTES

    async def said(self, *, within_s: float = PATIENCE_S) -> str:
        """Return what follows READY on its standard output.

        Raises:
            RuntimeError: it ended before it was ready.
        """
        assert self.process.stdout is not None
        async with asyncio.timeout(within_s):
            while line := await self.process.stdout.readline():
                if line.startswith(READY):
                    return line.removeprefix(READY).decode().strip()
        raise RuntimeError("the program ended before it was ready")


def stay_off_the_measured_core() -> None:
    """Leave one core to what is measured, where there is more than one."""
    cores = os.sched_getaffinity(0) - {MEASURED_CORE}
    if cores:
        os.sched_setaffinity(0, cores)


def environment(**more: str) -> dict[str, str]:
    """Return this environment without proxies and without settings of the bot."""
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(OURS) and key.lower() not in PROXIES
    }
    # A child that may not write byte code compiles every import anew.
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return {**kept, "PYTHONPATH": str(ROOT), **more}


@contextlib.asynccontextmanager
async def running(
    *arguments: str,
    env: Mapping[str, str],
    cwd: pathlib.Path | None = None,
    python: str = sys.executable,
    measured: bool = True,
) -> AsyncIterator[Child]:
    """Run a Python program while the block lasts."""
    started_at = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *(python, *arguments), env=dict(env), cwd=cwd, stdout=asyncio.subprocess.PIPE
    )
    if measured and os.cpu_count() != 1:
        os.sched_setaffinity(process.pid, {MEASURED_CORE})
    try:
        yield Child(process, started_at)
    finally:
        await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Ask it to end, and wait; then end it."""
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(STOP_S):
            await process.communicate()
    except TimeoutError:
        process.kill()
        await process.communicate()
