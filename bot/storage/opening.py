"""From a database URL to a Store: its schema is newest, or nothing is opened.

Alembic is imported only when the schema isn't the one that this version wants.
"""

from __future__ import annotations

import pathlib

import sqlalchemy as sa

from bot.power import errors
from bot.storage import (
    claims,
    engines,
    generation,
    link,
    lockfile,
    plan_cache,
    schema,
    store,
    writer,
)


def open_store(
    url: str,
    *,
    code_version: str = "",
    migrate: bool | None = None,
    sole: bool = False,
    lease_s: float = 30.0,
) -> store.Store:
    """Open the record, and bring its schema up where that is allowed.

    `migrate` None means: on SQLite yes, on PostgreSQL no. `sole` is for `run`: on SQLite it
    takes the lock file and ends the leases of the process before; PostgreSQL takes several.
    A process that is silent for `lease_s` seconds has lost what it had in hand.

    Raises:
        StoreUnavailable: the database is away, in use, too old or too new.
    """
    made = engines.parsed(url)
    path = engines.sqlite_path(made)
    if path is not None:
        engines.prepare_file(path)
    held = lockfile.LockFile(path) if path is not None and sole else None
    if held is not None:
        held.acquire()
    try:
        _settle_schema(made, migrate=path is not None if migrate is None else migrate)
        restored = sole and _begin_run(made, path)
    except BaseException:
        if held is not None:
            held.release()
        raise
    return store.Store(
        made, code_version=code_version, held=held, restored=restored, lease_s=lease_s
    )


def migrate(url: str) -> tuple[str, str]:
    """Bring a database to the newest schema; return the revisions before and after.

    Raises:
        StoreUnavailable: the database is away or too new.
    """
    made = engines.parsed(url)
    path = engines.sqlite_path(made)
    if path is not None:
        engines.prepare_file(path)
    return _settle_schema(made, migrate=True), schema.REVISION


def revision(connection: sa.Connection) -> str:
    """Return the schema's revision, or an empty text for an empty database."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return ""
    found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return str(found or "")


def _settle_schema(url: sa.URL, *, migrate: bool) -> str:
    """Compare the schema's revision with ours, bring it up if allowed; return what it was."""
    engine = engines.write_engine(url)
    try:
        with engines.translated():
            with engine.connect() as connection:
                before = revision(connection)
            if before == schema.REVISION:
                return before
            from bot.storage import migrating  # Alembic costs half of the start-up time.

            migrating.check_known(before)
            if not migrate:
                raise errors.StoreUnavailable(
                    f"The database's schema is {before or 'empty'}, this version needs "
                    f"{schema.REVISION}; run powerbot migrate."
                )
            migrating.upgrade(engine)
            return before
    finally:
        engine.dispose()


def _begin_run(url: sa.URL, path: pathlib.Path | None) -> bool:
    """Note that a run begins; return whether the database was restored since the last one."""
    engine = engines.write_engine(url)
    try:
        with engines.translated(), engine.connect() as connection:
            if path is None:
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(writer.TURN)))
                restored = generation.note_server(connection)
                connection.commit()
                return restored
            # Alone on its file, it ends the leases of the process before.
            restored = generation.count_run(connection, path)
            claims.free_all(link.Link(connection, plans=plan_cache.PlanCache()))
            connection.commit()
            generation.note_run(connection, path)
            return restored
    except OSError as error:
        raise errors.StoreUnavailable(
            f"The folder of {path} can't be written: {error.strerror}."
        ) from error
    finally:
        engine.dispose()
