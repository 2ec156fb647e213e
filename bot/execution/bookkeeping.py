"""What a run writes down while it goes on, however long the database is away."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import structlog

from bot.power import errors, ports, waiting
from bot.power.run import ledger, run

log = structlog.get_logger()

# How long to wait before a database that is away is tried again.
AGAIN_S = 2.0
# Rows in one transaction: it takes a few milliseconds, which is as long as a click waits for it.
TOGETHER = 500


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
        """Store the rows that have changed, some at once: what a click leaves is stored between.

        Raises:
            LostLease: another process has taken over.
        """
        while rows := going.to_store(TOGETHER):
            await self.write(self._noting(going, rows))
            going.noted(rows)

    async def waits(self, going: run.Run, service: waiting.Service, why: str, until: float) -> bool:
        """Show that a run waits for a service and gives up at `until`; False if that is no news."""
        same = going.waits is not None and going.waits.service is service
        if not same or going.waits_since is None:
            going.waits_since = self.clock.monotonic()
        if same:
            return False
        now = self.clock.now()
        going.waits = waited = waiting.Wait(service, why, now, until)
        await self.write(lambda tx: ledger.wait(tx, going.request, waited, now=now))
        return True

    async def goes_on(self, going: run.Run, service: waiting.Service) -> None:
        """Show that a service has answered a run that waited for it."""
        if going.waits is None or going.waits.service is not service:
            return
        going.waits, going.waits_since, now = None, None, self.clock.now()
        await self.write(lambda tx: ledger.wait(tx, going.request, None, now=now))

    def _noting(
        self, going: run.Run, rows: Sequence[ports.RunServer]
    ) -> Callable[[ports.Tx], None]:
        """Return the transaction that stores these rows."""
        now = self.clock.now()
        return lambda tx: ledger.progress(tx, going.request, rows, epoch=going.epoch, now=now)
