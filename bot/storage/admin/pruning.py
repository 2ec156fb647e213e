"""Retention: the details of requests that ended long ago go, the audit log keeps every row.

What is forgotten is written into the chain first, with the head that stood before it, so that a
reader of the log knows from where on the details are missing and why.
"""

from __future__ import annotations

from typing import cast

from bot.power import lifecycle, ports
from bot.power.steps import states
from bot.storage import opening
from bot.storage.engine import addresses, files
from bot.storage.tables import transaction

# Requests that one transaction forgets; the writer's turn must stay short.
MOST_TOGETHER = 200
_ENDED = sorted(lifecycle.ENDED)
_STANDING = sorted(states.STANDING)
_FORGETTABLE = """
    SELECT id FROM requests
    WHERE state IN :ended AND changed_at < :before
      AND NOT EXISTS (
          SELECT 1 FROM outbox WHERE outbox.request_id = requests.id AND outbox.waiting
      )
      AND NOT EXISTS (
          SELECT 1 FROM reviews WHERE reviews.request_id = requests.id AND reviews.closed_at = 0
      )
      AND NOT EXISTS (
          SELECT 1 FROM step_servers
          WHERE step_servers.request_id = requests.id
            AND ((step_servers.stands AND step_servers.state IN :standing)
                 OR step_servers.state = 'owed')
      )
    ORDER BY changed_at, id LIMIT :together
"""
# Rows that name others go before those that they name.
DETAILS = (
    "attempt_servers",
    "attempts",
    "approvals",
    "step_servers",
    "steps",
    "run_servers",
    "server_locks",
    "aftermaths",
    "outbox",
    "reviews",
    "plans",
    "request_servers",
)


async def forget_all(url: str, *, before: float, now: float, together: int = MOST_TOGETHER) -> int:
    """Forget all requests that ended before an instant; return how many that were.

    It goes in short transactions, so that replicas on PostgreSQL get their turns in between; on
    SQLite nobody may run meanwhile.

    Raises:
        StoreUnavailable: the database is away, in use, too old or too new.
    """
    path = addresses.parsed(url).path
    held = files.LockFile(path) if path is not None else None
    if held is not None:
        held.acquire()
    try:
        # A tool that only forgets brings up no schema under a bot that runs.
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

    A request of which Slack must still be told, whose review is still owed, or of which something
    still stands outside, stays.
    """
    found = tx.query(
        _FORGETTABLE, ended=_ENDED, before=before, together=together, standing=_STANDING
    )
    ids = [row.id for row in found]
    if not ids:
        return 0
    # Read first: the row below names the head that stood before it.
    seq, head = tx.audit_head()
    detail = {"requests": ids, "before": before, "through": seq, "head": head}
    tx.audit(ports.AuditEntry("record.pruned", now, detail=detail))
    for table in DETAILS:
        tx.change(f"DELETE FROM {table} WHERE request_id IN :ids", ids=ids)
    tx.change("DELETE FROM requests WHERE id IN :ids", ids=ids)
    return len(ids)
