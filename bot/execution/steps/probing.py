"""Probes: a service is well when it answers, and goes on answering, for as long as it must."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping

import msgspec

from bot.execution import gate, recorder
from bot.execution.context import Context
from bot.execution.steps import extend, halves, tries
from bot.power import ports
from bot.power.lifecycle import ServerState
from bot.power.run import ledger, runs, step_ledger
from bot.power.steps import definition, protocol, wave_parts
from bot.power.steps.protocol import TryResult
from bot.power.steps.states import StepState


@dataclasses.dataclass
class _Streak:
    """How one subject has answered: since when it is well, and its last words."""

    well_since: float | None = None
    said: str = tries.NO_ANSWER

    def heard(self, each: protocol.Each | None, now: float) -> None:
        """Take one answer; a bad one, or none, begins it anew."""
        if each is not None and each.word is TryResult.DONE:
            self.well_since = now if self.well_since is None else self.well_since
            return
        self.well_since = None
        self.said = (each.detail if each else "") or tries.NO_ANSWER

    def settled(self, step: definition.Step, now: float) -> bool:
        """Whether it has been well for long enough."""
        return self.well_since is not None and now - self.well_since >= step.settle_s


async def world(context: Context, run: runs.Run, step: definition.Step, wave: int) -> str:
    """Ask a probe before a wave; return its last words when the world isn't well, else nothing.

    It ends early when the run is stopped.
    """
    subject = protocol.Subject(id=protocol.WORLD)
    # A part without servers: nothing is taken out, and the card shows what it says.
    now = context.clock.now()
    part = wave_parts.Part(f"{run.id}_{wave}_0_000_{step.name}", run.id, wave, step, since=now)
    streaks = {subject.id: _Streak()}
    bad = await _watch(context, run, part, (subject,), streaks, before=True)
    said, now = bad.get(subject.id, ""), context.clock.now()

    def work(tx: ports.Tx) -> None:
        tx.hold_run(run.id, epoch=run.epoch)
        tx.note_part(part)
        # Who asks writes down for which servers it isn't well.
        if run.halted is None and not said:
            step_ledger.audit(
                tx, step_ledger.EVENTS[StepState.DONE], run.request, part, (), now=now
            )
        tx.show_card(run.id, at=now)

    await recorder.write(context, work)
    return said


async def prove(
    context: Context, run: runs.Run, part: wave_parts.Part, subjects: tuple[protocol.Subject, ...]
) -> None:
    """Ask a probe of servers that are proven, and write down which are well and which aren't."""
    bad = await _watch(
        context, run, part, subjects, {one.id: _Streak() for one in subjects}, before=False
    )
    now = context.clock.now()
    new = _answered(part, subjects, bad, now)
    whole = dataclasses.replace(step_ledger.replaced(part, new), says="")
    rows = _unwell(run, part.step, bad, now)

    def work(tx: ports.Tx) -> None:
        tx.hold_run(run.id, epoch=run.epoch)
        change = step_ledger.StepChange(whole, tuple(new), frozenset({StepState.INTENDED}))
        step_ledger.changed(tx, run.request, change, now=now)
        if rows:
            ledger.progress(tx, run.request, rows, epoch=run.epoch, now=now)

    run.keep(rows)
    run.taken[part.key] = whole
    await recorder.write(context, work)
    run.saved(rows)


def _answered(
    part: wave_parts.Part,
    subjects: Collection[protocol.Subject],
    bad: Mapping[str, str],
    now: float,
) -> list[wave_parts.Taken]:
    """Return the servers of a part that were probed; `bad` are those that aren't well, and why."""
    asked = {one.id for one in subjects}
    return [
        dataclasses.replace(
            one,
            state=StepState.FAILED if one.subject.id in bad else StepState.DONE,
            # A probe leaves nothing outside that would have to be put back.
            stands=False,
            since=now,
            detail=bad.get(one.subject.id, ""),
            missed=bad.get(one.subject.id, ""),
        )
        for one in part.servers
        if one.subject.id in asked
    ]


def _unwell(
    run: runs.Run, step: definition.Step, bad: Mapping[str, str], now: float
) -> list[ports.RunServer]:
    """Return the rows of servers that end as unwell."""
    # A probe that need not be well is told, and changes no server's end.
    if not step.must:
        return []
    return [
        msgspec.structs.replace(
            run.rows[id_],
            state=ServerState.UNWELL,
            detail=said,
            probe=step.name,
            settled_at=now,
        )
        for id_, said in bad.items()
    ]


async def _watch(
    context: Context,
    run: runs.Run,
    part: wave_parts.Part,
    subjects: tuple[protocol.Subject, ...],
    streaks: Mapping[str, _Streak],
    *,
    before: bool,
) -> dict[str, str]:
    """Look until each is well for long enough, or hasn't become so in time; return the latter."""
    step, began = part.step, context.clock.monotonic()
    pending = {one.id: one for one in subjects}
    bad: dict[str, str] = {}
    told = 0

    async def stopped() -> bool:
        await extend.tend(context, run)
        return before and await gate.stopped(context, run)

    while pending:
        if await stopped():
            break
        seen = await _look(context, run, part, tuple(pending.values()), before=before)
        now = context.clock.monotonic()
        for id_ in list(pending):
            streak = streaks[id_]
            streak.heard(seen.each.get(id_), now)
            if streak.settled(step, now):
                del pending[id_]
            # Whoever is well just now may still settle, though the time to become well is over.
            elif streak.well_since is None and now - began >= step.within_s:
                bad[id_] = streak.said
                del pending[id_]
        if pending:
            # The card is drawn when fewer are waited for, not at every look.
            if len(pending) != told:
                told = len(pending)
                await _show(context, run, part, pending, streaks)
            await tries.rest(context, _wait_s(step, streaks, pending, began, now), stopped)
    return bad


def _wait_s(
    step: definition.Step,
    streaks: Mapping[str, _Streak],
    pending: Mapping[str, protocol.Subject],
    began: float,
    now: float,
) -> float:
    """Return how long to wait before the next look: never past an end that somebody waits for."""
    ends = [
        began + step.within_s if streak.well_since is None else streak.well_since + step.settle_s
        for streak in (streaks[id_] for id_ in pending)
    ]
    # A twentieth of a second at least, or rounding would spin the loop.
    return min(step.every_s, *(max(0.05, end - now) for end in ends))


async def _look(
    context: Context,
    run: runs.Run,
    part: wave_parts.Part,
    subjects: tuple[protocol.Subject, ...],
    *,
    before: bool,
) -> protocol.Answer:
    """Look once at all of them."""
    half = halves.Half(
        part,
        run.request,
        subjects,
        key=f"{part.key}-probe",
        # No deadline of the half: one look may take as long as any try.
        until=0.0,
        before=before,
        left_s=run.lease.left_s,
    )
    return await tries.once(context, half, subjects)


async def _show(
    context: Context,
    run: runs.Run,
    part: wave_parts.Part,
    pending: Mapping[str, protocol.Subject],
    streaks: Mapping[str, _Streak],
) -> None:
    """Show on the card whom a probe waits for."""
    first = next(iter(pending.values()))
    streak = streaks[first.id]
    said = f" ({streak.said})" if streak.well_since is None else ""
    more = f" and {len(pending) - 1} more" if len(pending) > 1 else ""
    whom = f": {first.name}{more}" if first.name else ""
    says = f"waiting for {part.step.name}{whom}{said}"
    shown = dataclasses.replace(part, says=says)
    now = context.clock.now()
    await recorder.write(context, _noting(run, shown, now))


def _noting(run: runs.Run, part: wave_parts.Part, now: float) -> Callable[[ports.Tx], None]:
    def work(tx: ports.Tx) -> None:
        tx.hold_run(run.id, epoch=run.epoch)
        # A probe of the world is stored when it has something to say for the first time.
        if not part.servers and tx.part(part.key) is None:
            tx.intend_parts([part], epoch=run.epoch)
        tx.note_part(part)
        tx.show_card(run.id, at=now)

    return work
