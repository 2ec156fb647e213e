"""Moves the record from one database to another, whole or not at all: SQLite to PostgreSQL.

The old one is left as it is. While it is read nobody may run on it, and the new one must be empty.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from bot.power import errors
from bot.storage import opening
from bot.storage.engine import addresses, files
from bot.storage.migrations import migrating

SLICE = 500  # Rows in one insert.
# What the schema itself has put into an empty database.
SEEDED = frozenset({"audit_head", "meta"})
# Tables whose rows the database numbers by itself.
NUMBERED = ("outbox", "notices")


def move(source_url: str, target_url: str, *, marking_key: bytes = b"") -> dict[str, int]:
    """Copy all rows and return how many there were, by table.

    Raises:
        StoreUnavailable: a database is away, the old one is in use, or the new one isn't empty.
    """
    source, target = addresses.parsed(source_url), addresses.parsed(target_url)
    if source == target:
        raise errors.StoreUnavailable("Both addresses name the same database.")
    path = source.path
    if path is not None and not addresses.is_there(path):
        raise errors.StoreUnavailable(f"There is no database at {path}.")
    held = files.LockFile(path) if path is not None else None
    if held is not None:
        # Nobody may write to the old record while it is read.
        held.acquire()
    try:
        opening.migrate(source_url, marking_key=marking_key)
        opening.migrate(target_url)
        return _copied(source, target)
    finally:
        if held is not None:
            held.release()


def _copied(source: addresses.Address, target: addresses.Address) -> dict[str, int]:
    """Copy table by table, in one transaction of the new database."""
    reading, writing = migrating.engine(source, readonly=True), migrating.engine(target)
    with migrating.translated(), reading.connect() as old, writing.begin() as new:
        froms, tos = _tables(old), _tables(new)
        _check_empty(new, tos.sorted_tables)
        counts = {
            table.name: _copy(froms.tables[table.name], table, old, new)
            for table in tos.sorted_tables
        }
        # The server and the tables that the old record stood on aren't the new one's.
        meta = tos.tables["meta"]
        new.execute(sa.delete(meta).where(meta.c.name.in_(["server", "tables"])))
        if target.path is None:
            for name in NUMBERED:
                new.exec_driver_sql(
                    f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), max(id)) FROM {name}"
                )
        return counts


def _tables(connection: sa.Connection) -> sa.MetaData:
    """Return the tables as a database has them: both were migrated to the same ones."""
    found = sa.MetaData()
    found.reflect(connection)
    found.remove(found.tables["alembic_version"])  # Both have the same by now.
    return found


def _check_empty(new: sa.Connection, tables: Sequence[sa.Table]) -> None:
    """Refuse a database in which something stands already.

    Raises:
        StoreUnavailable: it has rows.
    """
    for table in tables:
        if table.name in SEEDED:
            continue
        if new.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first():
            raise errors.StoreUnavailable(
                f"The new database isn't empty: its table {table.name} has rows."
            )


def _copy(source: sa.Table, target: sa.Table, old: sa.Connection, new: sa.Connection) -> int:
    """Copy one table and return the number of its rows."""
    if target.name in SEEDED:
        new.execute(sa.delete(target))
    count = 0
    # Leases are of processes that no longer run.
    freed = {"lease_until": 0.0} if "lease_until" in target.c else {}
    for rows in old.execute(sa.select(source)).mappings().partitions(SLICE):
        new.execute(sa.insert(target), [{**row, **freed} for row in rows])
        count += len(rows)
    return count
