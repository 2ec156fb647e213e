"""Requests: made once, changed by exactly one winner."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable

import pytest

from bot.power import errors, ports
from bot.power.lifecycle import State
from bot.storage.engine import connections
from bot.storage.store import Store
from tests.storage import builders, owner


async def made(store: Store, request: ports.Request) -> ports.Request:
    """Store a request and return it."""
    assert await store.write(lambda tx: tx.create(request, source_key=f"key {request.id}"))
    return request


async def test_a_request_comes_back_as_it_was_made(store: Store) -> None:
    """Every field is stored, approvals and card included, and in the order they were given."""
    card = ports.Card("C0OPS", "7.7")
    approvals = builders.an_approval("UB", 1.5), builders.an_approval("UA", 2.5)
    made_now = builders.a_request(approvals=approvals, card=card, use_by=5.5, epoch=3)

    await made(store, made_now)

    assert await store.read(lambda tx: tx.request("PR-2222")) == made_now
    assert await store.read(lambda tx: tx.by_source("key PR-2222")) == made_now
    assert await store.read(lambda tx: tx.request("PR-9999")) is None


async def test_a_payload_makes_one_request_however_often_it_comes(store: Store) -> None:
    """The key of the payload decides, not the new request's id."""
    await store.write(lambda tx: tx.create(builders.a_request("PR-2222"), source_key="k"))

    again = await store.write(lambda tx: tx.create(builders.a_request("PR-3333"), source_key="k"))

    assert not again
    found = await store.read(lambda tx: tx.by_source("k"))
    assert found is not None
    assert found.id == "PR-2222"


async def test_an_id_that_is_taken_is_an_error(store: Store) -> None:
    """A second request never hides behind the id of the first."""
    await made(store, builders.a_request("PR-2222"))

    with pytest.raises(connections.refused()):
        await store.write(lambda tx: tx.create(builders.a_request("PR-2222"), source_key="another"))


async def test_requests_are_found_by_each_condition_newest_first(store: Store) -> None:
    """An empty condition means any; the limit counts the newest."""
    for number, state in enumerate((State.PENDING, State.DENIED, State.PENDING)):
        await made(store, builders.a_request(f"PR-{number}", state, created_at=100.0 + number))

    def ids(tx: ports.Tx) -> list[list[str]]:
        queries = (
            tx.requests(),
            tx.requests(states=[State.PENDING]),
            tx.requests(requester="UNOBODY"),
            tx.requests(requester="UASKER", since=101.0, limit=1),
        )
        return [[found.id for found in query] for query in queries]

    found = await store.read(ids)

    assert found == [["PR-2", "PR-1", "PR-0"], ["PR-2", "PR-0"], [], ["PR-2"]]


async def test_a_change_names_the_state_that_it_leaves(store: Store) -> None:
    """A change from another state than the present one changes nothing."""
    await made(store, builders.a_request())
    approve = State.PENDING, State.APPROVED

    first = await store.write(
        lambda tx: tx.transition("PR-2222", *approve, at=200.0, use_by=300.0, reason="by two")
    )
    second = await store.write(
        lambda tx: tx.transition("PR-2222", State.PENDING, State.DENIED, at=201.0)
    )

    assert (first, second) == (True, False)
    found = await store.read(lambda tx: tx.request("PR-2222"))
    assert found is not None
    assert (found.state, found.changed_at, found.use_by) == (State.APPROVED, 200.0, 300.0)
    assert (found.end_reason, found.ended_at, found.expires_at) == ("by two", 0.0, 1900.0)


async def test_an_illegal_change_is_refused_before_the_database_is_asked(store: Store) -> None:
    """What isn't in the table of changes can't be stored."""
    await made(store, builders.a_request())

    with pytest.raises(errors.IllegalTransition):
        await store.write(
            lambda tx: tx.transition("PR-2222", State.PENDING, State.SUCCEEDED, at=1.0)
        )


async def test_an_ended_request_is_never_due_again(store: Store) -> None:
    """An end state notes when it was reached and clears the next look."""
    await made(store, builders.a_request())

    await store.write(
        lambda tx: tx.transition("PR-2222", State.PENDING, State.EXPIRED, at=7.0, next_at=8.0)
    )

    found = await store.read(lambda tx: tx.request("PR-2222"))
    assert found is not None
    assert found.ended_at == 7.0
    assert await store.claim(now=1e9, lease_s=1.0) is None


async def test_exactly_one_of_approve_deny_and_expire_wins(
    replicas: Callable[[], Store],
) -> None:
    """However many processes decide at once, the others learn that they have lost."""
    stores = [replicas() for _ in range(3)]
    after = State.APPROVED, State.DENIED, State.EXPIRED
    for number in range(30):
        id_ = f"PR-{number}"
        await made(stores[0], builders.a_request(id_))

        def decide(tx: ports.Tx, to: State, of: str = id_) -> bool:
            return tx.transition(of, State.PENDING, to, at=5.0)

        won = await asyncio.gather(
            *(
                one.write(lambda tx, to=state: decide(tx, to))  # type: ignore[misc]
                for one in stores
                for state in after
            )
        )

        assert sum(won) == 1
        found = await stores[1].read(lambda tx, of=id_: tx.request(of))  # type: ignore[misc]
        assert found is not None
        assert found.state is (after * 3)[won.index(True)]


async def test_a_person_counts_once_even_in_two_processes(replicas: Callable[[], Store]) -> None:
    """A double click is one approval."""
    stores = replicas(), replicas()
    await made(stores[0], builders.a_request())
    approval = builders.an_approval()

    added = await asyncio.gather(
        *(one.write(lambda tx: tx.approve("PR-2222", approval)) for one in stores * 3)
    )

    assert sum(added) == 1


async def test_a_lost_right_takes_the_approval_away(store: Store) -> None:
    """What was withdrawn doesn't count, and may be given anew."""
    await made(store, builders.a_request(approvals=(builders.an_approval(),)))

    await store.write(lambda tx: tx.withdraw_approval("PR-2222", "UAPPROVER"))

    found = await store.read(lambda tx: tx.request("PR-2222"))
    assert found is not None
    assert found.approvals == ()
    assert await store.write(lambda tx: tx.approve("PR-2222", builders.an_approval()))


async def test_the_first_stop_of_a_running_request_is_noted_and_makes_it_due(store: Store) -> None:
    """A second one learns that it came late; a request that doesn't run can't be stopped."""
    await made(store, builders.a_request("PR-RUN", State.RUNNING))
    await made(store, builders.a_request("PR-WAIT", State.PENDING))
    claim = await store.claim(now=1e4, lease_s=30.0)
    assert claim is not None
    await store.release(claim, next_at=9000.0)

    def stop(tx: ports.Tx) -> list[bool]:
        stop_run = {"user_id": "U1", "reason": "smoke\0", "at": 50.0}
        ids = "PR-RUN", "PR-RUN", "PR-WAIT"
        return [tx.request_stop(id_, **stop_run) for id_ in ids]  # type: ignore[arg-type]

    assert await store.write(stop) == [True, False, False]
    found = await store.read(lambda tx: tx.request("PR-RUN"))
    assert found is not None
    assert (found.stopped_by, found.stop_reason) == ("U1", "smoke?")
    due = await store.claim(now=60.0, lease_s=1.0)
    assert due is not None
    assert due.request_id == "PR-RUN"


async def test_the_card_stands_where_it_was_posted(store: Store) -> None:
    """A card that was posted anew replaces the old place."""
    await made(store, builders.a_request(card=ports.Card("C0OPS")))

    await store.write(lambda tx: tx.set_card("PR-2222", ports.Card("C0OPS", "9.9")))

    found = await store.read(lambda tx: tx.request("PR-2222"))
    assert found is not None
    assert found.card == ports.Card("C0OPS", "9.9")


async def test_a_plan_is_parsed_once_and_never_mixed_up(store: Store) -> None:
    """A plan that a rolled-back transaction showed is not taken for a later one's."""
    other = builders.a_request(made=builders.a_plan("x1"))

    def roll_back(tx: ports.Tx) -> None:
        tx.create(builders.a_request(), source_key="k")
        tx.request("PR-2222")
        raise LookupError

    with pytest.raises(LookupError):
        await store.write(roll_back)
    await made(store, other)

    found = await store.read(lambda tx: (tx.request("PR-2222"), tx.request("PR-2222")))
    assert found == (other, other)
    assert found[0] is not None
    assert found[1] is not None
    assert found[0].plan is found[1].plan


async def test_a_request_of_a_newer_version_is_left_to_that_version(store: Store, url: str) -> None:
    """An older replica neither claims nor lists it, and says so when asked for it."""
    await made(store, builders.a_request("PR-RUN", State.RUNNING))
    owner.execute(url, "UPDATE requests SET plan_version = 99, plan_digest = 'unread'")

    assert await store.claim(now=1e9, lease_s=1.0) is None
    assert await store.read(lambda tx: tx.requests()) == []
    with pytest.raises(errors.StoreUnavailable, match="newer version"):
        await store.read(lambda tx: tx.request("PR-RUN"))


def test_large_plans_are_let_go_of_when_others_are_used() -> None:
    """The kept plans are bounded by the servers that they name."""
    from bot.storage.engine import plan_cache

    cache = plan_cache.PlanCache(most_servers=2 * (3 + plan_cache.A_PLANS_OWN))
    for name in ("a", "b"):
        cache.put(name, builders.a_plan("1", "2", "3"))
    cache.get("a")

    cache.put("c", builders.a_plan("1", "2", "3"))

    assert [name for name in "abc" if cache.get(name)] == ["a", "c"]
    assert dataclasses.is_dataclass(ports.Request)
