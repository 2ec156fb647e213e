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
    LOST = "answer lost"
    INTERRUPTED = "interrupted"
    LEFT_OUT = "left out"
    # Its first call may have been lost; for a cycle's power-off, once the power-on has begun.
    ASKED_AGAIN = "asked again"
    # It was lost, and whatever came up since kept it from being asked for again.
    NOT_ASKED_AGAIN = "not asked again"
    OFF_TWICE = "off sent twice"
    # What became of the server.
    DELETED = "deleted"
    REPLACED = "replaced"
    # Who was at work on it instead.
    SOMEBODY_ELSE = "somebody else"
    OUR_OWN = "our own"
    # A step around its wave that had to be done couldn't be.
    STEP = "step"
    HELD = "held by another request"
    # What its record, or the policy, has against it.
    PROTECTED = "protected"
    UNREADABLE = "unreadable"
    NOT_READY = "not ready"
    POWER_UNKNOWN = "power unknown"
    IS_OFF = "is off"
    AT_GOAL = "at its goal"
    # What it waits for.
    RACK_FULL = "rack full"


class Late(enum.StrEnum):
    """What was seen of a server after its run had ended."""

    NONE = ""
    DONE = "done"
    WENT_OFF = "went off"
    CAME_ON = "came on"


class Left(enum.StrEnum):
    """How a cycle leaves a server whose power-on isn't proven."""

    NONE = ""
    MAY_BE_OFF = "may be off"
    OFF = "off"


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
