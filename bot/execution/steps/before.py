"""Before a wave: what the world must say, and what is taken out, step by step."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Mapping, Sequence

from bot.execution import gate, recorder
from bot.execution.context import Context
from bot.execution.steps import after, extend, half_before, halves, parts_back, probing, tries
from bot.power import ports, server
from bot.power.approval import judging
from bot.power.request import Action
from bot.power.run import runs, step_ledger
from bot.power.steps import definition, kinds, wave_parts
from bot.power.steps.protocol import Each, TryResult
from bot.power.steps.states import StepState

Steps = tuple[definition.Step, ...]
Rows = Sequence[ports.RunServer]


async def take_out(
    context: Context, run: runs.Run, chosen: list[ports.RunServer], fresh: server.Records
) -> list[ports.RunServer]:
    """Do the steps before a wave; return the servers that are left of it.

    Without steps nothing is asked and nothing written, and the same list comes back.
    """
    plans = list(_plans(context, run, chosen, fresh))
    if not plans:
        return chosen
    numbers = [
        # A wave that was set aside keeps its number, so that its takes are counted.
        int(key.split("_")[2])
        for key in run.taken
        if key.startswith(half_before.prefix(run))
    ]
    records = fresh.servers
    sizes = half_before.sizes(plans)
    wave = half_before.HalfBefore(context, run, records, 1 + max(numbers, default=0), sizes)
    if not await _world_is_well(wave, plans):
        return []
    # Before anything is taken out: a crash must not lose which servers are to be probed.
    if not await _intend_probes(wave, plans):
        return []
    # Whatever is off serves nobody, so that nothing has to be taken out before an `on`.
    if run.action is not Action.ON:
        for steps, rows in plans:
            for step in steps:
                if kinds.named(step.kind).takes_out and not await _step(wave, step, rows):
                    return []
    return run.still_queued(chosen)


def _plans(
    context: Context, run: runs.Run, chosen: Rows, fresh: server.Records
) -> Iterator[tuple[Steps, list[ports.RunServer]]]:
    """Yield the steps of each rule with its servers of the wave, in the policy's order."""
    rules = context.rules.policy()
    if not rules.steps:
        return
    by_rule: dict[str, list[ports.RunServer]] = {}
    for row in chosen:
        # By the fresh record and the policy of now, as the wave's own check.
        rule = judging.rule_for(rules, fresh.servers[row.server_id])
        if rule is not None:
            by_rule.setdefault(rule.name, []).append(row)
    without = run.request.order.options.without
    for rule in rules.rules:
        if rule.name in by_rule and (steps := rules.steps_of(rule, without)):
            yield steps, by_rule[rule.name]


async def _world_is_well(wave: half_before.HalfBefore, plans: Sequence[tuple[Steps, Rows]]) -> bool:
    """Ask the probes before the wave; one that isn't well sets the wave aside."""
    asked: dict[str, definition.Step] = {}
    for steps, _ in plans:
        # Once for the wave, however many of its rules name the probe.
        asked |= {one.name: one for one in steps if one.when is definition.When.BEFORE}
    everybody = [row for _, rows in plans for row in rows]
    for step in asked.values():
        said = await probing.world(wave.context, wave.run, step, wave.number)
        if wave.run.halted is not None:
            return False
        if said:
            words = dict.fromkeys((row.server_id for row in everybody), said)
            await half_before.fail(wave, step, everybody, words)
            if step.must:
                return False
    return True


async def _intend_probes(wave: half_before.HalfBefore, plans: Sequence[tuple[Steps, Rows]]) -> bool:
    """Write down which probes are owed to which servers, so that any process asks them.

    Servers that a probe can't be asked of are failed before anything is done to them. False when
    no step may be done any more.
    """
    made: list[wave_parts.Part] = []
    for steps, rows in plans:
        for step in steps:
            if not kinds.named(step.kind).takes_out and step.when is definition.When.AFTER:
                # After an off nobody asks it.
                asks = wave.run.action is not Action.OFF
                left = wave.run.still_queued(rows)
                unfit = half_before.unfit(wave, step, left) if asks else {}
                await half_before.fail(wave, step, left, unfit)
                fit = [row for row in left if row.server_id not in unfit]
                made += half_before.parts(wave, step, fit, stands=False)
    await half_before.intend(wave, made)
    return not gate.failed_too_often(wave.run)


async def _step(wave: half_before.HalfBefore, step: definition.Step, rows: Rows) -> bool:
    """Do one step for all its servers that are left; False when no further step may be done."""
    run = wave.run
    if await gate.stopped(wave.context, run):
        return False
    left = [row for row in run.still_queued(rows) if not _stands(run, step, row.server_id)]
    unfit = await _still_owed(wave, step, left) | half_before.unfit(wave, step, left)
    await half_before.fail(wave, step, left, unfit)
    left = [row for row in left if row.server_id not in unfit]
    for part in list(half_before.parts(wave, step, left, stands=True)):
        await half_before.intend(wave, [part])
        failed = await _part(wave, part)
        if failed and step.must:
            # At once, not after the wave: nothing will be sent to these servers.
            await after.put_back_of(wave.context, run, failed)
    return run.halted is None and not gate.failed_too_often(run)


async def _still_owed(
    wave: half_before.HalfBefore, step: definition.Step, left: Rows
) -> dict[str, str]:
    """Put back what this run still owes of a step; return why not, by server.

    What is taken out twice can't be told apart when it is put back.
    """
    run, ids = wave.run, {row.server_id for row in left}
    found: dict[str, str] = {}
    for part in list(run.taken.values()):
        owed = {one.subject.id for one in part.of(StepState.OWED)} & ids
        if part.step.name == step.name and owed:
            newest = await parts_back.put_back(
                wave.context, run, parts_back.ToPutBack(part, run.request, owed)
            )
            run.taken[part.key] = newest
            found |= {one.subject.id: one.detail for one in newest.of(StepState.OWED)}
    return {id_: said for id_, said in found.items() if id_ in ids}


def _stands(run: runs.Run, step: definition.Step, server_id: str) -> bool:
    """Whether this run has done a step for a server already: its call is to be repeated."""
    return any(
        one.state is StepState.DONE and one.subject.id == server_id
        for part in run.taken.values()
        if part.step.name == step.name
        for one in part.servers
    )


async def _part(wave: half_before.HalfBefore, part: wave_parts.Part) -> Collection[str]:
    """Carry out one part; return the servers for which it couldn't be done."""
    context, run = wave.context, wave.run
    failed: dict[str, str] = {}

    async def save(results: Mapping[str, Each], named: wave_parts.Part, was_stopped: bool) -> None:
        # A Stop is no failure of the servers that it spared.
        bad = {} if was_stopped else _bad(results)
        failed.update(bad)
        await _save(wave, dataclasses.replace(named, servers=run.taken[part.key].servers),
                    results, bad)  # fmt: skip

    async def meanwhile() -> bool:
        await extend.tend(context, run)
        return await gate.stopped(context, run)

    half = halves.Half(
        part,
        run.request,
        tuple(one.subject for one in part.servers),
        # The same for every try, so that receivers and lost answers are told apart by it.
        key=f"{part.key}-before",
        until=context.clock.monotonic() + part.step.within_s,
        before=True,
        others=await halves.others_of(context, run, part),
        stopped=meanwhile,
        left_s=run.lease.left_s,
    )
    await tries.carry_out(context, half, save)
    return failed


def _bad(results: Mapping[str, Each]) -> dict[str, str]:
    """Return why it couldn't be done, by server."""
    return {id_: each.detail for id_, each in results.items() if each.word is not TryResult.DONE}


async def _save(
    wave: half_before.HalfBefore,
    part: wave_parts.Part,
    results: Mapping[str, Each],
    bad: Mapping[str, str],
) -> None:
    """Store what came of some servers, and set those aside that must not go on without it."""
    run, now = wave.run, wave.context.clock.now()
    new = [
        _taken(one, results[one.subject.id], now)
        for one in part.servers
        if one.subject.id in results
    ]
    whole = step_ledger.replaced(part, new)
    intended = frozenset({StepState.INTENDED})
    # What was stopped isn't done either, though nobody is set aside for it.
    missed = _bad(results)
    good = tuple(one for one in new if one.subject.id not in missed)
    rest = tuple(one for one in new if one.subject.id in missed)

    def work(tx: ports.Tx) -> None:
        # A process whose lease was lost must not write what its successor has decided.
        tx.hold_run(run.id, epoch=run.epoch)
        step_ledger.changed(tx, run.request, step_ledger.StepChange(whole, good, intended), now=now)
        if rest:
            change = step_ledger.StepChange(whole, rest, intended, failed=True)
            step_ledger.changed(tx, run.request, change, now=now)

    run.taken[part.key] = whole
    if bad and part.step.must:
        await half_before.set_aside(wave, part.step, bad, work)
    else:
        await recorder.write(wave.context, work)


def _taken(one: wave_parts.Taken, each: Each, now: float) -> wave_parts.Taken:
    """Return a server of a part after its half; what may stand has to be put back."""
    done = each.word is TryResult.DONE or each.stands
    return dataclasses.replace(
        one,
        state=StepState.DONE if done else StepState.FAILED,
        stands=each.stands,
        since=now,
        detail=each.detail,
        missed=tries.missed(each),
    )
