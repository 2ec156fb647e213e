"""Files that somebody else writes: read without waiting for ever, and up to a bound.

A folder, a pipe without a writer or a device may stand where a file should: Docker makes a folder
where it finds no file to mount.
"""

from __future__ import annotations

import io
import os
import pathlib
import select
import stat
import time

KIB = 1024  # Bytes.


class NotPlain(ValueError):
    """A file can't be used; the words go on after its name, and never say what it holds."""


def content(path: pathlib.Path, most_bytes: int, *, pipe_s: float = 0.0) -> bytes:
    """Return what a regular file holds, or what comes out of a pipe within `pipe_s` seconds.

    Raises:
        FileNotFoundError: there is none.
        NotPlain: it can't be read, is no regular file, or is longer than `most_bytes`.
    """
    try:
        # Opening a pipe without a writer would wait for one ("open(2)", O_NONBLOCK).
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            mode = os.fstat(descriptor).st_mode
            if not (stat.S_ISREG(mode) or (pipe_s and stat.S_ISFIFO(mode))):
                raise NotPlain("isn't a regular file")
            found = _read(descriptor, most_bytes, pipe_s)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        raise
    except TimeoutError:
        raise NotPlain("is a pipe, and nobody wrote all of it") from None
    except OSError as error:
        raise NotPlain(f"can't be read: {error.strerror}") from None
    if len(found) > most_bytes:
        raise NotPlain(f"is larger than {most_bytes // KIB:,} KiB")
    return found


def text(path: pathlib.Path, most_bytes: int, *, pipe_s: float = 0.0) -> str:
    """Return the same as text in which a newline alone ends each line.

    Raises:
        FileNotFoundError: there is none.
        NotPlain: it can't be read, is no regular file, is too long, or isn't UTF-8.
    """
    try:
        # Some editors begin a file with a mark that says UTF-8 and shows nowhere.
        found = content(path, most_bytes, pipe_s=pipe_s).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise NotPlain("isn't UTF-8; save it as UTF-8") from None
    return io.StringIO(found, newline=None).read()


def _read(descriptor: int, most_bytes: int, pipe_s: float) -> bytes:
    """Read to the end, or one byte more than there may be: that tells what is too long.

    Raises:
        OSError: it can't be read (TimeoutError: nobody wrote into a pipe, or not to an end).
    """
    found, until, waiting = bytearray(), time.monotonic() + pipe_s, select.poll()
    # A file is always ready; a pipe is at its end once a writer has come and gone ("poll(2)").
    waiting.register(descriptor, select.POLLIN)
    while len(found) <= most_bytes:
        if not waiting.poll(max(0.0, until - time.monotonic()) * 1000):
            raise TimeoutError
        part = os.read(descriptor, most_bytes + 1 - len(found))
        if not part:
            break
        found += part
    return bytes(found)
