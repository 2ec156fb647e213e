"""A team grows: the record moves from a SQLite file to PostgreSQL, or to another file."""

from __future__ import annotations

import asyncio
import pathlib
import stat

import pytest

from bot.power import errors, ports
from bot.power.lifecycle import State
from bot.storage import opening
from bot.storage.admin import audit_chain, moving
from bot.storage.engine import connections
from tests import bodies
from tests.storage import builders

OPERATING = pathlib.Path(__file__).parents[2] / ".github" / "OPERATING.md"


async def filled(url: str) -> str:
    """Fill a database with some of everything, and return the audit's head."""
    store = opening.open_store(url)

    def fill(tx: ports.Tx) -> str:
        tx.create(builders.a_request(state=State.RUNNING), source_key="k")
        tx.approve("PR-2222", builders.an_approval())
        tx.start_run("PR-2222", [ports.RunServer("s1", "web-s1"), ports.RunServer("s2", "web-s2")])
        tx.intend(builders.an_attempt(), epoch=0)
        tx.show_card("PR-2222", at=1.0)
        tx.say("PR-2222", "reply", bodies.message({"event": "started"}), key="started", at=1.0)
        tx.receive(builders.an_inbound())
        tx.freeze(ports.Freeze("U", "fire", 1.0))
        tx.audit(builders.an_entry())
        return tx.audit(builders.an_entry("request.running"))[1]

    head = await store.write(fill)
    await store.claim(now=1e12, lease_s=3600.0)
    await store.close()
    return head


async def test_everything_moves_and_goes_on_in_the_new_database(
    url: str, tmp_path: pathlib.Path
) -> None:
    """Requests, runs, messages, switches and the whole audit chain; leases stay behind."""
    old = f"sqlite:///{tmp_path / 'old.db'}"
    head = await filled(old)

    counts = moving.move(old, url)

    assert (counts["requests"], counts["run_servers"], counts["audit"]) == (1, 2, 2)
    store = opening.open_store(url)
    claim = await store.claim(now=1e12, lease_s=30.0)
    found = await store.read(
        lambda tx: (tx.request("PR-2222"), tx.run_servers("PR-2222"), tx.freezes(now=9.0))
    )
    # A new message gets a number of its own behind those that were moved.
    await store.write(lambda tx: tx.say("PR-2222", "direct", bodies.message({}), key="new", at=2.0))
    await store.close()
    assert claim is not None
    assert found[0] is not None
    assert [one.person for one in found[0].approvals] == [builders.an_approval().person]
    assert (len(found[1]), found[2]) == (2, [ports.Freeze("U", "fire", 1.0)])
    with connections.reading(url) as connection:
        assert audit_chain.verify(connection, anchor=head).ok


async def test_a_database_that_has_rows_is_not_moved_into(url: str, tmp_path: pathlib.Path) -> None:
    """Two records can't be one: the chain of the audit would break."""
    old = f"sqlite:///{tmp_path / 'old.db'}"
    await filled(old)
    moving.move(old, url)

    with pytest.raises(errors.StoreUnavailable, match="isn't empty"):
        moving.move(old, url)


async def test_a_record_in_use_is_not_moved(tmp_path: pathlib.Path) -> None:
    """What a running bot writes meanwhile would be lost."""
    old, new = f"sqlite:///{tmp_path / 'old.db'}", f"sqlite:///{tmp_path / 'new.db'}"
    running = opening.open_store(old, sole=True)

    with pytest.raises(errors.StoreUnavailable, match="is using this database"):
        moving.move(old, new)

    await running.close()
    with pytest.raises(errors.StoreUnavailable, match="the same database"):
        moving.move(old, old)
    with pytest.raises(errors.StoreUnavailable, match="There is no database"):
        moving.move(f"sqlite:///{tmp_path / 'none.db'}", new)


async def _typed(line: str, folder: pathlib.Path) -> tuple[int | None, bytes]:
    """Type a line in a folder; return its exit status, and all that it said."""
    shell = await asyncio.create_subprocess_shell(
        line, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await shell.communicate()
    return shell.returncode, said


async def test_a_copy_made_while_the_bot_runs_is_a_whole_backup(tmp_path: pathlib.Path) -> None:
    """The line of OPERATING needs no stop, and no program that a host may lack.

    The copy opens, its chain holds, what is open is there, and nobody else may read it.
    """
    live, copy = tmp_path / "powerbot.db", tmp_path / "copy.db"
    line = next(one for one in OPERATING.read_text().splitlines() if "VACUUM INTO" in one)
    running = opening.open_store(f"sqlite:///{live}", sole=True)
    await running.write(
        lambda tx: tx.create(builders.a_request(state=State.RUNNING), source_key="k")
    )
    await running.write(lambda tx: tx.audit(builders.an_entry()))

    made, again = await _typed(line, tmp_path), await _typed(line, tmp_path)
    await running.write(lambda tx: tx.audit(builders.an_entry()))
    await running.close()

    assert made == (0, b"")
    assert again[0] != 0
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    restored = opening.open_store(f"sqlite:///{copy}")
    found = await restored.read(lambda tx: tx.requests())
    await restored.close()
    assert [one.state for one in found] == [State.RUNNING]
    with connections.reading(f"sqlite:///{copy}") as connected:
        assert (audit_chain.verify(connected).ok, audit_chain.verify(connected).rows) == (True, 1)
