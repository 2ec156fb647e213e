"""One replica of the bot as a process of its own: the real one, with its waits scaled.

With an event of the log and a number, the process sends itself a signal (SIGKILL unless another is
named) when that event comes for so many times.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

from bot import serving, settings
from bot.operations import health, logs, metrics, secret_rotation
from bot.runtime import clocks
from tests.support import ticks

# What stands in the log when a process has met its doom.
DOOMED = b"doomed\n"


class Doom:
    """Kills (or freezes) this process at one event of its log: every step of a request is one."""

    def __init__(self, event: str, number: str, what: str = "SIGKILL") -> None:
        self._event = event
        self._left = int(number)
        self._signal = signal.Signals[what]

    def __call__(
        self, _: object, __: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        """Look at an event."""
        name = str(event["event"])
        # A call or message is told apart by what it was.
        told = event.get("operation") or event.get("method") or event.get("kind") or ""
        if self._event in (name, f"{name}:{told}"):
            self._left -= 1
            if self._left == 0:
                os.write(sys.stderr.fileno(), DOOMED)
                os.kill(os.getpid(), self._signal)
        return event


def main(environment: Mapping[str, str], log: str, factor: float, *doom: str) -> None:
    """Run until SIGTERM, with the given environment, and stderr appended to a file."""
    os.environ.clear()
    os.environ.update(environment)
    opened = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(opened, sys.stderr.fileno())
    given = settings.load(None)
    settings.forget_secrets()
    counted = metrics.Metrics()
    watchers: list[Any] = [counted.watch]
    if doom:
        watchers.append(Doom(*doom))
    logs.configure("json", given.log_level, secrets=given.secrets, watchers=watchers)
    asyncio.run(
        serving.serve(
            given,
            "socket",
            health.of(counted, secret_rotation.Rotation(given)),
            observers=[counted.watch_loop],
            paces=ticks.faster(clocks.USUAL, factor),
        )
    )
