"""Extends what would end by itself (a silence) at half its time, while its wave runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from bot.execution import recorder
from bot.execution.context import Context
from bot.execution.steps import halves, tries
from bot.power import ports
from bot.power.run import runs
from bot.power.steps import wave_parts
from bot.power.steps.protocol import TryResult

# How long to wait before a part that could not be extended is tried again.
AGAIN_S = 30.0


async def tend(context: Context, run: runs.Run, *, but: str = "") -> None:
    """Lengthen the parts of a run whose half-time has come; nothing is asked before that.

    `but` is the key of a part that is left alone, since it is being put back.
    """
    now = context.clock.now()
    for part in list(run.taken.values()):
        if part.key != but and is_due(part, now) and now >= run.tended.get(part.key, 0.0) + AGAIN_S:
            # Before the call, so that an address that hangs isn't asked at every turn.
            run.tended[part.key] = now
            until, others = now + part.step.lasts_s, await halves.others_of(context, run, part)
            longer = await lengthened(context, part, run.request, until, others)
            if longer != part:
                run.taken[part.key] = longer
                del run.tended[part.key]
                await recorder.write(context, _noting(run, longer))


def is_due(part: wave_parts.Part, now: float) -> bool:
    """Whether a part is out, would end by itself, and is past half its time."""
    if not part.until or not part.kind.lengthens or not part.standing:
        return False
    # Half its time is left for an outside that is away when it is asked.
    return now >= part.until - part.step.lasts_s / 2


async def lengthened(
    context: Context,
    part: wave_parts.Part,
    found: ports.Request,
    until: float,
    others: frozenset[str],
) -> wave_parts.Part:
    """Let a part stand until then; return it as it is now, the same where that can't be done."""
    kind = context.step_clients.get(part.step.kind)
    if kind is None:
        return part
    servers = tuple(one.subject for one in part.standing)
    half = halves.Half(part, found, servers, f"{part.key}-longer", 0.0, before=False, others=others)
    step, now = halves.step_now(context, part), context.clock.now()
    asked = halves.asked_of(half, step, servers, 0, now, tries.TRY_S)
    answer = await tries.bounded(asked, lambda: kind.lengthen(asked, until))
    if any(each.word is not TryResult.DONE for each in answer.each.values()):
        return part
    outside_id = answer.outside_id or part.outside_id
    return dataclasses.replace(part, outside_id=outside_id, until=answer.until or until)


def _noting(run: runs.Run, part: wave_parts.Part) -> Callable[[ports.Tx], None]:
    def work(tx: ports.Tx) -> None:
        tx.hold_run(run.id, epoch=run.epoch)
        tx.note_part(part)

    return work
