"""Looks after steps that are still out when their request has ended: put back, extended, closed.

The row does it: any process takes over what is due, so that no death and no deploy ends it.
"""

from __future__ import annotations

import dataclasses

import structlog

from bot.execution.context import Context
from bot.execution.steps import lengthening, putting, tries
from bot.power import ports
from bot.power.lifecycle import ServerState
from bot.power.run import step_ledger
from bot.power.steps import parts as parts_
from bot.power.steps.states import StepState

log = structlog.get_logger()

# How long nobody else looks at a part that one process has taken.
OURS_S = 120.0
ENDED = "it ended there by itself"


async def look(context: Context) -> int:
    """Check every part that is due; return how many were checked.

    Raises:
        StoreUnavailable: the database can't be reached; the looks stay due.
    """
    now = context.clock.now()
    if not await context.store.read(lambda tx: tx.parts_wait(now=now)):
        return 0
    due = await context.store.write(lambda tx: tx.due_parts(now=now, again_s=OURS_S))
    # What was done last is put back first.
    for part in reversed(due):
        await _one(context, part)
    if due:
        context.wake()
    return len(due)


async def _one(context: Context, part: parts_.Part) -> None:
    """Look after one part."""
    found, now = (
        await context.store.read(lambda tx: tx.request(part.request_id)),
        context.clock.now(),
    )
    if found is None:
        return
    if part.until and part.until <= now:
        part = await _ended(context, found, part, now)
    wanted = {
        one.subject.id for one in part.standing if one.due or one.state is StepState.PUTTING_BACK
    }
    # A request that is at work on a server isn't disturbed.
    wanted -= (await context.store.read(lambda tx: tx.lock_holders([*wanted]))).keys()
    if wanted:
        well = await _well(context, part, wanted)
        part = await putting.put_back(context, None, putting.ToPutBack(part, found, wanted, well))
    now = context.clock.now()
    if lengthening.is_due(part, now) and part.owed:
        until = min(now + part.step.lasts_s, step_ledger.owed_until(part))
        if until > part.until:
            others = await tries.others_of(context, None, part)
            part = await lengthening.lengthened(context, part, found, until, others)
    next_at = step_ledger.next_look(part, now)

    def work(tx: ports.Tx) -> None:
        tx.note_part(part)
        tx.look_at_part(part.key, next_at=next_at)

    await context.store.write(work)


async def _well(context: Context, part: parts_.Part, ids: set[str]) -> frozenset[str]:
    """Return which of these servers the run has left proven, and well as far as it was asked."""
    rows = await context.store.read(lambda tx: tx.run_servers(part.request_id))
    proven = {row.server_id for row in rows if row.state is ServerState.PROVEN}
    return frozenset(proven & ids)


async def _ended(
    context: Context, found: ports.Request, part: parts_.Part, now: float
) -> parts_.Part:
    """Note that a part has ended outside by itself: nothing of it stands any more."""
    new = [
        dataclasses.replace(
            one, state=StepState.PUT_BACK, stands=False, due=False, since=now, detail=ENDED
        )
        for one in part.standing
    ]
    whole = step_ledger.replaced(part, new)
    change = step_ledger.StepChange(whole, tuple(new), putting.FROM)
    await context.store.write(lambda tx: step_ledger.changed(tx, found, change, now=now))
    return whole
