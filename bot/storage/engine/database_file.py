"""The file of a SQLite record: made private, and refused where it is somebody else's.

What is refused is left as it was, its mode too: a wrong address names another's file.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import sqlite3

from bot.power import errors
from bot.storage.engine import addresses, files

# What every SQLite file begins with (https://www.sqlite.org/fileformat.html, 1.3.1).
SQLITE_MAGIC = b"SQLite format 3\0"
# SQLite's own files beside a database.
BESIDE = ("-wal", "-shm", "-journal")
FOLDER = 0o700
# The first table that we make, and the only one that names the program.
_OURS = "SELECT name = 'alembic_version' AS ours FROM sqlite_master ORDER BY ours DESC LIMIT 1"


def prepare(path: pathlib.Path) -> None:
    """Create the file and its folder, for nobody's eyes but the owner's.

    Raises:
        StoreUnavailable: the file system refuses, or it isn't a file that may be a record of ours.
    """
    try:
        _make_folder(path.parent)
        refuse_planted(path)
        with open(files.open_own(path), "rb") as file:
            _refuse_foreign(path, file.fileno())
            # Only now: the mode of another's file is none of our business.
            os.fchmod(file.fileno(), files.PRIVATE)
    except OSError as error:
        raise errors.StoreUnavailable(addresses.unusable(path, error)) from error


def prove(path: pathlib.Path) -> None:
    """Refuse a file that `prepare` would refuse, and change nothing; it must be there.

    Raises:
        StoreUnavailable: it is refused; the sentence says why.
    """
    try:
        refuse_planted(path)
        with open(files.open_there(path), "rb") as file:
            _refuse_foreign(path, file.fileno())
    except OSError as error:
        raise errors.StoreUnavailable(addresses.unusable(path, error)) from error


def refuse_planted(path: pathlib.Path) -> None:
    """Refuse what was planted under the names of SQLite's own files.

    It follows no symbolic link, but says only that it can't open the database; it writes through
    a hard link, and waits for ever at a pipe.

    Raises:
        StoreUnavailable: something was.
    """
    for ending in BESIDE:
        files.refuse_planted(path.with_name(path.name + ending))


def _make_folder(folder: pathlib.Path) -> None:
    """Make a folder and those above it that aren't there, each for its owner alone.

    `Path.mkdir` would make those above it as the umask says.
    """
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    for one in reversed(missing):
        one.mkdir(mode=FOLDER, exist_ok=True)


def _refuse_foreign(path: pathlib.Path, descriptor: int) -> None:
    """Refuse a file that has a second name, or holds what isn't ours; an empty one may become it.

    Raises:
        StoreUnavailable: it is refused.
    """
    if os.fstat(descriptor).st_nlink > 1:
        # Each name would have a lock and a log of its own ("How To Corrupt An SQLite Database
        # File", 2.5).
        raise errors.StoreUnavailable(
            f"The file {path} has a second name (a hard link), under which another Powerbot could "
            "use it; remove the other name."
        )
    beginning = os.pread(descriptor, len(SQLITE_MAGIC), 0)
    if beginning not in (b"", SQLITE_MAGIC):
        raise errors.StoreUnavailable(f"The file {path} isn't an SQLite database.")
    if beginning and not _is_ours(path):
        raise errors.StoreUnavailable(
            f"The file {path} is the database of another program; use another file for "
            "POWERBOT_DATABASE_URL."
        )


def _is_ours(path: pathlib.Path) -> bool:
    """Whether a SQLite file has our tables, or none yet.

    What can't be read passes: whoever opens it next says why.
    """
    address = f"{path.as_uri()}?mode=ro"
    try:
        with contextlib.closing(sqlite3.connect(address, uri=True)) as connection:
            found = connection.execute(_OURS).fetchone()
    except sqlite3.Error:
        return True
    return found is None or bool(found[0])
