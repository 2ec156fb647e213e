"""A run: the servers of an approved request on their way, as one process knows them.

The store knows the same after every step; what is here is only quicker to ask.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping

import msgspec

from bot.power import causes, plan, ports, server
from bot.power.approval import granted, recheck
from bot.power.causes import Cause
from bot.power.lifecycle import ServerState
from bot.power.ports import Method
from bot.power.request import Action, Target
from bot.power.run import call_answers, evidence, outcome, settling, waves
from bot.power.run.blockers import Blocker
from bot.power.steps import wave_parts

# A cycle is the only action of two calls: off, proven, then on, proven.
METHODS: dict[Action, tuple[Method, ...]] = {
    Action.ON: (Method.ON,),
    Action.OFF: (Method.OFF,),
    Action.REBOOT: (Method.REBOOT,),
    Action.CYCLE: (Method.OFF, Method.ON),
}


@dataclasses.dataclass(frozen=True)
class Lease:
    """The right to write for a request, kept up by the runner while the request is driven.

    `left_s` answers how many seconds of it remain by this process's monotonic clock.
    """

    claim: ports.Claim
    left_s: Callable[[], float]


async def _nothing() -> None:
    """Do nothing; the default of `Run.meanwhile`."""


@dataclasses.dataclass
class Run:
    """One run, driven by this process.

    `unstored` are the ids of rows that the store doesn't have yet, `pending` is an answer that
    it doesn't have; `halted` is why no new call may leave. `failures` is how many of the rows count
    against the failure limit. `sent_at` is when each call left by this process's monotonic clock,
    by the `sent_at` of its rows; `tries` counts calls in a row that were throttled or never left.
    `held_since` is when a freeze began to hold the run, `held` what its thread was told, and
    `waits_since` when it began to wait for the service that `waits` names (by the monotonic clock,
    None for not). `looked_at` (epoch seconds) is when the newest look at its servers began.
    `earlier` has, by server id, calls of requests before this one of which nobody
    has seen that they happened: they may still be at work. `asker` has the requester's groups as
    they were read for the newest wave, `grant` is what that is judged by. `taken` has, by key, the
    parts of the steps around its waves, and `tended` when each was last lengthened (epoch seconds);
    `told` are those that the thread knows of, `returned` the servers for which earlier requests'
    steps were put back.
    `meanwhile` is awaited again and again while the run waits: it keeps up what ends by itself.
    """

    request: ports.Request
    lease: Lease
    rows: dict[str, ports.RunServer]
    wave: int = 0  # The next one's number.
    earlier: Mapping[str, ports.UnseenCall] = dataclasses.field(default_factory=dict)
    sent_at: dict[float, float] = dataclasses.field(default_factory=dict)
    unstored: set[str] = dataclasses.field(init=False, default_factory=set)
    pending: call_answers.Answered | None = dataclasses.field(init=False, default=None)
    tries: int = dataclasses.field(init=False, default=0)
    halted: Blocker | None = dataclasses.field(init=False, default=None)
    held_since: float | None = dataclasses.field(init=False, default=None)
    held: Blocker | None = dataclasses.field(init=False, default=None)
    waits: causes.Wait | None = dataclasses.field(init=False, default=None)
    waits_since: float | None = dataclasses.field(init=False, default=None)
    looked_at: float = dataclasses.field(init=False, default=0.0)
    grant: granted.Grant | None = dataclasses.field(init=False, default=None)
    asker: Collection[str] = dataclasses.field(init=False, default=frozenset())
    taken: dict[str, wave_parts.Part] = dataclasses.field(init=False, default_factory=dict)
    tended: dict[str, float] = dataclasses.field(init=False, default_factory=dict)
    told: set[str] = dataclasses.field(init=False, default_factory=set)
    returned: set[str] = dataclasses.field(init=False, default_factory=set)
    failures: int = dataclasses.field(init=False, default=0)
    meanwhile: Callable[[], Awaitable[None]] = dataclasses.field(
        init=False, default_factory=lambda: _nothing
    )
    _targets: Mapping[str, Target] | None = dataclasses.field(init=False, default=None)

    def __post_init__(self) -> None:
        """Count once; from then on every change is counted. What was waited for stays."""
        self.waits = self.request.waiting
        self.failures = outcome.tally(self.rows.values()).failures

    @property
    def id(self) -> str:
        """The request's id."""
        return self.request.id

    @property
    def terms(self) -> plan.Terms:
        """The plan's terms, with what an edited policy has tightened since."""
        return self.grant.terms if self.grant is not None else self.request.plan.terms

    @property
    def epoch(self) -> int:
        """The fence that every write names."""
        return self.lease.claim.epoch

    @property
    def action(self) -> Action:
        """What is done to the servers."""
        return self.request.order.action

    @property
    def targets(self) -> Mapping[str, Target]:
        """The plan's servers by id, from the choice of a wave until `let_go`."""
        if self._targets is None:
            self._targets = self.request.order.by_id
        return self._targets

    def let_go(self) -> None:
        """Let go of what only the sending of a wave needs: a plan may have thousands of servers."""
        self._targets = None

    def queued(self, step: int) -> list[ports.RunServer]:
        """The servers that wait for the call of this step, in the plan's order."""
        return [
            row
            for row in self.rows.values()
            if row.state is ServerState.QUEUED and row.step == step
        ]

    def still_queued(self, rows: Iterable[ports.RunServer]) -> list[ports.RunServer]:
        """Return those of the rows, as they are now, that still wait for the call of their step."""
        newest = ((row, self.rows[row.server_id]) for row in rows)
        return [
            now for row, now in newest if now.state is ServerState.QUEUED and now.step == row.step
        ]

    def keep(self, rows: Iterable[ports.RunServer]) -> None:
        """Remember the newest rows."""
        for row in rows:
            before = self.rows[row.server_id]
            # Equal rows are not stored again: a poll of a quiet fleet writes nothing.
            if before is not row and before != row:
                self.rows[row.server_id] = row
                self.failures += outcome.failed(row) - outcome.failed(before)
                self.unstored.add(row.server_id)

    def to_store(self, most: int) -> tuple[ports.RunServer, ...]:
        """Return up to `most` of the rows that differ from what the store has."""
        some = itertools.islice(self.unstored, most)
        return tuple(self.rows[server_id] for server_id in sorted(some))

    def answer_saved(self, after: call_answers.Answered) -> None:
        """Remember that the store has the answer that was pending."""
        self.pending = None
        self.saved(after.rows)

    def saved(self, rows: Iterable[ports.RunServer]) -> None:
        """Remember that the store has these rows."""
        for row in rows:
            # It may have changed while it was being written, and is stored once more.
            if self.rows[row.server_id] == row:
                self.unstored.discard(row.server_id)
        if not self.unstored:
            # A set that was large keeps its size.
            self.unstored = set()


def method(action: Action, step: int) -> Method:
    """Return the power call of a step, the first being 0."""
    return METHODS[action][step]


def intended(
    row: ports.RunServer,
    known: server.Records,
    *,
    wave: int,
    now: float,
    rack_limit: int = 0,
) -> ports.RunServer:
    """Return the row as it stands in the intent: with the baseline that evidence is judged by.

    `rack_limit` is how many of its rack may come on at once, 0 for a call that switches nothing on.
    """
    record = known.servers[row.server_id]
    return msgspec.structs.replace(
        row,
        state=ServerState.INTENDED,
        wave=wave,
        detail=row.detail if settling.repeated(row) else "",
        cause=settling.lasting(row),
        baseline_power=record.power_state,
        baseline_operation=record.operation_state,
        # What was seen of the call before proves nothing of this one.
        seen_processing=False,
        stood=waves.rack_of(record.dc, record.rack),
        rack_limit=rack_limit,
        # With the intent, not the call: a crash in between must not lose it.
        sent_at=now,
        settled_at=0.0,
        sends=row.sends + 1,
    )


def set_aside(
    method: Method,
    row: ports.RunServer,
    change: recheck.ServerChange,
    record: server.Server | None,
    *,
    now: float,
) -> ports.RunServer:
    """Return the row of a server that won't be sent.

    One whose first call was lost isn't merely skipped: its record may prove the call by now.
    """
    if not settling.repeated(row):
        return msgspec.structs.replace(
            row, state=change.state, detail=change.reason, cause=change.cause, settled_at=now
        )
    proven = evidence.judge(method, row, record).finding is evidence.Finding.PROVEN
    state = ServerState.PROVEN if proven else ServerState.UNKNOWN
    detail = "" if proven else f"the answer was lost; not sent again: {change.reason}"
    cause = settling.lasting(row) if proven else Cause.NOT_ASKED_AGAIN
    return msgspec.structs.replace(row, state=state, detail=detail, cause=cause, settled_at=now)


def next_step(action: Action, row: ports.RunServer) -> ports.RunServer:
    """Return the row queued for its next call when one step is proven and another follows."""
    last = row.step == len(METHODS[action]) - 1
    if last or row.state is not ServerState.PROVEN:
        return row
    return msgspec.structs.replace(
        row,
        state=ServerState.QUEUED,
        step=row.step + 1,
        cause=Cause.OFF_TWICE if settling.repeated(row) else Cause.NONE,
        detail="",
        # Proven a moment ago: if nothing is seen any more, it counts as off.
        seen_power=server.Power.OFF.value,
        # Counted for each call of a cycle by itself.
        sends=0,
        settled_at=0.0,
    )


def not_sent(row: ports.RunServer, why: str, *, now: float) -> ports.RunServer:
    """Return the row of a server whose call never left; a half-done cycle says that it is off."""
    if settling.repeated(row):
        lost = f"the answer was lost; not sent again: {why}"
        return msgspec.structs.replace(
            row,
            state=ServerState.UNKNOWN,
            detail=lost,
            cause=Cause.NOT_ASKED_AGAIN,
            settled_at=now,
        )
    detail = f"left off: {why}" if row.step else why
    return msgspec.structs.replace(
        row, state=ServerState.NOT_SENT, detail=detail, cause=Cause.NONE, settled_at=now
    )


def sent_before(
    row: ports.RunServer, limits: settling.WatchLimits, action: Action, *, now: float, ticks: float
) -> float:
    """Return when a call that another process sent left, by this process's monotonic clock.

    The wall clock is asked once, here. Wherever it was set to, there is time for one look.
    """
    # A wall clock that is ahead would else end the watch before the first look.
    most_s = max(0.0, limits.deadline_s(method(action, row.step)) - limits.settle_s)
    return ticks - min(max(0.0, now - row.sent_at), most_s)


def adopted(row: ports.RunServer) -> ports.RunServer:
    """Return the row as a new process takes it over: a call without an answer is unknown."""
    if row.state is not ServerState.INTENDED:
        return row
    return msgspec.structs.replace(
        row, state=ServerState.UNKNOWN, detail="", cause=Cause.INTERRUPTED
    )
