"""Stop: no further step of the half before a wave; putting back goes on."""

from __future__ import annotations

from bot.execution.context import Context
from bot.power import ports
from bot.power.run import ledger, runs


async def stopped(context: Context, run: runs.Run) -> bool:
    """Whether a person, or the end of the request, bars every further step before a call."""
    if run.halted is None:
        now = min(ports.readings(context.clock))
        barred = await context.store.read(lambda tx: ledger.bar(tx, run.id, now))
        if barred is not None and not barred.passes:
            run.halted = barred
    return run.halted is not None
