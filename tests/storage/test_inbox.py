"""Payloads: stored once, leased to who received them, forgotten when dealt with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from bot.power import inputs, intake, ports
from bot.storage import opening
from bot.storage.engine import addresses, connections
from bot.storage.migrations import migrating
from bot.storage.store import Store
from bot.storage.tables import stored_json
from tests.storage import builders, owner
from tests.support import leases


async def end_leases(store: Store) -> None:
    """Let the time of every lease run out."""
    await leases.end_all(store)


async def test_a_payload_is_stored_once_however_often_it_is_delivered(
    replicas: Callable[[], Store],
) -> None:
    """Redeliveries to several processes at once find the key there."""
    stores = replicas(), replicas()
    inbound = builders.an_inbound()

    stored = await asyncio.gather(
        *(one.write(lambda tx: tx.receive(inbound)) for one in stores * 5)
    )

    assert sum(stored) == 1


async def test_an_edit_is_stored_once_after_each_mistake(store: Store) -> None:
    """An edit of what was obeyed, or is being read, is dropped; so is one that is there."""

    async def edit(number: int) -> bool:
        inbound = builders.an_inbound(f"m:{number}")
        return await store.write(lambda tx: tx.receive_edit(inbound, "m"))

    await store.write(lambda tx: tx.receive(builders.an_inbound("m")))
    early = await edit(1)
    await store.write(lambda tx: tx.finish("m"))
    await store.write(lambda tx: tx.mark_mistaken("m"))
    read = [await edit(2), await edit(2), await edit(3)]
    await store.write(lambda tx: tx.mark_mistaken("m"))
    again = [await edit(2), await edit(3), await edit(4)]

    assert (early, read, again) == (False, [True, False, False], [False, True, False])


async def test_a_message_is_not_read_after_its_edit(store: Store) -> None:
    """Of two deliveries that overtake each other only the first is read."""
    edit = builders.an_inbound("m:1")

    first = await store.write(lambda tx: tx.receive_edit(edit, "m"))
    late = await store.write(lambda tx: tx.receive(builders.an_inbound("m")))
    await end_leases(store)

    assert (first, late) == (True, False)
    assert await builders.left(store, lease_s=30.0) == [edit]


async def test_a_payload_comes_back_as_it_was_received(store: Store) -> None:
    """Text that no database stores is made storable, and nothing else changes."""
    filled = {"servers": "web01", "reason": "a \0 and 内核"}
    inbound = builders.an_inbound(input=inputs.RequestFilled(filled=filled, view="pb:1"))
    await store.write(lambda tx: tx.receive(inbound))
    await end_leases(store)

    assert await builders.left(store, lease_s=30.0) == [inbound]


async def test_what_another_version_left_is_taken_over_and_the_odd_one_harms_no_other(
    store: Store,
) -> None:
    """Rows without a type are read by their kind; one that can't be read is known as such."""
    left = {
        "old": ("button", '{"do":"stop","request_id":"PR-7F3K","message_ts":"5.6"}'),
        "new": ("button", '{"type":"pressed","do":"teleport","request_id":"PR-7F3K"}'),
        "typed": ("command", '{"text":"status","called":"/power","trigger_id":"1.2"}'),
    }

    def leave(tx: ports.Tx) -> None:
        for at, (key, (kind, body)) in enumerate(left.items()):
            tx.receive(builders.an_inbound(key, at=float(at)))
            change = "UPDATE inbox SET kind = :kind, body = :body WHERE key = :key"
            tx.connection.execute(change, {"kind": kind, "body": body, "key": key})  # type: ignore[attr-defined]

    await store.write(leave)
    await end_leases(store)

    assert {one.key: one.input for one in await builders.left(store)} == {
        "old": inputs.Pressed(do=inputs.Do.STOP, request_id="PR-7F3K", message_ts="5.6"),
        "new": inputs.Unknown(),
        "typed": inputs.Typed(text="status", called="/power", trigger_id="1.2"),
    }


async def test_a_payload_is_left_to_its_process_until_the_lease_ends(store: Store) -> None:
    """The receiver has time; then somebody else takes over, once at a time."""
    await store.write(lambda tx: tx.receive(builders.an_inbound()))

    fresh = await builders.left(store, lease_s=0.1)
    await end_leases(store)
    first = await builders.left(store, lease_s=0.1)
    await asyncio.sleep(0.15)
    second = await builders.left(store, lease_s=30.0)
    meanwhile = await builders.left(store, lease_s=30.0)

    assert [len(found) for found in (fresh, first, second, meanwhile)] == [0, 1, 1, 0]


async def test_a_payload_that_was_dealt_with_is_forgotten_but_for_its_key(store: Store) -> None:
    """Body and response URL are wiped; a late redelivery is still dropped."""
    await store.write(lambda tx: tx.receive(builders.an_inbound()))

    await store.write(lambda tx: tx.finish("k1"))

    def row(tx: ports.Tx) -> tuple[str, str]:
        found = tx.connection.execute("SELECT body, response_url FROM inbox")  # type: ignore[attr-defined]
        return tuple(found.fetchone())

    assert await store.read(row) == ("{}", "")
    assert not await store.write(lambda tx: tx.receive(builders.an_inbound()))
    await end_leases(store)
    assert await builders.left(store, lease_s=1.0) == []


async def test_deaths_are_counted_and_a_process_that_lives_counts_for_none(store: Store) -> None:
    """Each take-over follows a death, unless the payload was given back."""
    await store.write(lambda tx: tx.receive(builders.an_inbound()))

    deaths = []
    for given_back in (True, False, True, False):
        if given_back:
            await store.give_back_inbound(["k1"])
        else:
            await end_leases(store)
        deaths += [one.deaths for one in await store.claim_inbound(lease_s=30.0)]

    assert deaths == [0, 1, 1, 2]


async def test_noes_are_taken_over_first_and_what_one_deals_with_is_left(store: Store) -> None:
    """Whatever came before them; a caller never takes over from itself."""
    said = {"old": "on web01", "why": "on web01 because stop PR-7F3K", "no": "stop PR-7F3K"}
    for at, (key, text) in enumerate(said.items()):
        inbound = builders.an_inbound(key, input=inputs.Typed(text=text), at=float(at))
        await store.write(lambda tx, one=inbound: tx.receive(one))  # type: ignore[misc]
    await end_leases(store)

    async def one(*but: str) -> list[str]:
        taken = await store.claim_inbound(lease_s=30.0, limit=1, but=but)
        return [left.inbound.key for left in taken]

    assert [await one(), await one("old"), await one()] == [["no"], ["why"], ["old"]]


async def test_a_lease_that_is_renewed_is_nobody_elses(store: Store) -> None:
    """A payload that takes its time isn't taken for one whose process died."""
    for key in ("slow", "done"):
        await store.write(lambda tx, key=key: tx.receive(builders.an_inbound(key)))  # type: ignore[misc]
    await store.write(lambda tx: tx.finish("done"))
    await end_leases(store)

    await store.renew_inbound(["slow", "done"], lease_s=30.0)

    assert await builders.left(store) == []


async def test_old_keys_are_purged_only_when_they_were_dealt_with(store: Store) -> None:
    """An open payload stays, however old."""
    for key, at in (("old", 10.0), ("open", 10.0), ("new", 90.0)):
        inbound = builders.an_inbound(key, at=at)
        await store.write(lambda tx, one=inbound: tx.receive(one))  # type: ignore[misc]
    await store.write(lambda tx: tx.finish("old"))
    await store.write(lambda tx: tx.finish("new"))

    assert await store.purge_inbox(before=50.0) == 1
    assert await store.write(lambda tx: tx.receive(builders.an_inbound("old")))
    assert not await store.write(lambda tx: tx.receive(builders.an_inbound("open")))


@pytest.mark.parametrize(
    "changed",
    [
        "UPDATE inbox SET user_id = 'U0SAM'",
        "UPDATE inbox SET body = '{}'",
        "UPDATE inbox SET channel_id = 'C0INC'",
        "UPDATE inbox SET kind = 'button'",
        "UPDATE inbox SET key = 'k2'",
        "UPDATE inbox SET at = at + 1",
        "UPDATE inbox SET mark = ''",
    ],
)
async def test_a_payload_that_was_changed_is_not_taken_for_slack_s(
    store: Store, url: str, changed: str
) -> None:
    """Nor is one that an older version has stored, without a mark."""
    await store.write(lambda tx: tx.receive(builders.an_inbound()))
    await end_leases(store)

    connection = connections.connect(addresses.parsed(url))
    connection.begin()
    connection.execute(changed, {})
    connection.commit()
    connection.close()

    assert [one.is_ours for one in await store.claim_inbound(lease_s=30.0)] == [False]


async def test_payloads_of_replicas_with_one_secret_are_taken_for_slack_s(url: str) -> None:
    """One with another secret, such as a token from before, stores what others can't know."""
    key, other = opening.marking_key("xoxb-1"), opening.marking_key("xoxb-2")
    stores = [opening.open_store(url, marking_key=one) for one in (key, other, key)]
    odd = builders.an_inbound("k1", at=1_796_076_323.739737, input=inputs.Typed(text="on 机房\x00"))

    await asyncio.gather(
        stores[0].write(intake.Receiving(odd)),
        stores[0].write(intake.Receiving(builders.an_inbound("k2"))),
        stores[1].write(intake.Receiving(builders.an_inbound("k3"))),
    )
    await end_leases(stores[2])
    left = await stores[2].claim_inbound(lease_s=30.0)
    for one in stores:
        await one.close()

    assert {one.inbound.key: one.is_ours for one in left} == {"k1": True, "k2": True, "k3": False}


@pytest.mark.parametrize("secret", ["xoxb-1", ""])
async def test_what_the_version_before_marks_has_left_goes_on_after_the_update(
    empty_url: str, secret: str
) -> None:
    """Whoever brings the schema up with the token marks it; without it nobody can."""
    migrating.upgrade(addresses.parsed(empty_url), to="0018")
    body = stored_json.written_input(inputs.Typed(text="reboot web01"))
    insert = (
        "INSERT INTO inbox (key, kind, user_id, team_id, channel_id, thread_ts, body, "
        "response_url, at, lease_until) VALUES "
    )
    values = f"('k1', 'slash', 'U0DANA', 'T0DEMO', 'C0OPS', '', '{body}', '', 5.25, 0)"
    owner.execute(empty_url, insert + values)
    key = opening.marking_key("xoxb-1")

    opening.migrate(empty_url, marking_key=key if secret else b"")
    store = opening.open_store(empty_url, marking_key=key)
    (left,) = await store.claim_inbound(lease_s=30.0)
    await store.close()

    assert (left.inbound.input, left.is_ours) == (inputs.Typed(text="reboot web01"), bool(secret))
