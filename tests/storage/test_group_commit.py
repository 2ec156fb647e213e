"""Group commit: transactions share a commit, and nothing else."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

import pytest

from bot.power import errors, ports
from bot.runtime import priority
from bot.storage import group_commit, writer
from bot.storage.engine import connections
from bot.storage.store import Store
from tests.storage import builders
from tests.support import leases


class Gate:
    """A commit that waits until it is let through, and notes the sizes of the batches."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.opened = threading.Event()

    def commit(self, works: Sequence[Any]) -> list[writer.Outcome]:
        """Answer each piece of work with its own value."""
        self.opened.wait(10)
        self.sizes.append(len(works))
        return [writer.Done(work) for work in works]


async def test_one_that_fails_is_rolled_back_alone(store: Store) -> None:
    """The others of its batch are stored, and only it learns of the error."""

    def receive(key: str) -> Any:
        def work(tx: ports.Tx) -> bool:
            stored = tx.receive(builders.an_inbound(key))
            if key == "bad":
                raise LookupError(key)
            return stored

        return work

    keys = "a", "bad", "b", "a", "bad", "c"
    results = await asyncio.gather(
        *(store.write(receive(key)) for key in keys), return_exceptions=True
    )

    assert [result for result in results if isinstance(result, bool)] == [True, True, False, True]
    assert [str(results[1]), str(results[4])] == ["bad", "bad"]
    await leases.end_all(store)
    assert sorted(one.key for one in await builders.left(store, lease_s=1.0)) == ["a", "b", "c"]


async def test_one_that_the_database_refuses_is_rolled_back_alone(store: Store) -> None:
    """A broken rule of the schema harms nobody else either."""
    request = builders.a_request()
    results = await asyncio.gather(
        store.write(lambda tx: tx.create(request, source_key="1")),
        store.write(lambda tx: tx.create(request, source_key="2")),
        store.write(lambda tx: tx.create(builders.a_request("PR-3333"), source_key="3")),
        return_exceptions=True,
    )

    assert (results[0], results[2]) == (True, True)
    assert isinstance(results[1], connections.refused())
    assert len(await store.read(lambda tx: tx.requests())) == 2


async def test_one_that_goes_on_after_a_refusal_is_not_stored(store: Store, backend: str) -> None:
    """PostgreSQL would turn such a commit into a rollback without a word."""
    await store.write(lambda tx: tx.create(builders.a_request(), source_key="1"))

    def swallow(tx: ports.Tx) -> str:
        try:
            tx.create(builders.a_request(), source_key="2")
        except Exception:
            return "went on"
        return "created"

    if backend == "sqlite":
        # SQLite undoes the statement alone, and the transaction may go on.
        assert await store.write(swallow) == "went on"
        return
    with pytest.raises(RuntimeError, match="refused"):
        await store.write(swallow)
    alone, other = await asyncio.gather(
        store.write(swallow),
        store.write(lambda tx: tx.receive(builders.an_inbound())),
        return_exceptions=True,
    )
    assert isinstance(alone, RuntimeError)
    assert other is True


async def test_those_who_wait_during_a_commit_share_the_next_one() -> None:
    """A batch is bounded; whoever comes in the same turn of the loop is in the first."""
    gate = Gate()
    group = group_commit.GroupCommit(gate.commit)
    first = [asyncio.create_task(group.run(number)) for number in range(3)]  # type: ignore[arg-type]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    others = [asyncio.create_task(group.run(number)) for number in range(100)]  # type: ignore[arg-type]
    await asyncio.sleep(0)

    gate.opened.set()
    results = await asyncio.gather(*first, *others)
    await group.close()

    assert results == [*range(3), *range(100)]
    assert gate.sizes == [3, 64, 36]


async def test_who_stops_waiting_in_time_is_not_run() -> None:
    """A cancelled wait costs nothing; one that was on its way harms nobody."""
    gate = Gate()
    group = group_commit.GroupCommit(gate.commit)
    running = asyncio.create_task(group.run("running"))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    waiting = [asyncio.create_task(group.run(word)) for word in ("gone", "stays")]  # type: ignore[arg-type]
    await asyncio.sleep(0)
    running.cancel()
    waiting[0].cancel()

    gate.opened.set()

    assert await waiting[1] == "stays"
    assert gate.sizes == [1, 1]
    await group.close()


async def test_more_than_can_wait_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue is bounded, and who is refused is told to come again."""
    monkeypatch.setattr(group_commit, "MOST_WAITING", 2)
    gate = Gate()
    group = group_commit.GroupCommit(gate.commit)
    waiting = [asyncio.create_task(group.run(number)) for number in range(2)]  # type: ignore[arg-type]
    await asyncio.sleep(0)
    waiting += [asyncio.create_task(group.run(number)) for number in range(2, 5)]  # type: ignore[arg-type]
    gate.opened.set()

    results = await asyncio.gather(*waiting, return_exceptions=True)
    await group.close()

    refused = [result for result in results if isinstance(result, errors.StoreUnavailable)]
    assert refused
    assert "Too much is waiting" in refused[0].user_message


async def test_closing_commits_what_waits_and_refuses_the_rest() -> None:
    """Nobody who was let in is forgotten."""
    gate = Gate()
    group = group_commit.GroupCommit(gate.commit)
    waiting = [asyncio.create_task(group.run(number)) for number in range(70)]  # type: ignore[arg-type]
    await asyncio.sleep(0)
    closing = asyncio.create_task(group.close())
    await asyncio.sleep(0)

    with pytest.raises(errors.StoreUnavailable, match="shutting down"):
        await group.run("late")  # type: ignore[arg-type]
    gate.opened.set()

    await closing
    assert await asyncio.gather(*waiting) == [*range(70)]


async def test_a_commit_that_breaks_in_an_unknown_way_is_told_to_all() -> None:
    """Nobody waits for ever on a fault of ours."""

    def broken(works: Sequence[Any]) -> list[writer.Outcome]:
        raise ZeroDivisionError

    group = group_commit.GroupCommit(broken)
    results = await asyncio.gather(
        *(group.run(number) for number in range(2)),  # type: ignore[arg-type]
        return_exceptions=True,
    )
    await group.close()

    assert [type(result) for result in results] == [ZeroDivisionError, ZeroDivisionError]


async def test_an_exhausted_iterator_is_an_error_like_any_other(store: Store) -> None:
    """A StopIteration would end the coroutine that waits for it."""
    with pytest.raises(RuntimeError, match="StopIteration"):
        await store.write(lambda tx: next(iter(())))


async def test_a_closed_store_leaves_no_thread(store: Store) -> None:
    """Threads of the store are named after it."""
    await store.write(lambda tx: tx.receive(builders.an_inbound()))
    await store.read(lambda tx: tx.freezes(now=9.0))

    await store.close()

    assert [one.name for one in threading.enumerate() if one.name.startswith("store-")] == []
    with pytest.raises(errors.StoreUnavailable):
        await store.write(lambda tx: tx.freezes(now=9.0))


async def test_a_no_is_in_the_next_batch_however_much_waits() -> None:
    """Hundreds that were there before it wait for theirs."""
    gate, order = Gate(), []
    group = group_commit.GroupCommit(gate.commit)

    async def run(work: Any, *, is_no: bool = False) -> None:
        if is_no:
            priority.mark_urgent()
        order.append(await group.run(work))

    waiting = [asyncio.create_task(run(number)) for number in range(300)]
    await asyncio.sleep(0)
    await asyncio.sleep(0.05)
    waiting.append(asyncio.create_task(run("no", is_no=True)))
    await asyncio.sleep(0)
    gate.opened.set()
    await asyncio.gather(*waiting)
    await group.close()

    assert order.index("no") <= 2 * group_commit.MOST_TOGETHER


async def test_a_no_reads_while_every_reader_is_busy(store: Store) -> None:
    """It has a reader of its own."""
    busy = threading.Event()
    slow = [asyncio.create_task(store.read(lambda tx: busy.wait(30))) for _ in range(20)]
    await asyncio.sleep(0.05)

    async def say_no() -> object:
        priority.mark_urgent()
        return await store.read(lambda tx: tx.freezes(now=9.0))

    try:
        async with asyncio.timeout(10):
            assert await asyncio.create_task(say_no()) == []
        assert not any(one.done() for one in slow)
    finally:
        busy.set()
        await asyncio.gather(*slow)
