"""What no waiting mends isn't told as if it passed: a wrong file, missing rights, a full disk."""

from __future__ import annotations

import contextlib
import errno
import os
import pathlib
import sqlite3

import pytest

from bot.power import errors
from bot.storage import opening
from bot.storage.engine import addresses, connections, files


def made(path: pathlib.Path, *statements: str) -> str:
    """Make a SQLite file by these statements; return its URL."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        for statement in statements:
            database.execute(statement)
        database.commit()
    return f"sqlite:///{path}"


def of_revision(path: pathlib.Path, revision: str) -> str:
    """Make a database that has a schema's number, and no table besides; return its URL."""
    table = f"CREATE TABLE alembic_version (version_num DEFAULT '{revision}')"
    return made(path, table, "INSERT INTO alembic_version DEFAULT VALUES")


def refusal(url: str) -> str:
    """Return with which sentence reading the audit log is refused."""
    with pytest.raises(errors.StoreUnavailable) as refused, opening.reading(url) as connection:
        connection.rows("SELECT * FROM audit")
    return refused.value.user_message


def test_what_is_no_file_is_not_tried_again(tmp_path: pathlib.Path) -> None:
    """A folder stays one."""
    said = refusal(f"sqlite:///{tmp_path}")

    assert "unable to open database file" in said
    assert "rights" in said
    assert "Try again" not in said


@pytest.mark.parametrize(
    ("revision", "said"),
    [
        (opening.REVISION, "isn't Powerbot's, or it is damaged (no such table: audit)"),
        ("0009", "schema is 0009, but this version needs"),
        ("zzz9", "schema zzz9 was made by a newer version"),
    ],
)
def test_a_schema_of_another_version_is_named(
    tmp_path: pathlib.Path, revision: str, said: str
) -> None:
    """What its tables lack follows from it."""
    assert said in refusal(of_revision(tmp_path / "odd.db", revision))


def test_a_full_disk_is_named(tmp_path: pathlib.Path) -> None:
    """SQLite says the same of a file that may not grow."""
    address = addresses.parsed(made(tmp_path / "small.db", "CREATE TABLE t (x)"))
    with contextlib.closing(connections.connect(address)) as connection:
        connection.execute("PRAGMA max_page_count = 2")
        with pytest.raises(errors.StoreUnavailable) as refused, connections.translated():
            connection.execute("INSERT INTO t VALUES (zeroblob(1000000))")

    assert "is full); check that it has free space" in refused.value.user_message


def test_a_busy_database_may_be_tried_again() -> None:
    """That passes."""
    busy = sqlite3.OperationalError("database is locked")
    busy.sqlite_errorcode = sqlite3.SQLITE_BUSY

    with pytest.raises(errors.StoreUnavailable) as refused, connections.translated():
        raise busy

    assert refused.value.user_message.endswith("Try again in a moment.")


def test_a_folder_that_may_not_be_entered_is_named(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether a file is there can't be told then, and nobody is shown a traceback."""

    def closed(_: pathlib.Path) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(pathlib.Path, "stat", closed)

    assert "x.db can't be used: Permission denied" in refusal(f"sqlite:///{tmp_path / 'x.db'}")


def test_lock_holds_where_its_holder_cannot_be_written(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a full disk somebody who frees space by pruning must get that far."""

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    first, second = files.LockFile(tmp_path / "a.db"), files.LockFile(tmp_path / "a.db")
    first.acquire()

    with pytest.raises(errors.StoreUnavailable, match="process unknown"):
        second.acquire()
    first.release()
