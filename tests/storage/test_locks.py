"""Locks: one request at a time on a server, and the freeze switch."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from bot.power import ports
from bot.power.lifecycle import State
from bot.power.request import Action
from bot.storage.store import Store
from tests.storage import builders


async def made(store: Store, *ids: str) -> None:
    """Store running requests."""
    for id_ in ids:
        request = builders.a_request(id_, State.RUNNING)
        await store.write(lambda tx, one=request: tx.create(one, source_key=one.id))  # type: ignore[misc]


def lock(tx: ports.Tx, id_: str, *server_ids: str, at: float = 5.0) -> dict[str, str]:
    """Take locks."""
    return tx.lock_servers(id_, server_ids, action=Action.REBOOT, at=at)


async def test_a_server_is_locked_by_one_request(replicas: Callable[[], Store]) -> None:
    """Of many that want the same servers at once, one gets all and the others learn who."""
    stores = replicas(), replicas()
    await made(stores[0], *(f"PR-{number}" for number in range(6)))
    servers = [f"s{number}" for number in range(1200)]

    def take(tx: ports.Tx, id_: str) -> dict[str, str]:
        return lock(tx, id_, *servers)

    held = await asyncio.gather(
        *(
            stores[number % 2].write(lambda tx, id_=f"PR-{number}": take(tx, id_))  # type: ignore[misc]
            for number in range(6)
        )
    )

    winner = f"PR-{held.index({})}"
    others = [one for one in held if one]
    assert others == [dict.fromkeys(servers, winner)] * 5


async def test_free_servers_are_locked_beside_held_ones(store: Store) -> None:
    """Who holds what, for which action, since when and asked by whom can be read."""
    await made(store, "PR-A", "PR-B")
    await store.write(lambda tx: lock(tx, "PR-A", "s1", "s2"))

    held = await store.write(lambda tx: lock(tx, "PR-B", "s2", "s3", "s3", at=6.0))
    again = await store.write(lambda tx: lock(tx, "PR-A", "s1", at=9.0))

    assert (held, again) == ({"s2": "PR-A"}, {})
    assert await store.read(lambda tx: tx.lock_holders(["s1", "s2", "s3", "s4"])) == {
        "s1": ports.Lock("PR-A", "reboot", 5.0, "UASKER"),
        "s2": ports.Lock("PR-A", "reboot", 5.0, "UASKER"),
        "s3": ports.Lock("PR-B", "reboot", 6.0, "UASKER"),
    }


async def test_a_lock_is_given_back_by_hand_or_with_the_end_of_its_request(store: Store) -> None:
    """A request that ended without unlocking blocks nobody."""
    await made(store, "PR-A", "PR-B", "PR-C")
    await store.write(lambda tx: lock(tx, "PR-A", "s1"))
    await store.write(lambda tx: lock(tx, "PR-B", "s2"))

    await store.write(lambda tx: tx.unlock_servers("PR-A"))
    await store.write(lambda tx: tx.transition("PR-B", State.RUNNING, State.FAILED, at=6.0))

    assert await store.read(lambda tx: tx.lock_holders(["s1", "s2"])) == {}
    assert await store.write(lambda tx: lock(tx, "PR-C", "s1", "s2")) == {}
