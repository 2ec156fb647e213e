"""From a database URL to a Store: its schema is newest, or nothing is opened.

Alembic is imported only when the schema isn't the one that this version wants.
"""

from __future__ import annotations

import contextlib
import hmac
from collections.abc import AsyncIterator, Iterator

from bot.power import errors
from bot.storage import store, writer
from bot.storage.engine import (
    addresses,
    connections,
    database_file,
    dialects,
    files,
    generation,
    link,
    plan_cache,
)
from bot.storage.tables import claims, inbox

# The schema that this version works with; a test compares it with the newest migration.
REVISION = "0019"
# Versions before this revision stored payloads without a mark.
MARKED_SINCE = "0019"
_TABLES = {
    dialects.SQLITE: "SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'",
    dialects.POSTGRESQL: "SELECT 1 WHERE to_regclass('alembic_version') IS NOT NULL",
}


def open_store(
    url: str,
    *,
    code_version: str = "",
    migrate: bool | None = None,
    sole: bool = False,
    lease_s: float = 30.0,
    marking_key: bytes = b"",
) -> store.Store:
    """Open the record, and bring its schema up where that is allowed.

    `migrate` None means: on SQLite yes, on PostgreSQL no. `sole` is for `run`: on SQLite it
    takes the lock file and ends the leases of the process before; PostgreSQL takes several.
    A process that is silent for `lease_s` seconds has lost what it had in hand, to processes with
    the same `marking_key`: only what was stored with it is taken for Slack's.

    Raises:
        StoreUnavailable: the database is away, in use, too old or too new.
    """
    address = addresses.parsed(url)
    path = address.path
    if path is not None:
        database_file.prepare(path)
    held = files.LockFile(path) if path is not None and sole else None
    with contextlib.ExitStack() as undo:
        if held is not None:
            held.acquire()
            undo.callback(held.release)
        may = path is not None if migrate is None else migrate
        _settle_schema(address, migrate=may, marking_key=marking_key)
        # After the schema: what is counted stands in one of its tables.
        restored = sole and _begin_run(address)
        undo.pop_all()
    return store.Store(
        address,
        code_version=code_version,
        held=held,
        restored=restored,
        lease_s=lease_s,
        marking_key=marking_key,
    )


def marking_key(secret: str) -> bytes:
    """Return the key by which processes with one secret know each other's payloads."""
    # Derived, so that the marks in the database say nothing of the secret itself.
    return hmac.digest(secret.encode(), b"payloads that powerbot has stored", "sha256")


def prove_usable(url: str) -> None:
    """Say early that `run` can't use the database as it is; nothing is made or changed.

    An empty or older one is brought up on SQLite, where `run` does so itself.

    Raises:
        StoreUnavailable: the database is away, too new, or on PostgreSQL too old.
    """
    address = addresses.parsed(url)
    path = address.path
    if path is not None:
        if not addresses.is_there(path):
            return
        database_file.prove(path)
    _compare_schema(address, migrate=path is not None)


def migrate(url: str, *, marking_key: bytes = b"") -> tuple[str, str]:
    """Bring a database to the newest schema; return the revisions before and after.

    Without the `marking_key` of `run`, it takes payloads of versions before marks for a stranger's.

    Raises:
        StoreUnavailable: the database is away or too new.
    """
    address = addresses.parsed(url)
    path = address.path
    if path is not None:
        database_file.prepare(path)
    return _settle_schema(address, migrate=True, marking_key=marking_key), REVISION


def revision(connection: connections.Connection) -> str:
    """Return the schema's revision, or an empty text for an empty database."""
    # The version can't be asked for where its table isn't there yet.
    if not connection.value(_TABLES[connection.dialect]):
        return ""
    return connection.value("SELECT version_num FROM alembic_version") or ""


@contextlib.contextmanager
def reading(url: str) -> Iterator[connections.Connection]:
    """Open a record to read it beside a running Powerbot, for as long as the block.

    Raises:
        StoreUnavailable: the database can't be reached, or holds no record.
    """
    with connections.reading(url) as connection:
        if not (found := revision(connection)):
            raise errors.StoreUnavailable(
                "The database is empty or isn't Powerbot's; check POWERBOT_DATABASE_URL, or run "
                "`powerbot migrate`."
            )
        try:
            yield connection
        except connections.driver_errors():
            # What an older or newer schema lacks is no reason to try again in a moment.
            _refuse_other(found)
            raise


@contextlib.asynccontextmanager
async def beside(url: str, code_version: str) -> AsyncIterator[store.Store]:
    """Open a record to write to it beside a running Powerbot; none is made, and none migrated.

    Raises:
        StoreUnavailable: the database can't be reached, holds no record, or is of another version.
    """
    # Opening to write would make the file that the address names.
    with reading(url):
        pass
    opened = open_store(url, code_version=code_version, migrate=False)
    try:
        yield opened
    finally:
        await opened.close()


def _settle_schema(address: addresses.Address, *, migrate: bool, marking_key: bytes) -> str:
    """Compare the schema's revision with ours, bring it up if allowed; return what it was."""
    before = _compare_schema(address, migrate=migrate)
    if before != REVISION:
        from bot.storage.migrations import migrating

        migrating.upgrade(address)
        if marking_key and before < MARKED_SINCE:
            _mark_payloads(address, marking_key)
    return before


def _mark_payloads(address: addresses.Address, marking_key: bytes) -> None:
    """Mark what the version before has left: this once it is taken for Slack's as it is."""
    with connections.translated(), contextlib.closing(connections.connect(address)) as connection:
        connection.begin()
        if address.path is None:
            connection.execute("SELECT pg_advisory_xact_lock(:turn)", {"turn": writer.TURN})
        plans = plan_cache.PlanCache()
        inbox.mark_unmarked(link.Link(connection, plans=plans, marking_key=marking_key))
        connection.commit()


def _compare_schema(address: addresses.Address, *, migrate: bool) -> str:
    """Return the schema's revision, if it is ours or may become so."""
    with connections.translated(), contextlib.closing(connections.connect(address)) as connection:
        before = revision(connection)
    _refuse_other(before, older=not migrate)
    return before


def _refuse_other(found: str, *, older: bool = True) -> None:
    """Refuse a schema that is newer than ours, and with `older` one that is older.

    Raises:
        StoreUnavailable: it is; the sentence says which version or command it needs.
    """
    if found == REVISION:
        return
    from bot.storage.migrations import migrating  # Alembic costs as much as the rest of the start.

    migrating.check_known(found)
    if older:
        raise errors.StoreUnavailable(
            f"The database's schema is {found or 'empty'}, but this version needs "
            f"{REVISION}; run `powerbot migrate`."
        )


def _begin_run(address: addresses.Address) -> bool:
    """Note that a run begins; return whether the database was restored since the last one."""
    path = address.path
    with connections.translated(), contextlib.closing(connections.connect(address)) as connection:
        connection.begin()
        if path is None:
            # In the writers' turn: replicas that start together note one server.
            connection.execute("SELECT pg_advisory_xact_lock(:turn)", {"turn": writer.TURN})
            restored = generation.note_server(connection)
            connection.commit()
            return restored
        # Alone on its file, it ends the leases of the process before.
        restored = generation.count_run(connection, path)
        claims.free_all(link.Link(connection, plans=plan_cache.PlanCache()))
        connection.commit()
        try:
            # After the commit: a note ahead of its database would call that a backup.
            generation.note_run(connection, path)
        except OSError as error:
            raise errors.StoreUnavailable(
                f"The folder of {path} can't be written: {error.strerror}."
            ) from error
        return restored
