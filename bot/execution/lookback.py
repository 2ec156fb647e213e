"""Goes on looking at servers after their run has ended: what CloudDC does late is told late.

The row does it: any process takes over what is due, so that no death and no deploy ends it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import structlog

from bot.power import aftermath, errors, ports, server

log = structlog.get_logger()


@dataclasses.dataclass(frozen=True)
class Lookback:
    """Looks at the servers of ended runs. It keeps nothing between two looks."""

    store: ports.RequestStore
    power: ports.PowerApi
    clock: ports.Clock
    wake: Callable[[], None] = lambda: None

    async def look(self) -> int:
        """Take every look that is due; return how many runs were looked at.

        Raises:
            StoreUnavailable: the database can't be reached; the looks stay due.
        """
        now = self.clock.now()
        if not await self.store.read(lambda tx: tx.looks_wait(now=now)):
            return 0
        due = await self.store.write(
            lambda tx: tx.due_looks(now=now, again_s=aftermath.LOOK_EVERY_S)
        )
        for request_id, until in due:
            await self._look_at(request_id, until)
        if due:
            self.wake()
        return len(due)

    async def _look_at(self, request_id: str, until: float) -> None:
        """Look at the servers of one ended run and write down what that showed."""
        found, rows = await self.store.read(
            lambda tx: (tx.request(request_id), tx.run_servers(request_id))
        )
        action = found.order.action if found else None
        ids = [row.server_id for row in rows if action and aftermath.wanted(action, row)]
        records = await self._read(request_id, ids)
        now = self.clock.now()
        await self.store.write(
            lambda tx: aftermath.noted(tx, request_id, records, now=now, until=until)
        )

    async def _read(self, request_id: str, ids: list[str]) -> Mapping[str, server.Server]:
        """Read the records; none when CloudDC can't be asked at this moment."""
        if not ids:
            return {}
        try:
            sighting = await self.power.sighting(ids, not_before=self.clock.now())
        except errors.CloudError as error:
            log.warning("lookback.unread", request=request_id, why=error.user_message)
            return {}
        return sighting.servers
