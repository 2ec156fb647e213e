"""Files beside the database: private, and never reached through a link that somebody planted."""

from __future__ import annotations

import os
import pathlib
import stat

import pytest

from bot.power import errors
from bot.storage import opening
from bot.storage.engine import addresses, files

PRECIOUS = "somebody's own words"


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


@pytest.mark.parametrize("name", ["power.db-wal", "power.db-shm"])
async def test_a_link_under_sqlites_own_names_is_refused(tmp_path: pathlib.Path, name: str) -> None:
    """SQLite itself would say only that it can't open the database."""
    target = tmp_path / "precious"
    target.write_text(PRECIOUS)
    (tmp_path / name).symlink_to(target)

    with pytest.raises(errors.StoreUnavailable, match="is a symbolic link"):
        opening.open_store(url(tmp_path), sole=True)

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

    addresses.prepare_file(tmp_path / "state" / "power.db")

    assert (tmp_path / "disk" / "power.db").exists()
