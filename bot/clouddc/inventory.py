"""The list of all servers, read page by page, once for all who want it at the same time."""

from __future__ import annotations

from typing import Protocol

import structlog

from bot import foreground as foreground_
from bot.clouddc import flight, wire
from bot.power import errors, ports, server

log = structlog.get_logger()

# The largest project that is read; more would hold up the process and Slack couldn't show it.
MOST_SERVERS = 20_000
# A service that serves only its smallest pages of ten still fits.
MOST_PAGES = MOST_SERVERS // 10


class Lister(Protocol):
    """Whatever serves the pages of the list."""

    async def list_page(self, marker: str = "") -> wire.Page:
        """Return the page behind a marker."""


class Inventory:
    """The newest snapshot of the project, and the sweep that makes the next one."""

    def __init__(
        self,
        lister: Lister,
        clock: ports.Clock,
        foreground: foreground_.Foreground | None = None,
    ) -> None:
        self._lister = lister
        self._clock = clock
        self._foreground = foreground or foreground_.Foreground()
        self._sweeping = flight.SingleFlight(self._sweep, clock)
        self._latest: server.Snapshot | None = None
        self._latest_began: flight.Began | None = None

    @property
    def pages(self) -> int | None:
        """How many calls a sweep takes, as far as is known."""
        if self._latest is None:
            return None
        return max(1, -(-len(self._latest.servers) // wire.LARGEST_PAGE))

    @property
    def latest_began(self) -> flight.Began | None:
        """When the newest snapshot's sweep began."""
        return self._latest_began

    def latest(self) -> server.Snapshot | None:
        """Return the newest snapshot, however old."""
        return self._latest

    async def snapshot(self, *, not_before: float) -> server.Snapshot:
        """Return a snapshot whose sweep began at `not_before` (epoch seconds) or later.

        Raises:
            CloudError: the list could not be read.
        """
        began = self._latest_began
        if self._latest and began and began.is_since(not_before, self._clock):
            return self._latest
        return await self.sweep(not_before=not_before)

    async def sweep(self, *, not_before: float) -> server.Snapshot:
        """Read the list anew, or share a sweep under way that began late enough.

        Raises:
            CloudError: the list could not be read.
        """
        return await self._sweeping.result(lambda began: began.is_since(not_before, self._clock))

    async def aclose(self) -> None:
        """Stop the sweep under way."""
        await self._sweeping.aclose()

    async def _sweep(self, began: flight.Began) -> server.Snapshot:
        """Follow the markers to the end of the list.

        A page that brings nothing new ends it too: a marker that repeats would go on for ever.
        So does a full page without a marker when the service's own count says that it is the last.
        """
        found: dict[str, server.Server] = {}
        marker, total, unreadable, pages = "", 0, 0, 0
        while pages < MOST_PAGES:
            page = await self._lister.list_page(marker)
            await self._foreground.give_way()
            known, pages = len(found), pages + 1
            found.update((row.id, row) for row in page.servers)
            total, unreadable = page.total, unreadable + page.unreadable
            if len(found) > MOST_SERVERS:
                break
            whole = not page.promised and 0 < page.total <= len(found)
            repeats = page.next_marker == marker or len(found) == known
            if not page.next_marker or repeats or whole:
                return self._keep(began, found, total=total, unreadable=unreadable, pages=pages)
            marker = page.next_marker
        raise errors.CloudError(
            f"the project's list is longer than {MOST_SERVERS:,} servers or {MOST_PAGES:,} pages, "
            "which is as much as Powerbot reads"
        )

    def _keep(
        self,
        began: flight.Began,
        found: dict[str, server.Server],
        *,
        total: int,
        unreadable: int,
        pages: int,
    ) -> server.Snapshot:
        snapshot = server.Snapshot(found, began.at)
        self._latest, self._latest_began = snapshot, began
        log.info("clouddc.swept", servers=len(found), pages=pages)
        if unreadable or len(found) < total:
            log.warning(
                "clouddc.sweep_incomplete", servers=len(found), total=total, unreadable=unreadable
            )
        return snapshot
