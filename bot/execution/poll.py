"""Poll the servers of a run until each has an end, or its time has passed."""

from __future__ import annotations

from collections.abc import Collection

import structlog

from bot.execution import poll_schedule, recorder
from bot.execution.context import Context
from bot.power import errors, ports
from bot.power.causes import Cause, Service
from bot.power.run import call_answers, reasons, runs, settling
from bot.runtime import priority

log = structlog.get_logger()

# Servers that are compared, and that are judged, in one turn of the event loop: a few
# hundred microseconds.
SLICE = 1000
JUDGED = 50


def called(context: Context) -> poll_schedule.Poll:
    """Note that the first call of a wave went out; return the next poll."""
    now = context.clock.monotonic()
    context.pacing.schedule.called(now)
    return context.pacing.schedule.next(now)


def sent(context: Context) -> None:
    """Note that the last call of a wave went out."""
    context.pacing.schedule.sent(context.clock.monotonic())


async def to_the_end(context: Context, run: runs.Run, *, at_once: bool = False) -> None:
    """Poll until no server of the run is watched any more; `at_once` is for a run taken over.

    Raises:
        LostLease: another process has taken over.
    """
    while watched := await _still_watched(context, run):
        if not at_once:
            await _until(context, context.pacing.schedule.next(context.clock.monotonic()))
        at_once = False
        await run.meanwhile()
        await _poll(context, run, watched)


async def _until(context: Context, due: poll_schedule.Poll) -> None:
    """Wait until a poll is due; another wave may put it off meanwhile."""
    while (left_s := due.at - context.clock.monotonic()) > 0.0:
        await context.clock.sleep(left_s)


def is_due(context: Context, due: poll_schedule.Poll) -> bool:
    """Whether it is time for this poll."""
    return context.clock.monotonic() >= due.at


async def between_calls(context: Context, run: runs.Run) -> poll_schedule.Poll:
    """Poll between two calls of a long wave; return the next poll.

    What happens quickly would be over, and unproven, before the last call is sent.
    """
    if watched := await _still_watched(context, run):
        await _poll(context, run, watched)
    return context.pacing.schedule.next(context.clock.monotonic())


async def _still_watched(context: Context, run: runs.Run) -> list[ports.RunServer]:
    """Return the servers whose records must still be read."""
    found: list[ports.RunServer] = []
    async for rows in priority.slices(run.rows.values(), SLICE):
        found += filter(settling.watched, rows)
    return found


async def _poll(context: Context, run: runs.Run, watched: Collection[ports.RunServer]) -> None:
    """Poll some servers once and store what that showed."""
    # Rows that another process may be writing by now are not judged from here.
    if run.lease.left_s() <= 0:
        raise errors.LostLease
    seen = await _sighting(context, run, watched)
    if seen is not None:
        run.looked_at = seen.started_at
        await recorder.end_wait(context, run, Service.CLOUD)
    now, ticks = context.clock.now(), context.clock.monotonic()
    # What was seen is as old as the sweep that saw it, which others may have begun.
    age_s = max(0.0, now - seen.started_at) if seen else 0.0
    async for rows in priority.slices(watched, JUDGED):
        for row in rows:
            # The wall clock may be set at any moment, either way, so the monotonic one counts.
            elapsed_s = ticks - run.sent_at.get(row.sent_at, ticks) - age_s
            run.keep([_judged(context, run, row, seen, elapsed_s, now)])
    await recorder.progress(context, run)


def _judged(
    context: Context,
    run: runs.Run,
    row: ports.RunServer,
    seen: ports.Sighting | None,
    elapsed_s: float,
    now: float,
) -> ports.RunServer:
    """Return the row of a server after a poll."""
    method = runs.method(run.action, row.step)
    # Unread isn't gone: only its deadline is looked at until it can be read again.
    if seen is None or row.server_id in seen.unread:
        return settling.unread(
            method, row, elapsed_s=elapsed_s, now=now, limits=context.pacing.limits
        )
    record = seen.servers.get(row.server_id)
    look = settling.Look(
        record,
        elapsed_s,
        now,
        run.earlier.get(row.server_id),
        reasons.gone(row, context.power.latest()) if record is None else Cause.NONE,
    )
    after = settling.looked_at(method, row, look, context.pacing.limits)
    return runs.next_step(run.action, after)


async def _sighting(
    context: Context, run: runs.Run, watched: Collection[ports.RunServer]
) -> ports.Sighting | None:
    """Read the watched servers; None when CloudDC can't be asked at this moment."""
    ids: list[str] = []
    not_before = 0.0
    async for rows in priority.slices(watched, SLICE):
        ids += [row.server_id for row in rows]
        # A sweep that began before the call would show the state from before it.
        not_before = max(not_before, *(row.sent_at for row in rows))
    try:
        return await context.power.sighting(ids, not_before=not_before)
    except errors.CloudError as error:
        log.warning("watch.unread", request=run.id, why=error.user_message)
        why, until = call_answers.away(error), _gives_up_at(context, run, watched)
        await recorder.show_wait(context, run, Service.CLOUD, why, until)
        return None


def _gives_up_at(context: Context, run: runs.Run, watched: Collection[ports.RunServer]) -> float:
    """Return when the last of these servers is given up unread, in epoch seconds."""
    return max(
        row.sent_at + context.pacing.limits.deadline_s(runs.method(run.action, row.step))
        for row in watched
    )
