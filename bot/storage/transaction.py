"""The Tx: everything that one transaction may do, each part in the module of its tables."""

from __future__ import annotations

from bot.storage import aftermaths, audit, inbox, locks, outbox, requests, runs, sightings


class Transaction(
    inbox.Inbox,
    requests.Requests,
    runs.Runs,
    aftermaths.Aftermaths,
    locks.Locks,
    sightings.Sightings,
    outbox.Outbox,
    audit.Audit,
):
    """One transaction, as `ports.Tx` describes it; nothing is visible before the commit."""
