"""The records of a request: its approvals, run, calls and review; locks, freezes and the audit.

Frozen values with plain fields; times are seconds since the epoch unless they say otherwise.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from bot.power import causes, inputs, lifecycle, plan, request
from bot.power.causes import Wait
from bot.power.messages import messages
from bot.power.peers import Method
from bot.power.steps import wave_parts
from bot.power.text import folding


@dataclasses.dataclass(frozen=True, slots=True)
class Lock:
    """Who acts on a server: the request, its action, since when, and who asked for it."""

    request_id: str
    action: str  # The value of an `Action`.
    since: float
    requester: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Freeze:
    """Everything is held back, by one holder: a user id, or `host:USER`; empty for the policy file.

    `until` is when it ends by itself, 0 for never.
    """

    holder: str
    reason: str
    since: float
    until: float = 0.0

    def holds(self, now: float) -> bool:
        """Whether it stands at this instant."""
        return not self.until or now < self.until


@dataclasses.dataclass(frozen=True, slots=True)
class FreezeEnd:
    """What became of a freeze: lifted `by` a user or `host:USER`; empty where it ended itself."""

    freeze: Freeze
    by: str
    at: float


@dataclasses.dataclass(frozen=True, slots=True)
class Notice:
    """Something that a channel must be told, of no request; the text is made at delivery.

    With an `end` it was told, at `ts`, of a freeze that is over by now: the message must say so.
    """

    id: int
    channel_id: str
    news: messages.News
    tries: int
    created_at: float
    leased_until: float = 0.0
    ts: str = ""
    end: FreezeEnd | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Approval:
    """One person's yes; `group` is the policy's group that it counts for, `evidence` why.

    `seal` is that of the plan which it was given to; earlier versions did not keep it.
    """

    person: request.Person
    group: str
    at: float
    comment: str = ""
    evidence: str = ""
    seal: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Card:
    """Where a request's card stands in Slack; `ts` is empty until it was posted."""

    channel_id: str
    ts: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Review:
    """The review after break glass: due by `due_at`, from somebody else in `groups`.

    `remind_at` is when the next reminder is due, 0 for none. Times are seconds since the epoch;
    `closed_at` is 0 while the review is open. One closed by an earlier version has no `judgement`.
    """

    request_id: str
    breaker: str
    groups: tuple[str, ...]
    opened_at: float
    due_at: float
    remind_at: float = 0.0
    reminders: int = 0  # How many were given.
    closed_at: float = 0.0
    closed_by: str = ""
    comment: str = ""
    judgement: inputs.Judgement | None = None


# A state whose own name says too little to people.
_TOLD_AS = {lifecycle.State.VOID: "not carried out"}


@dataclasses.dataclass(frozen=True, slots=True)
class Request:
    """A stored request. Times are seconds since the epoch, 0 where not yet reached.

    `epoch` is the fence: a write that names an older one fails. `stopped_by` is a user id, set
    the moment somebody pressed Stop. `end_reason` is the sentence for the last change, `ended_by`
    the user id of the person who brought it about, empty for time, the policy or a run's own end;
    `end_named` are others whom the sentence names by id.
    `waiting` is the service that an approved or running request waits for.
    `review` is what a request by break glass owes, `source` the key of the payload that made it.
    `taken_out` is what steps took out; where several requests are read at once it is empty.
    `hushed` says that its channel is told nothing more: people of another company read it.
    `held_back` says that its run has failed without a call: another request had its servers.
    `changed_into` is the id of the plan that took the place of this one.
    """

    id: str
    state: lifecycle.State
    plan: plan.Plan
    created_at: float
    changed_at: float
    epoch: int = 0
    expires_at: float = 0.0
    use_by: float = 0.0
    ended_at: float = 0.0
    card: Card | None = None
    stopped_by: str = ""
    stop_reason: str = ""
    end_reason: str = ""
    approvals: tuple[Approval, ...] = ()
    source: str = dataclasses.field(default="", compare=False)
    review: Review | None = None
    hushed: bool = False
    waiting: Wait | None = None
    taken_out: tuple[wave_parts.Part, ...] = ()
    ended_by: str = ""
    end_named: tuple[str, ...] = ()
    held_back: bool = False
    changed_into: str = ""

    @property
    def told_as(self) -> str:
        """The word for where it is or how it ended, wherever people read one."""
        return "not run" if self.held_back else _TOLD_AS.get(self.state, self.state.value)

    @property
    def order(self) -> request.Order:
        """What was asked and sealed."""
        return self.plan.order


# A rack by its room and its name: several rooms have a rack of the same name.
Rack = tuple[str, str]
NOWHERE: Rack = ("", "")


class RunServer(msgspec.Struct, frozen=True, gc=False):
    """One server of a run; a Struct, since a run makes each of thousands anew at each change.

    `step` counts from 0 (a cycle has two: off, then on).
    `baseline_*` are the vendor's words just before the call of this step; `seen_processing`
    says that an operation of the right family was seen under way since; `sent_at` is when the
    call's intent was stored and `settled_at` when the state became final (epoch seconds).
    `seen_power` is its power as it was seen last, in one of our four words. `stood` is
    where it stood when it was last sent, `rack_limit` how many of a rack might come on at once.
    `late` is what was seen of it after the run. `probe` is the name of the probe that one which is
    proven and not well doesn't answer.
    """

    server_id: str
    name: str
    stood: Rack = NOWHERE
    state: lifecycle.ServerState = lifecycle.ServerState.QUEUED
    step: int = 0
    wave: int = -1  # From 0; before the first it has none.
    detail: str = ""
    baseline_power: str = ""  # A state that was there before proves nothing.
    baseline_operation: str = ""
    seen_processing: bool = False
    last_seen: str = ""  # The vendor's words, shown where time has run out.
    sent_at: float = 0.0
    settled_at: float = 0.0
    sends: int = 0  # Calls for this step that left or may have.
    cause: causes.Cause = causes.Cause.NONE
    seen_power: str = ""
    rack_limit: int = 0
    late: causes.Late = causes.Late.NONE
    apart: str = ""  # Rack, unit or serial number, where names are alike.
    probe: str = ""

    @property
    def label(self) -> folding.Named:
        """The name as lists show it, with what tells it from others of its name."""
        return folding.Apart(self.name, self.apart) if self.apart else self.name


@dataclasses.dataclass(frozen=True, slots=True)
class UnseenCall:
    """A call of an earlier request to a server, of which nobody has seen that it happened."""

    server_id: str
    request_id: str
    method: Method
    sent_at: float
    state: lifecycle.ServerState


@dataclasses.dataclass(frozen=True, slots=True)
class Touch:
    """The newest call to a server that may have acted, and whose it was."""

    request_id: str
    method: Method


@dataclasses.dataclass(frozen=True, slots=True)
class Busy:
    """How many servers of a rack are being powered on, and the least that any of them allows."""

    count: int
    limit: int


class Outcome(enum.StrEnum):
    """What became of one power call; the audit's words are made of the values."""

    NONE = ""  # Its answer isn't stored yet.
    ACCEPTED = "accepted"
    NOT_SENT = "not sent"
    REFUSED = "refused"
    UNKNOWN = "unknown"  # Sent, and no usable answer came.


@dataclasses.dataclass(frozen=True, slots=True)
class Attempt:
    """One power call: stored before it is sent; it has no outcome until its answer is stored."""

    id: str
    request_id: str
    method: Method
    server_ids: tuple[str, ...]
    wave: int
    step: int
    intended_at: float
    outcome: Outcome = Outcome.NONE
    detail: str = ""
    cloud_request_id: str = ""  # CloudDC's own, for its support.


@dataclasses.dataclass(frozen=True, slots=True)
class AuditEntry:
    """One row for the hash chain; `event` is a dotted word such as `request.approved`.

    `said` is what the log's line says beside it; it isn't stored.
    """

    event: str
    at: float
    request_id: str = ""
    person: request.Person | None = None
    channel_id: str = ""
    server_ids: Sequence[str] = ()
    detail: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    said: str = dataclasses.field(default="", compare=False)


@dataclasses.dataclass(frozen=True, slots=True)
class Claim:
    """A request that this process drives until the lease ends; `epoch` fences its writes."""

    request_id: str
    epoch: int
