"""What can be wrong with one machine: the kinds of fault and one sentence about each."""

from dataclasses import dataclass
from enum import StrEnum

SLOW_FACTOR = 5.0


class MachineFaultKind(StrEnum):
    """The faults a person or a test can set on one server."""

    SLOW = "slow"
    DEAD_BMC = "dead-bmc"
    STUCK = "stuck"
    FAILS = "fails"
    INSTANT = "instant"
    FALLS_BACK = "falls-back"
    POWER_UNKNOWN = "power-unknown"
    POWER_MISSING = "power-missing"
    UNKNOWN_STATE = "unknown-state"
    SOMEONE_ELSE = "someone-else"


DESCRIPTIONS = {
    MachineFaultKind.SLOW: "Operations take several times as long.",
    MachineFaultKind.DEAD_BMC: "Actions are accepted and nothing ever happens.",
    MachineFaultKind.STUCK: "Operations start and never leave processing.",
    MachineFaultKind.FAILS: "Operations end as failed, with an error object.",
    MachineFaultKind.INSTANT: "Operations end at once, so processing is never seen.",
    MachineFaultKind.FALLS_BACK: "Some time after coming up, the server goes off again.",
    MachineFaultKind.POWER_UNKNOWN: "The record's power_state is unknown.",
    MachineFaultKind.POWER_MISSING: "The record has no power_state.",
    MachineFaultKind.UNKNOWN_STATE: "The record shows a state that no documentation names.",
    MachineFaultKind.SOMEONE_ELSE: "Midway through, somebody else acts from the console.",
}


@dataclass(frozen=True, slots=True)
class MachineFault:
    """A fault on one machine; `factor` is for slow ones, `message` for failing ones."""

    kind: MachineFaultKind
    factor: float = SLOW_FACTOR
    message: str = "The BMC did not confirm the power change in time."

    def error(self) -> dict[str, str]:
        """The record's `error` object next to a failed operation (CloudDC API, ShowServer)."""
        return {
            "error_code": "iMetal.0110",
            "error_msg": self.message,
            "error_type": "HardwareError",
        }
