"""One audit row for everything that a person did, or tried and was refused; and for each policy."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping

from bot.power import ports, summary
from bot.power.approval import may_approve
from bot.workflow.record import Record

POLICY_EVENT = "policy.in_force"  # Its rows tell which policy held when.
# A policy file of more characters is kept cut, beside the hash of the whole.
MOST_TEXT = 200_000  # Characters.


def row(
    tx: ports.Tx,
    inbound: ports.Inbound,
    event: str,
    request: ports.Request | None,
    now: float,
    detail: Mapping[str, object],
    *,
    servers: bool = False,
) -> None:
    """Append one row; `request` is the one that it speaks of.

    With `servers` the row names the request's servers too: the rows of a server are found by it.
    """
    tx.audit(
        ports.AuditEntry(
            event=event,
            at=now,
            request_id=request.id if request else "",
            person=inbound.person,
            channel_id=inbound.place.channel_id,
            server_ids=request.order.server_ids if request and servers else (),
            # By its key one can tell whether two rows come from the same click.
            detail={"payload": inbound.key, **detail},
            said=summary.line(request) if request else "",
        )
    )


async def refused(
    context: Record,
    inbound: ports.Inbound,
    event: str,
    request: ports.Request | None = None,
    **detail: object,
) -> None:
    """Audit an attempt that was refused, with the reason and the evidence."""
    now = context.clock.now()
    await context.store.write(lambda tx: row(tx, inbound, event, request, now, detail))


async def not_let_in(
    context: Record,
    inbound: ports.Inbound,
    request: ports.Request | None,
    may: may_approve.Decision,
) -> None:
    """Audit that somebody may not use Powerbot at all."""
    why = may.reason.value if may.reason else ""
    did, said = inbound.input.name, may.sentence
    await refused(context, inbound, "person.refused", request, did=did, why=why, said=said)


async def noted(context: Record, inbound: ports.Inbound, event: str, **detail: object) -> None:
    """Audit something that a person did and that changes no request."""
    now = context.clock.now()
    await context.store.write(lambda tx: row(tx, inbound, event, None, now, detail))


@dataclasses.dataclass(frozen=True, slots=True)
class PolicyInForce:
    """A policy that was read: its version, and the text of its file; both empty for none."""

    version: str
    text: str


async def note_policy(store: ports.RequestStore, new: PolicyInForce, now: float) -> bool:
    """Write a policy down if it is another one than the newest in the audit; whether it was.

    Raises:
        StoreUnavailable: the record could not be written.
    """
    return await store.write(lambda tx: _policy_noted(tx, new, now))


def _policy_noted(tx: ports.Tx, new: PolicyInForce, now: float) -> bool:
    """Write a policy down, unless the newest in the audit is the same."""
    # Two replicas read the same file, and only the first one writes it down.
    newest = tx.audit_rows(event=POLICY_EVENT, limit=1)
    before = str(newest[0]["detail"].get("version", "")) if newest else ""
    if newest and before == new.version:
        return False
    detail = {
        "version": new.version,
        "before": before,
        "text": new.text[:MOST_TEXT],
        "text_sha256": hashlib.sha256(new.text.encode()).hexdigest(),
    }
    tx.audit(ports.AuditEntry(POLICY_EVENT, now, detail=detail))
    return True
