"""Many waiting transactions, one commit: while a batch is being committed, the next one gathers.

One hop to the writer's thread serves a whole batch. A thread that is woken for each item fights
with the event loop over the interpreter lock, and loses a quarter of the throughput.
"""

from __future__ import annotations

import asyncio
import collections
import concurrent.futures
from collections.abc import Callable, Sequence
from typing import Any

from bot.power import errors
from bot.runtime import priority
from bot.storage import writer

# Transactions in one commit, and those that may wait for one.
MOST_TOGETHER = 64
MOST_WAITING = 5000

TOO_BUSY = "Too much is waiting for the database; nothing was changed. Try again in a moment."
CLOSED = "Powerbot is shutting down; nothing was changed. Try again in a moment."

_Waiting = tuple[writer.Work, "asyncio.Future[Any]"]


class GroupCommit:
    """Feeds waiting transactions to the writer, batch by batch; lives in one event loop."""

    def __init__(self, commit: Callable[[Sequence[writer.Work]], Sequence[writer.Outcome]]) -> None:
        """`commit` runs in a thread of its own and answers for each transaction."""
        self._commit = commit
        self._waiting: collections.deque[_Waiting] = collections.deque()
        # A no gets into the next batch, however much waits.
        self._ahead: collections.deque[_Waiting] = collections.deque()
        self._thread = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="store-write")
        self._busy = False
        self._closed = False
        self._idle = asyncio.Event()
        self._idle.set()

    async def run(self, work: writer.Work) -> Any:
        """Run a transaction in the next batch and return what it returned.

        Raises:
            StoreUnavailable: too many wait, the store is closed, or the database is away.
        """
        if self._closed:
            raise errors.StoreUnavailable(CLOSED)
        waiting = self._ahead if priority.is_urgent() else self._waiting
        if len(waiting) >= MOST_WAITING:
            raise errors.StoreUnavailable(TOO_BUSY)
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[Any] = loop.create_future()
        waiting.append((work, answered))
        if not self._busy:
            self._busy = True
            self._idle.clear()
            # Whoever else is ready in this turn of the loop gets into the same batch.
            loop.call_soon(self._start_batch, loop)
        return await answered

    async def close(self) -> None:
        """Refuse new transactions, commit those that wait, and end the thread."""
        self._closed = True
        await self._idle.wait()
        self._thread.shutdown()

    def _start_batch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Send the next batch to the writer's thread, or rest."""
        batch = self._next_batch()
        if not batch:
            self._busy = False
            self._idle.set()
            return
        works = [work for work, _ in batch]
        committing = loop.run_in_executor(self._thread, self._commit, works)
        committing.add_done_callback(lambda done: self._batch_ended(loop, batch, done))

    def _next_batch(self) -> list[_Waiting]:
        """Take noes, then who waits the longest; who has stopped waiting is not run at all."""
        batch: list[_Waiting] = []
        for waiting in (self._ahead, self._waiting):
            while waiting and len(batch) < MOST_TOGETHER:
                work, answered = waiting.popleft()
                if not answered.done():
                    batch.append((work, answered))
        return batch

    def _batch_ended(
        self,
        loop: asyncio.AbstractEventLoop,
        batch: Sequence[_Waiting],
        done: asyncio.Future[Sequence[writer.Outcome]],
    ) -> None:
        """Answer everybody in a batch, after the next one is on its way."""
        self._start_batch(loop)
        error = done.exception()
        outcomes = [writer.RolledBack(error) for _ in batch] if error else done.result()
        for (_, answered), outcome in zip(batch, outcomes, strict=True):
            _answer(answered, outcome)


def _answer(answered: asyncio.Future[Any], outcome: writer.Outcome) -> None:
    """Give one who waits the value or the error of the transaction."""
    # Whoever waited was cancelled; what was committed is so all the same.
    if answered.done():
        return
    if isinstance(outcome, writer.Done):
        answered.set_result(outcome.value)
    elif isinstance(outcome.error, StopIteration):
        # A future can't hold it: in a coroutine it would mean the end of the coroutine.
        raised = RuntimeError("a transaction raised StopIteration")
        raised.__cause__ = outcome.error
        answered.set_exception(raised)
    else:
        answered.set_exception(outcome.error)
