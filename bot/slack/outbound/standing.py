"""What this process knows about cards that can't be edited and threads that accept no replies.

It is forgotten with the process, and then learned again by one refused call.
"""

from __future__ import annotations

import collections
from typing import Generic, TypeVar

from bot.power import lifecycle, ports
from bot.power.lifecycle import State

K = TypeVar("K")
V = TypeVar("V")

MOST_KEPT = 2000
# A thread that was locked may be unlocked.
SHUT_S = 600.0


class _Kept(Generic[K, V]):
    """A bounded memory of the newest keys."""

    def __init__(self) -> None:
        self._rows: collections.OrderedDict[K, V] = collections.OrderedDict()

    def get(self, key: K) -> V | None:
        """Return what is known, if anything."""
        return self._rows.get(key)

    def put(self, key: K, value: V) -> None:
        """Keep it, and let go of the oldest."""
        self._rows[key] = value
        self._rows.move_to_end(key)
        if len(self._rows) > MOST_KEPT:
            self._rows.popitem(last=False)


class Standing:
    """Knows which cards can't be edited and which threads take no replies."""

    def __init__(self) -> None:
        self._fixed: _Kept[str, str] = _Kept()
        self._anew: _Kept[tuple[str, bool], bool] = _Kept()
        self._shut: _Kept[tuple[str, str], float] = _Kept()

    def fix(self, request_id: str, ts: str) -> None:
        """Note that Slack lets nobody edit this card."""
        self._fixed.put(request_id, ts)

    def is_fixed(self, request_id: str, ts: str) -> bool:
        """Whether this card is known to be one that nobody may edit."""
        return self._fixed.get(request_id) == ts

    def posts_anew(self, request: ports.Request) -> bool:
        """Whether a card that nobody may edit is posted anew: once at the start, once at the end.

        Asked a second time for the same, it says no.
        """
        ended = request.state in lifecycle.ENDED
        if not ended and request.state is not State.RUNNING:
            return False
        if self._anew.get((request.id, ended)):
            return False
        self._anew.put((request.id, ended), True)
        return True

    def shut(self, channel: str, thread_ts: str, now: float) -> None:
        """Remember that a thread accepts no replies."""
        self._shut.put((channel, thread_ts), now + SHUT_S)

    def is_shut(self, channel: str, thread_ts: str, now: float) -> bool:
        """Whether a thread took nothing a short while ago."""
        until = self._shut.get((channel, thread_ts))
        return until is not None and now < until
