"""A process that dies at any await of a run: before or after whatever it was waiting for."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Collection, Coroutine, Sequence
from typing import Any, TypeVar

from bot.power import ports, server

T = TypeVar("T")


class Crash(BaseException):
    """The process is gone; nothing catches this."""


@dataclasses.dataclass
class Doom:
    """Decides at each await whether the process dies there: at the one with a drawn number."""

    at: int
    after: bool
    passed: int = 0
    dead: bool = False

    @classmethod
    def drawn(cls, rng: random.Random, most: int) -> Doom:
        """Return a doom at one of the next `most` awaits, before or after what is awaited."""
        return cls(rng.randrange(most), rng.random() < 0.5)

    @classmethod
    def never(cls) -> Doom:
        """Return the doom of a process that lives on."""
        return cls(-1, after=False)

    async def meet(self, work: Coroutine[Any, Any, T]) -> T:
        """Await something, unless the process dies here."""
        if self.dead:
            # Whatever else the process was about to do stays undone.
            work.close()
            raise Crash
        here = self.passed == self.at
        self.passed += 1
        self.dead = here and not self.after
        if self.dead:
            work.close()
            raise Crash
        value = await work
        if here or self.dead:
            self.dead = True
            raise Crash
        return value


@dataclasses.dataclass
class DoomedStore:
    """The part of a store that a run uses."""

    store: ports.RequestStore
    doom: Doom

    async def write(self, work: Callable[[ports.Tx], T]) -> T:
        """Write, or die."""
        return await self.doom.meet(self.store.write(work))

    async def read(self, work: Callable[[ports.Tx], T]) -> T:
        """Read, or die."""
        return await self.doom.meet(self.store.read(work))

    def __getattr__(self, name: str) -> Any:
        """Everything else is the store's."""
        return getattr(self.store, name)


@dataclasses.dataclass
class DoomedPower:
    """A power API whose caller may die."""

    power: ports.PowerApi
    doom: Doom

    async def snapshot(self, *, not_before: float) -> server.Snapshot:
        """Read the list, or die."""
        return await self.doom.meet(self.power.snapshot(not_before=not_before))

    def latest(self) -> server.Snapshot | None:
        """Return what was read last."""
        return self.power.latest()

    async def records(
        self, server_ids: Collection[str], *, not_before: float, whole: bool = False
    ) -> server.Records:
        """Read some servers, or die."""
        work = self.power.records(server_ids, not_before=not_before, whole=whole)
        return await self.doom.meet(work)

    async def sighting(self, server_ids: Collection[str], *, not_before: float) -> ports.Sighting:
        """Look, or die."""
        return await self.doom.meet(self.power.sighting(server_ids, not_before=not_before))

    async def switch(
        self,
        method: ports.Method,
        server_ids: Sequence[str],
        attempt_id: str,
        *,
        within_s: float = 10.0,
    ) -> ports.Accepted:
        """Call, or die."""
        work = self.power.switch(method, server_ids, attempt_id, within_s=within_s)
        return await self.doom.meet(work)


class DoomedClock:
    """A clock whose sleepers may not wake up."""

    def __init__(self, clock: ports.Clock, doom: Doom) -> None:
        self._clock = clock
        self._doom = doom

    def now(self) -> float:
        """Return the wall clock."""
        return self._clock.now()

    def monotonic(self) -> float:
        """Return the monotonic clock."""
        return self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Sleep, perhaps for ever."""
        await self._doom.meet(self._clock.sleep(seconds))
