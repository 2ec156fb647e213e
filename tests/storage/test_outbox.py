"""Messages: the card always newest, replies once and in order, never by two processes at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import psycopg
import pytest

from bot.power import ports
from bot.power.lifecycle import State
from bot.storage import opening, writer
from bot.storage.store import Store
from tests import bodies
from tests.storage import builders


async def made(store: Store, id_: str = "PR-2222", *, posted: bool = True) -> None:
    """Store a request, with or without a posted card."""
    card = ports.Card("C0OPS", "1.1" if posted else "")
    request = builders.a_request(id_, card=card)
    await store.write(lambda tx: tx.create(request, source_key=id_))


async def say(store: Store, key: str, id_: str = "PR-2222", kind: str = "reply") -> None:
    """Queue a message."""
    await store.write(
        lambda tx: tx.say(id_, kind, bodies.message({"event": key}), key=key, at=10.0)
    )


async def show(store: Store, id_: str = "PR-2222", at: float = 10.0) -> None:
    """Ask for the card."""
    await store.write(lambda tx: tx.show_card(id_, at=at))


def words(messages: list[ports.OutboxMessage]) -> list[str]:
    """Return what each message is about."""
    return [message.said.event if message.said else message.kind for message in messages]


async def test_a_card_counts_the_news_and_is_delivered_once(store: Store) -> None:
    """Ten changes before the delivery are one edit."""
    await made(store)
    for _ in range(10):
        await show(store)

    messages = await store.due_messages(now=20.0)
    await store.message_sent(messages[0], now=21.0)

    assert [(one.kind, one.version, one.tries) for one in messages] == [("card", 10, 0)]
    assert await store.due_messages(now=1e9) == []


async def test_a_card_that_changed_during_its_delivery_stays_due(store: Store) -> None:
    """The delivery marks the version that it showed."""
    await made(store)
    await show(store)
    shown = (await store.due_messages(now=20.0))[0]
    await show(store)

    await store.message_sent(shown, now=21.0)

    again = await store.due_messages(now=21.0)
    assert [one.version for one in again] == [2]


async def test_replies_wait_for_the_card_and_for_each_other(store: Store) -> None:
    """The first reply goes to the card's thread; the second when the first was delivered."""
    await made(store, posted=False)
    for key in ("first", "second"):
        await say(store, key)
    await show(store)

    card = await store.due_messages(now=20.0)
    await store.write(lambda tx: tx.set_card("PR-2222", ports.Card("C0OPS", "1.1")))
    await store.message_sent(card[0], now=20.0)
    first = await store.due_messages(now=20.0)
    meanwhile = await store.due_messages(now=20.0)
    await store.message_sent(first[0], now=20.0)
    second = await store.due_messages(now=20.0)

    told = [words(messages) for messages in (card, first, meanwhile, second)]
    assert told == [["card"], ["first"], [], ["second"]]


async def test_a_direct_message_waits_for_no_card(store: Store) -> None:
    """The requester learns the end even when the channel is gone."""
    await made(store, posted=False)
    await say(store, "waits")
    await say(store, "ended", kind="direct")

    assert words(await store.due_messages(now=20.0)) == ["ended"]


async def test_the_same_message_is_said_once(store: Store) -> None:
    """A key that was used for the request is dropped; another request may use it."""
    await made(store)
    await made(store, "PR-3333")
    for id_ in ("PR-2222", "PR-2222", "PR-3333"):
        await say(store, "started", id_)

    assert len(await store.due_messages(now=20.0)) == 2


async def test_new_cards_come_before_ends_and_ends_before_the_rest(store: Store) -> None:
    """In a busy channel that is the order in which one message a second leaves."""
    for id_, posted in (("PR-A", True), ("PR-B", True), ("PR-C", False)):
        await made(store, id_, posted=posted)
    await say(store, "held", "PR-A")
    await say(store, "denied", "PR-B")
    await show(store, "PR-C", at=15.0)
    await store.write(lambda tx: tx.transition("PR-B", State.PENDING, State.DENIED, at=13.0))

    due = await store.due_messages(now=20.0)

    assert [one.urgency for one in due] == list(ports.Urgency)
    assert words(due) == ["card", "denied", "held"]


async def test_a_reply_whose_card_will_never_be_posted_is_due_after_the_end(store: Store) -> None:
    """It goes to the requester instead, and doesn't wait in the store for ever."""
    await made(store, posted=False)
    await show(store)
    await say(store, "expired")
    await store.write(lambda tx: tx.transition("PR-2222", State.PENDING, State.EXPIRED, at=13.0))

    [card] = await store.due_messages(now=20.0)
    await store.message_sent(card, now=20.0)

    assert words(await store.due_messages(now=20.0)) == ["expired"]


async def test_what_slack_refuses_for_good_puts_nobody_behind(store: Store) -> None:
    """It waits for its next try, and is counted by itself until it is taken."""
    await made(store)
    await say(store, "started", kind="direct")
    [message] = await store.due_messages(now=20.0)
    await store.message_failed(message, again_at=30.0, error="user_not_found", refused=True)

    found = await store.figures()
    assert (found.messages_waiting, found.messages_refused, found.message_since) == (0, 1, 0.0)
    [message] = await store.due_messages(now=30.0)
    await store.message_failed(message, again_at=40.0, error="no_answer")
    assert (await store.figures()).messages_waiting == 1


async def test_what_waits_for_its_pace_keeps_what_came_of_its_last_try(store: Store) -> None:
    """It was not tried: no try is counted, the error stays, and what is refused stays refused."""
    await made(store)
    await say(store, "started", kind="direct")
    [message] = await store.due_messages(now=20.0)
    await store.message_failed(message, again_at=30.0, error="user_not_found", refused=True)
    [message] = await store.due_messages(now=30.0)

    await store.message_postponed(message, again_at=40.0)

    found = await store.figures()
    assert (found.messages_waiting, found.messages_refused, found.message_since) == (0, 1, 0.0)
    assert await store.due_messages(now=39.0) == []
    [again] = await store.due_messages(now=40.0)
    assert again.tries == 1
    assert (
        await store.read(
            lambda tx: tx.value("SELECT error FROM outbox WHERE kind = 'direct'")  # type: ignore[attr-defined]
        )
        == "user_not_found"
    )


async def test_ends_come_first_then_who_waits_the_longest(store: Store) -> None:
    """A card that waits already keeps its turn when there is more news."""
    for id_ in ("PR-A", "PR-B", "PR-C"):
        await made(store, id_)
    for id_, at in (("PR-B", 10.0), ("PR-A", 11.0), ("PR-C", 12.0), ("PR-B", 13.0)):
        await show(store, id_, at)
    await store.write(lambda tx: tx.transition("PR-C", State.PENDING, State.DENIED, at=13.0))

    messages = await store.due_messages(now=20.0)

    assert [one.request_id for one in messages] == ["PR-C", "PR-B", "PR-A"]


async def test_a_message_is_claimed_by_one_process(replicas: Callable[[], Store]) -> None:
    """Two processes that ask at once share the messages out."""
    stores = replicas(), replicas()
    for number in range(6):
        await made(stores[0], f"PR-{number}")
        await show(stores[0], f"PR-{number}")

    shares = await asyncio.gather(*(one.due_messages(now=20.0, limit=4) for one in stores * 2))

    ids = [message.request_id for share in shares for message in share]
    assert sorted(ids) == [f"PR-{number}" for number in range(6)]


async def test_a_failed_message_waits_and_holds_back_what_comes_after_it(store: Store) -> None:
    """Order is kept through failures, and the tries are counted."""
    await made(store)
    for key in ("first", "second"):
        await say(store, key)
    failed = (await store.due_messages(now=20.0))[0]

    await store.message_failed(failed, again_at=50.0, error="ratelimited \0" * 100)

    assert await store.due_messages(now=49.0) == []
    again = await store.due_messages(now=50.0)
    assert [(*words([one]), one.tries) for one in again] == [("first", 1)]


async def end(store: Store, at: float) -> None:
    """End a request and ask for its card, in one transaction as whoever ends one does."""

    def ended(tx: ports.Tx) -> None:
        assert tx.transition("PR-2222", State.PENDING, State.CANCELLED, at=at)
        tx.show_card("PR-2222", at=at)

    await store.write(ended)


async def test_an_end_waits_for_no_turn_that_its_card_has(store: Store) -> None:
    """A card that waits for its pace, or was just put back for it, says the end at once."""
    await made(store)
    await show(store)
    paced = (await store.due_messages(now=20.0))[0]
    await store.message_postponed(paced, again_at=30.0)
    await show(store, at=21.0)
    assert await store.due_messages(now=22.0) == []

    await end(store, at=23.0)

    assert [one.version for one in await store.due_messages(now=23.0)] == [3]


async def test_a_card_put_back_while_its_request_ends_says_the_end_at_once(store: Store) -> None:
    """Whoever puts it back has looked before the end came."""
    await made(store)
    await show(store)
    paced = (await store.due_messages(now=20.0))[0]

    await end(store, at=21.0)
    await store.message_postponed(paced, again_at=30.0)

    assert [one.version for one in await store.due_messages(now=22.0)] == [2]


async def test_an_end_that_slack_refuses_waits_its_turn(store: Store) -> None:
    """What has failed itself is put off as any other message."""
    await made(store)
    await end(store, at=21.0)
    card = (await store.due_messages(now=22.0))[0]

    await store.message_failed(card, again_at=30.0, error="channel_not_found")

    assert await store.due_messages(now=29.0) == []
    assert await store.due_messages(now=30.0) != []


async def taken_over(store: Store) -> list[ports.OutboxMessage]:
    """Look until something is due that another has left."""
    async with asyncio.timeout(10):
        while True:
            if found := await store.due_messages(now=20.0):
                return found
            await asyncio.sleep(0.01)


async def test_a_message_of_a_dead_process_is_delivered_by_another(url: str) -> None:
    """The lease of a delivery ends."""
    dead = opening.open_store(url, code_version="test", lease_s=0.1)
    store = opening.open_store(url, code_version="test", lease_s=0.1)
    await made(store)
    await show(store)
    assert len(await dead.due_messages(now=20.0)) == 1

    assert len(await taken_over(store)) == 1

    await dead.close()
    await store.close()


async def test_a_message_is_not_taken_by_the_look_that_finds_its_lease_ended(url: str) -> None:
    """Its owner gets a turn first, in which it notes that the message was said."""
    owner = opening.open_store(url, code_version="test", lease_s=0.0)
    other = opening.open_store(url, code_version="test", lease_s=30.0)
    await made(owner)
    await show(owner)
    claimed = (await owner.due_messages(now=20.0))[0]

    looks = [await other.due_messages(now=20.0)]
    await owner.message_sent(claimed, now=20.0)
    looks.append(await other.due_messages(now=20.0))

    assert looks == [[], []]
    await owner.close()
    await other.close()


async def test_a_process_that_has_lost_a_message_can_t_put_it_back(url: str) -> None:
    """Who was frozen during a delivery notes nothing that undoes the claim of the next."""
    frozen = opening.open_store(url, code_version="test", lease_s=0.1)
    await made(frozen)
    await show(frozen)
    claimed = (await frozen.due_messages(now=20.0))[0]
    awake = opening.open_store(url, code_version="test", lease_s=0.1)
    again = (await taken_over(awake))[0]

    await frozen.message_failed(claimed, again_at=20.0, error="late")
    await awake.message_failed(again, again_at=20.0, error="mine")

    assert [one.tries for one in await awake.due_messages(now=20.0)] == [1]
    await frozen.close()
    await awake.close()


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
async def test_a_note_that_waited_behind_a_frozen_writer_comes_before_the_message_goes_again(
    url: str, backend: str
) -> None:
    """Who takes its turn first after a hold-up leaves alone what others had no turn to note."""
    owner = opening.open_store(url, code_version="test", lease_s=0.0)
    other = opening.open_store(url, code_version="test", lease_s=30.0)
    await made(owner)
    await say(owner, "started")
    claimed = (await owner.due_messages(now=20.0))[0]
    with psycopg.connect(url) as frozen:
        frozen.execute("SELECT pg_advisory_xact_lock(%s)", [writer.TURN])
        looking = asyncio.create_task(other.due_messages(now=20.0))
        await waiting_for_turns(url, 1)
        noting = asyncio.create_task(owner.message_sent(claimed, now=20.0))
        await waiting_for_turns(url, 2)

    assert await looking == []
    await noting

    assert await other.due_messages(now=20.0) == []
    await owner.close()
    await other.close()


async def waiting_for_turns(url: str, count: int) -> None:
    """Wait until so many writers wait for their turn."""
    look = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        async with asyncio.timeout(10):
            while True:
                found = await (await connection.execute(look)).fetchone()
                if found == (count,):
                    return
                await asyncio.sleep(0.01)


@pytest.mark.parametrize(("kind", "key"), [("card", "k"), ("reply", "")])
async def test_only_replies_and_direct_messages_with_a_key_are_said(
    store: Store, kind: str, key: str
) -> None:
    """A card is shown, never said, and a message without a key could come twice."""
    await made(store)

    with pytest.raises(ValueError, match="has a key"):
        await say(store, key, kind=kind)
