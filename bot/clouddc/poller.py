"""One poller for all running requests, and the power API that the workflow is given."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import Collection, Iterator, KeysView, Mapping, Sequence, Set
from typing import Protocol

from bot.clouddc import client, inventory, single_reads
from bot.power import errors, ports, server
from bot.runtime import single_flight

# A sweep that a watcher hasn't been shown yet counts as its next look when it began at most this
# long ago, and at most half as long ago as the watcher's last look or the power call: twenty
# requests that poll every 15 s with jitter then cost about two sweeps in that time, not twenty.
SHARE_S = 8.0
# Somebody who hasn't polled for this long is polling for the first time.
FORGET_S = 120.0
# Servers missing from a short list that are read one by one.
MOST_SHOWN = 50
# Watchers for whom we remember what they were shown; one too many would only read again.
MOST_WATCHERS = 200
# Single reads that take longer than this, in seconds, are given up for the list, which may answer
# where one of them hangs. Half of what a click waits for, so that the list has the other half.
SINGLY_S = 4.0
# The same for a round of those who watch: each read waits its turn behind others.
ROUND_S = 15.0
# Single reads that fail so say nothing of a server: the list would fare no better.
NO_ANSWER = (errors.NotSent, errors.Throttled, errors.Unauthorized)


class Shower(Protocol):
    """Whatever shows one server's record."""

    async def show(self, server_id: str) -> server.Server:
        """Return the record.

        Raises:
            UnknownServers: there is no such server.
        """


@dataclasses.dataclass(frozen=True, slots=True)
class _Round:
    """What one reading saw."""

    servers: Mapping[str, server.Server]
    began: single_flight.Began
    whole: bool = True
    # Servers that the list didn't show and that were asked for one by one, there or not.
    asked: frozenset[str] = frozenset()


@dataclasses.dataclass(slots=True)
class _Shown:
    """What single reads told: of each server that they told of its record, None for no server."""

    answered: dict[str, server.Server | None] = dataclasses.field(default_factory=dict)
    failed: errors.CloudError | None = None  # Why others could not be read.

    @property
    def found(self) -> dict[str, server.Server]:
        """The records that there are."""
        return {id_: one for id_, one in self.answered.items() if one is not None}


class Poller:
    """Reads servers that are being switched, for all who watch some, in shared rounds.

    A round lists the project, or shows the servers one by one when that is fewer calls.
    """

    def __init__(
        self,
        cloud: Shower,
        servers: inventory.Inventory,
        clock: ports.Clock,
        *,
        share_s: float = SHARE_S,
    ) -> None:
        self._cloud = cloud
        self._inventory = servers
        self._clock = clock
        self._share_s = share_s
        self._rounds = single_flight.SingleFlight(self._round, clock)
        self._singles = single_reads.SingleReads(servers, clock)
        self._waiting: dict[object, KeysView[str]] = {}
        # What the round under way reads; None for all servers, or for not yet chosen.
        self._reading: Set[str] | None = None
        # The start (monotonic) of the newest round that was shown to each watcher, the newest last.
        self._shown: list[tuple[KeysView[str], float]] = []

    async def next_sighting(self, ids: Collection[str], *, not_before: float) -> ports.Sighting:
        """Return what a round saw that began at `not_before` or later and is news to these ids.

        Servers that don't exist any more are missing from it; others may be in it too.

        Raises:
            CloudError: they could not be read.
        """
        # As keys ten thousand ids take two fifths of what they would as a set.
        wanted = self._known(dict.fromkeys(ids).keys())
        if not wanted:
            return ports.Sighting({}, self._clock.now())
        found = self._unseen(wanted, not_before)
        if found is None:
            found = await self._next_round(wanted, not_before)
        self._note_shown(wanted, found)
        unread = set() if found.whole else wanted - found.servers.keys() - found.asked
        return ports.Sighting(found.servers, found.began.at, frozenset(unread))

    async def records(
        self, ids: Collection[str], *, not_before: float, whole: bool = False
    ) -> server.Records:
        """Return the newest records of some servers, read at `not_before` or later.

        They are a snapshot unless each server could be read by itself, for fewer calls.

        Raises:
            CloudError: they could not be read.
        """
        found = self._singles.at_hand(ids, not_before, whole=whole)
        if found is None and not whole and self._is_better_singly(ids):
            found = await self._read_singly(ids, not_before)
        if found is not None:
            return found
        # Gone by a single read: only a list from after it says whether another has the name.
        since = max(not_before, self._singles.gone_at(ids))
        listed = await self._inventory.snapshot(not_before=since)
        return self._singles.on_list(ids) or listed

    async def aclose(self) -> None:
        """Stop the round under way."""
        await self._rounds.aclose()

    def _is_better_singly(self, ids: Collection[str]) -> bool:
        """Whether these are fewer calls than the list, which is known to be whole, and answer."""
        listed, pages = self._inventory.latest(), self._inventory.pages
        if listed is None or pages is None or listed.shortfall is not None:
            return False
        return 0 < len(ids) < pages and not self._singles.spares(ids)

    async def _read_singly(self, ids: Collection[str], not_before: float) -> server.Records | None:
        """Read servers in a round; None where that doesn't find them all, for the list to tell."""
        try:
            async with asyncio.timeout(SINGLY_S):
                await self._next_round(dict.fromkeys(ids).keys(), not_before)
        except (errors.CloudError, TimeoutError):
            return None
        return self._singles.at_hand(ids, not_before, whole=False)

    async def _next_round(self, wanted: KeysView[str], not_before: float) -> _Round:
        """Return a round that began at `not_before` or later and reads all of these."""
        with self._waits_for(wanted):
            return await self._rounds.result(
                lambda began: (
                    began.is_since(not_before, self._clock)
                    and (self._reading is None or wanted <= self._reading)
                )
            )

    def _unseen(self, wanted: KeysView[str], not_before: float) -> _Round | None:
        """Return the newest sweep if it is news to the watcher of these ids, and young enough."""
        listed, began = self._inventory.latest(), self._inventory.latest_began
        if listed is None or began is None:
            return None
        shown = (at for ids, at in self._shown if not ids.isdisjoint(wanted))
        looked_at = max(shown, default=float("-inf"))
        # Half of this is what a shared sweep may lag behind without slowing its watcher down.
        gap_s = min(self._clock.monotonic() - looked_at, self._clock.now() - not_before)
        young = began.age_s(self._clock) <= min(self._share_s, gap_s / 2)
        late_enough = began.is_since(not_before, self._clock)
        news = began.ticks > looked_at
        if not (young and late_enough and news):
            return None
        # What a list which falls short doesn't show is asked for in a round.
        has_all = listed.shortfall is None or wanted <= listed.servers.keys()
        return _Round(listed.servers, began) if has_all else None

    async def _round(self, began: single_flight.Began) -> _Round:
        """Read everybody who is waited for at this moment, with the fewest calls."""
        first, *others = self._waiting.values()
        wanted: Set[str] = set(first).union(*others) if others else first
        pages = self._inventory.pages
        if pages is None or len(wanted) >= pages or self._singles.spares(wanted):
            return await self._list(wanted, began)
        self._reading = wanted
        try:
            shown = await self._show_all(wanted)
        finally:
            self._reading = None
        if shown.failed is None:
            self._singles.note(wanted, shown.found, began)
            return _Round(shown.found, began)
        if isinstance(shown.failed, NO_ANSWER):
            raise shown.failed
        # One record that can't be read by itself must not hide those of others.
        self._singles.spare(wanted - shown.answered.keys())
        return await self._list(wanted, began)

    async def _list(self, wanted: Set[str], began: single_flight.Began) -> _Round:
        """List the project, and show those whom a list that falls short leaves out."""
        snapshot = await self._inventory.sweep(not_before=began.at)
        if snapshot.shortfall is None:
            return _Round(snapshot.servers, began)
        left_out = sorted(wanted - snapshot.servers.keys())[:MOST_SHOWN]
        shown = await self._show_all(left_out)
        servers = {**snapshot.servers, **shown.found}
        return _Round(servers, began, whole=False, asked=frozenset(shown.answered))

    async def _show_all(self, ids: Collection[str]) -> _Shown:
        """Show these servers at the same time; the client keeps to the rate."""
        # All are waited for, so that none goes on reading after the round has failed.
        results = await asyncio.gather(*map(self._show, ids), return_exceptions=True)
        shown = _Shown()
        for id_, result in zip(ids, results, strict=True):
            if isinstance(result, errors.CloudError):
                shown.failed = shown.failed or result
            elif isinstance(result, BaseException):
                raise result
            else:
                shown.answered[id_] = result
        return shown

    async def _show(self, server_id: str) -> server.Server | None:
        try:
            async with asyncio.timeout(ROUND_S):
                return await self._cloud.show(server_id)
        except errors.UnknownServers:
            return None
        except TimeoutError as error:
            raise errors.OutcomeUnknown("CloudDC did not answer in time") from error

    @contextlib.contextmanager
    def _waits_for(self, wanted: KeysView[str]) -> Iterator[None]:
        ticket = object()
        self._waiting[ticket] = wanted
        try:
            yield
        finally:
            del self._waiting[ticket]

    def _known(self, ids: KeysView[str]) -> KeysView[str]:
        """Return the set of a watcher's last look if it is the same: there are thousands in it."""
        return next((known for known, _ in self._shown if known == ids), ids)

    def _note_shown(self, wanted: KeysView[str], found: _Round) -> None:
        """Note what a watcher was shown; whoever watched these and more has fewer left now."""
        oldest = self._clock.monotonic() - FORGET_S
        kept = [(ids, at) for ids, at in self._shown if at >= oldest and not ids >= wanted]
        self._shown = [*kept[-MOST_WATCHERS:], (wanted, found.began.ticks)]


@dataclasses.dataclass(frozen=True, slots=True)
class CloudPower:
    """The power API over one client: one inventory and one poller for the process."""

    cloud: client.CloudDC
    inventory: inventory.Inventory
    poller: Poller

    async def snapshot(self, *, not_before: float) -> server.Snapshot:
        """Return a snapshot whose sweep began at `not_before` (epoch seconds) or later."""
        return await self.inventory.snapshot(not_before=not_before)

    def latest(self) -> server.Snapshot | None:
        """Return the newest snapshot there is, however old, without a call."""
        return self.inventory.latest()

    async def records(
        self, server_ids: Collection[str], *, not_before: float, whole: bool = False
    ) -> server.Records:
        """Return the newest records of some servers, with the fewest calls."""
        return await self.poller.records(server_ids, not_before=not_before, whole=whole)

    async def sighting(self, server_ids: Collection[str], *, not_before: float) -> ports.Sighting:
        """Read some servers again, sharing what others read."""
        return await self.poller.next_sighting(server_ids, not_before=not_before)

    async def switch(
        self,
        method: ports.Method,
        server_ids: Sequence[str],
        attempt_id: str,
        *,
        within_s: float = client.LEAVE_WITHIN_S,
    ) -> ports.Accepted:
        """Send one power call for 1 to 50 distinct ids, once; it leaves in this time or never."""
        return await self.cloud.switch(method, server_ids, attempt_id, within_s=within_s)

    async def aclose(self) -> None:
        """Stop what is being read."""
        await self.poller.aclose()
        await self.inventory.aclose()
        await self.cloud.aclose()
