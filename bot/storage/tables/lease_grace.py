"""When a lease that has ended may be taken: not before its owner could have spoken.

What an owner has to note may wait behind a process that was frozen in its turn to write, or behind
a database that was away from everybody, while the lease ends. So one look finds that a lease has
ended, and only another one, a while later, takes what is still leased then: in between everybody
who lives has had a turn.
"""

from __future__ import annotations

import collections

# Looks that are remembered within the time that an owner is given.
STEPS = 8


class LeaseGrace:
    """The looks of one process, by the database's clock."""

    def __init__(self, patience_s: float) -> None:
        """`patience_s` lies between the look that finds a lease ended and the one that takes it."""
        self._patience_s = patience_s
        self._looks: collections.deque[float] = collections.deque()

    def ended_before(self, at: float) -> float:
        """Return before which instant a lease must have ended to be taken at this one."""
        return max((one for one in self._looks if one <= at - self._patience_s), default=0.0)

    def looked(self, at: float) -> None:
        """Record a poll that has finished."""
        # A clock that was set back begins anew.
        while self._looks and self._looks[-1] > at:
            self._looks.pop()
        while len(self._looks) > 1 and self._looks[1] <= at - self._patience_s:
            self._looks.popleft()
        if not self._looks or at - self._looks[-1] >= self._patience_s / STEPS:
            self._looks.append(at)
