"""Old requests' details go, their audit rows stay, and whoever is still owed something is kept."""

from __future__ import annotations

import pathlib
from collections.abc import Callable

import pytest

from bot.operations import database_admin
from bot.power import errors, ports
from bot.power.lifecycle import State
from bot.settings import Settings, SettingsError
from bot.storage.admin import audit_chain, pruning
from bot.storage.engine import connections, files
from bot.storage.store import Store
from tests import bodies
from tests.storage import builders
from tests.storage.test_reviews import REVIEW, by_break_glass

LONG_AGO, CUT = 150.0, 1000.0


async def ended(store: Store, id_: str, *, at: float = LONG_AGO) -> None:
    """Store a request that ran and ended, with everything that hangs on it."""

    def work(tx: ports.Tx) -> None:
        tx.create(builders.a_request(id_, State.RUNNING), source_key=id_)
        tx.start_run(id_, [ports.RunServer("s1", "web01")])
        tx.approve(id_, builders.an_approval())
        tx.intend(builders.an_attempt(f"a-{id_}", "s1", request_id=id_), epoch=0)
        tx.audit(builders.an_entry("request.succeeded", request_id=id_, server_ids=["s1"]))
        tx.transition(id_, State.RUNNING, State.SUCCEEDED, at=at)

    await store.write(work)


async def pruned(store: Store, url: str) -> int:
    """Forget what ended before the cut, as the command does."""
    await store.close()
    return await pruning.forget_all(url, before=CUT, now=2000.0)


async def test_what_ended_long_ago_is_forgotten_and_the_chain_is_whole(
    replicas: Callable[[], Store], url: str
) -> None:
    """The log keeps its rows and says what was forgotten, from which head on."""
    store = replicas()
    for id_ in ("PR-2222", "PR-3333"):
        await ended(store, id_)
    await ended(store, "PR-4444", at=CUT + 1)
    anchor = await store.read(lambda tx: tx.audit_head())

    assert await pruned(store, url) == 2

    after = replicas()
    rows = await after.read(lambda tx: tx.audit_rows(event="record.pruned"))
    kept = await after.read(lambda tx: [one.id for one in tx.requests()])
    with connections.reading(url) as connection:
        whole = audit_chain.verify(connection, anchor=anchor[1])
    assert kept == ["PR-4444"]
    assert rows[0]["detail"]["requests"] == ["PR-2222", "PR-3333"]
    assert (rows[0]["detail"]["through"], rows[0]["detail"]["head"]) == anchor
    assert whole.ok
    assert whole.rows == anchor[0] + 1


async def test_what_somebody_is_still_owed_stays(replicas: Callable[[], Store], url: str) -> None:
    """An open request, an undelivered message and an owed review each keep theirs."""
    store = replicas()
    await ended(store, "PR-3333")

    def work(tx: ports.Tx) -> None:
        tx.say("PR-3333", "reply", bodies.message({"event": "ended"}), key="ended", at=1.0)
        tx.create(builders.a_request("PR-4444", State.PENDING), source_key="k4")
        tx.create(by_break_glass(), source_key="k2")
        tx.open_review(REVIEW)
        tx.transition("PR-2222", State.APPROVED, State.VOID, at=LONG_AGO)

    await store.write(work)

    assert await pruned(store, url) == 0


async def test_many_are_forgotten_in_several_steps(replicas: Callable[[], Store], url: str) -> None:
    """Each step is a transaction and a row of its own, so that others get their turns."""
    store = replicas()
    for id_ in ("PR-2222", "PR-3333", "PR-4444"):
        await ended(store, id_)

    await store.close()

    assert await pruning.forget_all(url, before=CUT, now=2000.0, together=2) == 3

    rows = await replicas().read(lambda tx: tx.audit_rows(event="record.pruned"))
    assert [len(row["detail"]["requests"]) for row in rows] == [1, 2]


async def test_nobody_prunes_beside_a_running_bot_on_sqlite(tmp_path: pathlib.Path) -> None:
    """The file belongs to the bot that runs on it."""
    path = tmp_path / "powerbot.db"
    held = files.LockFile(path)
    held.acquire()

    with pytest.raises(errors.StoreUnavailable):
        await pruning.forget_all(f"sqlite:///{path}", before=CUT, now=2000.0)

    held.release()


def test_command_forgets_nothing_that_the_policy_looks_back_at(settled_file: pathlib.Path) -> None:
    """Fewer than thirty days are refused with what to write instead."""
    given = Settings(POWERBOT_DATABASE_URL=f"sqlite:///{settled_file}")

    with pytest.raises(SettingsError, match="write 30 days or more"):
        database_admin.prune(given, 29)

    assert database_admin.prune(given, 30).startswith("Deleted the details of 0 requests")
