"""After a wave: proven servers are probed, and what was taken out for the well ones goes back."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator

from bot.execution import recorder
from bot.execution.context import Context
from bot.execution.steps import parts_back, probing
from bot.power import ports
from bot.power.causes import Cause
from bot.power.lifecycle import ServerState
from bot.power.messages import running
from bot.power.request import Action
from bot.power.run import runs, step_ledger
from bot.power.steps import wave_parts
from bot.power.steps.states import StepState


async def take_over(context: Context, run: runs.Run) -> None:
    """Read what was taken out for a run that another process has left."""
    # Without steps in policy or plan there is nothing to read, as in most runs.
    if context.rules.policy().steps or run.request.plan.around:
        found = await context.store.read(lambda tx: tx.parts(run.id))
        run.taken = {part.key: part for part in found if part.servers}
        newest = max((part.wave for part in found), default=0)
        # Whether the newest wave's reply was written isn't known; its key lets it be said once.
        run.told = {part.key for part in found if part.wave < newest}


async def put_back(context: Context, run: runs.Run, *, over: bool = False) -> None:
    """Probe and put back what is due, for every server that has reached its end.

    `over` says that the run sends nothing more.
    """
    # An `on` puts back what an earlier `off` took out, though it takes nothing out itself.
    comes_on = run.action is Action.ON and bool(context.rules.policy().steps)
    if not run.taken and not comes_on:
        return
    await _find_out(context, run)
    await _owe(context, run)
    probed = await _probe(context, run)
    await _owe(context, run)
    # Proven alone isn't well: a probe that fails makes a row `unwell` before this.
    well = {
        id_
        for id_ in _concerned(run)
        if run.action is not Action.OFF and run.rows[id_].state is ServerState.PROVEN
    }
    # Set aside before its call, a server goes on serving and must not stay drained.
    untouched = {id_ for id_ in _concerned(run) if step_ledger.goes_back_untouched(run.rows[id_])}
    back = await put_back_of(context, run, well | untouched, well=well)
    if run.action is Action.ON:
        back |= await _put_back_earlier(context, run)
    await _drop_probes(context, run, over=over)
    await _tell(context, run, probed, back, over=over)


def _concerned(run: runs.Run) -> set[str]:
    """Return the servers of the run that have a step."""
    return {one.subject.id for part in run.taken.values() for one in part.servers}


async def _find_out(context: Context, run: runs.Run) -> None:
    """Ask what became of halves before a wave that another process left without an answer."""
    for part in list(run.taken.values()):
        if not part.kind.takes_out:
            continue
        lost = part.of(StepState.INTENDED)
        back = tuple(
            one for one in lost if step_ledger.goes_back_untouched(run.rows[one.subject.id])
        )
        # What goes back is asked for once more anyway; of the others it must be known.
        if back:
            await parts_back.find_out(context, run, part, back, again=False)
        if rest := tuple(one for one in lost if one not in back):
            await parts_back.find_out(context, run, run.taken[part.key], rest, again=True)


async def _owe(context: Context, run: runs.Run) -> None:
    """Say of what stays out that it is owed, and why."""
    halted = run.halted is not None
    for part in list(run.taken.values()):
        now = context.clock.now()
        owed = tuple(
            dataclasses.replace(
                one,
                state=StepState.OWED,
                since=now,
                owed_since=now,
                detail=step_ledger.why_owed(run.rows[one.subject.id]),
            )
            for one in part.of(StepState.DONE, StepState.INTENDED)
            if one.stands
            and step_ledger.is_owed(run.action, run.rows[one.subject.id], halted=halted)
        )
        if owed:
            await parts_back.store(context, run, part, owed, {StepState.DONE, StepState.INTENDED})


async def _probe(context: Context, run: runs.Run) -> bool:
    """Ask the probes of proven servers, one probe after another; whether any was asked."""
    asked = False
    for key in list(run.taken):
        part = run.taken[key]
        subjects = tuple(
            one.subject
            for one in part.of(StepState.INTENDED)
            if not part.kind.takes_out and run.rows[one.subject.id].state is ServerState.PROVEN
        )
        if subjects and run.action is not Action.OFF:
            asked = True
            await probing.prove(context, run, part, subjects)
    return asked


async def _drop_probes(context: Context, run: runs.Run, *, over: bool) -> None:
    """Close the probes that nobody will ask any more, since their servers have ended otherwise."""
    for part in list(run.taken.values()):
        if part.kind.takes_out:
            continue
        now = context.clock.now()
        dropped = tuple(
            dataclasses.replace(one, state=StepState.FAILED, stands=False, since=now)
            for one in part.of(StepState.INTENDED)
            if over or run.rows[one.subject.id].settled_at or not run.rows[one.subject.id].sends
        )
        if dropped:
            await parts_back.store(context, run, part, dropped, {StepState.INTENDED})


async def put_back_of(
    context: Context, run: runs.Run, ids: Collection[str], *, well: Collection[str] = ()
) -> set[str]:
    """Put back what stands for these servers, in the opposite order; return those it stood for."""
    found: set[str] = set()
    # In the opposite order: traffic comes back before alerts can be heard again.
    for part in reversed(list(run.taken.values())):
        those = {
            one.subject.id
            for one in part.of(StepState.DONE, StepState.PUTTING_BACK)
            if one.stands and one.subject.id in ids
        }
        if those:
            found |= those
            newest = await parts_back.put_back(
                context, run, parts_back.ToPutBack(part, run.request, those, frozenset(well))
            )
            run.taken[part.key] = newest
    return found


async def _put_back_earlier(context: Context, run: runs.Run) -> set[str]:
    """Put back what earlier requests took out of the servers that are on and well by now."""
    well = [row.server_id for row in run.rows.values() if row.state is ServerState.PROVEN]
    # Once for each server of the run, or every wave would read the store for all.
    well = [id_ for id_ in well if id_ not in run.returned]
    if not well:
        return set()
    run.returned |= set(well)
    found = await context.store.read(lambda tx: tx.standing_parts(well))
    back: set[str] = set()
    for part in reversed(found):
        owner = await _request(context, part.request_id)
        # What a running request has out is its own to put back.
        if owner is None or part.request_id == run.id or not owner.ended_at:
            continue
        those = {one.subject.id for one in part.standing if one.subject.id in well}
        asked = parts_back.ToPutBack(part, owner, those, frozenset(those))
        await parts_back.put_back(context, run, asked)
        back |= those
    return back


async def _request(context: Context, request_id: str) -> ports.Request | None:
    """Return a request."""
    return await context.store.read(lambda tx: tx.request(request_id))


async def _tell(
    context: Context, run: runs.Run, probed: bool, back: Collection[str], *, over: bool
) -> None:
    """Say in the thread, once for each wave that is over, what was done around it.

    What was taken out for servers that all wait for their call again isn't over: it is taken out
    anew.
    """
    open_ = any(
        one.state in (StepState.INTENDED, StepState.PUTTING_BACK)
        for part in run.taken.values()
        for one in part.servers
    )
    if open_ or not (probed or back or run.taken.keys() - run.told):
        return
    new = [part for key, part in run.taken.items() if key not in run.told]
    if not over and run.halted is None:
        ended = {_take(part) for part in new if _has_ended(run, part)}
        new = [part for part in new if _take(part) in ended]
    run.told |= {part.key for part in new}
    if new:
        # The last part: those before it may have been told by a process that has died.
        now, key = context.clock.now(), f"wave:{new[-1].key.rpartition('_')[0]}"

        def work(tx: ports.Tx) -> None:
            tx.say(run.id, "reply", _wave_over(run, new, back), key=key, at=now)

        await recorder.write(context, work)


def _take(part: wave_parts.Part) -> str:
    """Return what the keys of all parts have in common that were taken out together."""
    # A key is request, wave, take, place and step with underscores between.
    return "_".join(part.key.split("_")[:3])


def _has_ended(run: runs.Run, part: wave_parts.Part) -> bool:
    """Whether a server of a part waits for no further call."""
    return any(run.rows[one.subject.id].state is not ServerState.QUEUED for one in part.servers)


def _wave_over(
    run: runs.Run, new: Collection[wave_parts.Part], back: Collection[str]
) -> running.WaveOver:
    """Return what the reply of a wave is made of."""
    ids = {one.subject.id for part in new for one in part.servers}
    counts: dict[str, int] = {}
    for id_ in ids:
        row = run.rows[id_]
        # It gets its last word only when the run is closed, after this reply.
        if row.state is ServerState.QUEUED and run.halted is not None:
            row = runs.not_sent(row, run.halted.reason, now=0.0)
        state = row.state.value
        counts[state] = counts.get(state, 0) + 1
    return running.WaveOver(
        wave=max(part.wave for part in new),
        steps=_steps(new),
        counts=counts,
        # Those set aside were put back before the call, and so were others by a process that died.
        back=len({*back, *(one.subject.id for part in new for one in part.of(StepState.PUT_BACK))}),
        left=sorted({row.taken.subject.name for row in step_ledger.rows(new)}),
        missed=[*_missed(run, new)],
    )


def _steps(new: Collection[wave_parts.Part]) -> list[running.StepName]:
    """Return the steps that were done, or may have been, in their order.

    A wave that a process left is taken out anew; only what became of it at last is said.
    """
    done = (StepState.DONE, StepState.PUT_BACK, StepState.OWED, StepState.SETTLED)
    found: dict[str, list[tuple[str, bool]]] = {}
    kinds = {part.step.name: part.step.kind for part in new}
    last = {(part.step.name, one.subject.id): one for part in new for one in part.servers}
    for (step, _), one in last.items():
        if one.state in done:
            found.setdefault(step, []).append((one.subject.name, not one.missed))
    return [
        running.StepName(
            name=name,
            kind=kinds[name],
            unsure=sorted(one for one, sure in servers if not sure),
            confirmed=any(sure for _, sure in servers),
        )
        for name, servers in found.items()
    ]


def _missed(run: runs.Run, new: Collection[wave_parts.Part]) -> Iterator[running.Missed]:
    """Yield what the thread says of servers for which a step wasn't done, reason by reason.

    A wave that a process left is taken out anew; only what became of it at last is said.
    """
    last = {(part.step.name, one.subject.id): (part, one) for part in new for one in part.servers}
    names: dict[tuple[str, bool, str], list[str]] = {}
    for part, one in last.values():
        row, must = run.rows[one.subject.id], part.step.must
        # Who was set aside for a step that must be done, or went on without one that need not be.
        if one.missed and (row.cause is Cause.STEP if must else row.sends):
            names.setdefault((part.step.name, must, one.missed), []).append(one.subject.name)
    for (name, must, why), those in names.items():
        yield running.Missed(name=name, names=sorted(those), why=why, must=must)
