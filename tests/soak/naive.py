"""A bot as one would write it on a Friday: it calls, and notes afterwards that it has called.

It is the control of the crash tests: a harness in which this one reboots nothing twice finds
nothing.
"""

from __future__ import annotations

import asyncio
import os
import pathlib
import signal
from collections.abc import Mapping

from bot import cloud, settings
from bot.clouddc import exchange
from bot.operations import logs
from bot.power import ports
from bot.runtime import clocks
from tests.soak.replica import Doom


def main(environment: Mapping[str, str], log: str, factor: float, *doom: str) -> None:
    """Reboot the server whose id is in the file `todo`, then empty the file."""
    os.environ.clear()
    os.environ.update(environment)
    watchers = [Doom(*doom)] if doom else []
    logs.configure("json", "error", watchers=watchers)
    todo = pathlib.Path(log).with_name("todo")
    if server_id := todo.read_text():
        asyncio.run(_reboot(server_id))
        todo.write_text("")
    signal.pause()


async def _reboot(server_id: str) -> None:
    """Call."""
    given = settings.load(None)
    async with exchange.open_http() as http:
        power = cloud.power_of(given, http, clocks.SystemClock())
        await power.switch(ports.Method.REBOOT, [server_id], "naive")
        await power.aclose()
