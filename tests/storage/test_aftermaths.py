"""Servers beyond their own run: calls that nobody saw happen, busy racks, and later looks."""

from __future__ import annotations

import dataclasses

import msgspec

from bot.power import ports
from bot.power.causes import Cause, Late
from bot.power.lifecycle import ServerState, State
from bot.power.ports import Method
from bot.power.request import Action
from bot.storage.store import Store
from tests.storage import builders

ROWS = tuple(ports.RunServer(id_, f"web-{id_}", ("", "r1")) for id_ in ("s1", "s2", "s3"))


async def sent(store: Store, id_: str, at: float, rows: tuple[ports.RunServer, ...]) -> None:
    """Store a run whose servers were switched on, and stand as these rows have it."""

    def work(tx: ports.Tx) -> None:
        tx.create(builders.a_request(id_, state=State.RUNNING), source_key=id_)
        tx.start_run(id_, rows)
        ids = tuple(row.server_id for row in rows)
        tx.lock_servers(id_, ids, action=Action.ON, at=at)
        attempt = ports.Attempt(f"a-{id_}", id_, Method.ON, ids, 0, 0, at)
        tx.intend(attempt, epoch=0)
        tx.answer(dataclasses.replace(attempt, outcome=ports.Outcome.ACCEPTED))

    await store.write(work)


def standing(state: ServerState, **more: object) -> tuple[ports.RunServer, ...]:
    """Return all three servers in this state."""
    return tuple(msgspec.structs.replace(row, state=state, **more) for row in ROWS)


async def test_the_newest_call_to_a_server_decides_whether_something_is_open(store: Store) -> None:
    """A proven one after it, or what was seen late, settles an earlier one."""
    await sent(store, "PR-2222", 10.0, standing(ServerState.TIMED_OUT))
    await sent(store, "PR-3333", 20.0, standing(ServerState.PROVEN)[:1])
    await sent(store, "PR-4444", 30.0, standing(ServerState.TIMED_OUT, late=Late.DONE)[1:2])

    ids = ["s1", "s2", "s3", "s9"]

    def asked(tx: ports.Tx, since: float = 5.0, but: str = "") -> dict[str, str]:
        found = tx.unsettled(ids, since=since, but=but)
        return {one: call.request_id for one, call in found.items()}

    assert await store.read(asked) == {"s3": "PR-2222"}
    assert await store.read(lambda tx: asked(tx, but="PR-2222")) == {}
    assert await store.read(lambda tx: asked(tx, since=15.0)) == {}
    touched = await store.read(lambda tx: tx.touched(ids, since=20.0, but="PR-4444"))
    assert touched == {"s1": ports.Touch("PR-3333", Method.ON)}


async def test_a_rack_is_busy_with_what_is_on_its_way_in_any_request(store: Store) -> None:
    """By room and rack, with the least that anybody allows; what has ended doesn't count."""
    going = standing(ServerState.ACCEPTED, stood=("dc-a", "r1"), rack_limit=4)
    other = msgspec.structs.replace(going[2], stood=("dc-b", "r1"), rack_limit=9)
    await sent(store, "PR-2222", 10.0, (going[0], msgspec.structs.replace(going[1], rack_limit=2)))
    await sent(store, "PR-3333", 20.0, (other,))

    found = await store.read(lambda tx: tx.busy_racks(["r1", "r9"]))
    assert found == {("dc-a", "r1"): ports.Busy(2, 2), ("dc-b", "r1"): ports.Busy(1, 9)}
    await store.write(lambda tx: tx.unlock_servers("PR-2222"))
    ended = msgspec.structs.replace(other, state=ServerState.PROVEN)
    await store.write(lambda tx: tx.update_servers("PR-3333", [ended], epoch=0))
    assert await store.read(lambda tx: tx.busy_racks(["r1"])) == {}


async def test_servers_of_ended_runs_that_somebody_must_still_know_of_are_found(
    store: Store,
) -> None:
    """Those that were sent and aren't proven, and those that a cycle left half done."""
    proven, lost, half = ROWS
    rows = (
        msgspec.structs.replace(proven, state=ServerState.PROVEN),
        msgspec.structs.replace(lost, state=ServerState.UNKNOWN, cause=Cause.LOST),
        msgspec.structs.replace(half, state=ServerState.NOT_SENT, step=1, seen_power="off"),
    )
    await sent(store, "PR-2222", 10.0, rows)

    found = await store.read(lambda tx: tx.loose_servers(["PR-2222", "PR-9999"]))

    assert found == {"PR-2222": list(rows[1:])}
    assert await store.read(lambda tx: tx.run_server("PR-2222", "s2")) == rows[1]
    assert await store.read(lambda tx: tx.run_server("PR-2222", "s9")) is None


async def test_a_look_that_is_due_is_taken_over_once_until_it_is_due_again(store: Store) -> None:
    """Whoever takes it over looks; the row goes on whatever becomes of them."""
    await sent(store, "PR-2222", 10.0, standing(ServerState.TIMED_OUT))
    await store.write(lambda tx: tx.look_again("PR-2222", until=100.0, next_at=20.0))

    async def due(now: float) -> list[tuple[str, float]]:
        return await store.write(lambda tx: tx.due_looks(now=now, again_s=30.0))

    assert await due(19.0) == []
    assert await store.read(lambda tx: tx.looks_wait(now=20.0))
    assert await due(20.0) == [("PR-2222", 100.0)]
    assert await due(49.0) == []
    assert await due(50.0) == [("PR-2222", 100.0)]
    await store.write(lambda tx: tx.looked_enough("PR-2222"))
    assert not await store.read(lambda tx: tx.looks_wait(now=1e9))
