"""Payloads that come together are stored together, each as if it had come alone."""

from __future__ import annotations

import asyncio
import pathlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
import structlog
from hypothesis import given, strategies as st

from bot.power import errors, intake, ports
from bot.storage import intake_batches, writer
from bot.storage.store import Store
from tests.storage import builders
from tests.support import databases, leases

only_postgresql = pytest.mark.parametrize("backend", ["postgresql"], indirect=True)


async def test_payloads_that_come_together_are_each_stored_once(store: Store) -> None:
    """Of doubles in one batch the first is new; what was there before is not."""
    await store.write(intake.Receiving(builders.an_inbound("old")))
    keys = "a", "b", "a", "old", "c", "d\0", "b"

    new = await asyncio.gather(
        *(store.write(intake.Receiving(builders.an_inbound(key))) for key in keys)
    )
    await leases.end_all(store)
    found = await builders.left(store)

    assert new == [True, True, False, False, True, True, False]
    assert sorted(one.key for one in found) == ["a", "b", "c", "d?", "old"]
    assert {one.response_url for one in found} == {"https://r"}


async def test_payloads_that_end_together_tell_where_their_cards_stand(store: Store) -> None:
    """Each is forgotten but for its key, and learns of the card of its own request alone."""
    card = ports.Card("C0OPS", "1.5")
    with_card = builders.a_request("PR-2222", card=card)
    without = builders.a_request("PR-3333")
    await store.write(lambda tx: tx.create(with_card, source_key="1"))
    await store.write(lambda tx: tx.create(without, source_key="2"))
    for key in "abcd":
        await store.write(intake.Receiving(builders.an_inbound(key)))

    named = {"a": "PR-2222", "b": "", "c": "PR-3333", "d": "PR-2222"}
    found = await asyncio.gather(
        *(store.write(intake.Finishing(key, request_id)) for key, request_id in named.items())
    )
    await leases.end_all(store)

    assert found == [card, None, None, card]
    assert await builders.left(store) == []


async def test_payloads_share_a_batch_with_others_and_with_what_fails(store: Store) -> None:
    """A mixed batch keeps what is good; the one that raises is alone with its error."""

    def breaks(tx: ports.Tx) -> None:
        tx.receive(builders.an_inbound("lost"))
        raise LookupError

    works: list[Any] = [intake.Receiving(builders.an_inbound(key)) for key in "abc"]
    works[1:1] = [breaks, lambda tx: tx.receive(builders.an_inbound("d"))]

    results = await asyncio.gather(*map(store.write, works), return_exceptions=True)
    await leases.end_all(store)

    assert [result for result in results if result is True] == [True] * 4
    assert isinstance(results[1], LookupError)
    assert sorted(one.key for one in await builders.left(store)) == list("abcd")


async def test_payload_that_the_database_refuses_harms_no_other(store: Store) -> None:
    """When the common step fails, each is stored for itself, and one alone is refused."""
    good = [intake.Receiving(builders.an_inbound(key)) for key in "abc"]
    bad = intake.Receiving(builders.an_inbound("bad", at=None))

    results = await asyncio.gather(*map(store.write, [*good, bad]), return_exceptions=True)

    assert results[:3] == [True, True, True]
    assert isinstance(results[3], Exception)


async def driver_of(store: Store) -> Any:
    """Return the driver's connection on which the store writes."""
    return await store.write(lambda tx: tx.connection.driver)  # type: ignore[attr-defined]


def end_session(url: str, number: int) -> None:
    """End a session of the server as an operator would."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(%s, 5000)", [number])


def all_at_once(store: Store, keys: str) -> Any:
    """Receive payloads in one batch, each named by a letter."""
    works = [intake.Receiving(builders.an_inbound(key)) for key in keys]
    return asyncio.gather(*map(store.write, works), return_exceptions=True)


@pytest.mark.skipif(sys.platform != "linux", reason="libpq's trace goes to a file of Linux alone")
@only_postgresql
@pytest.mark.parametrize("many", [1, 3, 30])
async def test_batch_takes_two_trips_however_many_payloads_are_in_it(
    store: Store, tmp_path: pathlib.Path, many: int
) -> None:
    """One that begins and stores, and one that commits; a quiet way around would be slow."""
    request = builders.a_request("PR-2222", card=ports.Card("C0OPS", "1.5"))
    await store.write(lambda tx: tx.create(request, source_key="1"))
    driver = await driver_of(store)
    receiving = [intake.Receiving(builders.an_inbound(f"new{n}")) for n in range(many)]
    finishing = [intake.Finishing(f"old{n}", "PR-2222") for n in range(many)]
    works: list[Any] = [*receiving, *finishing]

    trace = tmp_path / "trace"
    with trace.open("w") as file:
        driver.pgconn.trace(file.fileno())
        await asyncio.gather(*map(store.write, works))
        driver.pgconn.untrace()
    seen = trace.read_text()

    assert seen.count("ReadyForQuery") == 2
    assert "ErrorResponse" not in seen


@only_postgresql
async def test_payloads_find_their_session_ended_and_are_stored_in_a_new_one(
    store: Store, url: str
) -> None:
    """Nothing of them was stored before the commit, so they are simply sent again."""
    end_session(url, (await driver_of(store)).info.backend_pid)

    assert await all_at_once(store, "abcd") == [True] * 4
    await leases.end_all(store)
    assert len(await builders.left(store)) == 4


@only_postgresql
async def test_payloads_whose_session_ends_before_the_commit_are_said_to_be_uncertain(
    store: Store, url: str
) -> None:
    """They may be stored or not, so none of them is acknowledged, and none is sent again."""

    def cut_off_at_the_end(tx: ports.Tx) -> None:
        driver = tx.connection.driver  # type: ignore[attr-defined]
        end_session(url, driver.info.backend_pid)

    works = [intake.Receiving(builders.an_inbound(key)) for key in "abc"]
    last = store.write(cut_off_at_the_end)
    results = await asyncio.gather(*map(store.write, works), last, return_exceptions=True)

    assert [type(one) for one in results] == [errors.StoreUnavailable] * 4
    assert {str(one) for one in results} == {writer.UNCERTAIN}
    assert await builders.left(store) == []


@only_postgresql
async def test_payloads_that_wait_for_the_turn_in_vain_do_not_wait_again(
    store: Store, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All are told that nothing was changed, without a second wait one by one."""
    quick = writer.TURN_POSTGRESQL.replace(f"'{writer.TURN_WAIT_S}s'", "'100ms'")
    monkeypatch.setattr(writer, "TURN_POSTGRESQL", quick)

    with psycopg.connect(url) as other, structlog.testing.capture_logs() as logs:
        other.execute("SELECT pg_advisory_xact_lock(%s)", [writer.TURN])
        results = await all_at_once(store, "abc")

    assert [str(one) for one in results] == [writer.NOT_STORED] * 3
    assert "store.intake_one_by_one" not in [entry["event"] for entry in logs]
    assert await all_at_once(store, "abc") == [True] * 3


@only_postgresql
async def test_payloads_that_go_one_by_one_are_seen_in_the_log_without_their_words(
    store: Store, url: str
) -> None:
    """The database's own refusal is met by the slow way, of which an operator learns."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER TABLE inbox ADD CHECK (key <> 'b')")

    with structlog.testing.capture_logs() as logs:
        results = await all_at_once(store, "abc")

    assert [results[0], results[2]] == [True, True]
    assert "CheckViolation" in repr(results[1])
    (slow,) = [entry for entry in logs if entry["event"] == "store.intake_one_by_one"]
    assert "https://r" not in str(slow)


def test_array_does_not_take_a_text_that_no_database_holds() -> None:
    """The server would end the text there, without a word."""
    with pytest.raises(ValueError, match="NUL"):
        intake_batches.array(["a", "b\0c"])


@pytest.fixture(scope="module")
def as_read(postgres: databases.Postgres) -> Iterator[Callable[[str], list[str]]]:
    """Returns what PostgreSQL reads in a text that stands for an array."""
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:

        def read(written: str) -> list[str]:
            found = connection.execute("SELECT %s::text[]", [written]).fetchone()
            assert found is not None
            return list(found[0])

        yield read


HOSTILE = st.text(st.sampled_from("\\\"{},'; \n\tNUL%$é上") | st.characters(codec="utf-8"))


@given(texts=st.lists(HOSTILE.filter(lambda text: "\0" not in text), max_size=5))
def test_array_says_to_the_database_exactly_what_it_was_given(
    as_read: Callable[[str], list[str]], texts: list[str]
) -> None:
    """No text ends early, becomes two, or is taken for NULL."""
    assert as_read(intake_batches.array(texts)) == texts
