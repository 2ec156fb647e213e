"""A project of many servers in memory, with an inventory and a poller on it."""

from __future__ import annotations

import asyncio

import msgspec

from bot.clouddc import inventory, poller, wire
from bot.power import errors, ports, server
from tests.support import ticks

from .builders import START, server_id


class Cloud:
    """A project of many servers, read from memory; every answer waits while `gate` is shut.

    `show_fails` is what single reads alone fail with, `show_hangs` lets them alone wait for ever,
    and `broken` are servers of which no single read comes to an answer.
    """

    def __init__(self, count: int, *, page_size: int = wire.LARGEST_PAGE) -> None:
        self.rows = [server.Server(server_id(number), f"web{number}") for number in range(count)]
        self.page_size = page_size
        self.counts_more = 0
        self.lists: list[str] = []
        self.shows: list[str] = []
        self.fails: errors.CloudError | None = None
        self.show_fails: errors.CloudError | None = None
        self.show_hangs = False
        self.broken: dict[str, errors.CloudError] = {}
        self.gate = asyncio.Event()
        self.gate.set()

    async def list_page(self, marker: str = "") -> wire.ListPage:
        """The page behind a marker."""
        self.lists.append(marker)
        await self.gate.wait()
        if self.fails:
            raise self.fails
        first = 1 + [one.id for one in self.rows].index(marker) if marker else 0
        rows = tuple(self.rows[first : first + self.page_size])
        more = first + len(rows) < len(self.rows)
        return wire.ListPage(rows, rows[-1].id if more else "", len(self.rows) + self.counts_more)

    async def show(self, server_id: str) -> server.Server:
        """One server's record."""
        self.shows.append(server_id)
        await self.gate.wait()
        if self.show_hangs:
            await asyncio.Event().wait()
        if failure := self.fails or self.show_fails or self.broken.get(server_id):
            raise failure
        for one in self.rows:
            if one.id == server_id:
                return one
        raise errors.UnknownServers


class Bench:
    """A poller on an inventory on a cloud, with a hand-turned clock."""

    def __init__(self, count: int) -> None:
        self.clock = ticks.HandClock()
        self.cloud = Cloud(count)
        self.inventory = inventory.Inventory(self.cloud, self.clock)
        self.poller = poller.Poller(self.cloud, self.inventory, self.clock)

    async def sight(self, *numbers: int, not_before: float = START) -> ports.Sighting:
        """A look at some servers."""
        wanted = [server_id(number) for number in numbers]
        return await self.poller.next_sighting(wanted, not_before=not_before)

    async def read(
        self, *numbers: int, not_before: float | None = None, whole: bool = False
    ) -> server.Records:
        """Records of some servers, of this moment unless older ones will do."""
        wanted = [server_id(number) for number in numbers]
        since = self.clock.now() if not_before is None else not_before
        return await self.poller.records(wanted, not_before=since, whole=whole)

    def change(self, number: int, **changed: object) -> None:
        """Let a server's record say something else."""
        rows = self.cloud.rows
        rows[number] = msgspec.structs.replace(rows[number], **changed)

    def exchange(self, number: int, other: int) -> None:
        """Let a server with another id have this one's name and place in the list."""
        self.change(number, id=server_id(other))
