"""Keeps polling servers after their run has ended, and reports what CloudDC does late.

The row does it: any process takes over what is due, so that no death and no deploy ends it.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence

import structlog

from bot.power import errors, ports, server
from bot.power.run import late_results

log = structlog.get_logger()


@dataclasses.dataclass(frozen=True)
class Lookback:
    """Looks at the servers of ended runs. It keeps nothing between two looks."""

    store: ports.RequestStore
    power: ports.PowerApi
    clock: ports.Clock
    wake: Callable[[], None] = lambda: None

    async def look(self) -> int:
        """Poll for every run that is due; return how many runs were polled.

        Raises:
            StoreUnavailable: the database can't be reached; the looks stay due.
        """
        now = self.clock.now()
        # A read alone, most of the time: a write would take its turn from clicks.
        if not await self.store.read(lambda tx: tx.looks_wait(now=now)):
            return 0
        # Taking a look moves it on, so that two replicas don't make the same one.
        due = await self.store.write(
            lambda tx: tx.due_looks(now=now, again_s=late_results.LOOK_EVERY_S)
        )
        records = await self._read(await self._watched([request_id for request_id, _ in due]))
        now = self.clock.now()
        for request_id, until in due:
            await self.store.write(
                functools.partial(
                    late_results.noted, request_id=request_id, records=records, now=now, until=until
                )
            )
        if due:
            self.wake()
        return len(due)

    async def _watched(self, request_ids: Sequence[str]) -> list[str]:
        """Return the servers of these ended runs of which something may still show."""
        found: dict[str, None] = {}
        for request_id in request_ids:
            found.update(dict.fromkeys(await self._watched_of(request_id)))
        return list(found)

    async def _watched_of(self, request_id: str) -> list[str]:
        """Return those of one run."""
        ended, rows = await self.store.read(
            lambda tx: (tx.request(request_id), tx.run_servers(request_id))
        )
        if ended is None:
            return []
        action = ended.order.action
        return [one.server_id for one in rows if late_results.wanted(action, one)]

    async def _read(self, ids: Sequence[str]) -> Mapping[str, server.Server]:
        """Read the records, once for all; none when CloudDC can't be asked at this moment."""
        if not ids:
            return {}
        try:
            # Read anew: an older sweep may show servers as they were before the end.
            sighting = await self.power.sighting(ids, not_before=self.clock.now())
        except errors.CloudError as error:
            log.warning("lookback.unread", why=error.user_message)
            return {}
        return sighting.servers
