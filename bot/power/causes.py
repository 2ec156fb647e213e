"""Why a server or a request stands where it stands, as values; sentences are made elsewhere.

They are stored with each server of a run and with each request that waits, so that nothing has to
be read back out of a sentence.
"""

from __future__ import annotations

import dataclasses
import enum


class Cause(enum.StrEnum):
    """What made a server's state, or a plan's verdict on it, where that alone doesn't say it."""

    NONE = ""
    # What became of our call.
    LOST = "answer lost"  # It may have happened.
    INTERRUPTED = "interrupted"  # A process died between the intent and the answer.
    LEFT_OUT = "left out"  # Not among the ids that CloudDC took.
    # Its first call may have been lost; for a cycle's power-off, once the power-on has begun.
    ASKED_AGAIN = "asked again"
    # It was lost, and whatever came up since kept it from being asked for again.
    NOT_ASKED_AGAIN = "not asked again"
    OFF_TWICE = "off sent twice"  # The second may take effect after the power-on.
    # What became of the server.
    DELETED = "deleted"  # Gone from CloudDC's list while it was watched.
    REPLACED = "replaced"  # Another server has its name now.
    # Who was at work on it instead.
    SOMEBODY_ELSE = "somebody else"  # From CloudDC's console, or by another tool.
    OUR_OWN = "our own"  # An earlier call of ours that was still under way.
    # A step around its wave that had to be done couldn't be.
    STEP = "step"
    HELD = "held by another request"
    # What its record, or the policy, has against it.
    PROTECTED = "protected"
    UNREADABLE = "unreadable"
    NOT_READY = "not ready"  # CloudDC would refuse it for its `manage_state`, or has suspended it.
    POWER_UNKNOWN = "power unknown"
    IS_OFF = "is off"
    AT_GOAL = "at its goal"
    # What it waits for.
    RACK_FULL = "rack full"


class Late(enum.StrEnum):
    """What was seen of a server after its run had ended."""

    NONE = ""
    DONE = "done"
    WENT_OFF = "went off"  # A cycle's power-off took effect after its run.
    CAME_ON = "came on"  # What a cycle had left off is on again.


class Left(enum.StrEnum):
    """How a cycle leaves a server whose power-on isn't proven."""

    NONE = ""
    MAY_BE_OFF = "may be off"  # The power-off was sent, and its record doesn't tell.
    OFF = "off"  # Its record shows it.


class Service(enum.StrEnum):
    """Whose answer is missing."""

    CLOUD = "cloud"
    SLACK = "slack"


@dataclasses.dataclass(frozen=True, slots=True)
class Wait:
    """A request waits for `service` since then; it gives up at `until` (both epoch seconds).

    `why` says what could not be asked, without a full stop.
    """

    service: Service
    why: str
    since: float
    until: float
