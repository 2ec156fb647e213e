"""One part is put back for some of its servers: written down, asked, and owed where it fails."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Protocol

from bot.execution import gate, recorder
from bot.execution.context import Context
from bot.execution.steps import extend, halves, tries
from bot.power import ports
from bot.power.messages import running
from bot.power.run import runs, step_ledger
from bot.power.steps import wave_parts
from bot.power.steps.protocol import Each, TryResult
from bot.power.steps.states import StepState

# From where a half that puts back may begin, or go on.
FROM = frozenset({StepState.INTENDED, StepState.DONE, StepState.OWED, StepState.PUTTING_BACK})
# How long a part of an ended request that a run puts back is left alone by others.
OURS_S = 120.0  # After that whoever finds it due goes on with it.
NOT_BACK = "couldn't be put back"


class Keeper(Protocol):
    """Who has parts of an ended request in hand, as a run's owner has its lease."""

    def hold(self, tx: ports.Tx, key: str) -> None:
        """Make sure that a part is still ours, until the end of the transaction.

        Raises:
            LostLease: another process has taken it.
        """

    def left_s(self, key: str) -> float:
        """Return for how many seconds a part is still ours."""

    async def tend(self, but: str) -> None:
        """Keep what is ours, and lengthen what would end meanwhile, but for the part `but`.

        Raises:
            LostLease: another process has taken the part `but`.
        """


@dataclasses.dataclass(frozen=True, slots=True)
class ToPutBack:
    """Some servers of a part that are to be put back; `request` is the one that took them out.

    `keeper` has the part in hand where no run does.
    """

    part: wave_parts.Part
    request: ports.Request
    ids: Collection[str]
    well: frozenset[str] = frozenset()
    keeper: Keeper | None = None


async def put_back(context: Context, run: runs.Run | None, asked: ToPutBack) -> wave_parts.Part:
    """Put servers of one part back; return the part as it is then.

    Without a run the part is of a request that has ended, and its keeper's.

    Raises:
        LostLease: another process has taken it.
    """
    part = await _begin(context, run, asked)
    if not part.of(StepState.PUTTING_BACK):
        return part
    latest = [part]

    async def save(results: Mapping[str, Each], named: wave_parts.Part, _: bool) -> None:
        now = context.clock.now()
        were = [one for one in latest[0].of(StepState.PUTTING_BACK) if one.subject.id in results]
        new = [_returned(one, results[one.subject.id], now) for one in were]
        whole = step_ledger.replaced(dataclasses.replace(named, servers=latest[0].servers), new)
        latest[0] = whole
        change = step_ledger.StepChange(
            whole, tuple(new), frozenset({StepState.PUTTING_BACK}), same=_same(were, new)
        )
        await _write(context, run, asked, change)

    await tries.carry_out(context, await _half(context, run, asked, part), save)
    return latest[0]


async def _half(
    context: Context, run: runs.Run | None, asked: ToPutBack, part: wave_parts.Part
) -> halves.Half:
    """Return the half that puts back the servers of a part for which that has begun."""
    servers = tuple(one.subject for one in part.of(StepState.PUTTING_BACK))
    ids = {one.id for one in servers}

    async def meanwhile() -> bool:
        if run is not None:
            await extend.tend(context, run, but=part.key)
        elif asked.keeper is not None:
            await asked.keeper.tend(part.key)
        # Stop ends no put back: what we took out must not stay out for it.
        return False

    return halves.Half(
        part,
        asked.request,
        servers,
        # Counted: a receiver would take a later half under the same id for a repeated one.
        key=f"{part.key}-after-{part.halves}",
        until=context.clock.monotonic() + part.step.within_s,
        before=False,
        well=frozenset(asked.well),
        staying=tuple(one.subject for one in part.standing if one.subject.id not in ids),
        stopped=meanwhile,
        others=await halves.others_of(context, run, part),
        left_s=_left_s(run, asked),
    )


def _left_s(run: runs.Run | None, asked: ToPutBack) -> Callable[[], float]:
    """Return what says for how long a part is still ours."""
    if run is not None:
        return run.lease.left_s
    keeper = asked.keeper
    return functools.partial(keeper.left_s, asked.part.key) if keeper else lambda: tries.TRY_S


async def _begin(context: Context, run: runs.Run | None, asked: ToPutBack) -> wave_parts.Part:
    """Write down that servers are being put back; one half that was begun goes on as it was."""
    part, now = asked.part, context.clock.now()
    # A process has died in the middle of it: the same half goes on, under its own key.
    begun = part.of(StepState.PUTTING_BACK)
    if begun:
        return part
    new = [
        dataclasses.replace(one, state=StepState.PUTTING_BACK, due=True, since=now)
        for one in part.standing
        if one.subject.id in asked.ids
    ]
    counted = dataclasses.replace(part, halves=part.halves + 1)
    # Filled in the transaction, which may be run again when the database was away.
    moved: list[list[str]] = [[]]

    def work(tx: ports.Tx) -> None:
        _hold(tx, run, asked)
        change = step_ledger.StepChange(counted, tuple(new), FROM)
        moved[0] = step_ledger.changed(tx, asked.request, change, now=now)
        # Another request's part isn't fenced by our lease, so it is kept from others by time.
        if run is not None and part.request_id != run.id:
            tx.look_at_part(part.key, next_at=now + OURS_S)

    await recorder.write(context, work)
    return step_ledger.replaced(counted, [one for one in new if one.subject.id in moved[0]])


def _hold(tx: ports.Tx, run: runs.Run | None, asked: ToPutBack) -> None:
    """Make sure that a run, or a part of an ended request, is still ours.

    Raises:
        LostLease: the fence has moved on.
    """
    if run is not None:
        tx.hold_run(run.id, epoch=run.epoch)
    elif asked.keeper is not None:
        asked.keeper.hold(tx, asked.part.key)


def _returned(one: wave_parts.Taken, each: Each, now: float) -> wave_parts.Taken:
    """Return a server after it was put back, or owed since it couldn't be."""
    if each.word is TryResult.DONE:
        back = dataclasses.replace(
            one, state=StepState.PUT_BACK, stands=False, due=False, since=now
        )
        return dataclasses.replace(back, owed_since=0.0, detail=each.detail)
    # Due, so that it is tried again until it is back.
    owed = dataclasses.replace(one, state=StepState.OWED, due=True, since=now)
    since, detail = one.owed_since or now, f"{NOT_BACK}: {each.detail}"
    return dataclasses.replace(owed, owed_since=since, detail=detail)


def _same(were: Iterable[wave_parts.Taken], new: Iterable[wave_parts.Taken]) -> frozenset[str]:
    """Return which servers were owed before for the same reason, and still are."""
    return frozenset(
        after.subject.id
        for before, after in zip(were, new, strict=True)
        if after.state is StepState.OWED
        and dataclasses.replace(before, state=after.state, since=after.since) == after
    )


async def store(
    context: Context,
    run: runs.Run,
    part: wave_parts.Part,
    new: Iterable[wave_parts.Taken],
    before: Collection[StepState],
) -> None:
    """Store a change of some servers of a run's part."""
    whole = step_ledger.replaced(part, new)
    run.taken[part.key] = whole
    change = step_ledger.StepChange(whole, tuple(new), frozenset(before))
    await _write(context, run, ToPutBack(whole, run.request, ()), change)


async def _write(
    context: Context, run: runs.Run | None, asked: ToPutBack, change: step_ledger.StepChange
) -> None:
    """Store a change of some servers of a part."""
    now, whole = context.clock.now(), change.part

    def work(tx: ports.Tx) -> None:
        _hold(tx, run, asked)
        moved = step_ledger.changed(tx, asked.request, change, now=now)
        # A run tells of its own parts wave by wave, in `after`.
        if run is None or whole.request_id != run.id:
            _say(tx, whole, moved, now)
        if run is not None and whole.request_id != run.id:
            tx.look_at_part(whole.key, next_at=step_ledger.next_look(whole, now))

    await recorder.write(context, work)


def _say(tx: ports.Tx, part: wave_parts.Part, moved: Collection[str], now: float) -> None:
    """Say in the thread of an ended request what is back; stored with it, it is said once."""
    back = [one.subject for one in part.of(StepState.PUT_BACK) if one.subject.id in moved]
    if back:
        names = [one.name for one in back]
        said = running.PutBack(step=part.step.name, kind=part.step.kind, names=names)
        key = f"back:{part.key}:{part.halves}:{back[0].id}"
        tx.say(part.request_id, "reply", said, key=key, at=now)


async def find_out(
    context: Context,
    run: runs.Run,
    part: wave_parts.Part,
    lost: tuple[wave_parts.Taken, ...],
    *,
    again: bool,
) -> None:
    """Look for what a half before a wave has left, whose answer nobody has.

    What can't be looked for is done `again`, which does no harm, or else may stand.
    """
    kind = context.step_clients.get(part.step.kind)
    if kind is None:
        return
    servers = tuple(one.subject for one in lost)

    async def meanwhile() -> bool:
        await extend.tend(context, run, but=part.key)
        # A look takes nothing out, so that Stop needs not end it.
        return again and await gate.stopped(context, run)

    half = halves.Half(
        part, run.request, servers, f"{part.key}-before",
        until=context.clock.monotonic() + part.step.within_s, before=True, unsure=True,
        others=await halves.others_of(context, run, part), stopped=meanwhile,
        left_s=run.lease.left_s,
    )  # fmt: skip
    ask = tries.carry_out if again else tries.look
    await ask(context, half, _finding(context, run, part.key))


def _finding(context: Context, run: runs.Run, key: str) -> tries.Save:
    """Return what stores the finding: it stands, or nothing does; what isn't known may stand."""

    async def save(results: Mapping[str, Each], named: wave_parts.Part, _: bool) -> None:
        now = context.clock.now()
        new = [
            dataclasses.replace(
                one,
                state=StepState.FAILED
                if results[one.subject.id].word is TryResult.REFUSED
                else StepState.DONE,
                # Refused says that nothing is there; whatever isn't known may stand.
                stands=results[one.subject.id].word is not TryResult.REFUSED
                and results[one.subject.id].stands,
                since=now,
                detail="",
                missed=tries.missed(results[one.subject.id]),
            )
            for one in run.taken[key].of(StepState.INTENDED)
            if one.subject.id in results
        ]
        part = dataclasses.replace(named, servers=run.taken[key].servers)
        await store(context, run, part, new, {StepState.INTENDED})

    return save
