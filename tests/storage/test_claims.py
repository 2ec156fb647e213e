"""Claims: one owner at a time, and whoever comes after the lease takes over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from bot.power import ports
from bot.power.lifecycle import State
from bot.power.messages import messages
from bot.power.steps import definition, wave_parts
from bot.storage.engine import connections
from bot.storage.store import Store
from tests.storage import builders, owner
from tests.support import leases

SHORT_S = 0.1


async def made(store: Store, id_: str, state: State = State.RUNNING, **fields: Any) -> None:
    """Store a request."""
    request = builders.a_request(id_, state, **fields)
    await store.write(lambda tx: tx.create(request, source_key=id_))


async def test_every_due_request_is_claimed_by_one_process(replicas: Callable[[], Store]) -> None:
    """Three processes that ask at once get different requests, and none is left or doubled."""
    stores = [replicas() for _ in range(3)]
    for number in range(8):
        await made(stores[0], f"PR-{number}")

    claims = await asyncio.gather(
        *(one.claim(now=1e9, lease_s=30.0) for one in stores for _ in range(4))
    )

    claimed = sorted(claim.request_id for claim in claims if claim is not None)
    assert claimed == [f"PR-{number}" for number in range(8)]


async def test_the_request_that_is_due_the_longest_comes_first(store: Store) -> None:
    """What isn't due yet, and what is never due by itself, isn't claimed."""
    await made(store, "PR-LATE", created_at=500.0)
    await made(store, "PR-EARLY", created_at=400.0)
    await made(store, "PR-FUTURE", State.PENDING, expires_at=5000.0)
    await made(store, "PR-NEVER", State.PENDING, expires_at=0.0)

    claims = [await store.claim(now=1000.0, lease_s=30.0) for _ in range(3)]

    ids = [claim.request_id if claim else "" for claim in claims]
    assert ids == ["PR-EARLY", "PR-LATE", ""]


async def test_a_lease_that_has_ended_is_taken_over_and_fences_the_old_owner(
    replicas: Callable[[], Store],
) -> None:
    """The epoch grows with every claim; the old owner can neither renew nor release."""
    first, second = replicas(), replicas()
    await made(first, "PR-2222")
    old = await first.claim(now=1e9, lease_s=30.0)
    assert old is not None
    assert await second.claim(now=1e9, lease_s=30.0) is None

    assert await first.renew(old, lease_s=SHORT_S)
    await asyncio.sleep(SHORT_S + 0.05)
    new = await second.claim(now=1e9, lease_s=30.0)

    assert new == ports.Claim("PR-2222", old.epoch + 1)
    assert not await first.renew(old, lease_s=30.0)
    await first.release(old, next_at=None)
    assert await first.claim(now=1e9, lease_s=30.0) is None


async def test_a_renewed_lease_is_kept(store: Store) -> None:
    """Renewing moves the end of the lease, even of one that nobody has taken over in time."""
    await made(store, "PR-2222")
    claim = await store.claim(now=1e9, lease_s=SHORT_S)
    assert claim is not None
    await asyncio.sleep(SHORT_S + 0.05)

    assert await store.renew(claim, lease_s=30.0)

    assert await store.claim(now=1e9, lease_s=30.0) is None


async def test_a_released_request_is_due_when_its_owner_says(store: Store) -> None:
    """None leaves the next look as it is; an instant moves it."""
    await made(store, "PR-2222", created_at=100.0)
    for next_at in (None, 700.0):
        claim = await store.claim(now=200.0, lease_s=30.0)
        assert claim is not None
        await store.release(claim, next_at=next_at)

    assert await store.claim(now=699.0, lease_s=30.0) is None
    assert await store.claim(now=700.0, lease_s=30.0) is not None


@pytest.mark.parametrize(
    ("before", "after", "lost"),
    [
        (State.PENDING, State.CANCELLED, True),
        (State.PENDING, State.APPROVED, True),
        (State.APPROVED, State.STOPPED, True),
        (State.RUNNING, State.FAILED, False),
    ],
)
async def test_a_persons_change_takes_a_waiting_request_from_its_owner(
    store: Store, before: State, after: State, lost: bool
) -> None:
    """A run keeps its owner, who ends it; anything before that loses its lease."""
    await made(store, "PR-2222", before)
    claim = await store.claim(now=1e9, lease_s=30.0)
    assert claim is not None

    assert await store.write(lambda tx: tx.transition("PR-2222", before, after, at=5.0))

    assert await store.renew(claim, lease_s=30.0) is not lost


async def test_an_ended_request_stays_ended_when_its_owner_releases_it(store: Store) -> None:
    """A release with another look in mind doesn't make an ended request due."""
    await made(store, "PR-2222")
    claim = await store.claim(now=1e9, lease_s=30.0)
    assert claim is not None
    await store.write(lambda tx: tx.transition("PR-2222", State.RUNNING, State.FAILED, at=5.0))

    await store.release(claim, next_at=1.0)

    assert await store.claim(now=1e9, lease_s=30.0) is None


async def test_a_sole_process_frees_the_leases_of_its_dead_forerunner(store: Store) -> None:
    """Nobody waits for the end of a lease that no living process holds."""
    await made(store, "PR-2222")
    await store.write(lambda tx: tx.receive(builders.an_inbound()))
    await store.claim(now=1e9, lease_s=30.0)

    await leases.end_all(store)

    assert await store.claim(now=1e9, lease_s=30.0) is not None
    assert len(await store.claim_inbound(lease_s=30.0)) == 1


async def test_nobody_takes_over_from_itself_whatever_the_databases_clock_says(
    store: Store, url: str
) -> None:
    """Set forward, it ends a lease that its owner keeps up; the owner names what it drives."""
    await made(store, "PR-2222")
    claim = await store.claim(now=1e9, lease_s=30.0)
    assert claim is not None
    owner.execute(url, "UPDATE requests SET lease_until = 1")

    assert await store.claim(now=1e9, lease_s=30.0, but=["PR-2222"]) is None
    assert await store.renew(claim, lease_s=30.0)
    owner.execute(url, "UPDATE requests SET lease_until = 1")
    assert await store.claim(now=1e9, lease_s=30.0, but=["PR-3333"]) is not None


async def test_whoever_died_with_a_clock_that_was_ahead_is_taken_over_when_its_lease_ends(
    store: Store, url: str
) -> None:
    """By the other's clock the request is due in an hour, and its servers would wait for that."""
    await made(store, "PR-2222", created_at=5000.0)
    ahead = await store.claim(now=5000.0, lease_s=30.0)
    assert ahead is not None
    assert await store.claim(now=1000.0, lease_s=30.0) is None
    owner.execute(url, "UPDATE requests SET lease_until = 1")

    taken = await store.claim(now=1000.0, lease_s=30.0)

    assert taken == ports.Claim("PR-2222", ahead.epoch + 1)
    await store.release(taken, next_at=5000.0)
    assert await store.claim(now=1000.0, lease_s=30.0) is None


async def test_no_lease_outlasts_a_whole_one_after_the_databases_clock_was_set_back(
    store: Store, url: str
) -> None:
    """Whatever a process had in hand that died meanwhile would be nobody's for that long."""
    await made(store, "PR-2222")
    await made(store, "PR-3333")
    await store.write(lambda tx: tx.receive(builders.an_inbound()))
    await store.write(lambda tx: tx.show_card("PR-2222", at=0.0))
    await store.due_messages(now=1e9)
    for _ in range(2):
        await store.claim(now=1e9, lease_s=20.0)
    ahead = "SET lease_until = lease_until + 3600"
    owner.execute(
        url,
        f"UPDATE requests {ahead} WHERE id = 'PR-2222'",
        *(f"UPDATE {table} {ahead}" for table in ("inbox", "outbox")),
    )

    def left_s() -> dict[str, float]:
        with connections.reading(url) as connection:
            return {
                str(row.what): round(row.left_s)
                for row in connection.rows(
                    """
                    SELECT id AS what, lease_until - now_s() AS left_s FROM requests
                    UNION ALL SELECT 'payload', lease_until - now_s() FROM inbox
                    UNION ALL SELECT 'message', lease_until - now_s() FROM outbox
                    """
                )
            }

    assert min(left_s()[key] for key in ("PR-2222", "payload", "message")) > 3000.0
    await store.shorten_leases()

    assert left_s() == pytest.approx(
        {"PR-2222": 30.0, "PR-3333": 20.0, "payload": 30.0, "message": 30.0}, abs=5.0
    )


async def test_nothing_waits_for_an_instant_of_a_clock_that_was_set_back(
    store: Store, url: str
) -> None:
    """The edit of an announcement, looks at an ended run, and what is still out behind it."""
    await made(store, "PR-2222", State.SUCCEEDED, ended_at=50.0)
    freeze = messages.FreezeTurned(
        event="freeze.on", by="U1", holder="U1", reason="x", since=1.0, until=0.0
    )
    end = ports.FreezeEnd(ports.Freeze("U1", "x", 1.0), "U1", 5.0)
    await store.write(lambda tx: tx.announce("C1", freeze, key="k", at=1.0))
    (told,) = await store.due_notices(now=2.0)
    await store.notice_sent(told, now=2.0, ts="1.1")
    await store.write(lambda tx: tx.close_announced(end))
    (edit,) = await store.due_notices(now=6.0)
    await store.notice_failed(edit, again_at=3600.0, error="http_503")
    await store.write(lambda tx: tx.look_again("PR-2222", until=7200.0, next_at=3600.0))
    parts = [
        wave_parts.Part(key, "PR-2222", 1, definition.Step(name="drain", kind="drain"))
        for key in ("owed", "in hand")
    ]
    await store.write(lambda tx: tx.intend_parts(parts, epoch=0))
    await store.write(lambda tx: tx.look_at_part("owed", next_at=3600.0))
    await store.write(lambda tx: tx.look_at_part("in hand", next_at=220.0))

    await store.look_again(now=100.0)

    assert [one.ts for one in await store.due_notices(now=100.0)] == ["1.1"]
    assert await store.read(lambda tx: tx.looks_wait(now=100.0))
    due = await store.write(lambda tx: tx.due_parts(now=100.0, until=220.0))
    assert [one.key for one in due] == ["owed"]
