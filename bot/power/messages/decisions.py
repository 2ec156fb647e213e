"""What becomes of a request before it runs: approvals, ends, break glass and its review."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from bot.power import inputs
from bot.power.lifecycle import State
from bot.power.messages import base

# -- while it waits for approval


class Waiting(base.Message):
    """Something happened to a request that waits for approval."""


class Asked(Waiting, base.Calling):
    """A request was made."""

    event: Literal["asked"] = "asked"


class Reminded(Waiting, base.Calling):
    """Nobody has answered for a while."""

    event: Literal["reminder"] = "reminder"


class Escalated(Waiting, base.Calling):
    """Nobody has approved yet, so more people are mentioned."""

    event: Literal["escalated"] = "escalated"


class Nudged(Waiting, base.Calling):
    """Its requester asks again."""

    event: Literal["nudged"] = "nudged"
    user: str = ""


class Approved(Waiting):
    """Somebody has approved, for a group; `summary` says what is still needed."""

    event: Literal["approved"] = "approved"
    user: str = ""
    group: str = ""
    comment: str = ""
    summary: str = ""


class ApprovalLost(Waiting):
    """Approvals no longer count; earlier versions named one person as `user`."""

    event: Literal["approval_lost"] = "approval_lost"
    users: tuple[str, ...] = ()
    user: str = ""
    reason: str = ""


class Commented(Waiting):
    """Somebody has added words to their decision."""

    event: Literal["commented"] = "commented"
    user: str = ""
    comment: str = ""


# -- an end before anything was sent


class Closed(base.Message):
    """A request has ended that never ran; `user` is who ended it, empty for time or the policy.

    `seq` and `head` are the newest row of the audit, `seal` the request's. Where only a workflow's
    step is told, there is nothing but the event.
    """

    user: str = ""
    reason: str = ""
    seq: int = 0
    head: str = ""  # The hash of that row; later changes of the log would contradict it.
    seal: str = ""  # Its first eight digits.


class Denied(Closed):
    """An approver has said no."""

    event: Literal["denied"] = "denied"


class Cancelled(Closed):
    """Its requester has taken it back."""

    event: Literal["cancelled"] = "cancelled"


class Stopped(Closed):
    """Somebody has stopped it before it started."""

    event: Literal["stopped"] = "stopped"


class Expired(Closed):
    """Nobody has answered in time."""

    event: Literal["expired"] = "expired"


class Refused(Closed):
    """The policy, or the world, doesn't allow it any more."""

    event: Literal["refused"] = "refused"


class Void(Closed):
    """It was approved, and could not start."""

    event: Literal["void"] = "void"


AnyClosed = Denied | Cancelled | Stopped | Expired | Refused | Void
_CLOSED: Mapping[State, type[AnyClosed]] = {
    State.DENIED: Denied,
    State.CANCELLED: Cancelled,
    State.STOPPED: Stopped,
    State.EXPIRED: Expired,
    State.REFUSED: Refused,
    State.VOID: Void,
}


def closed(state: State, **facts: str | int) -> AnyClosed:
    """Return the message that a request has ended in this state; `facts` are its fields.

    Raises:
        KeyError: a request that never ran doesn't end so.
    """
    return _CLOSED[state].model_validate(facts)


# -- break glass and its review


class Glass(base.Message):
    """Something happened to what was done, or is to be done, by break glass."""


class GlassBroken(Glass, base.Calling):
    """A request starts without approval; somebody else reviews it until `review_by`."""

    event: Literal["break_glass"] = "break_glass"
    user: str = ""
    reason: str = ""
    review_by: float = 0.0  # Epoch seconds.


class ReviewDue(Glass, base.Calling):
    """Nobody has reviewed it yet."""

    event: Literal["review_reminder"] = "review_reminder"
    user: str = ""
    review_by: float = 0.0


class ReviewOverdue(Glass, base.Calling):
    """Nobody has reviewed it in time."""

    event: Literal["review_overdue"] = "review_overdue"
    user: str = ""
    review_by: float = 0.0


class Reviewed(Glass):
    """Somebody has reviewed it."""

    event: Literal["reviewed"] = "reviewed"
    user: str = ""
    comment: str = ""
    judgement: inputs.Judgement | None = None


AnyWaiting = Asked | Reminded | Escalated | Nudged | Approved | ApprovalLost | Commented
AnyGlass = GlassBroken | ReviewDue | ReviewOverdue | Reviewed
