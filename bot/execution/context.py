"""What every run of a process works with, joined once; the steps of a run are functions of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Mapping

from bot.execution import poll_schedule
from bot.power import ports, server
from bot.power.policy import policy
from bot.power.run import lost_grants, settling
from bot.power.steps import protocol

# The first byte of a call leaves at most this long after it was given to the power API.
LEAVES_WITHIN_S = 10.0  # A lease must last at least this long when a call begins.


@dataclasses.dataclass(frozen=True, slots=True)
class Rules:
    """What may forbid another call: the policy, and the workflow's own check of the request.

    `rejudge` returns what an edited policy has against a request, or an empty text; `ruling`
    whether it still stands as it was granted, for one step of it. Both raise `SlackUnavailable`
    when Slack could not say something on which that depends.
    """

    policy: Callable[[], policy.Policy]
    rejudge: Callable[[ports.Request, server.Records], Awaitable[str]]
    ruling: Callable[[ports.Request, int], Awaitable[lost_grants.Ruling]]


@dataclasses.dataclass(frozen=True, slots=True)
class Pacing:
    """How long things may take, and when servers are polled; the schedule is one for all runs."""

    # Deadlines and settle times, from the settings.
    limits: settling.WatchLimits = settling.WatchLimits()
    # One object for the whole process: runs that share it read CloudDC's list together.
    schedule: poll_schedule.Schedule = dataclasses.field(default_factory=poll_schedule.usual)
    leaves_within_s: float = LEAVES_WITHIN_S  # Shorter in tests alone.


@dataclasses.dataclass(frozen=True, slots=True)
class Context:
    """The store, CloudDC, the clock and the rules of a process. It keeps nothing of a request.

    `wake` is called when something was written that is to be said. `step_clients` do the steps
    around waves, by the name of their kind.
    """

    store: ports.RequestStore
    power: ports.PowerApi
    clock: ports.Clock
    rules: Rules
    pacing: Pacing = dataclasses.field(default_factory=Pacing)
    wake: Callable[[], None] = lambda: None
    step_clients: Mapping[str, protocol.StepClient] = dataclasses.field(default_factory=dict)
