"""What goes first: other tasks between slices of large work, and a person's no before reads."""

from __future__ import annotations

import asyncio
import contextvars
import itertools
from collections.abc import AsyncIterator, Iterable
from typing import TypeVar

T = TypeVar("T")


async def slices(items: Iterable[T], size: int) -> AsyncIterator[list[T]]:
    """Yield the items in lists of this size; between two, the other tasks have their turn."""
    rest = iter(items)
    some = list(itertools.islice(rest, size))
    while some:
        yield some
        some = list(itertools.islice(rest, size))
        if some:
            # Enough for one round of the loop; a real wait would make the work itself late.
            await asyncio.sleep(0)


# A context variable goes with the task, so nothing in between passes it on.
_urgent: contextvars.ContextVar[bool] = contextvars.ContextVar("urgent", default=False)


def mark_urgent() -> None:
    """Make this task urgent: all it does from now on overtakes what waits for the record."""
    _urgent.set(True)


def is_urgent() -> bool:
    """Whether this task is urgent."""
    return _urgent.get()
