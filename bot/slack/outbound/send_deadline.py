"""The instant by which a call to Slack must have left, held until its first byte is written.

Whoever has a message in hand may say it for as long as its lease; later another process does.
"""

from __future__ import annotations

import contextlib
import contextvars
import dataclasses
from collections.abc import Iterator
from typing import Any

import aiohttp

from bot.power import ports


class TooLate(Exception):
    """It has not left, and no longer may: by now another process could say the same."""


@dataclasses.dataclass(slots=True)
class _Bound:
    """The instant of a monotonic clock by which a call leaves; `held` once one was too late."""

    clock: ports.Clock
    until: float
    held: bool = False


# The task's own, for messages that are sent at the same time have other leases.
_bound: contextvars.ContextVar[_Bound | None] = contextvars.ContextVar("bound", default=None)


@contextlib.contextmanager
def leaving_by(clock: ports.Clock, until: float) -> Iterator[None]:
    """In the block no call leaves after this instant of the monotonic clock, but raises `TooLate`.

    That holds for each try of a call, however long Slack has asked to wait before it, and for
    what the client repeats by itself where its session has `traced()`.
    """
    before = _bound.set(_Bound(clock, until))
    try:
        yield
    finally:
        _bound.reset(before)


def traced() -> aiohttp.TraceConfig:
    """Return what holds the calls of a session to `leaving_by` until they are written.

    A process can be frozen while it connects, while the client waits to try again, and between
    the connection and the first byte.
    """
    config = aiohttp.TraceConfig()
    config.on_connection_create_end.append(_still_in_time)
    config.on_connection_reuseconn.append(_still_in_time)
    # In spite of its name aiohttp calls it before it writes.
    config.on_request_chunk_sent.append(_still_in_time)
    return config


def check() -> None:
    """Raise `TooLate` when nothing may leave any more."""
    bound = _bound.get()
    if bound is not None and bound.clock.monotonic() > bound.until:
        # Remembered: aiohttp makes a broken connection of what is raised within a write.
        bound.held = True
        # Raised within the write, so that not even a part of it leaves.
        raise TooLate


def held() -> bool:
    """Whether a call of this block was held back, whatever it was told as."""
    bound = _bound.get()
    return bound is not None and bound.held


async def _still_in_time(*_: Any) -> None:
    check()
