"""The statements that a connection keeps ready are few, however much there is in the database."""

from __future__ import annotations

import functools
from collections.abc import Callable

import pytest

from bot.power import ports
from bot.power.request import Action
from bot.storage.engine import dialects
from bot.storage.store import Store
from tests.storage import builders

MOST = 70


@pytest.fixture
def spoken(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The texts of all statements that are run."""
    texts: set[str] = set()

    def heard(translate: Callable[[str], str], statement: str) -> str:
        texts.add(translate(statement))
        return translate(statement)

    for name in (dialects.SQLITE, dialects.POSTGRESQL):
        translate = functools.partial(heard, getattr(dialects, name))
        monkeypatch.setattr(dialects, name, translate)
    return texts


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
    assert 0 < len(spoken) < 4


async def test_any_number_of_locks_is_taken_by_few_statements(
    store: Store, spoken: set[str]
) -> None:
    """Plans have any number of servers."""
    await create(store, "PR-2222")
    spoken.clear()

    held = [await lock(store, [f"s{n}" for n in range(count)]) for count in range(1, MOST)]

    assert [len(found) for found in held] == list(range(1, MOST))
    assert 0 < len(spoken) < 6
