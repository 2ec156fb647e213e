"""The request log: what arrived and what came of it, for assertions and for the demo page.

It holds no header and no body, so no secret gets into it.
"""

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from bot.sandbox.data_centre.api.routing import Operation
from bot.sandbox.data_centre.machines.actions import Action

MAX_ENTRIES = 10_000
MAX_IDS = 100
MAX_PATH_CHARS = 300


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One request; `status` is None when the connection was cut instead of answered.

    `ids` are those the caller named (the first 100), `applied` those that were acted on.
    """

    seq: int
    at: float
    method: str
    path: str
    operation: Operation
    ids: tuple[str, ...]
    action: str | None
    status: int | None
    error_code: str | None
    applied: tuple[str, ...]
    request_id: str


class Journal:
    """The newest entries, oldest first; counts cover also those that were pushed out."""

    def __init__(self, length: int = MAX_ENTRIES) -> None:
        self._entries: deque[LogEntry] = deque(maxlen=length)
        self._counts: Counter[Operation] = Counter()
        # Numbers go on when entries fall out, so that a page knows what it has missed.
        self._last = 0

    def __iter__(self) -> Iterator[LogEntry]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def last_seq(self) -> int:
        """The number of the newest entry, 0 when there is none."""
        return self._last

    def next_seq(self) -> int:
        """The number that the next entry gets."""
        return self._last + 1

    def add(self, entry: LogEntry) -> None:
        """Append an entry; the oldest falls out when the log is full."""
        self._entries.append(entry)
        self._counts[entry.operation] += 1
        self._last = entry.seq

    def power_calls(self) -> list[LogEntry]:
        """Every power call in the log, the refused and dropped ones too."""
        return [entry for entry in self if entry.operation is Operation.CHANGE_POWER]

    def reboots_sent(self, server_id: str) -> int:
        """How many calls in the log asked to reboot this server, whatever came of them."""
        return sum(
            entry.action == Action.REBOOT and server_id in entry.ids for entry in self.power_calls()
        )

    def counts(self) -> dict[Operation, int]:
        """How many requests of each operation arrived since the start."""
        return dict(self._counts)

    def newest(self, after: int, limit: int) -> list[LogEntry]:
        """The newest entries behind a number, oldest first, at most `limit` of them."""
        wanted = min(limit, max(0, self._last - after))
        return list(islice(reversed(self._entries), wanted))[::-1]
