"""Payloads that come together are stored together, each as if it had come alone."""

from __future__ import annotations

import asyncio
from typing import Any

from bot.power import intake, ports
from bot.storage.store import Store
from tests.storage import builders


async def test_payloads_that_come_together_are_each_stored_once(store: Store) -> None:
    """Of doubles in one batch the first is new; what was there before is not."""
    await store.write(intake.Receiving(builders.an_inbound("old")))
    keys = "a", "b", "a", "old", "c", "d\0", "b"

    new = await asyncio.gather(
        *(store.write(intake.Receiving(builders.an_inbound(key))) for key in keys)
    )
    await store.free_leases()
    found = await store.claim_inbound(lease_s=0.0)

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
    await store.free_leases()

    assert found == [card, None, None, card]
    assert await store.claim_inbound(lease_s=0.0) == []


async def test_payloads_share_a_batch_with_others_and_with_what_fails(store: Store) -> None:
    """A mixed batch keeps what is good; the one that raises is alone with its error."""

    def breaks(tx: ports.Tx) -> None:
        tx.receive(builders.an_inbound("lost"))
        raise LookupError

    works: list[Any] = [intake.Receiving(builders.an_inbound(key)) for key in "abc"]
    works[1:1] = [breaks, lambda tx: tx.receive(builders.an_inbound("d"))]

    results = await asyncio.gather(*map(store.write, works), return_exceptions=True)
    await store.free_leases()

    assert [result for result in results if result is True] == [True] * 4
    assert isinstance(results[1], LookupError)
    assert sorted(one.key for one in await store.claim_inbound(lease_s=0.0)) == list("abcd")


async def test_payload_that_the_database_refuses_harms_no_other(store: Store) -> None:
    """When the common step fails, each is stored for itself, and one alone is refused."""
    good = [intake.Receiving(builders.an_inbound(key)) for key in "abc"]
    kind: Any = None
    bad = intake.Receiving(builders.an_inbound("bad", kind=kind))

    results = await asyncio.gather(*map(store.write, [*good, bad]), return_exceptions=True)

    assert results[:3] == [True, True, True]
    assert isinstance(results[3], Exception)
