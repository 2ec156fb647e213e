"""What a run writes down while it goes on, however long the database is away."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import structlog

from bot.power import errors, ledger, ports, run

log = structlog.get_logger()

# How long to wait before a database that is away is tried again.
AGAIN_S = 2.0


@dataclasses.dataclass(frozen=True)
class Books:
    """Writes under the fence of a run. It keeps nothing between runs."""

    store: ports.RequestStore
    clock: ports.Clock
    wake: Callable[[], None] = lambda: None

    async def write(self, work: Callable[[ports.Tx], None]) -> None:
        """Write, waiting for a database that is away: what has happened must be noted.

        Raises:
            LostLease: another process has taken over.
        """
        while True:
            try:
                await self.store.write(work)
            except errors.StoreUnavailable as error:
                log.warning("store.away", why=error.user_message)
                await self.clock.sleep(AGAIN_S)
            else:
                self.wake()
                return

    async def progress(self, going: run.Run) -> None:
        """Store the rows that have changed.

        Raises:
            LostLease: another process has taken over.
        """
        rows, now = going.to_store(), self.clock.now()
        if not rows:
            return
        await self.write(
            lambda tx: ledger.progress(tx, going.request, rows, epoch=going.epoch, now=now)
        )
        going.noted(rows)
