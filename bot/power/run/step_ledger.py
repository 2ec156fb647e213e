"""What a step around a wave writes down: each change of a server's step, its audit row, the card.

A run's changes are fenced by its epoch; those of ended requests by the state that they leave.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from bot.power import ports, request
from bot.power.lifecycle import ServerState
from bot.power.request import Action
from bot.power.run import ledger
from bot.power.steps import wave_parts
from bot.power.steps.states import Shown, StepState

EVENTS = {
    StepState.INTENDED: "step.intended",
    StepState.DONE: "step.done",
    StepState.FAILED: "step.failed",
    StepState.PUT_BACK: "step.put_back",
    StepState.OWED: "step.owed",
    StepState.SETTLED: "step.settled",
}
# How often a part of an ended request that is due is tried again, in seconds.
RETRY_S = 60.0
FIRST_RETRY_S = 5.0
# How long what is owed keeps its silence; then the silence ends by itself.
MOST_OWED_S = 86_400.0
# Ends of a server to which nothing was done: what was taken out for it goes back unasked.
UNTOUCHED = frozenset(
    {
        ServerState.QUEUED,
        ServerState.BLOCKED,
        ServerState.SKIPPED,
        ServerState.NOT_SENT,
        ServerState.REJECTED,
    }
)


@dataclasses.dataclass(frozen=True, slots=True)
class StepChange:
    """A change of some servers of one part. `failed`: a `done` that left something half done.

    `same` are the ids of servers of which the audit log says so already.
    """

    part: wave_parts.Part
    servers: tuple[wave_parts.Taken, ...]
    before: frozenset[StepState]
    failed: bool = False
    same: frozenset[str] = frozenset()


def intend(
    tx: ports.Tx, found: ports.Request, made: Sequence[wave_parts.Part], *, epoch: int, now: float
) -> None:
    """Write down what is about to be done.

    Raises:
        LostLease: the fence has moved on.
    """
    tx.intend_parts(made, epoch=epoch)
    for part in made:
        # A probe takes nothing out, and its asking is no news.
        if part.kind.takes_out:
            ids = [one.subject.id for one in part.servers]
            audit(tx, EVENTS[StepState.INTENDED], found, part, ids, now=now)


def fail(
    tx: ports.Tx, found: ports.Request, part: wave_parts.Part, *, epoch: int, now: float
) -> None:
    """Write down a part of a step that is not even tried, for the reasons of its servers.

    Raises:
        LostLease: the fence has moved on.
    """
    tx.intend_parts([part], epoch=epoch)
    groups: dict[str, list[str]] = {}
    for one in part.servers:
        groups.setdefault(one.detail, []).append(one.subject.id)
    for why, ids in groups.items():
        audit(tx, EVENTS[StepState.FAILED], found, part, ids, now=now, why=why)


def changed(tx: ports.Tx, found: ports.Request, change: StepChange, *, now: float) -> list[str]:
    """Write down what became of some servers; return the ids of those that it still was about."""
    part = change.part
    # Only from the states that were read: a person may have settled one meanwhile.
    moved = set(tx.move(part.key, change.servers, before=change.before))
    tx.note_part(part)
    groups: dict[tuple[StepState, str], list[str]] = {}
    for one in change.servers:
        if one.subject.id in moved - change.same:
            groups.setdefault((one.state, one.detail), []).append(one.subject.id)
    for (state, detail), ids in groups.items():
        event = EVENTS.get(StepState.FAILED if change.failed else state)
        if event and not (state is StepState.FAILED and not detail):
            audit(tx, event, found, part, ids, now=now, why=detail)
    tx.show_card(found.id, at=now)
    return [one.subject.id for one in change.servers if one.subject.id in moved]


def audit(
    tx: ports.Tx,
    event: str,
    found: ports.Request,
    part: wave_parts.Part,
    ids: Sequence[str],
    *,
    now: float,
    why: str = "",
    person: request.Person | None = None,
    **more: object,
) -> None:
    """Append one row that speaks of a step, and of the person who did it by hand."""
    detail: dict[str, object] = {"step": part.step.name, "kind": part.step.kind, "wave": part.wave}
    if part.parts > 1:
        detail["part"] = f"{part.number}/{part.parts}"
    if part.outside_id:
        detail["outside_id"] = part.outside_id
    if why:
        detail["why"] = why
    told = {**detail, **more}
    ledger.audit(tx, event, found, now, server_ids=ids, detail=told, person=person)


def replaced(part: wave_parts.Part, servers: Iterable[wave_parts.Taken]) -> wave_parts.Part:
    """Return a part with some of its servers as they are now."""
    new = {one.subject.id: one for one in servers}
    whole = tuple(new.get(one.subject.id, one) for one in part.servers)
    return dataclasses.replace(part, servers=whole)


def goes_back_untouched(row: ports.RunServer) -> bool:
    """Whether nothing was done to a server, so that what was taken out for it goes back."""
    # A call may have reached it, and it isn't back yet.
    if row.step or (row.state is ServerState.QUEUED and row.sends):
        return False
    return row.state in UNTOUCHED


def is_owed(action: Action, row: ports.RunServer, *, halted: bool) -> bool:
    """Whether what was taken out for a server stays out against the plan.

    After an off it stays out as planned.
    """
    if action is Action.OFF or row.state is ServerState.PROVEN:
        return False
    if row.state is ServerState.QUEUED:
        return halted and bool(row.step or row.sends)
    ended = row.settled_at or row.state is ServerState.UNWELL
    return bool(ended) and not goes_back_untouched(row)


def why_owed(row: ports.RunServer) -> str:
    """Return why something stays out, for whoever must decide about it."""
    if row.state is ServerState.UNWELL:
        return f"not {row.probe}: {row.detail}"
    return f"{row.state.value}: {row.detail}" if row.detail else row.state.value


def leave(
    tx: ports.Tx, found: ports.Request, left: Iterable[wave_parts.Part], *, now: float
) -> None:
    """Have what stands after a run's end looked after: put back, lengthened, or ended in time."""
    for part in left:
        if part.standing:
            tx.look_at_part(part.key, next_at=next_look(part, now, first=True))


def next_look(part: wave_parts.Part, now: float, *, first: bool = False) -> float:
    """Return when a part of an ended request must be looked at next; 0 for never."""
    looks: list[float] = []
    if any(one.due or one.state is StepState.PUTTING_BACK for one in part.standing):
        looks.append(now + (FIRST_RETRY_S if first else RETRY_S))
    if part.until and part.standing:
        owed = part.owed
        # Lengthened at half its time, so that one try that fails isn't the last.
        half = part.until - part.step.lasts_s / 2 if owed else part.until
        lengthens = owed and part.until < owed_until(part)
        # A second at least, or a part that is due would be looked at without a pause.
        looks.append(max(now + 1.0, half if lengthens else part.until))
    return min(looks, default=0.0)


def owed_until(part: wave_parts.Part) -> float:
    """Return until when a part is kept standing while it is owed."""
    return max((one.owed_since for one in part.owed), default=0.0) + MOST_OWED_S


def settle(
    tx: ports.Tx,
    found: ports.Request,
    step: str,
    name: str,
    *,
    by: request.Person,
    now: float,
) -> list[str]:
    """Mark a server's step as dealt with by hand, whatever stands outside; return its id.

    Empty when nothing of it is out or owed.
    """
    settled: list[str] = []
    for part in tx.parts(found.id):
        those = [
            dataclasses.replace(one, state=StepState.SETTLED, stands=False, due=False, since=now)
            for one in part.standing
            if part.step.name == step and name in (one.subject.name, one.subject.id)
        ]
        before = frozenset(one.state for one in part.standing)
        if moved := tx.move(part.key, those, before=before) if those else []:
            event, told = EVENTS[StepState.SETTLED], by.user_id
            audit(tx, event, found, part, moved, now=now, person=by, by=told)
            settled += moved
    if settled:
        tx.show_card(found.id, at=now)
    return settled


def meant(tx: ports.Tx, request_id: str, step: str, name: str) -> list[ServerRow]:
    """Return what `settle` would mark for these words: what is out or owed of such servers."""
    return [
        row
        for row in rows(tx.parts(request_id))
        if row.part.step.name == step and name in (row.taken.subject.name, row.taken.subject.id)
    ]


def ask_back(tx: ports.Tx, found: ports.Request, *, now: float) -> int:
    """Have everything of an ended request put back now, whatever its servers' state.

    Returns for how many servers something is to be put back.
    """
    asked: set[str] = set()
    for part in tx.parts(found.id):
        those = [dataclasses.replace(one, due=True) for one in part.standing]
        if those:
            before = frozenset(one.state for one in those)
            asked.update(tx.move(part.key, those, before=before))
            # What is being put back at this moment stays in the hands of whoever does it.
            if not part.of(StepState.PUTTING_BACK):
                tx.look_at_part(part.key, next_at=now)
    return len(asked)


@dataclasses.dataclass(frozen=True, slots=True)
class ServerRow:
    """One server and step of which something is out or owed, as commands list it."""

    part: wave_parts.Part
    taken: wave_parts.Taken
    shown: Shown


def rows(found: Iterable[wave_parts.Part]) -> list[ServerRow]:
    """Return what is out or owed, server by server."""
    return [ServerRow(part, one, one.shown) for part in found for one in part.standing if one.shown]
