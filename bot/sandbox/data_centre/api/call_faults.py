"""Faults of whole calls: which kinds there are, and which call gets one.

What each does to the answer is `call_answers`' business.
"""

import random
from collections import deque
from dataclasses import dataclass
from enum import StrEnum

from bot.sandbox.data_centre.api.routing import CallKind

MAX_WAITING = 1000
MAX_DELAY_S = 300.0


class CallFaultKind(StrEnum):
    """The ways in which a call can go wrong."""

    THROTTLED_JSON = "throttled-json"
    THROTTLED_GATEWAY = "throttled-gateway"
    THROTTLED_STRING = "throttled-string"
    THROTTLED_TEXT = "throttled-text"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    INTERNAL_ERROR = "internal-error"
    BAD_GATEWAY = "bad-gateway"
    REDIRECT = "redirect"
    DROP_BEFORE = "drop-before"
    DROP_AFTER = "drop-after"
    DELAY = "delay"
    REF_IDS = "ref-ids"
    MISSING_IDS = "missing-ids"
    GARBAGE = "garbage"


DESCRIPTIONS = {
    CallFaultKind.THROTTLED_JSON: "429 with a JSON object, code iMetal.0005.",
    CallFaultKind.THROTTLED_GATEWAY: "429 with a JSON object, code APIGW.0308, naming the limit.",
    CallFaultKind.THROTTLED_STRING: "429 whose body is one JSON string.",
    CallFaultKind.THROTTLED_TEXT: "429 whose body is plain text.",
    CallFaultKind.UNAUTHORIZED: "401 with code iMetal.0003.",
    CallFaultKind.FORBIDDEN: "403 with code iMetal.0004.",
    CallFaultKind.INTERNAL_ERROR: "500 with code iMetal.0099.",
    CallFaultKind.BAD_GATEWAY: "502 with an HTML page.",
    CallFaultKind.REDIRECT: "302 to another host.",
    CallFaultKind.DROP_BEFORE: "The connection is cut before the call is carried out.",
    CallFaultKind.DROP_AFTER: "The call is carried out, then the connection is cut.",
    CallFaultKind.DELAY: "The call is carried out, and the answer comes late.",
    CallFaultKind.REF_IDS: "The answer's ids are schema references, as in the vendor's example.",
    CallFaultKind.MISSING_IDS: "The answer leaves out the first of the accepted ids.",
    CallFaultKind.GARBAGE: "The call is carried out, and the answer isn't JSON.",
}
# These come after the call was carried out; the others take its place.
LATE = {
    CallFaultKind.DROP_AFTER,
    CallFaultKind.DELAY,
    CallFaultKind.REF_IDS,
    CallFaultKind.MISSING_IDS,
    CallFaultKind.GARBAGE,
}


class RetryAfter(StrEnum):
    """In which form, if any, a 429 says when to come back."""

    ABSENT = "absent"
    SECONDS = "seconds"
    DATE = "date"


@dataclass(frozen=True, slots=True)
class CallFault:
    """A fault for calls of one kind; `applied` makes an error come after the call took effect.

    `delay_s` (at most 300) holds back the answer, whatever the kind.
    """

    kind: CallFaultKind
    operation: CallKind = CallKind.ANY
    applied: bool = False
    retry_after: RetryAfter = RetryAfter.ABSENT
    retry_after_s: int = 1
    delay_s: float = 0.0

    @property
    def takes_effect(self) -> bool:
        """True when the call is carried out all the same."""
        return self.applied or self.kind in LATE

    @property
    def wait_s(self) -> float:
        """How long the answer is held back; a `delay` without a figure waits five seconds."""
        wanted = self.delay_s or (5.0 if self.kind is CallFaultKind.DELAY else 0.0)
        return min(wanted, MAX_DELAY_S)

    def strikes(self, kind: CallKind) -> bool:
        """True when calls of this kind are meant."""
        return self.operation in {CallKind.ANY, kind}


class CallFaults:
    """Faults in waiting: some for the next calls, some by chance."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._queue: deque[CallFault] = deque(maxlen=MAX_WAITING)
        self._chances: dict[tuple[CallFaultKind, CallKind], tuple[CallFault, float]] = {}

    def queue(self, fault: CallFault, times: int = 1) -> None:
        """Let the fault strike the next `times` calls that it is meant for, at most 1000."""
        self._queue.extend([fault] * min(times, MAX_WAITING))

    def at_random(self, fault: CallFault, probability: float) -> None:
        """Let the fault strike each call with a probability; 0 takes it back."""
        self._chances[fault.kind, fault.operation] = (fault, probability)
        if probability <= 0:
            del self._chances[fault.kind, fault.operation]

    def clear(self) -> None:
        """Take all call faults back."""
        self._queue.clear()
        self._chances.clear()

    def take(self, kind: CallKind) -> CallFault | None:
        """The fault that strikes this call; what was queued first goes first."""
        # A fault for another operation waits its turn without holding up those behind it.
        for fault in self._queue:
            if fault.strikes(kind):
                self._queue.remove(fault)
                return fault
        for fault, probability in self._chances.values():
            if fault.strikes(kind) and self._rng.random() < probability:
                return fault
        return None

    def waiting(self) -> list[CallFault]:
        """The queued faults, next first."""
        return list(self._queue)

    def chances(self) -> list[tuple[CallFault, float]]:
        """The faults by chance with their probabilities."""
        return list(self._chances.values())
