"""The database's own clock: leases of several processes are only comparable on one."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext import compiler
from sqlalchemy.sql import functions


class Now(functions.GenericFunction[float]):
    """Seconds since the epoch at the moment that the statement runs, to the millisecond."""

    type = sa.Double()
    inherit_cache = True
    name = "powerbot_now"


@compiler.compiles(Now, "sqlite")
def _sqlite_now(_element: Now, _compiler: Any, **_options: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiler.compiles(Now, "postgresql")
def _postgresql_now(_element: Now, _compiler: Any, **_options: Any) -> str:
    # Not now(): that is the start of the transaction, which may have waited for its lock.
    return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS DOUBLE PRECISION)"
