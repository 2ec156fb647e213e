"""The writer when its database breaks: what is certain is repeated, what isn't is said."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from bot.power import errors, inputs, ports
from bot.storage import writer
from bot.storage.engine import addresses, connections
from bot.storage.store import Store
from tests.storage import builders
from tests.support import leases

only_postgresql = pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
only_sqlite = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


def execute(tx: Any, statement: str) -> Any:
    """Run a statement as the transaction itself would."""
    return tx.connection.driver.execute(statement)


def end_session(url: str, number: int) -> None:
    """End a session of the server as an operator would."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(%s, 5000)", [number])


def session(tx: ports.Tx) -> int:
    """Return the number of the transaction's session."""
    return int(execute(tx, "SELECT pg_backend_pid()").fetchone()[0])


async def keys(store: Store) -> list[str]:
    """Return the keys of the stored payloads."""
    await leases.end_all(store)
    return sorted(one.key for one in await builders.left(store))


def receive(key: str) -> Callable[[ports.Tx], bool]:
    """Return the work of storing a payload."""
    return lambda tx: tx.receive(builders.an_inbound(key))


@only_postgresql
async def test_a_session_that_ended_between_commits_is_not_noticed(store: Store, url: str) -> None:
    """A restart of the server costs nobody a click."""
    end_session(url, await store.write(session))

    assert await store.write(receive("a"))
    assert await keys(store) == ["a"]


@only_postgresql
async def test_a_batch_that_was_cut_off_before_its_commit_is_run_once_more(
    store: Store, url: str
) -> None:
    """It is certain that nothing of it was stored."""
    runs = []

    def cut_off_once(tx: ports.Tx) -> bool:
        runs.append(session(tx))
        if len(runs) == 1:
            end_session(url, runs[0])
        return tx.receive(builders.an_inbound("a"))

    results = await asyncio.gather(store.write(receive("b")), store.write(cut_off_once))

    assert all(results)
    assert len(runs) == 2
    assert await keys(store) == ["a", "b"]


@only_postgresql
async def test_a_batch_that_is_cut_off_twice_fails_as_not_stored(store: Store, url: str) -> None:
    """It isn't tried for ever; the next one gets a new connection."""

    def cut_off(tx: ports.Tx) -> list[ports.Freeze]:
        end_session(url, session(tx))
        return tx.freezes(now=9.0)

    results = await asyncio.gather(
        store.write(receive("b")), store.write(cut_off), return_exceptions=True
    )

    assert [type(result) for result in results] == [errors.StoreUnavailable] * 2
    assert str(results[0]) == writer.NOT_STORED
    assert results[0] is not results[1]
    assert await keys(store) == []


@only_postgresql
async def test_one_that_failed_in_a_lost_session_learns_its_own_error(
    store: Store, url: str
) -> None:
    """There was nothing to store, so nothing is uncertain."""

    def fail(tx: ports.Tx) -> None:
        end_session(url, session(tx))
        raise LookupError("its own")

    with pytest.raises(LookupError, match="its own"):
        await store.write(fail)

    assert await store.write(receive("a"))


@only_postgresql
async def test_one_that_was_too_slow_for_the_database_fails_alone(store: Store) -> None:
    """The database gave up on a statement, not on the connection."""

    def too_slow(tx: ports.Tx) -> None:
        execute(tx, "SET LOCAL statement_timeout = 50")
        execute(tx, "SELECT pg_sleep(10)")

    results = await asyncio.gather(
        store.write(receive("a")), store.write(too_slow), return_exceptions=True
    )

    assert results[0] is True
    assert isinstance(results[1], errors.StoreUnavailable)


@only_postgresql
async def test_a_commit_without_an_answer_is_said_to_be_uncertain(store: Store, url: str) -> None:
    """Nobody may believe that nothing was stored, and nothing is run again."""
    runs = []

    def cut_off_at_the_end(tx: ports.Tx) -> None:
        runs.append(tx.receive(builders.an_inbound("a")))
        end_session(url, session(tx))

    with pytest.raises(errors.StoreUnavailable, match="may or may not"):
        await store.write(cut_off_at_the_end)

    assert len(runs) == 1
    assert await store.write(receive("b"))


@only_postgresql
async def test_a_process_that_froze_in_its_turn_is_cut_off_and_tries_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The turn of the writers can't be held for ever."""
    quick = writer.TURN_POSTGRESQL.replace(f"'{writer.FROZEN_S}s'", "'100ms'")
    monkeypatch.setattr(writer, "TURN_POSTGRESQL", quick)
    runs = []

    def freeze_once(tx: ports.Tx) -> bool:
        runs.append(1)
        if len(runs) == 1:
            time.sleep(0.3)
        return tx.receive(builders.an_inbound("a"))

    assert await store.write(freeze_once)
    assert len(runs) == 2


@only_postgresql
async def test_a_turn_that_never_comes_is_an_error(
    store: Store, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who waits for the turn waits for a bounded time, and may ask again."""
    quick = writer.TURN_POSTGRESQL.replace(f"'{writer.TURN_WAIT_S}s'", "'100ms'")
    monkeypatch.setattr(writer, "TURN_POSTGRESQL", quick)

    with psycopg.connect(url) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", [writer.TURN])
        with pytest.raises(errors.StoreUnavailable, match="nothing was changed"):
            await store.write(receive("a"))

    assert await store.write(receive("a"))


@only_postgresql
async def test_a_commit_is_on_disk_even_where_the_default_is_not_to_wait(
    store: Store, url: str
) -> None:
    """A database whose default is asynchronous is overruled for our transactions."""
    with psycopg.connect(url, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = off".encode())

    shown = await store.write(lambda tx: execute(tx, "SHOW synchronous_commit").fetchone()[0])

    assert shown == "on"


@only_sqlite
async def test_a_locked_file_is_an_error_after_a_bounded_wait(
    url: str, monkeypatch: pytest.MonkeyPatch, replicas: Callable[[], Store]
) -> None:
    """Who waits for another process's lock may ask again."""
    monkeypatch.setattr(connections, "BUSY_S", 0.1)
    store = replicas()
    other = connections.connect(addresses.parsed(url))

    other.begin()
    with pytest.raises(errors.StoreUnavailable, match="nothing was changed"):
        await store.write(receive("a"))
    other.close()

    assert await store.write(receive("a"))


@only_sqlite
async def test_a_full_disk_fails_what_needs_room_and_the_next_may_succeed(store: Store) -> None:
    """What doesn't fit is not stored in half."""

    def fill(tx: ports.Tx) -> None:
        execute(tx, "PRAGMA max_page_count = 1")
        tx.receive(builders.an_inbound("big", input=inputs.Typed(text="x" * 1_000_000)))

    with pytest.raises(errors.StoreUnavailable):
        await store.write(fill)
    await store.write(lambda tx: execute(tx, "PRAGMA max_page_count = 1000000").close())

    assert await store.write(receive("a"))
    assert await keys(store) == ["a"]


@only_sqlite
async def test_a_batch_that_the_database_gave_up_is_stored_nowhere(store: Store) -> None:
    """Without its transaction each statement would be committed by itself."""

    def give_up(tx: ports.Tx) -> bool:
        tx.connection.driver.execute("ROLLBACK")  # type: ignore[attr-defined]
        return True

    results = await asyncio.gather(
        store.write(receive("a")),
        store.write(give_up),
        store.write(receive("b")),
        return_exceptions=True,
    )

    assert [type(result) for result in results] == [errors.StoreUnavailable] * 3
    assert await keys(store) == []


async def test_a_read_can_write_nothing(store: Store) -> None:
    """Neither through the Tx nor past it."""
    with pytest.raises(RuntimeError, match="begun to read"):
        await store.read(lambda tx: tx.freeze(ports.Freeze("U", "x", 1.0)))
    with pytest.raises(RuntimeError, match="begun to read"):
        await store.read(receive("a"))
    with pytest.raises((*connections.driver_errors(), errors.StoreUnavailable)):
        await store.read(lambda tx: execute(tx, "DELETE FROM switches"))


async def test_a_read_sees_one_moment_while_others_write(store: Store) -> None:
    """What is committed in the middle of a read isn't seen by it."""
    await store.write(lambda tx: tx.freeze(ports.Freeze("U", "before", 1.0)))
    loop = asyncio.get_running_loop()

    def look_twice(tx: ports.Tx) -> tuple[str, str]:
        first = tx.freezes(now=9.0)[0].reason
        writing = store.write(lambda other: other.freeze(ports.Freeze("U", "after", 2.0)))
        asyncio.run_coroutine_threadsafe(writing, loop).result(10)
        return first, tx.freezes(now=9.0)[0].reason

    assert await store.read(look_twice) == ("before", "before")
    assert await store.read(lambda tx: tx.freezes(now=9.0)[0].reason) == "after"


async def test_a_work_that_ends_the_process_leaves_nothing_behind(store: Store) -> None:
    """Even what is no ordinary error is rolled back, and the writer goes on."""

    def leave(tx: ports.Tx) -> None:
        tx.receive(builders.an_inbound("a"))
        raise asyncio.CancelledError

    with pytest.raises((asyncio.CancelledError, errors.StoreUnavailable)):
        await store.write(leave)

    assert await keys(store) == []
