"""The list of all servers, read page by page, once for all who want it at the same time."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Protocol

import structlog

from bot.clouddc import rows, wire
from bot.power import errors, ports, server
from bot.runtime import single_flight

log = structlog.get_logger()

# The largest project that is read; more would hold up the process and Slack couldn't show it.
MOST_SERVERS = 20_000
# A service that serves only its smallest pages of ten still fits.
MOST_PAGES = MOST_SERVERS // 10
# Pages in a row that may bring nothing new before the list counts as ended.
MOST_IDLE = 3
TOO_LONG = (
    f"the project's list is longer than {MOST_SERVERS:,} servers or {MOST_PAGES:,} pages, "
    "which is as much as Powerbot reads"
)


class Lister(Protocol):
    """Whatever serves the pages of the list."""

    async def list_page(self, marker: str = "") -> wire.ListPage:
        """Return the page behind a marker."""


class Inventory:
    """The newest snapshot of the project, and the sweep that makes the next one."""

    def __init__(
        self,
        lister: Lister,
        clock: ports.Clock,
    ) -> None:
        self._lister = lister
        self._clock = clock
        self._sweeping = single_flight.SingleFlight(self._sweep, clock)
        self._latest: server.Snapshot | None = None
        self._latest_began: single_flight.Began | None = None

    @property
    def pages(self) -> int | None:
        """How many calls a sweep takes, as far as is known."""
        if self._latest is None:
            return None
        # Rounded up: the last page is a call too.
        return max(1, -(-len(self._latest.servers) // wire.LARGEST_PAGE))

    @property
    def latest_began(self) -> single_flight.Began | None:
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

    async def _sweep(self, began: single_flight.Began) -> server.Snapshot:
        """Follow the markers to the end of the list."""
        before = self._latest.servers if self._latest else {}
        reading, marker = _Reading(), ""
        while True:
            page = await self._lister.list_page(marker)
            reading.take(page, marker, before)
            if reading.too_long:
                raise errors.CloudError(TOO_LONG)
            following = reading.marker_after(page)
            if not following:
                return self._keep(began, reading)
            marker = following

    def _keep(self, began: single_flight.Began, reading: _Reading) -> server.Snapshot:
        snapshot = server.Snapshot(
            reading.found,
            began.at,
            total=reading.total,
            unreadable=reading.unreadable,
            endless=reading.endless,
        )
        # A sweep that failed on its way never comes here, so that half a list replaces none.
        self._latest, self._latest_began = snapshot, began
        log.debug("clouddc.swept", servers=len(reading.found), pages=len(reading.asked))
        if snapshot.shortfall:
            log.warning(
                "clouddc.sweep_incomplete",
                servers=len(reading.found),
                total=reading.total,
                unreadable=reading.unreadable,
            )
        return snapshot


@dataclasses.dataclass
class _Reading:
    """One sweep so far; `total` and `unreadable` are what `wire.ListPage` says of them."""

    found: dict[str, server.Server] = dataclasses.field(default_factory=dict)
    asked: set[str] = dataclasses.field(default_factory=set)
    total: int = 0
    unreadable: int = 0
    # Pages in a row that brought no server that wasn't known, and whether the newest was none
    # behind the last: it had rows, or says that there are more.
    idle: int = 0
    goes_on: bool = False
    # Whether the newest page says where to read on, and whether the count was that of a page.
    points_on: bool = dataclasses.field(init=False, default=False)
    miscounted: bool = dataclasses.field(init=False, default=False)

    def take(self, page: wire.ListPage, marker: str, before: Mapping[str, server.Server]) -> None:
        """Add the page that was asked for with this marker.

        `before` are the servers that the last sweep found, by id.
        """
        known, whole = len(self.found), self.whole
        self.found.update(rows.kept(page.servers, before))
        self.asked.add(marker)
        # A count that only some of the pages have holds for the others.
        self.total = page.total or self.total
        # Where the service itself saw no more, a count that servers follow is that of a page.
        behind = whole and not self.points_on and len(self.found) > known
        self.miscounted = self.miscounted or behind
        self.points_on = bool(page.next_marker)
        self.goes_on = bool(page.servers or page.unreadable or page.next_marker)
        if len(self.found) > known:
            self.idle, self.unreadable = 0, self.unreadable + page.unreadable
        else:
            self.idle += 1

    @property
    def too_long(self) -> bool:
        """Whether this is more than is ever read."""
        return len(self.found) > MOST_SERVERS or len(self.asked) > MOST_PAGES

    @property
    def whole(self) -> bool:
        """Whether as many servers are known as the service counts."""
        counted = 0 < self.total <= len(self.found) + self.unreadable
        return counted and not self.miscounted

    @property
    def endless(self) -> bool:
        """Whether nothing says that this is all: no count, and no empty page behind the last.

        An empty page that points on, to where the list was read already, says nothing either.
        """
        return self.goes_on and (not self.total or self.miscounted)

    def marker_after(self, page: wire.ListPage) -> str:
        """Return where to read on, or an empty text where the list has ended.

        The service's own marker is followed while it moves. Without one, the last row is the
        marker, until as many servers are known as the service counts: a page is shorter than was
        asked for where the service has a smaller limit. Pages that bring nothing new end the
        list, since a marker could move for ever.

        As many rows as the smallest page has, and a count of as many, may be a service that heeds
        no limit and counts its page: one look behind them tells it from a list of ten.
        """
        if self.idle and (self.whole or self.idle > MOST_IDLE):
            return ""
        alone = len(self.asked) == 1 and len(self.found) + self.unreadable == wire.SMALLEST_PAGE
        ended = self.whole and not alone
        candidates = [page.next_marker] if ended else [page.next_marker, page.last_id]
        return next((one for one in candidates if one and one not in self.asked), "")
