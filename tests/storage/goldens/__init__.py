"""What released versions have left in their databases, as rows, made by running that version.

A new schema gets a golden of its own when it is released, and the old ones stay.
"""

from __future__ import annotations

import json
import pathlib
from typing import Any

import sqlalchemy as sa

from bot.storage.engine import addresses, database_file
from bot.storage.migrations import migrating

FOLDER = pathlib.Path(__file__).parent
# Instants that a request or a server waits for; those of the past are left as they are.
AHEAD = {
    "requests": ("created_at", "changed_at", "expires_at", "use_by", "next_at"),
    "run_servers": ("sent_at",),
    "attempts": ("intended_at",),
}


def rows(revision: str) -> dict[str, Any]:
    """Return the rows of a golden by table, and `taken_at`."""
    found: dict[str, Any] = json.loads((FOLDER / f"schema_{revision}.json").read_text())
    return found


def load(url: str, revision: str, *, now: float) -> None:
    """Make a database of that revision with the golden's rows, as if it were taken at `now`."""
    golden = rows(revision)
    later_s = now - golden["taken_at"]
    address = addresses.parsed(url)
    if address.path is not None:
        database_file.prepare(address.path)
    migrating.upgrade(address, to=revision)
    tables = sa.MetaData()
    with migrating.engine(address).begin() as connection:
        tables.reflect(connection)
        for table in tables.sorted_tables:
            if table.name == "audit_head":
                connection.execute(sa.delete(table))
            if table.name != "alembic_version" and golden[table.name]:
                listed = [_fitted(table, row, later_s) for row in golden[table.name]]
                connection.execute(sa.insert(table), listed)
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(
                "SELECT setval(pg_get_serial_sequence('outbox', 'id'), max(id)) FROM outbox"
            )


def _fitted(table: sa.Table, row: dict[str, Any], later_s: float) -> dict[str, Any]:
    """Return a row with its times moved, and its truths as the database has them."""
    fitted = dict(row)
    for name in AHEAD.get(table.name, ()):
        if fitted[name]:
            fitted[name] += later_s
    for column in table.columns:
        if isinstance(column.type, sa.Boolean):
            fitted[column.name] = bool(fitted[column.name])
    return fitted
