"""One physical server that takes time to switch: a power state machine driven by a given clock.

Nothing runs in the background. Each look first lets pass whatever was due by then, in the order
in which it was due, so a test with a fast clock sees what an operator with a slow one would.
"""

import math
import random
from bisect import insort
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bot.sandbox.data_centre.machines.actions import COURSES, Action, Phase, Power
from bot.sandbox.data_centre.machines.fleet import Server
from bot.sandbox.data_centre.machines.machine_faults import MachineFault, MachineFaultKind
from bot.sandbox.data_centre.machines.record_oddities import RecordOddity

MAX_VISITS = 100


@dataclass(frozen=True, slots=True)
class Pace:
    """How long operations take: `duration_s` in the middle, with spread.

    `spread` is the sigma of a lognormal factor drawn for each operation; `jitter` is how much
    one server may be faster or slower than another for good. Zero for both gives exact times.
    No durations are documented; real servers take minutes.
    """

    duration_s: float = 5.0
    spread: float = 0.25
    jitter: float = 0.2


@dataclass(slots=True)
class Run:
    """An operation under way, or the last one, which stays visible until the next."""

    action: Action
    started_at: float
    ends_at: float
    external: bool = False
    phase: Phase = Phase.PROCESSING
    error: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What a look at the machine shows, in no generation's words yet."""

    power: Power
    action: Action | None
    phase: Phase | None
    error: dict[str, str] | None

    @property
    def busy(self) -> bool:
        """True while the hardware is being switched."""
        return self.phase is Phase.PROCESSING


class Machine:
    """A server and what happens to it.

    `received` counts the actions that CloudDC accepted for it, `performed` those that came to a
    successful end, `external` those that somebody else did without us.
    """

    def __init__(self, server: Server, *, pace: Pace, rng: random.Random) -> None:
        self.server = server
        self.fault: MachineFault | None = None
        self.oddity: RecordOddity | None = None
        self.received: Counter[Action] = Counter()
        self.performed: Counter[Action] = Counter()
        self.external: Counter[Action] = Counter()
        self._pace = pace
        self._rng = rng
        self._temper = 1.0 + rng.uniform(-pace.jitter, pace.jitter)
        self._power = server.power
        self._run = _remembered(server.last_action)
        self._falls_at: float | None = None
        self._visits: list[tuple[float, Action]] = []
        # Counts what a look could show anew; readers keep what they made of the last look.
        self.changes = 0
        self.shown: tuple[object, bytes] | None = None
        self._next_at = -math.inf

    def become(self, server: Server) -> None:
        """Take other facts than before."""
        self.server = server
        self.changes += 1

    def distort(self, oddity: RecordOddity | None) -> None:
        """Be shown in an odd shape from now on, or in the documented one again."""
        self.oddity = oddity
        self.changes += 1

    def look(self, now: float) -> Reading:
        """Read the machine at `now`, after all that was due has happened."""
        self._advance(now)
        if self._run is None:
            return Reading(self._power, None, None, None)
        return Reading(self._power, self._run.action, self._run.phase, self._run.error)

    def up_since(self, now: float) -> float | None:
        """When it was last switched on or over, of what is remembered; None while it isn't up."""
        reading = self.look(now)
        if reading.power is not Power.ON or reading.busy:
            return None
        run = self._run
        return run.ends_at if run is not None and run.phase is Phase.SUCCEED else -math.inf

    def is_ready(self, now: float) -> bool:
        """True when CloudDC would take a power action for this server.

        Frozen servers, servers outside `in-use` and `ready`, and busy ones are refused.
        """
        server = self.server
        tenable = server.frozen_state == 0 and server.manage_state in {"in-use", "ready"}
        return tenable and not self.look(now).busy

    def accept(self, action: Action, now: float) -> None:
        """Take an action that the API accepted; a dead BMC leaves it at that."""
        self._advance(now)
        self.received[action] += 1
        # CloudDC answers before the hardware does, so it can't know that nobody listens.
        if self._has(MachineFaultKind.DEAD_BMC):
            return
        run = self._start(action, now, external=False)
        if self._has(MachineFaultKind.SOMEONE_ELSE):
            self.visit(COURSES[action].opposite, (run.started_at + run.ends_at) / 2)

    def visit(self, action: Action, at: float) -> None:
        """Let somebody else act on this server at `at`, as from the vendor's console."""
        insort(self._visits, (at, action))
        del self._visits[MAX_VISITS:]
        self._next_at = -math.inf

    def set_fault(self, fault: MachineFault | None, now: float) -> None:
        """Set or lift the fault; a stuck operation goes on when its fault is lifted."""
        self._advance(now)
        self.fault = fault
        self.changes += 1
        self._next_at = -math.inf
        if self._run is not None and math.isinf(self._run.ends_at):
            self._run.ends_at = now + self._duration()

    def _advance(self, now: float) -> None:
        # Thousands of machines are looked at, and next to none has anything due.
        if now < self._next_at:
            return
        self._next_at = math.inf
        while due := min(self._due(), key=lambda event: event[0], default=None):
            at, happen = due
            if at > now:
                self._next_at = at
                return
            happen(at)
            self.changes += 1

    def _due(self) -> Iterator[tuple[float, Callable[[float], None]]]:
        if self._run is not None and self._run.phase is Phase.PROCESSING:
            yield self._run.ends_at, self._finish
        if self._falls_at is not None:
            yield self._falls_at, self._fall
        if self._visits:
            yield self._visits[0][0], self._receive_visitor

    def _start(self, action: Action, now: float, *, external: bool) -> Run:
        # A new operation replaces whatever was under way; the record has room for one.
        self._falls_at = None
        self.changes += 1
        self._next_at = -math.inf
        run = Run(action, now, now + self._duration(), external)
        self._run = run
        return run

    def _finish(self, at: float) -> None:
        run = self._run
        if run is None:  # pragma: no cover -- only a machine with an operation is due to finish
            return
        if self.fault is not None and self._has(MachineFaultKind.FAILS) and not run.external:
            # The documentation is silent on where a failed machine ends; here it stays put.
            run.phase, run.error = Phase.FAILED, self.fault.error()
            return
        run.phase = Phase.SUCCEED
        self._power = COURSES[run.action].ends
        (self.external if run.external else self.performed)[run.action] += 1
        if self._power is Power.ON and self._has(MachineFaultKind.FALLS_BACK):
            self._falls_at = at + self._duration()

    def _fall(self, _at: float) -> None:
        self._falls_at = None
        self._power = Power.OFF

    def _receive_visitor(self, at: float) -> None:
        _, action = self._visits.pop(0)
        self._start(action, at, external=True)

    def _duration(self) -> float:
        pace = self._pace
        drawn = pace.duration_s * self._temper * self._rng.lognormvariate(0, pace.spread)
        if self.fault is None:
            return drawn
        factors = {
            MachineFaultKind.SLOW: self.fault.factor,
            MachineFaultKind.INSTANT: 0.0,
            MachineFaultKind.STUCK: math.inf,
        }
        return drawn * factors.get(self.fault.kind, 1.0)

    def _has(self, kind: MachineFaultKind) -> bool:
        return self.fault is not None and self.fault.kind is kind


def _remembered(action: Action | None) -> Run | None:
    """Yesterday's operation, which `operation_state` still shows today."""
    if action is None:
        return None
    return Run(action, -math.inf, -math.inf, phase=Phase.SUCCEED)
