"""How many servers go at once, which go next, and after how many failures none does.

A careful start, then batches, never too many of one rack at once.
"""

from __future__ import annotations

import collections
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from bot.power import plan, ports, request
from bot.power.text import typography

T = TypeVar("T")
MOST_RACKS = 10_000  # Whose folded names are kept.

# The most ids that one power call accepts (CloudDC API, power-state page).
IDS_PER_CALL = 50


@functools.lru_cache(maxsize=MOST_RACKS)
def rack_of(room: str, name: str) -> ports.Rack:
    """Return a rack by what a record has of it; thousands of servers share one such pair.

    Case, width and blanks don't tell racks apart: people write R7 and r7 for one.
    """
    return (typography.folded(room), typography.folded(name))


def size(terms: plan.Terms, options: request.Options, index: int) -> int:
    """Return the size of the wave with this number, the first being 0."""
    # Whoever asks may be more careful than the policy, and never less.
    batch = min(terms.batch, options.batch or terms.batch)
    return min(terms.ramp[index], batch) if index < len(terms.ramp) else batch


def sizes(
    terms: plan.Terms, options: request.Options, total: int, *, first: int = 0
) -> tuple[int, ...]:
    """Return the sizes of all waves over `total` servers, if nothing is skipped on the way.

    `first` is the number of the first of them.
    """
    found: list[int] = []
    while total > 0:
        found.append(min(total, size(terms, options, first + len(found))))
        total -= found[-1]
    return tuple(found)


def failure_limit(terms: plan.Terms, options: request.Options) -> int:
    """Return the number of failures, over all waves, at which a run stops itself."""
    return min(terms.max_failures, options.max_failures or terms.max_failures)


def choose(
    queued: Iterable[ports.RunServer],
    most: int,
    *,
    per_rack: int | None,
    spare: dict[ports.Rack, int] | None = None,
    place: Callable[[ports.RunServer], ports.Rack] = lambda row: row.stood,
) -> list[ports.RunServer]:
    """Take up to `most` servers in the plan's order, at most `per_rack` of any one rack.

    `per_rack` is None for actions that draw no inrush current. Servers without a known rack
    count as one rack: what can't be told apart can't be spread. `spare` has how many may still be
    taken of racks that aren't empty, and is brought up to date.
    """
    chosen: list[ports.RunServer] = []
    spare = {} if spare is None else spare
    for row in queued:
        if len(chosen) == most:
            break
        if per_rack is not None:
            rack = place(row)
            left = spare.get(rack, per_rack)
            # Passed over, not waited for: servers of other racks go meanwhile.
            if left < 1:
                continue
            spare[rack] = left - 1
        chosen.append(row)
    return chosen


def spare_racks(busy: Mapping[ports.Rack, ports.Busy], per_rack: int) -> dict[ports.Rack, int]:
    """Return how many may still be switched on in racks where others are being switched on.

    The least that anybody allows of a rack holds for all.
    """
    return {rack: min(per_rack, one.limit) - one.count for rack, one in busy.items()}


def without_room(
    rows: Iterable[ports.RunServer], busy: Mapping[ports.Rack, ports.Busy]
) -> frozenset[str]:
    """Return the ids of those that may not be switched on now, since their racks are full."""
    spare: dict[ports.Rack, int] = {}
    full = set()
    for row in rows:
        if not row.rack_limit:
            continue
        rack = row.stood
        if rack not in spare:
            spare[rack] = spare_racks(busy, row.rack_limit).get(rack, row.rack_limit)
        if spare[rack] < 1:
            full.add(row.server_id)
        else:
            spare[rack] -= 1
    return frozenset(full)


def spread(
    terms: plan.Terms,
    options: request.Options,
    racks: Iterable[ports.Rack],
    busy: Mapping[ports.Rack, ports.Busy],
    *,
    first: int = 0,
) -> tuple[int, ...]:
    """Return the sizes of all waves that switch servers on, each by the rack it stands in.

    What others are switching on at this moment leaves less room for the first wave. `first` is
    the number of the first of them.
    """
    waiting = _Waiting(collections.deque(racks), terms.max_per_rack)
    spare = spare_racks(busy, terms.max_per_rack)
    found: list[int] = []
    while waiting.racks:
        taken = waiting.take(size(terms, options, first + len(found)), spare)
        if taken:
            found.append(taken)
        # Later waves begin when those others are done.
        spare = {}
    return tuple(found)


class _Waiting:
    """The racks of the servers that wait to be switched on, in the plan's order."""

    def __init__(self, racks: collections.deque[ports.Rack], per_rack: int) -> None:
        self.racks = racks
        self._per_rack = per_rack
        self._left = collections.Counter(racks)

    def take(self, most: int, spare: dict[ports.Rack, int]) -> int:
        """Take one wave out of what waits; return its size."""
        passed: list[ports.Rack] = []
        full: set[ports.Rack] = set()
        taken = 0
        # Once every rack that is left is full, the others need not be gone through.
        while self.racks and taken < most and len(full) < len(self._left):
            rack = self.racks.popleft()
            room = spare.get(rack, self._per_rack)
            if room < 1:
                full.add(rack)
                passed.append(rack)
            else:
                spare[rack] = room - 1
                taken += 1
                self._forget_one(rack)
        self.racks.extendleft(reversed(passed))
        return taken

    def _forget_one(self, rack: ports.Rack) -> None:
        self._left[rack] -= 1
        if not self._left[rack]:
            del self._left[rack]


def calls(rows: Sequence[T]) -> Iterator[list[T]]:
    """Cut a wave into calls of at most 50 servers."""
    for start in range(0, len(rows), IDS_PER_CALL):
        yield list(rows[start : start + IDS_PER_CALL])
