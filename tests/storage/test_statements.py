"""The statements that a connection keeps ready are few, however much there is in the database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from bot.power import ports
from bot.power.request import Action
from bot.storage import link
from bot.storage.store import Store
from tests.storage import builders

MOST = 70


@pytest.fixture
def spoken() -> Iterator[set[str]]:
    """The texts of all statements that are run."""
    texts: set[str] = set()

    def heard(_connection: Any, _cursor: Any, text: str, *_: Any) -> None:
        texts.add(text)

    sa.event.listen(sa.Engine, "before_cursor_execute", heard)
    yield texts
    sa.event.remove(sa.Engine, "before_cursor_execute", heard)


async def create(store: Store, id_: str) -> None:
    """Store a request."""
    request = builders.a_request(id_)
    await store.write(lambda tx: tx.create(request, source_key=id_))


async def read(store: Store, limit: int) -> list[ports.Request]:
    """Read so many requests."""
    return await store.read(lambda tx: tx.requests(limit=limit))


async def lock(store: Store, ids: list[str]) -> dict[str, ports.Lock]:
    """Take the locks of servers and read them."""
    await store.write(lambda tx: tx.lock_servers("PR-2222", ids, action=Action.OFF, at=1.0))
    return dict(await store.read(lambda tx: tx.lock_holders(ids)))


async def test_any_number_of_requests_is_read_by_few_statements(
    store: Store, spoken: set[str]
) -> None:
    """SQLite keeps each text as a statement of its own, on each connection."""
    for number in range(MOST):
        await create(store, f"PR-{number:04d}")
    spoken.clear()

    read_ = [await read(store, limit) for limit in range(1, MOST)]

    assert [len({one.id for one in found}) for found in read_] == list(range(1, MOST))
    assert len(spoken) < 12


async def test_any_number_of_locks_is_taken_by_few_statements(
    store: Store, spoken: set[str]
) -> None:
    """Plans have any number of servers."""
    await create(store, "PR-2222")
    spoken.clear()

    held = [await lock(store, [f"s{n}" for n in range(count)]) for count in range(1, MOST)]

    assert [len(found) for found in held] == list(range(1, MOST))
    assert len(spoken) < 30


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5, 300, link.SLICE])
def test_values_of_a_list_are_all_there(count: int) -> None:
    """The last one is repeated; a list without values stays so."""
    values = list(range(count))

    listed = link.in_few_lengths(values)

    assert listed[:count] == values
    assert set(listed) == set(values)
    assert len(listed) in (0, 1, 2, 4, 8, 512)
