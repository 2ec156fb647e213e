"""Freezes in the store: each holder's own; and what channels are told of them."""

from __future__ import annotations

from bot.power import ports
from bot.power.messages import messages
from bot.storage import opening
from bot.storage.engine import addresses
from bot.storage.migrations import migrating
from bot.storage.store import Store
from tests import bodies
from tests.storage import owner
from tests.support import leases

ANN = ports.Freeze("U0ANN", "cooling", 1.0)
BOB = ports.Freeze("U0BOB", "network", 2.0, 50.0)


async def test_each_holder_has_one_freeze_and_lets_go_of_it_alone(store: Store) -> None:
    """Two stand side by side; one that is lifted leaves the other."""
    await store.write(lambda tx: tx.freeze(ANN))
    await store.write(lambda tx: tx.freeze(BOB))
    both = await store.read(lambda tx: tx.freezes(now=9.0))
    lifted = await store.write(lambda tx: tx.unfreeze(ANN))

    assert both == [ANN, BOB]
    assert lifted
    assert await store.read(lambda tx: tx.freezes(now=9.0)) == [BOB]


async def test_freeze_stands_until_its_instant_and_not_beyond(store: Store) -> None:
    """Whoever looks; the row is let go of afterwards."""
    await store.write(lambda tx: tx.freeze(BOB))

    before = await store.read(lambda tx: (tx.freezes(now=49.9), tx.ended_freezes(now=49.9)))
    after = await store.read(lambda tx: (tx.freezes(now=50.0), tx.ended_freezes(now=50.0)))

    assert before == ([BOB], [])
    assert after == ([], [BOB])


async def test_freeze_that_was_moved_is_not_let_go_of(store: Store) -> None:
    """Who read it before its end was moved lifts nothing."""
    await store.write(lambda tx: tx.freeze(BOB))
    moved = ports.Freeze("U0BOB", "network", 2.0, 90.0)
    await store.write(lambda tx: tx.freeze(moved))

    assert not await store.write(lambda tx: tx.unfreeze(BOB))
    assert await store.read(lambda tx: tx.freezes(now=60.0)) == [moved]


async def test_end_of_a_freeze_is_read_from_what_channels_were_told(store: Store) -> None:
    """By its holder and beginning; a change or another freeze of theirs is no end of it."""

    def tell(tx: ports.Tx) -> None:
        for at, event, by, since in (
            (5.0, "freeze.changed", "U0ANN", 1.0),
            (6.0, "freeze.off", "U0BOB", 1.0),
            (9.0, "freeze.ended", "", 7.0),
        ):
            told = messages.FreezeTurned(event=event, by=by, holder="U0ANN", since=since)
            tx.announce("C1", told, key=f"{event}:key:U0ANN", at=at)

    await store.write(tell)

    def look(tx: ports.Tx) -> list[ports.FreezeEnd | None]:
        return [tx.end_of_freeze("U0ANN", since) for since in (1.0, 7.0, 8.0)]

    ends = await store.read(look)

    first, second = ports.Freeze("U0ANN", "", 1.0), ports.Freeze("U0ANN", "", 7.0)
    lifted = ports.FreezeEnd(first, "U0BOB", 6.0)
    assert ends == [lifted, ports.FreezeEnd(second, "", 9.0), None]


async def test_channel_is_told_each_notice_once_and_in_order(store: Store) -> None:
    """A second one with the same key is dropped; the next comes when the first is taken."""

    def tell(tx: ports.Tx) -> None:
        for channel, key in (("C1", "on"), ("C1", "on"), ("C1", "off"), ("C2", "on")):
            tx.announce(channel, bodies.news({"event": key}), key=key, at=1.0)

    await store.write(tell)

    first = await store.due_notices(now=2.0)
    again = await store.due_notices(now=2.0)
    for notice in first:
        await store.notice_sent(notice, now=3.0)
    second = await store.due_notices(now=3.0)

    assert [(one.channel_id, one.news.event) for one in first] == [("C1", "on"), ("C2", "on")]
    assert again == []
    assert [(one.channel_id, one.news.event) for one in second] == [("C1", "off")]


async def test_notice_that_was_not_taken_is_due_again_later(store: Store) -> None:
    """It stays before the ones behind it."""
    await store.write(lambda tx: tx.announce("C1", bodies.news({"event": "on"}), key="on", at=1.0))
    await store.write(
        lambda tx: tx.announce("C1", bodies.news({"event": "off"}), key="off", at=1.0)
    )
    (taken,) = await store.due_notices(now=2.0)

    await store.notice_failed(taken, again_at=10.0, error="http_503")

    assert await store.due_notices(now=9.0) == []
    (again,) = await store.due_notices(now=10.0)
    assert (again.news.event, again.tries) == ("on", 1)


async def test_notice_that_waits_for_its_pace_counts_no_try(store: Store) -> None:
    """Otherwise a later failure would wait as long as after many."""
    await store.write(lambda tx: tx.announce("C1", bodies.news({"event": "on"}), key="on", at=1.0))
    (taken,) = await store.due_notices(now=2.0)

    await store.notice_postponed(taken, again_at=10.0)

    assert await store.due_notices(now=9.0) == []
    (again,) = await store.due_notices(now=10.0)
    assert again.tries == 0


async def test_notices_of_a_dead_process_are_taken_over(url: str) -> None:
    """A kill between the claim and Slack's answer loses nothing."""
    first = opening.open_store(url)
    await first.write(lambda tx: tx.announce("C1", bodies.news({"event": "on"}), key="on", at=1.0))
    assert len(await first.due_notices(now=2.0)) == 1
    await leases.end_all(first)
    await first.close()

    second = opening.open_store(url)
    found = await second.due_notices(now=2.0)
    await second.close()

    assert [one.news.event for one in found] == ["on"]


async def test_freeze_of_the_one_switch_holds_on_after_the_migration(empty_url: str) -> None:
    """Its holder, reason and time become a row; a switch that was turned off becomes none."""
    address = addresses.parsed(empty_url)
    migrating.upgrade(address, to="0006")
    insert = "INSERT INTO switches (name, reason, user_id, at) VALUES "
    owner.execute(empty_url, insert + "('freeze', 'cooling', 'U0ANN', 5.5), ('x', 'y', 'U', 1)")
    opening.migrate(empty_url)

    store = opening.open_store(empty_url)
    standing = await store.read(lambda tx: tx.freezes(now=1e12))
    await store.close()

    assert standing == [ports.Freeze("U0ANN", "cooling", 5.5)]


async def test_switch_that_was_off_becomes_no_freeze(empty_url: str) -> None:
    """Its row stands in the old table with an empty reason."""
    migrating.upgrade(addresses.parsed(empty_url), to="0006")
    owner.execute(
        empty_url, "INSERT INTO switches (name, reason, user_id, at) VALUES ('freeze', '', 'U', 5)"
    )
    opening.migrate(empty_url)

    store = opening.open_store(empty_url)
    standing = await store.read(lambda tx: tx.freezes(now=9.0))
    await store.close()

    assert standing == []
