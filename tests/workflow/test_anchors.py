"""However a request ends, its thread carries the head of the log, and the log proves it later."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from bot.power.lifecycle import State
from bot.storage.admin import audit_chain
from bot.storage.engine import connections
from tests.workflow.world import DANA, OLGA, ROSA, SAM, World

STRICTER = ("approvers = { sre = 1 }\nfrom", "approvers = { sre = 2 }\nfrom")


async def _denied(world: World, id_: str) -> None:
    await world.told(SAM, "deny", id_)


async def _cancelled(world: World, id_: str) -> None:
    await world.told(DANA, "cancel", id_)


async def _expired(world: World, id_: str) -> None:
    await world.later(1801)


async def _refused(world: World, id_: str) -> None:
    world.edit(STRICTER)
    await world.told(SAM, "approve", id_)


async def _void(world: World, id_: str) -> None:
    await world.told(SAM, "approve", id_)
    world.edit(STRICTER)
    await world.drive()


async def _too_late(world: World, id_: str) -> None:
    await world.told(SAM, "approve", id_)
    await world.later(901)


async def _stopped(world: World, id_: str) -> None:
    await world.told(SAM, "approve", id_)
    await world.told(OLGA, "stop", id_)


async def _succeeded(world: World, id_: str) -> None:
    await world.told(SAM, "approve", id_)
    await world.drive()


ENDS: list[tuple[Callable[[World, str], Awaitable[None]], State]] = [
    (_denied, State.DENIED),
    (_cancelled, State.CANCELLED),
    (_expired, State.EXPIRED),
    (_refused, State.REFUSED),
    (_void, State.VOID),
    (_too_late, State.VOID),
    (_stopped, State.STOPPED),
    (_succeeded, State.SUCCEEDED),
]


@pytest.mark.parametrize(
    ("brought_about", "state"), ENDS, ids=[one.__name__.strip("_") for one, _ in ENDS]
)
async def test_thread_of_every_end_anchors_the_log(
    world: World, brought_about: Callable[[World, str], Awaitable[None]], state: State
) -> None:
    """The head that it prints is a row of the log, and a log that was rebuilt doesn't have it."""
    id_ = await world.ask("reboot web01 because x")
    await brought_about(world, id_)
    head = str(world.thread(id_)[-1]["head"])
    await world.type("freeze afterwards", ROSA)

    assert await world.state(id_) is state
    with connections.reading(world.url) as connection:
        whole = audit_chain.verify(connection, anchor=head)
        hashes = [row.hash for row in connection.rows("SELECT hash FROM audit")]
        elsewhere = audit_chain.verify(connection, anchor=head[::-1])
    assert whole.ok
    assert head in hashes
    assert not elsewhere.ok


async def test_rows_of_a_server_lead_to_who_asked_and_who_approved(world: World) -> None:
    """By the server's id one finds its requests, and by those everybody who decided."""
    id_ = await world.ask("reboot db01 because x")
    await world.told(SAM, "approve", id_)
    await world.told(ROSA, "approve", id_)
    await world.drive()
    server_id = world.centre.machine("db01").server.id

    rows = await world.store.read(lambda tx: tx.audit_rows(server_id=server_id))

    assert {row["request_id"] for row in rows} == {id_}
    assert {"request.pending", "request.running", "servers.settled"} <= {
        row["event"] for row in rows
    }
    given = await world.audit("approval.given", id_)
    assert [row["user_id"] for row in given] == [SAM, ROSA]
    assert given[0]["detail"]["seal"] == (await world.found(id_)).order.seal
