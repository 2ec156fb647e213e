"""Surroundings around a few servers whose power and clocks a test holds in its hand."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from bot.sandbox import surroundings

NAMES = ("web01", "web02", "web03", "db01")


@dataclass
class Stage:
    """Some surroundings; `up` tells since when each server is up, on the clock `now`."""

    names: tuple[str, ...] = NAMES
    now: float = 1000.0
    up: dict[str, float] = field(default_factory=dict)
    busy: set[str] = field(default_factory=set)
    url: str = ""

    def __post_init__(self) -> None:
        """Build the surroundings, with every server up for long."""
        self.up |= dict.fromkeys(self.names, 0.0)
        racks = surroundings.Racks(self.names, self.look, lambda: self.now)
        self.around = surroundings.Surroundings(racks, wall=time.time)

    def look(self, name: str) -> surroundings.Standing:
        """Return how a server stands."""
        if name not in self.names:
            raise KeyError(name)
        is_up = name in self.up
        return surroundings.Standing(is_up, name in self.busy, self.up.get(name, 0.0))


@contextlib.asynccontextmanager
async def staged(*names: str) -> AsyncIterator[Stage]:
    """Serve the surroundings of some servers while the block lasts."""
    stage = Stage(names or NAMES)
    running = await surroundings.start(stage.around)
    stage.url = running.url
    try:
        yield stage
    finally:
        await running.stop()
