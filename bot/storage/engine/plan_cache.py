"""Plans that were read already: a stored plan never changes, and reading a large one is slow."""

from __future__ import annotations

import collections
import threading

from bot.power import plan

# Servers in all kept plans together; one server's line takes about half a kilobyte, and what
# every plan has besides (terms, order, waves) as much as that of so many servers.
MOST_SERVERS = 50_000
A_PLANS_OWN = 25


class PlanCache:
    """The plans that were used last, by the digest of their stored text."""

    def __init__(self, most_servers: int = MOST_SERVERS) -> None:
        self._most_servers = most_servers
        self._kept: collections.OrderedDict[str, plan.Plan] = collections.OrderedDict()
        self._servers = 0
        # The writer's thread and those of the readers share it.
        self._lock = threading.Lock()

    def get(self, digest: str) -> plan.Plan | None:
        """Return a kept plan and note its use."""
        with self._lock:
            if digest in self._kept:
                self._kept.move_to_end(digest)
            return self._kept.get(digest)

    def put(self, digest: str, found: plan.Plan) -> None:
        """Keep a plan, and let go of those that were not used for longest."""
        with self._lock:
            if digest in self._kept:
                return
            self._kept[digest] = found
            self._servers += _weight(found)
            while self._servers > self._most_servers:
                self._servers -= _weight(self._kept.popitem(last=False)[1])


def _weight(found: plan.Plan) -> int:
    """Return how many servers' room a plan takes; even an empty one takes some."""
    return len(found.lines) + A_PLANS_OWN
