"""Finds out that a database was restored from a backup: it is older than what last used it.

Each `run` counts in the database, then in a file beside it, and counts on while it works: a backup
of this hour is older than its end. A database that counts less than the file has forgotten calls
that were sent, so whoever opens it must not trust what it calls queued.
"""

from __future__ import annotations

import pathlib

from bot.power import errors
from bot.storage.engine import connections, files

# More runs than a record will ever have.
MOST_DIGITS = 20

# "System Administration Functions": what tells one copy of a database from another.
_SERVER = """
    SELECT concat_ws(':', (SELECT system_identifier FROM pg_control_system()),
                     (SELECT timeline_id FROM pg_control_checkpoint()),
                     (SELECT oid FROM pg_database WHERE datname = current_database()))
"""


# A dump that is restored into its own database makes its tables anew, by other numbers; what is
# rewritten in place (VACUUM FULL, CLUSTER, pg_upgrade) keeps them.
_TABLES = """
    SELECT string_agg(CAST(oid AS text), ' ' ORDER BY oid) FROM pg_class
    WHERE oid IN (to_regclass('audit'), to_regclass('requests'))
"""


def count_run(connection: connections.Connection, database: pathlib.Path) -> bool:
    """Count one more run; return whether the database is older than the last one.

    That is remembered until `settle_restore`. The caller commits, and then calls `note_run`.
    """
    counted = int(_stored(connection, "generation") or 0)
    noted = _noted(_note(database))
    _store(connection, "generation", str(max(counted, noted) + 1))
    if counted < noted:
        _store(connection, "restored", "yes")
    return _stored(connection, "restored") is not None


def count_on(connection: connections.Connection) -> int:
    """Count one more, since something was done; the caller commits, and then calls `note`."""
    counted = int(_stored(connection, "generation") or 0) + 1
    _store(connection, "generation", str(counted))
    return counted


def note_server(connection: connections.Connection) -> bool:
    """Note which PostgreSQL server this is; return whether it was another one before.

    A restored database has another server, another timeline or another number than the one that
    was noted in it; a standby that took over has another timeline, and may have lost commits.
    One that was restored where it stood has other tables. The caller commits.
    """
    _note_here(connection, "tables", str(connection.value(_TABLES)))
    connection.execute("SAVEPOINT looking")
    try:
        here = str(connection.value(_SERVER))
    except connections.driver_errors():
        connection.execute("ROLLBACK TO SAVEPOINT looking")
        # A provider that hides its servers leaves this to its customer.
        return _stored(connection, "restored") is not None
    _note_here(connection, "server", here)
    return _stored(connection, "restored") is not None


def _note_here(connection: connections.Connection, name: str, here: str) -> None:
    """Note by what this copy is known; where another was noted, the database was restored."""
    before = _stored(connection, name)
    if before != here:
        _store(connection, name, here)
        if before is not None:
            _store(connection, "restored", "yes")


def settle_restore(connection: connections.Connection) -> None:
    """Forget that the database was restored: what it calls open was dealt with."""
    connection.execute("DELETE FROM meta WHERE name = 'restored'")


def note_run(connection: connections.Connection, database: pathlib.Path) -> None:
    """Write the stored count beside the database."""
    note(int(_stored(connection, "generation") or 0), database)


def note(counted: int, database: pathlib.Path) -> None:
    """Write a count beside the database that has it.

    Raises:
        OSError: the folder can't be written.
        StoreUnavailable: a link lies where the file should.
    """
    kept = _note(database)
    fresh = kept.with_name(kept.name + ".new")
    files.refuse_link(fresh)
    # One that a kill has left is nobody's.
    fresh.unlink(missing_ok=True)
    with open(files.make_own(fresh), "w", encoding="ascii") as writing:
        writing.write(str(counted))
    # A reader sees the old note or the new one, never half of one.
    fresh.replace(kept)


def _stored(connection: connections.Connection, name: str) -> str | None:
    """Return what the database holds under a name."""
    value: str | None = connection.value("SELECT value FROM meta WHERE name = :name", name=name)
    return value


def _store(connection: connections.Connection, name: str, value: str) -> None:
    """Put a value under a name."""
    stored = """
        INSERT INTO meta (name, value) VALUES (:name, :value)
        ON CONFLICT (name) DO UPDATE SET value = excluded.value
    """
    connection.execute(stored, {"name": name, "value": value})


def _note(database: pathlib.Path) -> pathlib.Path:
    """Return the file beside the database."""
    return database.with_name(database.name + ".generation")


def _noted(note: pathlib.Path) -> int:
    """Return the count in the file; a file that is missing or isn't ours counts nothing.

    Raises:
        StoreUnavailable: it is a link, or may not be read.
    """
    try:
        with open(files.open_there(note), encoding="ascii") as reading:
            return int(reading.read(MOST_DIGITS))
    except (FileNotFoundError, ValueError):
        return 0
    except OSError as error:
        # Read as nothing, it would let an old backup pass as the newest record.
        raise errors.StoreUnavailable(f"{note} can't be read: {error.strerror}.") from error
