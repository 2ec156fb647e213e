"""What becomes of a run, on its way, at its end and later."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import pydantic

from bot.power import causes
from bot.power.lifecycle import ServerState, State
from bot.power.messages import base

# -- while it runs


class Held(base.Message):
    """Something holds a run back: what, and the freezes of people where it is those."""

    class Freeze(pydantic.BaseModel):
        """A freeze that stands; times are seconds since the epoch, `until` 0 for no end."""

        model_config = pydantic.ConfigDict(frozen=True, extra="ignore", from_attributes=True)

        holder: str = ""
        reason: str = ""
        since: float = 0.0
        until: float = 0.0

    event: Literal["held"] = "held"
    reason: str = ""
    freezes: tuple[Freeze, ...] = ()


class Running(base.Message):
    """Something happened to a run on its way."""


class Started(Running):
    """It has begun, with so many servers, in waves of these sizes."""

    event: Literal["started"] = "started"
    total: int = 0
    waves: tuple[int, ...] = ()


class TakenOver(Running):
    """A process goes on with what another has left: so many of its servers have ended by then."""

    event: Literal["taken_over"] = "taken_over"
    done: int = 0  # Servers.
    total: int = 0


class StopAsked(Running):
    """Somebody has pressed Stop."""

    event: Literal["stop_asked"] = "stop_asked"
    user: str = ""
    reason: str = ""


class LookingUp(Running):
    """Nothing is sent while somebody's right to a no is looked up."""

    event: Literal["looking_up"] = "looking_up"
    user: str = ""
    verb: str = ""


class NotLookedUp(Running):
    """Slack could not say who somebody is, and their no counts."""

    event: Literal["not_looked_up"] = "not_looked_up"
    user: str = ""
    verb: str = ""


class SealBroken(Running):
    """Its record was changed behind Powerbot's back."""

    event: Literal["seal_broken"] = "seal_broken"
    reason: str = ""


class StepName(pydantic.BaseModel):
    """A step around a wave, by its name in the policy and its kind.

    `unsure` are the servers of which nobody knows whether it took effect; without `confirmed` there
    are no others.
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="ignore")

    name: str = ""
    kind: str = ""
    unsure: tuple[str, ...] = ()
    confirmed: bool = True


class Missed(pydantic.BaseModel):
    """A step that wasn't done for these servers, with what the outside said, or their records.

    The wave went on without it, or (`must`) without the servers.
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="ignore")

    name: str = ""
    names: tuple[str, ...] = ()
    why: str = ""
    must: bool = False


class WaveOver(Running):
    """A wave with steps around it is over.

    `wave` counts from 1. `counts` has how many of its servers are in each state, `left` the names
    of those still out; `back` is how many were put back. `steps` are those that were done, of a
    server at least, and `missed` what wasn't.
    """

    event: Literal["wave_over"] = "wave_over"
    wave: int = 0
    steps: tuple[StepName, ...] = ()
    counts: Mapping[str, int] = {}
    back: int = 0
    left: tuple[str, ...] = ()
    missed: tuple[Missed, ...] = ()


class PutBack(Running):
    """What a step had taken out was put back late."""

    event: Literal["put_back"] = "put_back"
    step: str = ""
    kind: str = ""
    names: tuple[str, ...] = ()


class StepSettled(Running):
    """Somebody has dealt by hand with what a step had taken out."""

    event: Literal["step_settled"] = "step_settled"
    step: str = ""
    name: str = ""
    by: str = ""


# -- its end, and later


class Ended(base.Message):
    """A run has ended; `began_at` is when it began (epoch seconds), 0 where that isn't known."""

    event: Literal["ended"] = "ended"
    state: State | None = None
    seq: int = 0  # Of the audit row that ends it.
    head: str = ""
    seal: str = ""
    began_at: float = 0.0

    @pydantic.field_validator("state", mode="before")
    @classmethod
    def _known_state(cls, value: Any) -> Any:
        return base.known(value, State, None)


class _Bad(base.Message):
    """Bad news of servers, for everybody in `mention`."""

    names: tuple[str, ...] = ()
    mention: tuple[str, ...] = ()


class LeftDark(_Bad):
    """A cycle leaves servers off, or may; `off` are those that are known to be.

    `why`, `state` and `cause` are of the first of them.
    """

    event: Literal["left_dark"] = "left_dark"
    off: tuple[str, ...] | None = None  # None from versions that didn't tell the two apart.
    why: str = ""
    state: ServerState | None = None
    cause: causes.Cause = causes.Cause.NONE

    @pydantic.field_validator("state", mode="before")
    @classmethod
    def _known_state(cls, value: Any) -> Any:
        return base.known(value, ServerState, None)

    @pydantic.field_validator("cause", mode="before")
    @classmethod
    def _known_cause(cls, value: Any) -> Any:
        return base.known(value, causes.Cause, causes.Cause.NONE)


class SeenLate(_Bad):
    """What was seen of servers after the run."""

    event: Literal["late"] = "late"
    late: causes.Late


class LookedEnough(_Bad):
    """Nobody looks any more at servers that may be off."""

    event: Literal["looked_enough"] = "looked_enough"


class CardRefused(base.Message):
    """Slack doesn't take a request's card; `why` is its code."""

    event: Literal["card_refused"] = "card_refused"
    why: str = ""


AnyRunning = (
    Started
    | TakenOver
    | StopAsked
    | LookingUp
    | NotLookedUp
    | SealBroken
    | WaveOver
    | PutBack
    | StepSettled
)
AnyLate = LeftDark | SeenLate | LookedEnough
