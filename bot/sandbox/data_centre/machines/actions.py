"""The three power actions and the words that CloudDC has for each of them.

Requests, old states and new states spell the same thing differently (CloudDC API, power-state
page and server record); this is the one table of those spellings.
"""

from dataclasses import dataclass
from enum import StrEnum


class Power(StrEnum):
    """Where a machine rests."""

    ON = "on"
    OFF = "off"


class Action(StrEnum):
    """What a power call may ask for, spelt as in the request."""

    ON = "power on"
    OFF = "power off"
    REBOOT = "rebooting"


class Phase(StrEnum):
    """How far an operation is, spelt as the ending of `operation_state`."""

    PROCESSING = "processing"
    SUCCEED = "succeed"
    FAILED = "failed"


class Generation(StrEnum):
    """Which dialect of states the service speaks.

    `old` is the API until December 2025, `new` the API since March 2026, and `mixed` the months
    between, when both fields moved (vendor SDK's change log, 3.1.158 to 3.1.189).
    """

    NEW = "new"
    OLD = "old"
    MIXED = "mixed"


@dataclass(frozen=True, slots=True)
class Course:
    """One action's words: its `operation_state` family, its old transit word, where it ends."""

    family: str
    transit: str
    ends: Power
    opposite: Action


# A reboot of a machine that is off ends with it on, as in Ironic, on which CloudDC is built.
COURSES = {
    Action.ON: Course("power-on", "powering-on", Power.ON, Action.OFF),
    Action.OFF: Course("power-off", "powering-off", Power.OFF, Action.ON),
    Action.REBOOT: Course("reboot", "rebooting", Power.ON, Action.OFF),
}
