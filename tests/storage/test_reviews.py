"""Reviews are opened once, closed once, and owed while the request has used what it broke."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bot.power import inputs, ports, request
from bot.power.lifecycle import State
from bot.storage.store import Store
from tests.storage import builders

BREAKER = "UASKER"
FINE = inputs.Judgement.JUSTIFIED
REVIEW = ports.Review("PR-2222", BREAKER, ("sre", "dc-ops"), 100.0, 900.0, remind_at=500.0)


def by_break_glass(id_: str = "PR-2222") -> ports.Request:
    """Return a request that was approved by nobody."""
    made = builders.a_plan()
    order = made.order.model_copy(update={"options": request.Options(break_glass=True)})
    return builders.a_request(id_, State.APPROVED, made=made.model_copy(update={"order": order}))


@pytest.fixture
async def owing(store: Store) -> Store:
    """A store in which one review is owed."""

    def work(tx: ports.Tx) -> None:
        tx.create(by_break_glass(), source_key="k1")
        tx.open_review(REVIEW)

    await store.write(work)
    return store


async def test_a_review_is_read_back_with_its_request(owing: Store) -> None:
    """Who opens it twice finds the first; a request without break glass owes none."""
    again = ports.Review("PR-2222", "UELSE", (), 1.0, 2.0)
    await owing.write(lambda tx: tx.open_review(again))
    await owing.write(lambda tx: tx.create(builders.a_request("PR-3333"), source_key="k2"))

    found, other = await owing.read(lambda tx: (tx.request("PR-2222"), tx.request("PR-3333")))

    assert found is not None
    assert found.review == REVIEW
    assert other is not None
    assert other.review is None


async def test_a_review_is_closed_by_one_of_two(
    owing: Store, replicas: Callable[[], Store]
) -> None:
    """The second finds it closed, and the first one's name and words stay."""
    first = await owing.write(
        lambda tx: tx.close_review(
            "PR-2222", user_id="UONE", comment="fine", judgement=FINE, at=200.0
        )
    )
    second = await replicas().write(
        lambda tx: tx.close_review("PR-2222", user_id="UTWO", comment="not fine", at=201.0)
    )

    closed = await owing.read(lambda tx: tx.review("PR-2222"))
    assert closed is not None
    assert closed.judgement is FINE
    assert (await owing.figures()).reviews_closed == {"justified": 1}

    assert (first, second) == (True, False)
    assert closed is not None
    assert (closed.closed_by, closed.comment, closed.closed_at) == ("UONE", "fine", 200.0)
    assert await owing.read(lambda tx: tx.unreviewed(BREAKER)) == []


async def test_a_reminder_is_given_by_one_of_two(
    owing: Store, replicas: Callable[[], Store]
) -> None:
    """It is due at its time, and who comes second changes nothing."""
    early = await owing.read(lambda tx: tx.due_reviews(now=499.9, limit=9))
    (due,) = await owing.read(lambda tx: tx.due_reviews(now=500.0, limit=9))

    first = await owing.write(lambda tx: tx.reminded(due, next_at=900.0))
    second = await replicas().write(lambda tx: tx.reminded(due, next_at=900.0))

    after = await owing.read(lambda tx: tx.review("PR-2222"))
    assert (early, first, second) == ([], True, False)
    assert after is not None
    assert (after.remind_at, after.reminders) == (900.0, 1)


async def test_a_request_that_never_ran_owes_nothing(owing: Store) -> None:
    """Nothing was used, so nobody is barred or reminded."""
    assert await owing.read(lambda tx: tx.unreviewed(BREAKER)) == [REVIEW]
    assert await owing.read(lambda tx: tx.unreviewed("USOMEBODY")) == []

    await owing.write(lambda tx: tx.transition("PR-2222", State.APPROVED, State.VOID, at=300.0))

    assert await owing.read(lambda tx: tx.unreviewed(BREAKER)) == []
    assert await owing.read(lambda tx: tx.due_reviews(now=9999.0, limit=9)) == []
