"""How a run ended: counts that always add up, and the one word for the whole."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from bot.power import causes, lifecycle, ports
from bot.power.lifecycle import ServerState, State
from bot.power.text import folding

# The order in which outcomes are told: what was achieved first, then what needs somebody.
TOLD_IN_ORDER = (
    ServerState.PROVEN,
    ServerState.UNWELL,
    ServerState.NOT_PROVEN,
    ServerState.UNKNOWN,
    ServerState.FAILED,
    ServerState.TIMED_OUT,
    ServerState.SUPERSEDED,
    ServerState.REJECTED,
    ServerState.NOT_SENT,
    ServerState.BLOCKED,
    ServerState.SKIPPED,
    ServerState.ACCEPTED,
    ServerState.INTENDED,
    ServerState.QUEUED,
)


@dataclasses.dataclass(frozen=True, slots=True)
class Group:
    """Servers that ended the same way for the same reason; `names` are in the plan's order.

    `half_done` are those that a cycle has switched off and is about to switch on; `probe` is what
    those that aren't well don't answer.
    """

    state: ServerState
    detail: str
    names: tuple[folding.Named, ...]
    cause: causes.Cause = causes.Cause.NONE
    late: causes.Late = causes.Late.NONE
    half_done: bool = False
    probe: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class StateCounts:
    """How many servers are in each state; the counts add up to `total`.

    `set_aside` are those of the blocked ones for which a step couldn't be done.
    """

    counts: dict[ServerState, int]
    set_aside: int = 0

    @property
    def total(self) -> int:
        """All servers of the run."""
        return sum(self.counts.values())

    @property
    def failures(self) -> int:
        """What counts against the failure limit, unknown and timed out included."""
        return self.set_aside + sum(self.counts.get(state, 0) for state in lifecycle.FAILURES)

    @property
    def settled(self) -> bool:
        """Whether no server is queued or watched any more."""
        moving = (ServerState.QUEUED, ServerState.INTENDED, ServerState.ACCEPTED)
        return not any(self.counts.get(state, 0) for state in moving)


def tally(servers: Iterable[ports.RunServer]) -> StateCounts:
    """Count the servers of a run by state."""
    counts: dict[ServerState, int] = {}
    set_aside = 0
    for row in servers:
        counts[row.state] = counts.get(row.state, 0) + 1
        set_aside += row.state is ServerState.BLOCKED and row.cause is causes.Cause.STEP
    return StateCounts(counts, set_aside)


def failed(row: ports.RunServer) -> bool:
    """Whether a server counts against the failure limit."""
    by_step = row.state is ServerState.BLOCKED and row.cause is causes.Cause.STEP
    return by_step or row.state in lifecycle.FAILURES


def held_back(servers: Iterable[ports.RunServer]) -> bool:
    """Whether another request kept a run from all of its servers, so that nothing was sent."""
    rows = list(servers)
    barred = any(row.state is ServerState.BLOCKED for row in rows)
    return barred and all(row.cause is causes.Cause.HELD and not row.sends for row in rows)


_Key = tuple[ServerState, str, causes.Cause, causes.Late, bool, str]


def groups(servers: Iterable[ports.RunServer]) -> tuple[Group, ...]:
    """Group the servers of a run by state and reason, in the order in which they are listed."""
    found: dict[_Key, list[folding.Named]] = {}
    for row in servers:
        half_done = row.state is ServerState.QUEUED and row.step > 0
        # Proven is proven, by whatever detour.
        cause = causes.Cause.NONE if row.state is ServerState.PROVEN else row.cause
        key = (row.state, row.detail, cause, row.late, half_done, row.probe)
        found.setdefault(key, []).append(row.label)
    ordered = sorted(found.items(), key=lambda item: TOLD_IN_ORDER.index(item[0][0]))
    return tuple(
        Group(state, detail, tuple(names), cause, late, half_done, probe)
        for (state, detail, cause, late, half_done, probe), names in ordered
    )


def end_state(servers: Iterable[ports.RunServer], *, stopped: bool) -> State:
    """Return the end state of a run whose servers are all settled.

    Succeeded: every server that was acted on is proven (skipped ones are allowed). Stopped: a
    person, a freeze or the policy ended it with servers not sent. Failed: nothing is proven, and
    CloudDC has taken nothing that may still show. Partial: the rest, a run that stopped itself at
    its failure limit included.
    """
    counts = tally(servers).counts
    good = counts.get(ServerState.PROVEN, 0)
    unwell = counts.get(ServerState.UNWELL, 0)
    acted_on = sum(n for state, n in counts.items() if state is not ServerState.SKIPPED)
    # A Stop that came too late to keep anything from being sent is no end of its own.
    if stopped and counts.get(ServerState.NOT_SENT, 0):
        return State.STOPPED
    if good == acted_on:
        return State.SUCCEEDED
    taken = any(counts.get(state, 0) for state in lifecycle.ACCEPTED_ONLY)
    return State.PARTIAL if good or unwell or taken else State.FAILED
