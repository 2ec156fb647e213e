"""What a run records as it goes, however long the database is unavailable."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import structlog

from bot.execution.context import Context
from bot.power import causes, errors, ports
from bot.power.run import ledger, runs

log = structlog.get_logger()

# How long to wait before a database that is away is tried again.
AGAIN_S = 2.0
# Rows in one transaction: it takes a few milliseconds, which is as long as a click waits for it.
TOGETHER = 500


async def write(context: Context, work: Callable[[ports.Tx], None]) -> None:
    """Write, waiting for a database that is away: what has happened must be noted.

    Raises:
        LostLease: another process has taken over.
    """
    while True:
        try:
            await context.store.write(work)
        except errors.StoreUnavailable as error:
            log.warning("store.away", why=error.user_message)
            await context.clock.sleep(AGAIN_S)
        else:
            # Cards and replies are due now; nobody should wait for the next tick.
            context.wake()
            return


async def progress(context: Context, run: runs.Run) -> None:
    """Store the rows that have changed, some at once: what a click leaves is stored between.

    Raises:
        LostLease: another process has taken over.
    """
    while rows := run.to_store(TOGETHER):
        await write(context, _saving(context, run, rows))
        # After the write: a row that a crash keeps from the store must stay to be stored.
        run.saved(rows)


async def show_wait(
    context: Context, run: runs.Run, service: causes.Service, why: str, until: float
) -> bool:
    """Show that a run waits for a service and gives up at `until`; False if that is no news."""
    # By the service, not the words: CloudDC may fail in another way at each look.
    same = run.waits is not None and run.waits.service is service
    if not same or run.waits_since is None:
        run.waits_since = context.clock.monotonic()
    if same:
        return False
    now = context.clock.now()
    run.waits = waited = causes.Wait(service, why, now, until)
    await write(context, lambda tx: ledger.wait(tx, run.request, waited, now=now))
    return True


async def end_wait(context: Context, run: runs.Run, service: causes.Service) -> None:
    """Show that a service has answered a run that waited for it."""
    if run.waits is None or run.waits.service is not service:
        return
    run.waits, run.waits_since, now = None, None, context.clock.now()
    await write(context, lambda tx: ledger.wait(tx, run.request, None, now=now))


def _saving(
    context: Context, run: runs.Run, rows: Sequence[ports.RunServer]
) -> Callable[[ports.Tx], None]:
    """Return the transaction that stores these rows."""
    now = context.clock.now()
    return lambda tx: ledger.progress(tx, run.request, rows, epoch=run.epoch, now=now)
