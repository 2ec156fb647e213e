"""Fair turns where little is processed at once: whoever has had the fewest lately goes first."""

from __future__ import annotations

import asyncio
import collections
import contextlib
from collections.abc import AsyncIterator

from bot.power import ports

# How long turns are remembered, in seconds: much work an hour ago no longer counts.
REMEMBERED_S = 60.0


class Turns:
    """So many turns at once; used in one event loop."""

    def __init__(self, at_once: int, clock: ports.Clock) -> None:
        self._free = at_once
        self._clock = clock
        self._waiting: list[tuple[str, asyncio.Future[None]]] = []
        self._had: collections.Counter[str] = collections.Counter()
        self._since = clock.monotonic()

    @contextlib.asynccontextmanager
    async def take(self, who: str) -> AsyncIterator[None]:
        """Wait for a turn, and have it while the block lasts; the first of a minute is free."""
        if self._note(who) == 1:
            yield
            return
        await self._wait(who)
        try:
            yield
        finally:
            self._pass_on()

    async def _wait(self, who: str) -> None:
        """Wait until it is this one's turn."""
        if self._free:
            self._free -= 1
            return
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((who, mine))
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():
                self._pass_on()
            raise

    def _note(self, who: str) -> int:
        """Count a turn that is wanted, and forget those of long ago; return how many there were."""
        if self._clock.monotonic() - self._since >= REMEMBERED_S:
            self._had.clear()
            self._since = self._clock.monotonic()
        self._had[who] += 1
        return self._had[who]

    def _pass_on(self) -> None:
        """Give the turn to who has had the fewest, and of those to who waits the longest."""
        self._waiting = [(who, one) for who, one in self._waiting if not one.done()]
        if not self._waiting:
            self._free += 1
            return
        chosen = min(self._waiting, key=lambda waiting: self._had[waiting[0]])
        self._waiting.remove(chosen)
        chosen[1].set_result(None)
