"""How many servers go at once, which go next, and after how many failures none does.

A careful start, then batches, never too many of one rack at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from bot.power import plan, ports, request

T = TypeVar("T")

# The most ids that one power call takes (CloudDC API, power-state page).
IDS_PER_CALL = 50


def size(terms: plan.Terms, options: request.Options, index: int) -> int:
    """Return the size of the wave with this number, the first being 0."""
    batch = min(terms.batch, options.batch or terms.batch)
    return min(terms.ramp[index], batch) if index < len(terms.ramp) else batch


def sizes(terms: plan.Terms, options: request.Options, total: int) -> tuple[int, ...]:
    """Return the sizes of all waves over `total` servers, if nothing is skipped on the way."""
    found: list[int] = []
    while total > 0:
        found.append(min(total, size(terms, options, len(found))))
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
    used: dict[str, int] | None = None,
) -> list[ports.RunServer]:
    """Take up to `most` servers in the plan's order, at most `per_rack` of any one rack.

    `per_rack` is None for actions that draw no inrush current. Servers without a known rack
    count as one rack: what can't be told apart can't be spread. `used` counts what was chosen of
    each rack before, and is brought up to date.
    """
    chosen: list[ports.RunServer] = []
    used = {} if used is None else used
    for row in queued:
        if len(chosen) == most:
            break
        if per_rack is not None and used.get(row.rack, 0) >= per_rack:
            continue
        used[row.rack] = used.get(row.rack, 0) + 1
        chosen.append(row)
    return chosen


def calls(rows: Sequence[T]) -> Iterator[list[T]]:
    """Cut a wave into calls of at most 50 servers."""
    for start in range(0, len(rows), IDS_PER_CALL):
        yield list(rows[start : start + IDS_PER_CALL])
