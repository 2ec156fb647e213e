"""An approved request is carried out: wave by wave, each call written down before it is sent.

The story is `carry_out`. What an answer or a record means is decided in `power`; here it
is asked, stored and waited for. Nothing is ever sent without an intent row.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Sequence

import structlog

from bot.execution import approval_check, gate, keeping, poll, preflight, recorder, send_wave
from bot.execution.context import Context
from bot.execution.steps import after, before, extend
from bot.power import plan, ports
from bot.power.lifecycle import ServerState
from bot.power.run import late_results, ledger, run_start, runs, settling, step_ledger, waves
from bot.power.run.blockers import Blocker, BlockerKind

log = structlog.get_logger()


async def carry_out(context: Context, lease: runs.Lease) -> None:
    """Drive an approved or running request to its end.

    Raises:
        LostLease: another process drives it now; nothing more was sent.
    """
    run = await _open(context, lease)
    if run is None:
        return
    # What another process has sent is proven first: no new call leaves on a guess.
    await poll.to_the_end(context, run, at_once=True)
    while True:
        # Before the pause between waves, so that nothing stays off or out longer than it must.
        await _finish_steps(context, run)
        await after.put_back(context, run)
        await _rest(context, run)
        if not await _next_wave(context, run):
            break
    # Before the end is written, so that the end can say what is still out.
    await after.put_back(context, run, over=True)
    await _close(context, run)


async def _open(context: Context, lease: runs.Lease) -> runs.Run | None:
    """Start a request, or take over one that a process left; None when it has ended."""
    now, claim = context.clock.now(), lease.claim
    opened = await context.store.write(
        lambda tx: run_start.open_run(tx, claim.request_id, epoch=claim.epoch, now=now)
    )
    context.wake()
    if opened is None:
        return None
    request, rows = opened.request, opened.rows
    earlier = await context.store.read(lambda tx: run_start.earlier_calls(tx, request, now=now))
    log.info("run.opened", request=request.id, servers=len(rows), epoch=claim.epoch)
    # Waves count on from those before, since a wave's number is part of its steps' keys.
    number = 1 + max((row.wave for row in rows), default=-1)
    by_id = {row.server_id: row for row in rows}
    sent_at = _sent_before(context, request, rows)
    run = runs.Run(request, lease, by_id, wave=number, earlier=earlier, sent_at=sent_at)
    run.meanwhile = functools.partial(extend.tend, context, run)
    # A run whose rows were lost sends nothing; what it has sent is watched all the same.
    run.halted = Blocker(BlockerKind.LOST, opened.lost.sentence) if opened.lost else None
    await after.take_over(context, run)
    return run


def _sent_before(
    context: Context, request: ports.Request, rows: Sequence[ports.RunServer]
) -> dict[float, float]:
    """Return when the calls that are taken over left, by this process's monotonic clock."""
    now, ticks, action = context.clock.now(), context.clock.monotonic(), request.order.action
    return {
        row.sent_at: runs.sent_before(row, context.pacing.limits, action, now=now, ticks=ticks)
        for row in rows
        if settling.watched(row)
    }


async def _close(context: Context, run: runs.Run) -> None:
    """Give every server its last word and the request its end state."""
    now = context.clock.now()
    # What was never sent gets a word of its own, so that the counts add up.
    left = [row for row in run.rows.values() if row.state is ServerState.QUEUED]
    why = run.halted.reason if run.halted else ""
    run.keep([runs.not_sent(row, why, now=now) for row in left])
    await recorder.progress(context, run)
    rows = tuple(run.rows.values())

    # One transaction: a crash can't end a request whose late results nobody looks for.
    def work(tx: ports.Tx) -> None:
        ledger.close_run(tx, run.request, rows, halted=run.halted, epoch=run.epoch, now=now)
        late_results.begin(tx, run.request, rows, now)
        step_ledger.leave(tx, run.request, run.taken.values(), now=now)

    await recorder.write(context, work)
    log.info("run.closed", request=run.id, halted=why)


async def _next_wave(context: Context, run: runs.Run) -> bool:
    """Check, choose and send one wave, and watch it to its end; False when none is left."""
    if not run.queued(0) or not await gate.may_call(context, run):
        return False
    if not await _send_wave(context, run):
        return False
    await poll.to_the_end(context, run)
    return True


async def _send_wave(context: Context, run: runs.Run) -> bool:
    """Choose and send one wave; False when it can't be checked.

    What it was checked on is let go of at the end: a fleet of records is large.
    """
    if not await approval_check.stands(context, run, 0):
        return False
    records = await preflight.records(context, run, 0)
    if records is None or not await approval_check.fits(context, run, records):
        return False
    terms, options = run.terms, run.request.order.options
    # Counted before choosing, which sets aside whoever has changed since the plan.
    were, most = len(run.queued(0)), waves.size(terms, options, run.wave)
    chosen = await preflight.choose(context, run, 0, records, most)
    if terms.on_change is plan.OnChange.STOP and len(run.queued(0)) < were:
        run.halted = Blocker(BlockerKind.CHANGED, "a server has changed since the plan")
    await recorder.progress(context, run)
    if chosen and not run.halted:
        left = await before.take_out(context, run, chosen, records)
        # Steps take minutes, after which what the wave was checked on is too old.
        if left is not chosen:
            if not await _send_what_is_left(context, run, left):
                return False
        elif await send_wave.Wave(context, run, records).send(chosen):
            run.wave += 1
    # If records of the plan's servers don't do any more, the next look has the list.
    looked = not keeping.lacks_list(context, runs.method(run.action, 0), records)
    if looked and not chosen and not run.halted and run.queued(0):
        await preflight.wait_for_racks(context, run, 0)
    return True


async def _send_what_is_left(
    context: Context, run: runs.Run, left: Sequence[ports.RunServer]
) -> bool:
    """Look again after the last step of a wave, and send what may still be sent."""
    if not left or run.halted:
        return run.halted is None
    if not await approval_check.stands(context, run, 0):
        return False
    # A reading from before the last step would not show what happened meanwhile.
    records = await preflight.records(context, run, 0, not_before=context.clock.now())
    if records is None or not await approval_check.fits(context, run, records):
        return False
    ids = {row.server_id for row in left}
    chosen = await preflight.choose(context, run, 0, records, len(left), among=ids)
    await recorder.progress(context, run)
    if chosen and await send_wave.Wave(context, run, records).send(chosen):
        run.wave += 1
    return True


async def _finish_steps(context: Context, run: runs.Run) -> None:
    """Send the second call of a cycle to all servers whose first is proven.

    The failure limit doesn't hold this back, since a server that a cycle left off is worse
    off dark than on; Stop, a freeze and the policy do.
    """
    while due := run.queued(1):
        if not await approval_check.stands(context, run, 1):
            return
        records = await preflight.records(context, run, 1)
        if records is None or not await approval_check.fits(context, run, records):
            return
        chosen = await preflight.choose(context, run, 1, records, len(due))
        await recorder.progress(context, run)
        await send_wave.Wave(context, run, records, step=1).send(chosen)
        await poll.to_the_end(context, run)
        if not chosen and run.queued(1):
            await preflight.wait_for_racks(context, run, 1)


async def _rest(context: Context, run: runs.Run) -> None:
    """Keep the pause between waves.

    After a take-over it is kept anew: how much of it has passed only a wall clock could tell.
    """
    terms, options = run.terms, run.request.order.options
    # Whoever asks may pause longer than the policy wants, and never shorter.
    pause_s = max(terms.pause_s, options.pause_s or 0.0)
    if pause_s and run.wave and run.queued(0):
        # Up to a fifth longer, so that runs that began together don't send together.
        await gate.wait(context, run, pause_s * random.uniform(1.0, 1.2))
