"""What would happen: for each named server act, skip or blocked, and what the request needs.

Made before anything is asked for, shown to the requester, and frozen with the request.
"""

from __future__ import annotations

import dataclasses
import enum

from bot.power import request
from bot.power.causes import Cause
from bot.power.steps import definition


class Verdict(enum.StrEnum):
    """What the plan would do with one server."""

    ACT = "act"
    SKIP = "skip"  # At its goal already, or another request does the same.
    BLOCKED = "blocked"  # It may not be acted on; the others go on without it.


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PlanLine(request.Target):
    """One named server in the plan; `reason` is worded so that equal ones can be folded.

    Where the plan acts on it, this is also the order's target: a plan may have ten thousand.
    `held_by` is the request that is at work on it, empty for none: it can be watched instead;
    `holder` is the user id of whoever asked for that. `cause` is the reason's kind, where it has
    one; plans of earlier versions have neither. `wave` is the one with which it goes, counted from
    1, if nothing is skipped on the way; 0 where that isn't known beforehand.
    """

    verdict: Verdict
    reason: str = ""
    rule: str = ""
    health: str = ""
    held_by: str = ""
    cause: Cause = Cause.NONE
    holder: str = ""
    wave: int = 0


class Need(request.Frozen):
    """So many distinct people out of one group of the policy's `[people]`."""

    group: str
    count: int


class Notify(enum.StrEnum):
    """Whom the thread calls when a request begins: who may approve, their user groups, nobody."""

    PEOPLE = "people"
    GROUP = "group"
    NONE = "none"


class OnChange(enum.StrEnum):
    """What becomes of a run when a server isn't the one that was planned any more."""

    SKIP = "skip"  # It alone is left out.
    STOP = "stop"  # The rest isn't sent either.


class Terms(request.Frozen):
    """The conditions that the strictest rule sets for a request; times are seconds.

    `counted` is the number of servers that `needs` were chosen for: those of the requester's
    other open and recent requests are among them. `overrides` names the freezes that the request
    may pass, because their approvals are among `needs`. `break_glass` says that the requester
    may act without approval; whether they asked to stands in the order's options.
    """

    needs: tuple[Need, ...] = ()
    rules: tuple[str, ...] = ()
    expires_s: float = 1800.0  # From asking, if nobody answers.
    # From the last approval to the start; also the longest wait of a run.
    use_within_s: float = 900.0
    remind_s: float = 600.0  # After it was asked.
    escalate_s: float = 1200.0  # After it was asked: everybody who may approve is named.
    deny_reason: bool = False
    notify: Notify = Notify.PEOPLE
    cooldown_s: float = 0.0  # Between two reboots of one server.
    on_change: OnChange = OnChange.SKIP
    batch: int = 50  # Servers in a wave, after the ramp.
    ramp: tuple[int, ...] = (1, 5)  # Servers in the first waves; the first one is the trial.
    pause_s: float = 0.0  # Between waves.
    max_failures: int = 1  # Over the whole run; it stops at this one.
    max_per_rack: int = 10  # Power-ons at once, over all requests.
    break_glass: bool = False
    review_within_s: float = 86400.0  # After break glass.
    confirm_count: bool = False  # Whether the number of servers must be typed.
    counted: int = 0
    overrides: tuple[str, ...] = ()


class Earlier(request.Frozen):
    """Servers of the plan to which an earlier request sent a call that nobody saw happen.

    `method` and `state` are the values of those enums; `sent_at` is the newest of the calls.
    """

    request_id: str
    method: str
    state: str
    sent_at: float
    names: tuple[str, ...]


class Overlap(request.Frozen):
    """Another request that waits or runs, and those of this plan's servers that are in it too.

    `state` is the value of its state when that was read.
    """

    request_id: str
    action: request.Action
    state: str
    server_ids: tuple[str, ...]


class Unheard(enum.StrEnum):
    """What is missing of the alarms that stand for the servers of a plan."""

    NOTHING = ""
    NOT_READ = "not_read"  # CloudDC didn't answer in time.
    NOT_ALLOWED = "not_allowed"  # The key lacks the permission.
    NOT_ALL = "not_all"  # More stand than are kept.


class Alarmed(request.Frozen):
    """An alarm, and the servers to act on for which it stood when the plan was made.

    `level` is 1 (critical) to 4 (warning), 0 if unknown.
    """

    name: str
    level: int = 0
    server_ids: tuple[str, ...]


class Stepped(request.Frozen):
    """A step as the plan names it; of a probe, how long it may take and must then stay well."""

    name: str
    kind: str
    when: definition.When = definition.When.AFTER
    within_s: float = 0.0  # To become well.
    settle_s: float = 0.0


class RuleSteps(request.Frozen):
    """What is done around the waves of one rule's servers, in the order of its list."""

    rule: str
    steps: tuple[Stepped, ...]


class Undone(request.Frozen):
    """The request that a plan undoes: what it did, and what it was for."""

    request_id: str
    action: request.Action
    reason: str = ""


class Plan(request.Frozen):
    """The whole answer to "what would this do?".

    `order.targets` are the servers to act on; `lines` are all named servers, those too.
    `snapshot_at` is when the sweep that it was made on began (seconds since the epoch).
    `refusals` are sentences that forbid the request as a whole; empty when it may be asked. They
    name the people of these user ids: `named`.
    `calls` is the number of power calls without faults, `waves` their sizes. `reading` says in
    words which servers were meant, where the terms that were `typed` narrow each other.
    `alarms` are the worst first; `unheard` says what is missing of them. `around` are the steps
    around its waves, without those that are left out. `undoes` is there when it switches on what
    an earlier request has left off. `overlaps` are other requests for servers that it would act
    on, as they were when it was made.
    """

    order: request.Order
    lines: tuple[PlanLine, ...]
    snapshot_at: float
    terms: Terms
    policy_version: str
    refusals: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    waves: tuple[int, ...] = ()
    calls: int = 0
    reading: str = ""
    typed: str = ""
    earlier: tuple[Earlier, ...] = ()
    alarms: tuple[Alarmed, ...] = ()
    unheard: Unheard = Unheard.NOTHING
    around: tuple[RuleSteps, ...] = ()
    undoes: Undone | None = None
    overlaps: tuple[Overlap, ...] = ()

    def lines_with(self, verdict: Verdict) -> tuple[PlanLine, ...]:
        """The lines of one verdict, in the plan's order."""
        return tuple(line for line in self.lines if line.verdict is verdict)
