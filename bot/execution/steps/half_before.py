"""The half before one wave: its parts, written down, and the servers that are set aside."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from bot.execution import recorder
from bot.execution.context import Context
from bot.execution.steps import after
from bot.power import ports, server
from bot.power.causes import Cause
from bot.power.lifecycle import ServerState
from bot.power.run import ledger, runs, step_ledger
from bot.power.steps import definition, kinds, placeholders, protocol, wave_parts
from bot.power.steps.states import StepState

Steps = tuple[definition.Step, ...]
Rows = Sequence[ports.RunServer]


@dataclasses.dataclass
class HalfBefore:
    """The half before one wave; `place` counts its parts, `parts` those of each step."""

    context: Context
    run: runs.Run
    records: Mapping[str, server.Server]
    take: int  # Counts from 1; a wave that was set aside whole is taken out anew.
    sizes: Mapping[str, int]
    place: int = dataclasses.field(init=False, default=0)
    made: dict[str, int] = dataclasses.field(init=False, default_factory=dict)

    @property
    def number(self) -> int:
        """The wave's number as people read it."""
        return self.run.wave + 1

    def next_key(self, step: definition.Step) -> str:
        """Count one more part, and return its key."""
        self.place += 1
        # Three digits keep the store's order by key the order of taking out.
        return f"{prefix(self.run)}{self.take}_{self.place:03}_{step.name}"


def prefix(run: runs.Run) -> str:
    """Return how the keys of the parts of this wave begin."""
    return f"{run.id}_{run.wave + 1}_"


def sizes(plans: Sequence[tuple[Steps, Rows]]) -> dict[str, int]:
    """Return of how many parts each step of this wave is."""
    found: dict[str, int] = {}
    for steps, rows in plans:
        for step in steps:
            most = kinds.named(step.kind).most or len(rows)
            # Rounded up; a kind may take only so many servers at once.
            found[step.name] = found.get(step.name, 0) + -(-len(rows) // most)
    return found


def unfit(wave: HalfBefore, step: definition.Step, rows: Rows) -> dict[str, str]:
    """Return for which servers a step can't be done because of their records, and why."""
    said = {row.server_id: placeholders.problem(step, subject(wave, row)) for row in rows}
    return {id_: words for id_, words in said.items() if words}


async def fail(
    wave: HalfBefore, step: definition.Step, rows: Rows, failing: Mapping[str, str]
) -> None:
    """Write down for which servers a step isn't even tried, and why.

    Where it must be done they are set aside, and what was done for them before is put back.
    """
    if not failing:
        return
    run, now = wave.run, wave.context.clock.now()
    taken = tuple(
        wave_parts.Taken(
            subject(wave, row),
            StepState.FAILED,
            stands=False,
            since=now,
            detail=failing[row.server_id],
            missed=failing[row.server_id],
        )
        for row in rows
        if row.server_id in failing
    )
    key = wave.next_key(step)
    part = wave_parts.Part(key, run.id, wave.number, step, servers=taken, since=now)

    def work(tx: ports.Tx) -> None:
        step_ledger.fail(tx, run.request, part, epoch=run.epoch, now=now)

    run.taken[key] = part
    # The servers go on without it, and the thread says so.
    if not step.must:
        await recorder.write(wave.context, work)
        return
    await set_aside(wave, step, failing, work)
    await after.put_back_of(wave.context, run, failing.keys())


def subject(wave: HalfBefore, row: ports.RunServer) -> protocol.Subject:
    """Return a server as its fresh record has it."""
    return protocol.subject(wave.records[row.server_id], row.apart)


def parts(
    wave: HalfBefore, step: definition.Step, rows: Rows, *, stands: bool
) -> Iterator[wave_parts.Part]:
    """Yield the parts of a step for some servers."""
    most = kinds.named(step.kind).most or max(1, len(rows))
    now = wave.context.clock.now()
    for start in range(0, len(rows), most):
        wave.made[step.name] = number = wave.made.get(step.name, 0) + 1
        some = (subject(wave, row) for row in rows[start : start + most])
        yield wave_parts.Part(
            key=wave.next_key(step),
            request_id=wave.run.id,
            wave=wave.number,
            step=step,
            number=number,
            parts=max(number, wave.sizes[step.name]),
            servers=tuple(wave_parts.Taken(one, stands=stands, since=now) for one in some),
            since=now,
        )


async def intend(wave: HalfBefore, made: Sequence[wave_parts.Part]) -> None:
    """Write down what is about to be done."""
    if not made:
        return
    run, now = wave.run, wave.context.clock.now()
    await recorder.write(
        wave.context, lambda tx: step_ledger.intend(tx, run.request, made, epoch=run.epoch, now=now)
    )
    # Only what is in the store counts as taken: the write may end in a lost lease.
    run.taken |= {part.key: part for part in made}


async def set_aside(
    wave: HalfBefore,
    step: definition.Step,
    words: Mapping[str, str],
    work: Callable[[ports.Tx], None],
) -> None:
    """Take servers out of the run for which a step must be done and can't be; each is a failure."""
    run, now = wave.run, wave.context.clock.now()
    rows = [
        msgspec.structs.replace(
            run.rows[id_],
            state=ServerState.BLOCKED,
            detail=f"{step.name}: {said}" if said else step.name,
            cause=Cause.STEP,
            settled_at=now,
        )
        for id_, said in words.items()
    ]
    run.keep(rows)

    # Together: a server must not be blocked for a step of which nothing is written.
    def both(tx: ports.Tx) -> None:
        work(tx)
        ledger.progress(tx, run.request, rows, epoch=run.epoch, now=now)

    await recorder.write(wave.context, both)
    run.saved(rows)
