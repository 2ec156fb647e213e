"""Steps around waves in the store: intended, moved, found again, taken over, on both databases."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable

import pytest

from bot.power import errors, ports
from bot.power.lifecycle import State as Life
from bot.power.request import Person
from bot.power.run import step_ledger
from bot.power.steps import definition, protocol, wave_parts
from bot.power.steps.states import StepState
from bot.storage.store import Store
from tests.storage import builders

DRAIN = definition.Step(name="drain", kind="drain", node="{name}")
QUIET = definition.Step(name="quiet", kind="silence", urls=("http://am",), lasts_s=7200.0)


def a_part(
    id_: str, made: definition.Step, *names: str, wave: int = 1, since: float = 100.0
) -> wave_parts.Part:
    """Return a part that is intended for servers of these names."""
    servers = tuple(
        wave_parts.Taken(protocol.Subject(id=f"id-{name}", name=name), since=since)
        for name in names
    )
    key = f"{id_}_{wave}_1_001_{made.name}"
    return wave_parts.Part(key, id_, wave, made, servers=servers, since=since)


async def taken_out(store: Store, id_: str, *made: wave_parts.Part, ended_at: float = 0.0) -> int:
    """Store a request whose run has done these parts; return its epoch."""
    state = Life.SUCCEEDED if ended_at else Life.RUNNING
    request = builders.a_request(id_, state, ended_at=ended_at)
    await store.write(lambda tx: tx.create(request, source_key=id_))

    def work(tx: ports.Tx) -> None:
        tx.intend_parts(made, epoch=request.epoch)
        for part in made:
            done = [dataclasses.replace(one, state=StepState.DONE) for one in part.servers]
            if done:
                tx.move(part.key, done, before=[StepState.INTENDED])

    await store.write(work)
    return request.epoch


async def test_a_part_comes_back_as_it_was_stored(store: Store) -> None:
    """With its step, its servers in their order, and what is noted of it."""
    await taken_out(store, "PR-2222", a_part("PR-2222", QUIET, "web02", "web01"))
    (found,) = await store.read(lambda tx: tx.parts("PR-2222"))
    assert found.step == QUIET
    assert [(one.subject.name, one.state) for one in found.servers] == [
        ("web02", StepState.DONE), ("web01", StepState.DONE),
    ]  # fmt: skip
    noted = dataclasses.replace(found, outside_id="s1", until=900.0, halves=1, says="silencing")
    await store.write(lambda tx: tx.note_part(noted))
    assert await store.read(lambda tx: tx.part(found.key)) == noted
    assert await store.read(lambda tx: tx.part("nothing")) is None


async def test_a_run_that_lost_its_lease_intends_nothing(store: Store) -> None:
    """The fence is asked in the same transaction."""
    epoch = await taken_out(store, "PR-2222")
    late = a_part("PR-2222", DRAIN, "web01")
    with pytest.raises(errors.LostLease):
        await store.write(lambda tx: tx.intend_parts([late], epoch=epoch - 1))
    with pytest.raises(errors.LostLease):
        await store.write(lambda tx: tx.hold_run("PR-2222", epoch=epoch - 1))
    assert await store.read(lambda tx: tx.parts("PR-2222")) == []


async def test_a_server_is_moved_by_one_of_two_processes(replicas: Callable[[], Store]) -> None:
    """Whoever comes second is told that it was about nothing any more."""
    first, second = replicas(), replicas()
    part = a_part("PR-2222", DRAIN, "web01", "web02")
    await taken_out(first, "PR-2222", part)
    back = [dataclasses.replace(one, state=StepState.PUTTING_BACK) for one in part.servers]

    moved = await asyncio.gather(
        *(one.write(lambda tx: tx.move(part.key, back, before=[StepState.DONE])) for one in
          (first, second))
    )  # fmt: skip
    assert sorted(map(len, moved)) == [0, 2]


async def test_an_on_takes_over_what_earlier_requests_took_out(store: Store) -> None:
    """Of its own servers alone, whoever took them out; what is back or settled isn't found."""
    off, other = a_part("PR-2222", DRAIN, "web01", "web02"), a_part("PR-3333", DRAIN, "web03")
    await taken_out(store, "PR-2222", off, a_part("PR-2222", QUIET, "web01"), ended_at=200.0)
    await taken_out(store, "PR-3333", other, ended_at=200.0)

    found = await store.read(lambda tx: tx.standing_parts(["id-web01"]))
    assert [(part.request_id, part.step.name) for part in found] == [
        ("PR-2222", "drain"), ("PR-2222", "quiet"),
    ]  # fmt: skip
    back = dataclasses.replace(off.servers[0], state=StepState.PUT_BACK, stands=False)
    await store.write(lambda tx: tx.move(off.key, [back], before=[StepState.DONE]))
    found = await store.read(lambda tx: tx.standing_parts(["id-web01", "id-web02"]))
    standing = {(part.step.name, one.subject.name) for part in found for one in part.standing}
    assert standing == {("drain", "web02"), ("quiet", "web01")}
    everything = await store.read(lambda tx: tx.standing_parts())
    assert {part.request_id for part in everything} == {"PR-2222", "PR-3333"}


async def test_what_is_due_is_looked_at_by_one_process(replicas: Callable[[], Store]) -> None:
    """Once its request has ended and its time has come, and again after a while."""
    first, second = replicas(), replicas()
    await taken_out(first, "PR-2222", a_part("PR-2222", DRAIN, "web01"), ended_at=200.0)
    runs = a_part("PR-3333", DRAIN, "web02")
    await taken_out(first, "PR-3333", runs)
    for key in (a_part("PR-2222", DRAIN).key, runs.key):
        await first.write(lambda tx, key=key: tx.look_at_part(key, next_at=300.0))  # type: ignore[misc]

    assert not await first.read(lambda tx: tx.parts_wait(now=299.0))
    assert await first.read(lambda tx: tx.parts_wait(now=300.0))
    due = await asyncio.gather(
        *(one.write(lambda tx: tx.due_parts(now=300.0, until=360.0)) for one in (first, second))
    )
    assert sorted(len(one) for one in due) == [0, 1]
    assert [part.request_id for one in due for part in one] == ["PR-2222"]
    again = await second.write(lambda tx: tx.due_parts(now=360.0, until=420.0))
    assert [part.request_id for part in again] == ["PR-2222"]


async def test_whoever_has_a_part_in_hand_keeps_it_until_somebody_else_takes_it(
    replicas: Callable[[], Store],
) -> None:
    """Who was frozen for longer than it was theirs finds out at the next write."""
    first, second = replicas(), replicas()
    await taken_out(first, "PR-2222", a_part("PR-2222", DRAIN, "web01"), ended_at=200.0)
    key = a_part("PR-2222", DRAIN).key
    await first.write(lambda tx: tx.look_at_part(key, next_at=300.0))
    await first.write(lambda tx: tx.due_parts(now=300.0, until=420.3))

    await first.write(lambda tx: tx.hold_part(key, held=420.3, until=500.7))
    assert await second.write(lambda tx: tx.due_parts(now=460.0, until=580.0)) == []
    [taken] = await second.write(lambda tx: tx.due_parts(now=501.0, until=621.0))
    assert taken.key == key
    with pytest.raises(errors.LostLease):
        await first.write(lambda tx: tx.hold_part(key, held=500.7, until=700.0))
    await second.write(lambda tx: tx.hold_part(key, held=621.0, until=0.0))
    assert not await second.read(lambda tx: tx.parts_wait(now=9e9))


async def test_what_a_person_settles_or_asks_back(store: Store) -> None:
    """Settled is out of the list; what is asked back is due at once."""
    await taken_out(store, "PR-2222", a_part("PR-2222", DRAIN, "web01", "web02"), ended_at=200.0)
    request = await store.read(lambda tx: tx.request("PR-2222"))
    assert request is not None
    operator = Person(user_id="host:op", team_id="")
    settled = await store.write(
        lambda tx: step_ledger.settle(tx, request, "drain", "web01", by=operator, now=300.0)
    )
    assert settled == ["id-web01"]
    assert await store.write(lambda tx: step_ledger.ask_back(tx, request, now=310.0)) == 1
    (part,) = await store.write(lambda tx: tx.due_parts(now=310.0, until=370.0))
    assert [(one.subject.name, one.due) for one in part.standing] == [("web02", True)]


async def test_a_probe_of_the_world_has_no_servers(store: Store) -> None:
    """It stands for nothing outside, and is there for what the card says."""
    part = dataclasses.replace(a_part("PR-2222", DRAIN), says="waiting for quorum")
    await taken_out(store, "PR-2222", part)
    await store.write(lambda tx: tx.note_part(part))
    (found,) = await store.read(lambda tx: tx.parts("PR-2222"))
    assert (found.says, found.servers) == ("waiting for quorum", ())
    assert await store.read(lambda tx: tx.standing_parts()) == []
