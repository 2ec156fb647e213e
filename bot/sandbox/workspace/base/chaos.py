"""Faults on request: slow or failing methods, refusals, doubled envelopes, lost acks.

Nothing here happens by chance; each fault is asked for, used once, and gone. Refusals stay until
they are taken away, as an administrator's settings do.
"""

import asyncio
import json
from collections import defaultdict, deque
from dataclasses import dataclass
from typing import Any, Literal

from bot.sandbox.workspace.base import limits
from bot.sandbox.workspace.base.json_types import Json

FaultKind = Literal["status", "error", "cut_before", "cut_after", "status_after"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One failing answer. The `_after` kinds do the work first, and then hide the answer."""

    kind: FaultKind
    status: int = 500
    error: str = "internal_error"
    retry_after_s: int = 1


@dataclass(frozen=True, slots=True)
class Refusal:
    """What Slack refuses for as long as a setting stands: a method, in a channel or everywhere.

    `where` narrows it to posts in threads or outside of them, `containing` to what has this text.
    """

    method: str
    error: str
    channel: str = ""
    where: Literal["anywhere", "threads", "channel"] = "anywhere"
    containing: str = ""

    def meets(self, method: str, args: Json) -> bool:
        """Say whether a call is refused."""
        if method != self.method or self.channel not in ("", str(args.get("channel", ""))):
            return False
        if self.where != "anywhere" and (self.where == "threads") != bool(args.get("thread_ts")):
            return False
        return self.containing in json.dumps(args, ensure_ascii=False)


class Chaos:
    """The faults that wait for their turn; `any` as a method means whichever comes next."""

    def __init__(self) -> None:
        self._latency_s: dict[str, float] = {}
        self._faults: defaultdict[str, deque[Fault]] = defaultdict(
            lambda: deque(maxlen=limits.FAULTS)
        )
        self._refusals: deque[Refusal] = deque(maxlen=limits.FAULTS)
        self._duplicates = 0
        self._lost_acks = 0

    def refuse(self, method: str, error: str, channel: str = "", **narrower: Any) -> None:
        """Refuse a method with one of Slack's words until `allow`; details are `Refusal`'s."""
        self._refusals.append(Refusal(method, error, channel, **narrower))

    def allow(self, channel: str = "") -> None:
        """Take away the refusals of a channel, or all."""
        kept = [one for one in self._refusals if channel and one.channel != channel]
        self._refusals = deque(kept, maxlen=limits.FAULTS)

    def refusal(self, method: str, args: Json) -> str:
        """Return the word that a call is refused with, or an empty text."""
        found = (one.error for one in self._refusals if one.meets(method, args))
        return next(found, "")

    def set_latency(self, method: str, seconds: float) -> None:
        """Let every answer of a method wait; 0 takes it away again.

        Raises:
            ValueError: when too many methods have faults.
        """
        self._check_room(method)
        self._latency_s[method] = min(max(seconds, 0.0), limits.LONGEST_LATENCY_S)

    def fail(self, method: str, kind: FaultKind = "status", count: int = 1, **details: Any) -> None:
        """Let the next `count` calls of a method fail; details are those of `Fault`.

        Raises:
            ValueError: when too many methods have faults.
        """
        self._check_room(method)
        self._faults[method].extend([Fault(kind, **details)] * min(count, limits.FAULTS))

    def duplicate_next(self, count: int = 1) -> None:
        """Deliver the next envelopes twice."""
        self._duplicates += count

    def lose_acks(self, count: int = 1) -> None:
        """Take no notice of the next acks."""
        self._lost_acks += count

    async def delay(self, method: str) -> None:
        """Wait as long as this method's answers are to wait."""
        seconds = self._latency_s.get(method, self._latency_s.get("any", 0.0))
        if seconds:
            await asyncio.sleep(seconds)

    def next_fault(self, method: str) -> Fault | None:
        """Take the fault that is next for a method."""
        for name in (method, "any"):
            if self._faults.get(name):
                return self._faults[name].popleft()
        return None

    def copies(self) -> int:
        """Say how often the next envelope is delivered: once, or twice if that was asked for."""
        if self._duplicates == 0:
            return 1
        self._duplicates -= 1
        return 2

    def loses_ack(self) -> bool:
        """Say whether this ack is to be lost."""
        if self._lost_acks == 0:
            return False
        self._lost_acks -= 1
        return True

    def clear(self) -> None:
        """Forget every fault that waits."""
        self._latency_s.clear()
        self._faults.clear()
        self._refusals.clear()
        self._duplicates = self._lost_acks = 0

    def _check_room(self, method: str) -> None:
        known = {*self._latency_s, *self._faults}
        if method not in known and len(known) >= limits.FAULTY_METHODS:
            raise ValueError("too many methods have faults; clear them first")

    def waiting(self) -> Json:
        """Describe the faults that wait, for the page."""
        faults = {method: len(queue) for method, queue in self._faults.items() if queue}
        return {
            "latency_s": dict(self._latency_s),
            "faults": faults,
            "duplicates": self._duplicates,
            "lost_acks": self._lost_acks,
        }
