"""What happened: every call, envelope and ack, and each rule that the app broke; bounded lists.

Tokens never get in here. Violations are kept apart, since a test asks for those first.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from bot.sandbox.workspace.base import limits
from bot.sandbox.workspace.base.json_types import Json


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened; `kind` is one word, such as call, envelope, ack, lost or socket."""

    seq: int
    at: float
    kind: str
    name: str
    details: Json


@dataclass(frozen=True, slots=True)
class Call:
    """One Web API call with its arguments and our answer."""

    at: float
    method: str
    args: Json
    answer: Json
    status: int = 200


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule of the stand-in that the app broke; `rule` is a short word, `where` a method."""

    at: float
    rule: str
    where: str
    message: str


class Journal:
    """Bounded lists of entries, calls and violations, oldest first."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._seq = 0
        self.entries: deque[Entry] = deque(maxlen=limits.JOURNAL_ENTRIES)
        self.api_calls: deque[Call] = deque(maxlen=limits.JOURNAL_ENTRIES)
        self.violations: deque[Violation] = deque(maxlen=limits.VIOLATIONS)

    def note(self, kind: str, name: str, **details: Any) -> None:
        """Write one entry."""
        self._seq += 1
        self.entries.append(Entry(self._seq, self._clock(), kind, name, details))

    def note_call(self, method: str, args: Json, answer: Json, status: int) -> None:
        """Write one Web API call."""
        shown = {key: value for key, value in args.items() if key != "token"}
        self.api_calls.append(Call(self._clock(), method, shown, answer, status))
        self.note("call", method, args=shown, answer=answer, status=status)

    def note_violation(self, rule: str, where: str, message: str) -> None:
        """Write that the app broke a rule."""
        self.violations.append(Violation(self._clock(), rule, where, message))
        self.note("violation", rule, where=where, message=message)

    def since(self, seq: int) -> list[Json]:
        """List the entries after number `seq` as JSON objects."""
        return [asdict(entry) for entry in self.entries if entry.seq > seq]
