"""The Tx: everything that one transaction may do, each part in the module of its tables."""

from __future__ import annotations

from bot.storage.tables import (
    aftermaths,
    audit,
    freezes,
    inbox,
    locks,
    notices,
    outbox,
    requests,
    seen_people,
    steps,
)


# Each part stands beside its tables; steps are named once more, so that all are seen here.
class Transaction(
    inbox.Inbox,
    requests.Requests,
    aftermaths.Aftermaths,
    locks.Locks,
    freezes.Freezes,
    seen_people.SeenPeople,
    steps.Steps,
    outbox.Outbox,
    notices.Notices,
    audit.Audit,
):
    """One transaction, as `ports.Tx` describes it; nothing is visible before the commit."""
