"""Slack is away for five minutes: everything that happened meanwhile is said afterwards, once."""

from __future__ import annotations

import collections
import dataclasses
import pathlib
from collections.abc import AsyncIterator

import pytest

from bot.power import ports
from bot.power.lifecycle import State
from bot.sandbox.workspace import Message
from bot.slack.outbound import context as outbound, reporter
from bot.storage import opening
from bot.storage.store import Store
from tests import bodies
from tests.slack import builders
from tests.slack.conftest import Side

OUTAGE_S = 300
REQUESTS = 30
IDS = tuple(f"PR-{number:04d}" for number in range(1000, 1000 + REQUESTS))
ENDED = {"event": "ended", "state": "succeeded", "head": "ab" * 32, "seq": 12, "seal": "1a2b3c4d"}
# What is said in each thread, in this order.
SAID = ("▶️ Started", "⏹️ Stop", "*✅ Succeeded")


@dataclasses.dataclass
class Outage:
    """Slack's side over a real store, whose Slack can be taken away."""

    side: Side
    store: Store
    telling: reporter.Reporter

    def begin(self) -> None:
        """Let Slack answer nothing."""
        self.side.workspace.chaos.fail("any", "error", 1000, error="service_unavailable")

    def end(self) -> None:
        """Let Slack answer again."""
        self.side.workspace.chaos.clear()

    @property
    def tries(self) -> int:
        """How many calls Slack has refused."""
        return sum(one.kind == "fault" for one in self.side.workspace.journal.entries)

    async def pass_s(self, seconds: int) -> None:
        """Let time pass, second by second, as the delivery loop would."""
        for _ in range(seconds):
            await self.side.clock.pass_s(1)
            await self.telling.deliver_due()

    async def each(self, do: str, *, after: State | None = None) -> None:
        """Let something happen to every request."""
        now = self.side.clock.now()

        def happen(tx: ports.Tx) -> None:
            for id_ in IDS:
                if after is not None:
                    assert tx.transition(id_, State.RUNNING, after, at=now)
                if do:
                    body = ENDED if do == "ended" else {"event": do, "user": "U0SAM", "total": 19}
                    tx.say(id_, "reply", bodies.message(body), key=do, at=now)
                if do == "ended":
                    tx.say(id_, "direct", bodies.message(ENDED), key="ended:direct", at=now)
                tx.show_card(id_, at=now)

        await self.store.write(happen)

    def thread(self, request_id: str) -> list[Message]:
        """Return a request's card and what stands under it."""
        every = self.side.workspace.messages("ops")
        (card,) = (one for one in every if _of(one) == request_id)
        return self.side.workspace.thread("ops", card.ts)


def _of(message: Message) -> str:
    """Return the request whose card a message is."""
    metadata = message.metadata or {}
    return str(metadata.get("event_payload", {}).get("request_id", ""))


@pytest.fixture
async def outage(side: Side, tmp_path: pathlib.Path) -> AsyncIterator[Outage]:
    """Running requests whose cards stand in the channel."""
    store = opening.open_store(f"sqlite:///{tmp_path / 'powerbot.db'}")

    def fill(tx: ports.Tx) -> None:
        for id_ in IDS:
            made = builders.request_in(State.RUNNING, card=ports.Card("C0OPS"))
            tx.create(dataclasses.replace(made, id=id_, approvals=()), source_key=id_)
            tx.show_card(id_, at=side.clock.now())

    await store.write(fill)
    telling = reporter.Reporter(outbound.Context(store, side.sender, side.clock))
    found = Outage(side, store, telling)
    await found.pass_s(60)
    assert len(side.workspace.messages("ops")) == REQUESTS
    yield found
    await store.close()


async def test_what_happened_in_an_outage_of_five_minutes_is_said_afterwards_once(
    outage: Outage,
) -> None:
    """Newest state on each card, every reply once and in order, and Slack isn't hammered."""
    outage.begin()
    await outage.each("started")
    await outage.pass_s(OUTAGE_S // 3)
    for _ in range(20):
        await outage.each("")
    await outage.each("stop_asked")
    await outage.pass_s(OUTAGE_S // 3)
    await outage.each("ended", after=State.SUCCEEDED)
    await outage.pass_s(OUTAGE_S // 3)
    tries = outage.tries
    assert len(outage.side.workspace.messages("ops")) == REQUESTS
    outage.end()
    edits = len(outage.side.workspace.calls("chat.update"))

    await outage.pass_s(240)

    for id_ in IDS:
        card, *replies = outage.thread(id_)
        assert "✅ Succeeded" in card.words
        assert [one.text[: len(said)] for one, said in zip(replies, SAID, strict=True)] == [*SAID]
    told = collections.Counter(one.text for one in outage.side.workspace.direct_messages("dana"))
    assert len(told) == REQUESTS
    assert set(told.values()) == {1}
    assert await outage.store.due_messages(now=1e12) == []
    # States that nobody could see any more were left out: one edit for each card.
    assert len(outage.side.workspace.calls("chat.update")) - edits == REQUESTS
    # A round of at most twenty tries, after two seconds first and half a minute at last.
    assert 0 < tries <= 20 * 14


async def test_a_card_that_was_deleted_in_an_outage_is_posted_again(outage: Outage) -> None:
    """What somebody took away meanwhile comes back, once, with the newest state."""
    outage.begin()
    await outage.each("ended", after=State.SUCCEEDED)
    await outage.pass_s(30)
    outage.end()
    first = outage.thread(IDS[0])[0]
    await outage.side.client.chat_delete(channel="C0OPS", ts=first.ts)

    await outage.pass_s(240)

    again = outage.thread(IDS[0])[0]
    assert again.ts != first.ts
    assert "✅ Succeeded" in again.words


@pytest.mark.parametrize("lost", ["archived", "removed"])
async def test_a_channel_lost_in_mid_run_leaves_the_end_to_a_direct_message_and_the_audit(
    outage: Outage, lost: str
) -> None:
    """The channel was archived, or the bot removed from it: the requester learns each end."""
    channel = outage.side.workspace.directory.channel("ops")
    if lost == "archived":
        channel.is_archived = True
    else:
        channel.members.discard("U0BOT")
    await outage.each("ended", after=State.SUCCEEDED)

    await outage.pass_s(120)

    assert len(outage.side.workspace.direct_messages("dana")) == REQUESTS
    rows = await outage.store.read(lambda tx: tx.audit_rows(event="reply.undeliverable"))
    assert {row["request_id"] for row in rows} == set(IDS)
    assert await outage.store.due_messages(now=1e12) == []


async def test_a_token_revoked_in_mid_run_holds_everything_until_there_is_a_new_one(
    outage: Outage,
) -> None:
    """With no token there is no way to anybody, so nothing is dropped and nothing hammered."""
    outage.side.workspace.chaos.fail("any", "error", 1000, error="token_revoked")
    await outage.each("ended", after=State.SUCCEEDED)
    await outage.pass_s(OUTAGE_S)
    tries = outage.tries
    outage.end()

    await outage.pass_s(240)

    assert tries <= 3 * REQUESTS * 12
    assert all("✅ Succeeded" in outage.thread(id_)[0].words for id_ in IDS)
    assert len(outage.side.workspace.direct_messages("dana")) == REQUESTS
