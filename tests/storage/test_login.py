"""Who logs in to the database may change while the record is open."""

from __future__ import annotations

import psycopg
import pytest
import sqlalchemy as sa

from bot.power import errors
from bot.storage import opening
from bot.storage.engine import addresses
from bot.storage.store import Store
from tests.support import databases

# A connection whose opening began before the change may arrive after it.
TRIES = 5


async def who(store: Store) -> str:
    """Return as whom a store is logged in."""
    return str(await store._read(lambda tx: tx.value("SELECT current_user")))


async def test_the_next_connection_logs_in_as_the_new_one(postgres: databases.Postgres) -> None:
    """Connections that are open stay; one that is opened afterwards has the new login."""
    url = postgres.fresh()
    name = str(sa.make_url(url).database)
    other = sa.make_url(url).set(username=name).render_as_string(hide_password=False)
    store = opening.open_store(url)
    # Waits for each end, up to the milliseconds given; without them it only asks for it.
    ending = (
        "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity"
        " WHERE usename <> current_user"
    )
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"CREATE ROLE {name} SUPERUSER LOGIN".encode())
            before = await who(store)
            store.change_login(other)
            kept = await who(store)
        for _ in range(TRIES):
            with psycopg.connect(other, autocommit=True) as connection:
                connection.execute(ending.encode())
            after = await who(store)
            if after == name:
                break
    finally:
        await store.close()
        postgres.drop(url)

    assert before == kept != name
    assert after == name


async def test_another_database_is_not_logged_in_to(store: Store, url: str) -> None:
    """A record doesn't change under whoever writes it."""
    with pytest.raises(errors.StoreUnavailable, match="another database"):
        store.change_login(f"{url}x" if "?" not in url else url.replace("/test_", "/other_"))

    store.change_login(url)
    assert await store.figures()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("postgresql://a:1@h/d", "postgresql://b:2@h/d", True),
        ("postgresql://a:1@h/d", "postgresql://a:1@h:6432/d", False),
        ("postgresql://a:1@h/d", "postgresql://a:1@h/e", False),
        ("postgresql://a:1@h/d", "sqlite:////d", False),
        ("sqlite:////d", "sqlite:////d", True),
        ("sqlite:////d", "sqlite:////e", False),
    ],
)
def test_an_address_is_the_same_place_whoever_logs_in(one: str, other: str, same: bool) -> None:
    """User and password are no part of where a record is."""
    assert addresses.same_place(addresses.parsed(one), addresses.parsed(other)) is same
