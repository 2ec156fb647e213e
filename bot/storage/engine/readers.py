"""A few threads that read beside the writer, each on a connection of its own."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

from bot.runtime import priority
from bot.storage.engine import addresses, connections

T = TypeVar("T")

# More would wait for the disk and for the interpreter lock rather than for each other.
READERS = 4


class Readers:
    """Runs reads, each on one snapshot of the database."""

    def __init__(self, address: addresses.Address) -> None:
        self.address = address
        self._own = threading.local()
        # So that every thread's is closed at the end.
        self._opened: set[connections.Connection] = set()
        self._threads = concurrent.futures.ThreadPoolExecutor(
            READERS, thread_name_prefix="store-read"
        )
        # A no waits for nobody's long read.
        self._ahead = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="store-no")

    async def run(self, read: Callable[[connections.Connection], T]) -> T:
        """Run `read` in the thread of a reader and return what it returned.

        Raises:
            StoreUnavailable: the database can't be reached.
        """
        loop = asyncio.get_running_loop()
        threads = self._ahead if priority.is_urgent() else self._threads
        return await loop.run_in_executor(threads, self._run, read)

    def close(self) -> None:
        """Wait for the reads that run, end the threads and close their connections."""
        self._threads.shutdown()
        self._ahead.shutdown()
        for connection in self._opened:
            connection.close()

    def _run(self, read: Callable[[connections.Connection], T]) -> T:
        """Run a read on this thread's connection."""
        with connections.translated(), contextlib.ExitStack() as undo:
            connection = self._begun()
            undo.callback(self._drop, connection)
            found = read(connection)
            # A snapshot that stays keeps SQLite's WAL growing ("Write-Ahead Logging").
            connection.rollback()
            undo.pop_all()
            return found

    def _begun(self) -> connections.Connection:
        """Return this thread's connection in a new snapshot.

        One that was lost while nobody used it is opened again; that costs a reader nothing but
        the time.
        """
        kept: connections.Connection | None = getattr(self._own, "connection", None)
        if kept is not None:
            try:
                kept.begin(readonly=True)
            except connections.away():
                self._drop(kept)
            else:
                return kept
        opened = connections.connect(self.address, readonly=True)
        self._opened.add(opened)
        self._own.connection = opened
        opened.begin(readonly=True)
        return opened

    def _drop(self, connection: connections.Connection) -> None:
        """Close a connection, in whatever state it is."""
        self._own.connection = None
        self._opened.discard(connection)
        connection.close()
