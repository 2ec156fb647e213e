"""One audit row for everything that a person did, or tried and was refused."""

from __future__ import annotations

from collections.abc import Mapping

from bot.power import ports
from bot.power.approval import approval
from bot.workflow.context import Context, Record


def row(
    tx: ports.Tx,
    inbound: ports.Inbound,
    event: str,
    request: ports.Request | None,
    now: float,
    detail: Mapping[str, object],
    *,
    servers: bool = False,
) -> str:
    """Append one row and return the new head; `found` is the request that it speaks of.

    With `servers` the row names the request's servers too: the rows of a server are found by it.
    """
    return tx.audit(
        ports.AuditEntry(
            event=event,
            at=now,
            request_id=request.id if request else "",
            person=inbound.person,
            channel_id=inbound.place.channel_id,
            server_ids=request.order.server_ids if request and servers else (),
            detail={"payload": inbound.key, **detail},
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
    context: Context, inbound: ports.Inbound, request: ports.Request | None, may: approval.Decision
) -> None:
    """Audit that somebody may not use Powerbot at all."""
    why = may.reason.value if may.reason else ""
    did, said = inbound.input.name, may.sentence
    await refused(context, inbound, "person.refused", request, did=did, why=why, said=said)


async def noted(context: Context, inbound: ports.Inbound, event: str, **detail: object) -> None:
    """Audit something that a person did and that changes no request."""
    now = context.clock.now()
    await context.store.write(lambda tx: row(tx, inbound, event, None, now, detail))
