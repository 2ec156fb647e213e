"""An event loop whose time is given: when everybody waits, it moves on to the next who is due.

Nothing is skipped: timers fire in their order, whole time-outs pass, and what runs in a thread
(the database) is waited for while the time stands still.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import functools
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

from tests.support import ticks

T = TypeVar("T")
P = ParamSpec("P")

# Where nobody is due and no thread is at work, nothing will ever happen: the test hangs.
PATIENCE_S = 30.0
# Turns of the loop without a moment passing, after which somebody spins.
MOST_TURNS = 200_000


class _Selector(selectors.SelectSelector):
    """Tells the loop at once what happened, and moves the time on when nothing did."""

    def __init__(self) -> None:
        super().__init__()
        self.passed_s = 0.0
        self.at_work = 0
        self._turns = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready; time passes only when all threads rest."""
        ready = super().select(0)
        self._turns += 1
        if self._turns > MOST_TURNS:
            raise RuntimeError(f"The time stands still at {self.passed_s:.3f} s.")
        if ready or timeout == 0:
            return ready
        if self.at_work or timeout is None:
            found = super().select(PATIENCE_S)
            if not found and timeout is None:
                raise RuntimeError("Everybody waits for somebody, and nobody is due.")
            return found
        self._turns = 0
        self.passed_s += max(0.0, timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """The event loop on given time."""

    def __init__(self) -> None:
        self._given = _Selector()
        super().__init__(self._given)

    def time(self) -> float:
        """Return the seconds that have passed on this loop."""
        return self._given.passed_s

    def run_in_executor(  # type: ignore[override]
        self,
        executor: concurrent.futures.Executor | None,
        func: Callable[..., T],
        *args: Any,
    ) -> asyncio.Future[T]:
        """Run something in a thread; the time stands still until it is done."""
        self._given.at_work += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._rested)
        return future

    def _rested(self, _: asyncio.Future[Any]) -> None:
        self._given.at_work -= 1


class VirtualClock:
    """`ports.Clock` on the running virtual loop; its wall is set `set_s` apart."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *, set_s: float = 0.0) -> None:
        self._loop = loop
        self.set_s = set_s

    def now(self) -> float:
        """Return the wall clock, as somebody may have set it."""
        return ticks.START + self._loop.time() + self.set_s

    def monotonic(self) -> float:
        """Return the monotonic clock."""
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(max(0.0, seconds))


def run(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine to its end on a loop of its own."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work())


def on_given_time(
    test: Callable[P, Coroutine[Any, Any, None]],
) -> Callable[P, None]:
    """Run an asynchronous test on a virtual loop."""

    @functools.wraps(test)
    def run_it(*args: P.args, **kwargs: P.kwargs) -> None:
        run(lambda: test(*args, **kwargs))

    return run_it
