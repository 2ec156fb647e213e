"""Files of ours: for the owner's eyes alone, and never reached through somebody's link.

Whoever may write in a folder can plant a link under a name that we are about to use, and would have
its target emptied or filled.
"""

from __future__ import annotations

import errno
import os
import pathlib
import stat

from bot.power import errors

PRIVATE = 0o600
NEVER_FOLLOW = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


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
    return os.open(path, flags | os.O_CREAT | os.O_EXCL | NEVER_FOLLOW, PRIVATE)


def open_there(path: pathlib.Path, flags: int = os.O_RDONLY) -> int:
    """Open a plain file that is there; return its descriptor.

    Raises:
        StoreUnavailable: it is a link, or another kind of file.
        OSError: the file system refuses.
    """
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
            f"{path} is a symbolic link, and Powerbot follows none; remove it, or name the file "
            "that it points to."
        )


def refuse_twin(path: pathlib.Path, descriptor: int) -> None:
    """Refuse a file that has a second name: what is written here would stand there, too.

    Raises:
        StoreUnavailable: it has one.
    """
    if os.fstat(descriptor).st_nlink > 1:
        raise errors.StoreUnavailable(
            f"{path} is the same file as another one (a hard link); remove it."
        )


def _not_plain(path: pathlib.Path) -> str:
    return f"{path} is no plain file; remove it, or choose another folder."
