"""Freezes in the store: each holder's own; and what channels are told of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

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


async def told_of(
    store: Store, event: messages.FreezeEvent, channel: str, *, since: float = 1.0, by: str = ""
) -> None:
    """Queue what a channel is told of Ann's freeze."""
    news = messages.FreezeTurned(event=event, by=by, holder="U0ANN", reason="x", since=since)
    await store.write(lambda tx: tx.announce(channel, news, key=f"{event}:{since}", at=1.0))


async def post_due(store: Store) -> list[str]:
    """Note that everything due was posted, and return where it stands."""
    due = await store.due_notices(now=2.0)
    for one in due:
        await store.notice_sent(one, now=2.0, ts=f"{one.channel_id}.{one.id}")
    return [f"{one.channel_id}.{one.id}" for one in due]


async def test_every_announcement_of_a_freeze_that_is_over_is_edited_once(store: Store) -> None:
    """Those of this freeze alone, wherever they stand; a second end changes nothing."""
    await told_of(store, "freeze.on", "C1")
    await told_of(store, "freeze.on", "C2")
    await told_of(store, "freeze.on", "C3", since=9.0)
    stand = await post_due(store)
    first, second = stand[:2]
    end = ports.FreezeEnd(ports.Freeze("U0ANN", "x", 1.0), "U0BOB", 5.0)

    await store.write(lambda tx: tx.close_announced(end))
    await store.write(lambda tx: tx.close_announced(ports.FreezeEnd(end.freeze, "", 7.0)))
    due = await store.due_notices(now=6.0)
    again = await store.due_notices(now=6.0)
    for one in due:
        await store.notice_sent(one, now=6.0)
    await store.write(lambda tx: tx.close_announced(end))

    assert sorted((one.ts, one.end) for one in due) == [(first, end), (second, end)]
    assert again == []
    assert await store.due_notices(now=99.0) == []
    assert await store.read(
        lambda tx: [tx.is_announced("C1", ts) for ts in (first, "", "9.9")]
    ) == [
        True,
        False,
        False,
    ]


async def test_freeze_that_is_over_before_it_is_announced_is_edited_after_that(
    store: Store,
) -> None:
    """Slack was away, or another replica is posting it at this moment; one given up has nothing."""
    await told_of(store, "freeze.on", "C1")
    await told_of(store, "freeze.on", "C2")
    taken, lost = await store.due_notices(now=2.0)
    end = ports.FreezeEnd(ports.Freeze("U0ANN", "x", 1.0), "", 5.0)
    await store.write(lambda tx: tx.close_announced(end))

    meanwhile = await store.due_notices(now=6.0)
    await store.notice_sent(taken, now=6.0, ts="1.1")
    await store.notice_sent(lost, now=6.0, error="is_archived")
    (due,) = await store.due_notices(now=6.0)
    await store.notice_failed(due, again_at=10.0, error="http_503")
    early = await store.due_notices(now=9.0)
    (later,) = await store.due_notices(now=10.0)

    assert (taken.end, meanwhile, early) == (None, [], [])
    assert (later.ts, later.end, later.tries) == ("1.1", end, 1)


async def test_edit_that_slack_does_not_take_holds_up_no_news(store: Store) -> None:
    """The next freeze is told all the same."""
    await told_of(store, "freeze.on", "C1")
    await post_due(store)
    end = ports.FreezeEnd(ports.Freeze("U0ANN", "x", 1.0), "", 5.0)
    await store.write(lambda tx: tx.close_announced(end))
    (edit,) = await store.due_notices(now=6.0)
    await store.notice_postponed(edit, again_at=99.0)
    await told_of(store, "freeze.on", "C1", since=7.0)

    (due,) = await store.due_notices(now=8.0)

    assert (due.news.event, due.end) == ("freeze.on", None)


async def test_two_replicas_edit_an_announcement_once(replicas: Callable[[], Store]) -> None:
    """One has it in hand; once it is done with, the other finds nothing."""
    one, other = replicas(), replicas()
    await told_of(one, "freeze.on", "C1")
    await post_due(one)
    end = ports.FreezeEnd(ports.Freeze("U0ANN", "x", 1.0), "", 5.0)
    await asyncio.gather(*(each.write(lambda tx: tx.close_announced(end)) for each in (one, other)))

    found = await asyncio.gather(one.due_notices(now=6.0), other.due_notices(now=6.0))
    due = [notice for some in found for notice in some]
    await one.notice_sent(due[0], now=6.0)

    assert len(due) == 1
    assert await other.due_notices(now=99.0) == []


async def test_freezes_that_were_told_before_the_migration_are_known_after_it(
    empty_url: str,
) -> None:
    """Their ends are read as ever; a message is edited only where it is known to stand."""
    migrating.upgrade(addresses.parsed(empty_url), to="0017")
    bodies_ = {
        ("freeze.on", 0): '{"event":"freeze.on","by":"U0ANN","holder":"U0ANN","reason":"x",'
        '"since":1764500000.25,"until":0.0}',
        ("freeze.off", 0): '{"event":"freeze.off","by":"U0BOB","holder":"U0ANN","reason":"x",'
        '"since":1764500000.25,"until":0.0}',
        ("freeze.on", 1): '{"event":"freeze.on","by":"U0BOB","holder":"U0BOB","reason":"y",'
        '"since":7.5,"until":0.0}',
        ("odd", 0): "",
    }
    insert = "INSERT INTO notices (channel_id, key, body, waiting, created_at) VALUES "
    for (event, waits), body in bodies_.items():
        values = f"('C1', '{event}:{waits}', '{body}', {('FALSE', 'TRUE')[waits]}, 5.0)"
        owner.execute(empty_url, insert + values)
    opening.migrate(empty_url)
    store = opening.open_store(empty_url)

    def end(tx: ports.Tx, holder: str, since: float) -> ports.FreezeEnd | None:
        found = tx.end_of_freeze(holder, since)
        for held in (ports.Freeze("U0ANN", "x", 1764500000.25), ports.Freeze("U0BOB", "y", 7.5)):
            tx.close_announced(ports.FreezeEnd(held, "", 9.0))
        return found

    over = await store.write(lambda tx: end(tx, "U0ANN", 1764500000.25))
    stands = await store.read(lambda tx: tx.end_of_freeze("U0BOB", 7.5))
    (posted,) = await store.due_notices(now=10.0)
    await store.notice_sent(posted, now=10.0, ts="1.1")
    edits = await store.due_notices(now=11.0)
    await store.close()

    assert over == ports.FreezeEnd(ports.Freeze("U0ANN", "x", 1764500000.25), "U0BOB", 5.0)
    assert stands is None
    assert posted.end is None
    assert [(one.ts, one.end and one.end.freeze.holder) for one in edits] == [("1.1", "U0BOB")]


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
