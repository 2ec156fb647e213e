"""What can go wrong with a call to one of the surroundings, on request."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass


class Part(enum.StrEnum):
    """Who stands around the servers, beside the services on them."""

    ALERTMANAGER = "alertmanager"
    KUBERNETES = "kubernetes"
    BALANCER = "balancer"
    PROMETHEUS = "prometheus"


class Fault(enum.StrEnum):
    """How a call goes wrong; the numbers are HTTP statuses."""

    UNAUTHORIZED = "401"
    FORBIDDEN = "403"
    CONFLICT = "409"
    PRECONDITION = "412"
    LOCKED = "423"
    TOO_EARLY = "425"
    LIMITED = "429"
    BROKEN = "500"
    UNAVAILABLE = "503"
    REDIRECTS = "redirects"
    HANGS = "hangs"
    DROPPED = "dropped"
    LOST = "lost"
    GARBLED = "garbled"
    ENDLESS = "endless"


DESCRIPTIONS = {
    Fault.UNAUTHORIZED: "Refuses our credentials, and repeats the secret that we sent.",
    Fault.FORBIDDEN: "Refuses the action, and repeats the secret that we sent.",
    Fault.CONFLICT: "Says that it has changed since, or can't do it now.",
    Fault.PRECONDITION: "Says that a precondition isn't met.",
    Fault.LOCKED: "Says that somebody has locked it.",
    Fault.TOO_EARLY: "Says that it is too early.",
    Fault.LIMITED: "Too many calls; try again in a second.",
    Fault.BROKEN: "Answers with an internal error; nothing is done.",
    Fault.UNAVAILABLE: "Answers that it doesn't exist; nothing is done.",
    Fault.REDIRECTS: "Redirects to another address.",
    Fault.HANGS: "Accepts the call and never answers; nothing is done.",
    Fault.DROPPED: "Cuts the connection; nothing is done.",
    Fault.LOST: "Does it, and cuts the connection before it answers.",
    Fault.GARBLED: "Does it, and sends an answer that can't be read.",
    Fault.ENDLESS: "Sends an endless answer; nothing is done.",
}


# Answers that only some of them give.
ONLY_OF = {
    Fault.CONFLICT: (Part.KUBERNETES, Part.BALANCER),
    Fault.PRECONDITION: (Part.BALANCER,),
    Fault.LOCKED: (Part.BALANCER,),
    Fault.TOO_EARLY: (Part.BALANCER,),
}


def of(part: Part) -> list[Fault]:
    """Return the faults that a part may have."""
    return [fault for fault in Fault if part in ONLY_OF.get(fault, (part,))]


@dataclass(slots=True)
class Waiting:
    """A fault that waits for calls of a part; `left` None strikes until it is lifted.

    `method` narrows it to calls of this HTTP method, "" means any.
    """

    part: Part
    fault: Fault
    left: int | None = 1
    method: str = ""


class Faults:
    """The faults that are set, in the order in which they strike."""

    def __init__(self) -> None:
        self._waiting: list[Waiting] = []

    def set(self, part: Part, fault: Fault, times: int | None = 1, method: str = "") -> None:
        """Let the next calls go wrong; None means all until it is lifted."""
        self._waiting.append(Waiting(part, fault, times, method.upper()))

    def lift(self, part: Part | None = None) -> None:
        """Take away the faults of one part, or all."""
        self._waiting = [one for one in self._waiting if part not in (None, one.part)]

    def take(self, part: Part, method: str) -> Fault | None:
        """Return the fault that strikes this call, and count it."""
        for one in self._waiting:
            if one.part is part and one.method in ("", method):
                self._count(one)
                return one.fault
        return None

    def waiting(self) -> Iterator[Waiting]:
        """Yield what is set."""
        yield from self._waiting

    def _count(self, struck: Waiting) -> None:
        if struck.left is None:
            return
        struck.left -= 1
        if not struck.left:
            self._waiting.remove(struck)
