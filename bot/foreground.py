"""Who has clicked in Slack comes first: work on a large fleet gives way between its slices.

A step of the event loop holds up everybody else. What goes through thousands of servers does so in
slices of a few hundred microseconds, and rests between two of them while a payload of Slack's is
on its way to its acknowledgement.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

# How many turns of the event loop a request takes from its socket to `first`.
TURNS = 3
# Slack is never so busy that a run stands still: between two slices no rest is longer.
LONGEST_REST_S = 0.01


class Foreground:
    """Knows how many payloads are on their way to their acknowledgement; one for the process."""

    def __init__(self) -> None:
        self._in_hand = 0
        self._free = asyncio.Event()
        self._free.set()

    @contextlib.contextmanager
    def first(self) -> Iterator[None]:
        """Hold back whatever gives way, while the block lasts."""
        self._in_hand += 1
        self._free.clear()
        try:
            yield
        finally:
            self._in_hand -= 1
            if not self._in_hand:
                self._free.set()

    async def give_way(self) -> None:
        """Let whatever has come in meanwhile go first."""
        for _ in range(TURNS):
            await asyncio.sleep(0)
        if self._in_hand:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LONGEST_REST_S):
                    await self._free.wait()

    async def slices(self, items: Iterable[T], size: int) -> AsyncIterator[list[T]]:
        """Yield the items in slices of this size, giving way between them."""
        rest = iter(items)
        some = list(itertools.islice(rest, size))
        while some:
            yield some
            some = list(itertools.islice(rest, size))
            if some:
                await self.give_way()
