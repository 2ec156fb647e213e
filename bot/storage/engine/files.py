"""Files of ours: private to the owner, never reached through a link, and one to lock the database.

Whoever may write in a folder can plant a link under a name that we are about to use, and would have
its target emptied or filled. The lock goes with the process that holds it, however that ends; it
doesn't work on network file systems, nor does SQLite itself.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import pathlib
import stat

from bot.power import errors

PRIVATE = 0o600  # Read and written by the owner alone.
# Without O_NONBLOCK, opening a pipe would wait for who writes to it ("open(2)").
NEVER_FOLLOW = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


def is_there(path: pathlib.Path) -> bool:
    """Whether there is a file; there is none under a name that no file can have.

    Raises:
        OSError: nobody can tell, since a folder above it may not be entered.
    """
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return False
    return True


def open_own(path: pathlib.Path, flags: int = os.O_RDWR) -> int:
    """Open a file that is there already, or make it; return its descriptor.

    Raises:
        StoreUnavailable: it is a link, or another kind of file.
        OSError: the file system refuses.
    """
    try:
        return make_own(path, flags)
    except FileExistsError:
        return open_there(path, flags)


def make_own(path: pathlib.Path, flags: int = os.O_RDWR) -> int:
    """Make a file that isn't there; return its descriptor.

    Raises:
        FileExistsError: something is there under that name, a link for example.
        OSError: the file system refuses.
    """
    # O_EXCL refuses a link too, wherever it leads ("open(2)").
    return os.open(path, flags | os.O_CREAT | os.O_EXCL | NEVER_FOLLOW, PRIVATE)


def open_there(path: pathlib.Path, flags: int = os.O_RDONLY) -> int:
    """Open a plain file that is there; return its descriptor.

    Raises:
        StoreUnavailable: it is a link, or another kind of file.
        OSError: the file system refuses.
    """
    # Asked for its own sentence; the flag below refuses a link that is planted in between.
    refuse_link(path)
    try:
        descriptor = os.open(path, flags | NEVER_FOLLOW)
    except OSError as error:
        # A link that was planted since, or a pipe that nobody reads.
        if error.errno in (errno.ELOOP, errno.ENXIO, errno.EISDIR):
            raise errors.StoreUnavailable(_not_plain(path)) from None
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise errors.StoreUnavailable(_not_plain(path))
    return descriptor


def refuse_link(path: pathlib.Path) -> None:
    """Refuse a name under which a link stands; nothing at all may stand there.

    Raises:
        StoreUnavailable: it is one.
    """
    if path.is_symlink():
        raise errors.StoreUnavailable(
            f"{path} is a symbolic link, which Powerbot doesn't follow; remove it, or use the "
            "path of its target."
        )


def refuse_planted(path: pathlib.Path) -> None:
    """Refuse what somebody put under a name that another program is about to use; mostly nothing.

    Raises:
        StoreUnavailable: it is a link of either kind, or no plain file.
    """
    refuse_link(path)
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISREG(found.st_mode):
        raise errors.StoreUnavailable(_not_plain(path))
    if found.st_nlink > 1:
        raise errors.StoreUnavailable(_twin(path))


def refuse_twin(path: pathlib.Path, descriptor: int) -> None:
    """Refuse a file that has a second name: what is written here would stand there, too.

    Raises:
        StoreUnavailable: it has one.
    """
    if os.fstat(descriptor).st_nlink > 1:
        raise errors.StoreUnavailable(_twin(path))


def _twin(path: pathlib.Path) -> str:
    return f"{path} is a hard link to another file; remove it."


def _not_plain(path: pathlib.Path) -> str:
    return f"{path} isn't a regular file; remove it, or use another folder."


class LockFile:
    """A file beside the database that one process holds; it names that process to the others."""

    def __init__(self, database: pathlib.Path) -> None:
        """`database` is the SQLite file."""
        self._path = database.with_name(database.name + ".lock")
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Lock the database for this process.

        Raises:
            StoreUnavailable: another process has it, or the file can't be written, or is a link.
        """
        try:
            descriptor = open_own(self._path)
        except OSError as error:
            raise errors.StoreUnavailable(
                f"The lock file {self._path} can't be used: {error.strerror}."
            ) from error
        try:
            refuse_twin(self._path, descriptor)
        except errors.StoreUnavailable:
            os.close(descriptor)
            raise
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            # A process id is shorter.
            holder = os.read(descriptor, 20).decode("ascii", "replace").strip() or "unknown"
            os.close(descriptor)
            raise errors.StoreUnavailable(
                f"Another Powerbot (process {holder}) is using this database; "
                "stop it first, or use PostgreSQL to run several."
            ) from error
        # Until the lock is ours, the file names the process that has it.
        # The lock holds on a full disk, too; only its holder has no name there.
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f"{os.getpid()}\n".encode())
        self._descriptor = descriptor

    def release(self) -> None:
        """Let go of the lock; the file stays, for a new holder may have it open already."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
