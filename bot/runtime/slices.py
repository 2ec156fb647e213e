"""Work on thousands of servers in slices, so that a click in Slack waits for one slice at most."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterable
from typing import TypeVar

T = TypeVar("T")


async def of(items: Iterable[T], size: int) -> AsyncIterator[list[T]]:
    """Yield the items in lists of this size; between two, the other tasks have their turn."""
    rest = iter(items)
    some = list(itertools.islice(rest, size))
    while some:
        yield some
        some = list(itertools.islice(rest, size))
        if some:
            await asyncio.sleep(0)
