"""Which policy is in force since when, with its text: a row in the audit for each change."""

from __future__ import annotations

import dataclasses
import hashlib

from bot.power import ports

EVENT = "policy.in_force"
# A policy file of more characters is kept cut, beside the hash of the whole.
MOST_TEXT = 200_000


@dataclasses.dataclass(frozen=True, slots=True)
class InForce:
    """A policy that was read: its version, and the text of its file; both empty for none."""

    version: str
    text: str


async def note(store: ports.RequestStore, found: InForce, now: float) -> bool:
    """Write a policy down if it is another one than the newest in the audit; whether it was.

    Raises:
        StoreUnavailable: the record could not be written.
    """
    return await store.write(lambda tx: _noted(tx, found, now))


def _noted(tx: ports.Tx, found: InForce, now: float) -> bool:
    newest = tx.audit_rows(event=EVENT, limit=1)
    before = str(newest[0]["detail"].get("version", "")) if newest else ""
    if newest and before == found.version:
        return False
    detail = {
        "version": found.version,
        "before": before,
        "text": found.text[:MOST_TEXT],
        "text_sha256": hashlib.sha256(found.text.encode()).hexdigest(),
    }
    tx.audit(ports.AuditEntry(EVENT, now, detail=detail))
    return True
