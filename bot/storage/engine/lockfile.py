"""One `run` at a time on a SQLite file, held by the operating system.

The lock goes with the process that holds it, however that ends. It doesn't work on network file
systems, nor does SQLite itself.
"""

from __future__ import annotations

import fcntl
import os
import pathlib

from bot.power import errors
from bot.storage.engine import files


class LockFile:
    """A file beside the database that one process holds; it names that process to the others."""

    def __init__(self, database: pathlib.Path) -> None:
        """`database` is the SQLite file."""
        self._path = database.with_name(database.name + ".lock")
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock.

        Raises:
            StoreUnavailable: another process has it, or the file can't be written, or is a link.
        """
        try:
            descriptor = files.open_own(self._path)
        except OSError as error:
            raise errors.StoreUnavailable(
                f"The lock file {self._path} can't be used: {error.strerror}."
            ) from error
        try:
            files.refuse_twin(self._path, descriptor)
        except errors.StoreUnavailable:
            os.close(descriptor)
            raise
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(descriptor, 20).decode("ascii", "replace").strip() or "unknown"
            os.close(descriptor)
            raise errors.StoreUnavailable(
                f"Another Powerbot (process {holder}) is running on this database; "
                "stop it first, or use PostgreSQL for several."
            ) from error
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        self._descriptor = descriptor

    def release(self) -> None:
        """Let go of the lock; the file stays, for a new holder may have it open already."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
