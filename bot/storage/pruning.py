"""Retention: the details of requests that ended long ago go, the audit log keeps every row.

What is forgotten is written into the chain first, with the head that stood before it, so that a
reader of the log knows from where on the details are missing and why.
"""

from __future__ import annotations

from typing import cast

import sqlalchemy as sa

from bot.power import lifecycle, ports
from bot.storage import engines, lockfile, opening, schema, transaction

# Requests that one transaction forgets; the writer's turn must stay short.
MOST_TOGETHER = 200
_requests = schema.requests.c
_ENDED = sorted(lifecycle.ENDED)
# Rows that name others go before those that they name.
_DETAILS = (
    schema.attempt_servers,
    schema.attempts,
    schema.approvals,
    schema.run_servers,
    schema.server_locks,
    schema.outbox,
    schema.reviews,
    schema.plans,
)


async def forget_all(url: str, *, before: float, now: float, together: int = MOST_TOGETHER) -> int:
    """Forget all requests that ended before an instant; return how many that were.

    It goes in short transactions, so that replicas on PostgreSQL get their turns in between; on
    SQLite nobody may run meanwhile.

    Raises:
        StoreUnavailable: the database is away, in use, too old or too new.
    """
    path = engines.sqlite_path(engines.parsed(url))
    held = lockfile.LockFile(path) if path is not None else None
    if held is not None:
        held.acquire()
    try:
        kept = opening.open_store(url, code_version="prune", migrate=False)
        forgotten = 0

        def work(tx: ports.Tx) -> int:
            # A store of this package hands out nothing else.
            mine = cast("transaction.Transaction", tx)
            return forget(mine, before=before, now=now, together=together)

        try:
            while some := await kept.write(work):
                forgotten += some
        finally:
            await kept.close()
        return forgotten
    finally:
        if held is not None:
            held.release()


def forget(tx: transaction.Transaction, *, before: float, now: float, together: int) -> int:
    """Forget the oldest requests that ended before an instant; return how many that were.

    A request of which Slack must still be told, or whose review is still owed, stays.
    """
    ids = list(tx.query(_forgettable(before).limit(together)).scalars())
    if not ids:
        return 0
    seq, head = tx.audit_head()
    detail = {"requests": ids, "before": before, "through": seq, "head": head}
    tx.audit(ports.AuditEntry("record.pruned", now, detail=detail))
    for table in _DETAILS:
        tx.change(sa.delete(table).where(table.c.request_id.in_(ids)))
    tx.change(sa.delete(schema.requests).where(_requests.id.in_(ids)))
    return len(ids)


def _forgettable(before: float) -> sa.Select[tuple[str]]:
    """Return the query of the requests that may be forgotten, the oldest first."""
    untold = sa.select(schema.outbox.c.request_id).where(schema.outbox.c.waiting.is_(True))
    owed = sa.select(schema.reviews.c.request_id).where(schema.reviews.c.closed_at == 0)
    return (
        sa.select(_requests.id)
        .where(
            _requests.state.in_(_ENDED),
            _requests.changed_at < before,
            _requests.id.not_in(untold),
            _requests.id.not_in(owed),
        )
        .order_by(_requests.changed_at, _requests.id)
    )
