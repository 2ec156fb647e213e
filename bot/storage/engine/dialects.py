"""One way to write a statement, and what SQLite and PostgreSQL each make of it.

A statement is SQL that both understand, with these words of our own:

- `:name` is a value, and `IN :names` a list of values, of any length;
- `now_s()` is the database's clock, in seconds since the epoch: leases of several processes are
  only comparable on one clock;
- `FOR UPDATE` and what follows it is for PostgreSQL alone: in SQLite a writer is alone anyway.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from typing import Any

SQLITE = "sqlite"
POSTGRESQL = "postgresql"

# 2440587.5 is the Julian day of 1970-01-01 ("Date And Time Functions").
_SQLITE_NOW = "((julianday('now') - 2440587.5) * 86400.0)"
# Not now(): that is the start of the transaction, which may have waited for its lock.
_POSTGRESQL_NOW = "CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS DOUBLE PRECISION)"
_LISTED = re.compile(r"\bIN :(\w+)")  # It would find NOT IN as well, so that goes first.
_NOT_LISTED = re.compile(r"\bNOT IN :(\w+)")
_VALUE = re.compile(r":(\w+)")
_LOCKING = re.compile(r"\bFOR UPDATE( OF \w+)?( SKIP LOCKED)?")


@functools.cache
def sqlite(statement: str) -> str:
    """Return a statement as SQLite takes it; a list is an array in JSON."""
    listed = _LISTED.sub(r"IN (SELECT value FROM json_each(:\1))", statement)
    return _LOCKING.sub("", listed).replace("now_s()", _SQLITE_NOW)


@functools.cache
def postgresql(statement: str) -> str:
    """Return a statement as psycopg takes it; a list is an array."""
    # A percent sign begins a value there (psycopg, "Passing parameters to SQL queries").
    listed = _NOT_LISTED.sub(r"<> ALL(:\1)", statement.replace("%", "%%"))
    listed = _LISTED.sub(r"= ANY(:\1)", listed)
    return _VALUE.sub(r"%(\1)s", listed).replace("now_s()", _POSTGRESQL_NOW)


def sqlite_values(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the values of a statement as SQLite takes them."""
    return {
        name: json.dumps(value) if isinstance(value, list) else value
        for name, value in values.items()
    }
