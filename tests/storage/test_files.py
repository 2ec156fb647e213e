"""Files beside the database: private, and never reached through a link that somebody planted."""

from __future__ import annotations

import contextlib
import os
import pathlib
import sqlite3
import stat
import tempfile
from collections.abc import Callable, Iterator

import pytest

from bot.power import errors
from bot.storage import opening
from bot.storage.engine import database_file, files
from tests.support import databases

PRECIOUS = "somebody's own words"
NOBODY = 65534  # The user without rights.


def url(folder: pathlib.Path) -> str:
    """Return the address of a database in a folder."""
    return f"sqlite:///{folder / 'power.db'}"


@pytest.mark.parametrize(
    "name", ["power.db", "power.db.lock", "power.db.generation", "power.db.generation.new"]
)
@pytest.mark.parametrize("kind", ["there", "dangling"])
async def test_a_planted_link_is_refused_and_its_target_untouched(
    tmp_path: pathlib.Path, name: str, kind: str
) -> None:
    """Whoever may write in the folder could have any file of the bot's user emptied."""
    target = tmp_path / "precious"
    if kind == "there":
        target.write_text(PRECIOUS)
    (tmp_path / name).symlink_to(target)

    with pytest.raises(errors.StoreUnavailable, match=r"is a symbolic link.*remove it") as refused:
        opening.open_store(url(tmp_path), sole=True)

    assert name in refused.value.user_message
    assert target.exists() is (kind == "there")
    assert kind == "dangling" or target.read_text() == PRECIOUS


def read(address: str) -> None:
    """Read a record as the commands on the host do."""
    with opening.reading(address):
        pass


def link(name: pathlib.Path, target: pathlib.Path) -> None:
    """Plant a symbolic link."""
    name.symlink_to(target)


def hard_link(name: pathlib.Path, target: pathlib.Path) -> None:
    """Plant a hard link."""
    name.hardlink_to(target)


def pipe(name: pathlib.Path, _: pathlib.Path) -> None:
    """Plant a pipe."""
    os.mkfifo(name)


@pytest.mark.parametrize("ending", ["-wal", "-shm", "-journal"])
@pytest.mark.parametrize("plant", [link, hard_link, pipe])
@pytest.mark.parametrize("use", [opening.open_store, opening.migrate, opening.prove_usable, read])
async def test_what_was_planted_under_sqlites_own_names_is_refused(
    tmp_path: pathlib.Path,
    ending: str,
    plant: Callable[[pathlib.Path, pathlib.Path], None],
    use: Callable[[str], object],
) -> None:
    """SQLite itself would fill the target of a hard link, and wait for ever at a pipe."""
    address = databases.sqlite(tmp_path)
    target = tmp_path / "precious"
    target.write_text(PRECIOUS)
    plant(tmp_path / f"powerbot.db{ending}", target)

    with pytest.raises(errors.StoreUnavailable, match=f"powerbot.db{ending} is"):
        use(address)

    assert target.read_text() == PRECIOUS


async def test_a_lock_file_that_is_another_file_too_is_refused(tmp_path: pathlib.Path) -> None:
    """A hard link would be emptied as well."""
    target = tmp_path / "precious"
    target.write_text(PRECIOUS)
    (tmp_path / "power.db.lock").hardlink_to(target)

    with pytest.raises(errors.StoreUnavailable, match="hard link"):
        opening.open_store(url(tmp_path), sole=True)

    assert target.read_text() == PRECIOUS


@pytest.mark.parametrize("name", ["power.db", "power.db.lock"])
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["pipe", "folder"])
async def test_what_is_no_plain_file_is_refused_without_waiting(
    tmp_path: pathlib.Path, name: str, make: object
) -> None:
    """To open a pipe would wait for ever."""
    assert callable(make)
    make(tmp_path / name)

    with pytest.raises(errors.StoreUnavailable):
        opening.open_store(url(tmp_path), sole=True)


async def test_every_file_is_for_its_owner_alone(tmp_path: pathlib.Path) -> None:
    """Whatever the umask says, while the bot runs and afterwards."""
    before = os.umask(0)
    try:
        store = opening.open_store(url(tmp_path), sole=True)
        names = os.listdir(tmp_path)
        modes = {name: stat.S_IMODE(os.stat(tmp_path / name).st_mode) for name in names}
        await store.close()
    finally:
        os.umask(before)

    assert {"power.db", "power.db.lock", "power.db.generation"} <= set(modes)
    assert set(modes.values()) == {0o600}


async def test_a_database_that_was_readable_for_all_is_made_private(tmp_path: pathlib.Path) -> None:
    """It holds who asked what, and why."""
    path = tmp_path / "power.db"
    path.touch(mode=0o644)
    path.chmod(0o644)

    await opening.open_store(url(tmp_path)).close()

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("use", [opening.open_store, opening.migrate, opening.prove_usable])
async def test_a_file_that_is_not_ours_is_refused_and_left_as_it_was(
    tmp_path: pathlib.Path, use: Callable[[str], object]
) -> None:
    """A wrong address, or DATABASE_URL of another program, must not change what it names."""
    text, foreign = tmp_path / "page.html", tmp_path / "cookies.db"
    text.write_text(PRECIOUS)
    with contextlib.closing(sqlite3.connect(foreign)) as connection:
        connection.execute("CREATE TABLE cookies (value)")
    before = foreign.read_bytes()
    for path in (text, foreign):
        path.chmod(0o644)

    with pytest.raises(errors.StoreUnavailable, match="isn't an SQLite database"):
        use(f"sqlite:///{text}")
    with pytest.raises(errors.StoreUnavailable, match="database of another program"):
        use(f"sqlite:///{foreign}")

    assert {stat.S_IMODE(path.stat().st_mode) for path in (text, foreign)} == {0o644}
    assert (text.read_text(), foreign.read_bytes()) == (PRECIOUS, before)


@pytest.mark.parametrize("use", [opening.open_store, opening.migrate, opening.prove_usable])
async def test_a_database_with_a_second_name_is_refused(
    tmp_path: pathlib.Path, use: Callable[[str], object]
) -> None:
    """Under that name another bot would find another lock, and both would send."""
    address = databases.sqlite(tmp_path)
    (tmp_path / "second.db").hardlink_to(tmp_path / "powerbot.db")

    with pytest.raises(errors.StoreUnavailable, match="second name"):
        use(address)


def test_every_folder_that_is_made_is_for_its_owner_alone(tmp_path: pathlib.Path) -> None:
    """Whoever may write in one above could put another database in its place."""
    before = os.umask(0)
    try:
        database_file.prepare(tmp_path / "state" / "powerbot" / "power.db")
    finally:
        os.umask(before)

    made = (tmp_path / "state", tmp_path / "state" / "powerbot")
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in made] == [0o700, 0o700]


@contextlib.contextmanager
def without_rights(folder: pathlib.Path) -> Iterator[None]:
    """Be somebody who owns a folder and may not read everything, as root may."""
    me = os.geteuid()
    os.chown(folder, NOBODY if me == 0 else me, -1)
    os.seteuid(NOBODY if me == 0 else me)
    try:
        yield
    finally:
        os.seteuid(me)


async def test_a_note_that_can_not_be_read_is_not_taken_for_none() -> None:
    """Without it an old backup would pass as the newest record."""
    # Nobody else may enter a folder of pytest's.
    with tempfile.TemporaryDirectory() as made, without_rights(pathlib.Path(made)):
        address = url(pathlib.Path(made))
        await opening.open_store(address, sole=True).close()
        (pathlib.Path(made) / "power.db.generation").chmod(0)

        with pytest.raises(errors.StoreUnavailable, match="generation can't be read: Permission"):
            opening.open_store(address, sole=True)


async def test_a_note_that_a_kill_has_left_half_written_is_no_hindrance(
    tmp_path: pathlib.Path,
) -> None:
    """The next start writes it anew."""
    (tmp_path / "power.db.generation.new").write_text("1")

    await opening.open_store(url(tmp_path), sole=True).close()

    assert (tmp_path / "power.db.generation").read_text().isdigit()
    assert not (tmp_path / "power.db.generation.new").exists()


def test_a_file_is_made_once(tmp_path: pathlib.Path) -> None:
    """Made where nothing is; opened, and never emptied, where it is."""
    path = tmp_path / "file"
    os.close(files.make_own(path))
    path.write_text("kept")

    with pytest.raises(FileExistsError):
        files.make_own(path)
    os.close(files.open_own(path))

    assert path.read_text() == "kept"


def test_a_folder_may_be_a_link(tmp_path: pathlib.Path) -> None:
    """Only the last name counts: state folders are often linked to another disk."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "state").symlink_to(tmp_path / "disk")

    database_file.prepare(tmp_path / "state" / "power.db")

    assert (tmp_path / "disk" / "power.db").exists()
