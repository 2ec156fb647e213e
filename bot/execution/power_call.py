"""One power call: written down, sent once, its answer written down.

The answer of one call and the intent of the next are stored together, where the next follows at
once. What an answer means is decided in `power.run.call_answers`; nothing here decides to send
again.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

import structlog

from bot.execution import recorder
from bot.execution.context import LEAVES_WITHIN_S, Context
from bot.power import errors, ports, server
from bot.power.run import call_answers, ledger, runs
from bot.power.run.blockers import Blocker

log = structlog.get_logger()
T = TypeVar("T")


async def call(
    context: Context,
    run: runs.Run,
    method: ports.Method,
    rows: Sequence[ports.RunServer],
    records: server.Records,
    *,
    within_s: float = LEAVES_WITHIN_S,
) -> call_answers.Answered | Blocker:
    """Write the intent and send once; the answer, which isn't stored yet, or what bars it.

    The call leaves within this time of being given to the power API, or not at all.
    """
    _check_lease(run, context.pacing.leaves_within_s)
    now, wave = context.clock.now(), run.wave
    switches_on = method is ports.Method.ON
    rack_limit = run.terms.max_per_rack if switches_on else 0
    intended = tuple(
        runs.intended(row, records, wave=wave, now=now, rack_limit=rack_limit) for row in rows
    )
    attempt = ports.Attempt(
        # CloudDC knows no key for a repeated call: this id is for our own record and log.
        id=uuid.uuid4().hex,
        request_id=run.id,
        method=method,
        server_ids=tuple(row.server_id for row in intended),
        wave=wave,
        step=intended[0].step,
        intended_at=now,
    )
    if (barred := await _intend(context, run, attempt, intended)) is not None:
        return barred
    # From the intent on, since nobody knows when the first byte leaves.
    run.sent_at[now] = context.clock.monotonic()
    return await _to_the_end(_exchange(context, run, attempt, intended, within_s))


async def save_answer(context: Context, run: runs.Run) -> None:
    """Store the answer that isn't stored yet, if there is one, however long the database is away.

    Raises:
        LostLease: another process has taken over; the answer is in the audit.
    """
    if run.pending is not None:
        await _to_the_end(_save_answer(context, run, run.pending))


async def _intend(
    context: Context, run: runs.Run, attempt: ports.Attempt, rows: call_answers.Rows
) -> Blocker | None:
    """Store an intent, and the answer of the call before it, unless something bars the call."""
    pending, now = run.pending, attempt.intended_at

    def work(tx: ports.Tx) -> Blocker | None:
        if pending is not None:
            # First, so that the intent is judged on what the call before has come to.
            ledger.answered(tx, run.request, pending, epoch=run.epoch, now=now)
        return ledger.intend(tx, attempt, rows, epoch=run.epoch)

    async def stored() -> Blocker | None:
        barred = await context.store.write(work)
        if pending is not None:
            run.answer_saved(pending)
        # Only now, since a row that is marked as sent is never sent again.
        if barred is None:
            run.keep(rows)
            run.saved(rows)
        return barred

    try:
        return await _to_the_end(stored())
    # Stopped between the intent and the call: nothing left, which is still to be stored.
    except asyncio.CancelledError:
        # By identity: the rows are kept only when the intent is in the store.
        if run.rows[rows[0].server_id] is rows[0]:
            stopped = errors.NotSent.since("Powerbot was stopped")
            _keep_answer(run, call_answers.not_sent(attempt, rows, stopped, tries=0))
        raise


async def _exchange(
    context: Context,
    run: runs.Run,
    attempt: ports.Attempt,
    rows: call_answers.Rows,
    within_s: float,
) -> call_answers.Answered:
    """Send the call; its answer is still to be stored."""
    after = await _ask(context, run, attempt, rows, within_s)
    log.debug(
        "call.answered",
        request=run.id,
        attempt=attempt.id,
        outcome=after.attempt.outcome,
        cloud_request=after.attempt.cloud_request_id,
    )
    _keep_answer(run, after)
    return after


async def _ask(
    context: Context,
    run: runs.Run,
    attempt: ports.Attempt,
    rows: call_answers.Rows,
    within_s: float,
) -> call_answers.Answered:
    """Make the one call of an attempt and say what its answer means."""
    _check_lease(run, context.pacing.leaves_within_s)
    try:
        taken = await context.power.switch(
            attempt.method, attempt.server_ids, attempt.id, within_s=within_s
        )
    except errors.NotSent as error:
        run.tries += 1
        return call_answers.not_sent(attempt, rows, error, tries=run.tries)
    except errors.Refused as error:
        run.tries += 1
        return call_answers.refused(attempt, rows, error, tries=run.tries)
    # Not counted as a try: a call whose outcome is unknown isn't made again.
    except errors.OutcomeUnknown as error:
        return call_answers.unknown(attempt, rows, error)
    run.tries = 0
    return call_answers.accepted(attempt, rows, taken)


def _keep_answer(run: runs.Run, after: call_answers.Answered) -> None:
    """Remember an answer that the store doesn't have yet."""
    run.keep(after.rows)
    run.pending = after


async def _save_answer(context: Context, run: runs.Run, after: call_answers.Answered) -> None:
    """Store an answer: it can't be asked for again."""
    now = context.clock.now()
    try:
        await recorder.write(
            context, lambda tx: ledger.answered(tx, run.request, after, epoch=run.epoch, now=now)
        )
    # The new owner goes on by the rows; the answer is evidence all the same, and audited.
    except errors.LostLease:
        await recorder.write(
            context, lambda tx: ledger.late_answer(tx, run.request, after, now=now)
        )
        run.pending = None
        raise
    run.answer_saved(after)


def _check_lease(run: runs.Run, leaves_within_s: float) -> None:
    """Refuse to send what another process may have taken over by the time that it leaves.

    Raises:
        LostLease: the lease ends too soon.
    """
    if run.lease.left_s() < leaves_within_s:
        raise errors.LostLease


async def _to_the_end(exchange: Coroutine[Any, Any, T]) -> T:
    """Let a call and the note of its answer come to their end, even when the process stops.

    Whoever is cancelled here waits for both, so that a stop leaves no call without its answer.
    """
    under_way = asyncio.ensure_future(exchange)
    try:
        return await asyncio.shield(under_way)
    except asyncio.CancelledError:
        # The call goes on behind the shield, and its answer is kept before we leave.
        await asyncio.wait({under_way})
        if not under_way.cancelled():
            # Fetched so that asyncio doesn't report it as never retrieved.
            under_way.exception()
        raise
