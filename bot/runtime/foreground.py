"""Who has clicked in Slack comes first: work on a large fleet gives way between its slices.

A step of the event loop holds up everybody else. What goes through thousands of servers does so in
slices of a few hundred microseconds, and rests between two of them while a payload of Slack's is
on its way to its acknowledgement.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import itertools
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from typing import TypeVar, overload

T = TypeVar("T")

# How many turns of the event loop a request takes from its socket to `first`.
TURNS = 3
# So many items are gone through in a thread before it looks whether it is in somebody's way.
SLICE = 1000
# How long a thread lies down between two slices.
BREATH_S = 0.0001
# Nobody rests for longer after a payload has come in: some forms take seconds to be answered, and
# Slack is never so busy that a run stands still.
LONGEST_REST_S = 0.01


class Foreground:
    """Knows how many payloads are on their way to their acknowledgement; one for the process."""

    def __init__(self) -> None:
        self._in_hand = 0
        self._rest_until = 0.0
        self._free = asyncio.Event()
        self._free.set()
        # The same for threads.
        self._open = threading.Event()
        self._open.set()

    @contextlib.contextmanager
    def first(self) -> Iterator[None]:
        """Hold back whatever gives way, while the block lasts."""
        self._in_hand += 1
        self._rest_until = time.monotonic() + LONGEST_REST_S
        self._free.clear()
        self._open.clear()
        try:
            yield
        finally:
            self._in_hand -= 1
            if not self._in_hand:
                self._free.set()
                self._open.set()

    async def give_way(self) -> None:
        """Let whatever has come in meanwhile go first."""
        for _ in range(TURNS):
            await asyncio.sleep(0)
        if (rest_s := self._rest_s()) > 0.0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(rest_s):
                    await self._free.wait()

    async def slices(self, items: Iterable[T], size: int) -> AsyncIterator[list[T]]:
        """Yield the items in slices of this size, giving way between them."""
        rest = iter(items)
        some = list(itertools.islice(rest, size))
        while some:
            yield some
            some = list(itertools.islice(rest, size))
            if some:
                await self.give_way()

    def pause(self) -> None:
        """Let the event loop go first, and payloads; for threads beside it.

        They share the interpreter with it, and often the processor too: a thread that works on is
        not made to give way for several milliseconds.
        """
        time.sleep(BREATH_S)
        if (rest_s := self._rest_s()) > 0.0:
            self._open.wait(rest_s)

    def _rest_s(self) -> float:
        """Return for how long to rest at most, in seconds."""
        return self._rest_until - time.monotonic() if self._in_hand else 0.0

    async def in_thread(self, work: Callable[..., T], *given: object) -> T:
        """Run what takes long in a thread; it pauses wherever it calls `breathe`."""
        in_thread = contextvars.copy_context()
        in_thread.run(_pause.set, self.pause)
        return await asyncio.get_running_loop().run_in_executor(None, in_thread.run, work, *given)

    def politely(self, items: Sequence[T]) -> Sequence[T]:
        """Return the same items for a thread that goes through them: it pauses between slices."""
        return _Polite(items, self)


_ahead: contextvars.ContextVar[bool] = contextvars.ContextVar("ahead", default=False)


def go_ahead() -> None:
    """Let whatever this task does from now on go before what waits for the record: it is a no."""
    _ahead.set(True)


def goes_ahead() -> bool:
    """Whether the work at hand goes before what waits."""
    return _ahead.get()


_pause: contextvars.ContextVar[Callable[[], None]] = contextvars.ContextVar("pause")


def breathe() -> None:
    """Let the event loop go first, in a thread of `Foreground.in_thread`; nothing elsewhere."""
    if pause := _pause.get(None):
        pause()


class _Polite(Sequence[T]):
    """A sequence that pauses whoever goes through it."""

    def __init__(self, items: Sequence[T], foreground: Foreground) -> None:
        self._items = items
        self._foreground = foreground

    def __len__(self) -> int:
        return len(self._items)

    @overload
    def __getitem__(self, place: int) -> T: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[T]: ...

    def __getitem__(self, place: int | slice) -> T | Sequence[T]:
        return self._items[place]

    def __iter__(self) -> Iterator[T]:
        return itertools.chain.from_iterable(self._slices())

    def _slices(self) -> Iterator[Sequence[T]]:
        for start in range(0, len(self._items), SLICE):
            self._foreground.pause()
            yield self._items[start : start + SLICE]
