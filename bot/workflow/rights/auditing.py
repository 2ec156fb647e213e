"""One audit row for everything that a person did, or tried and was refused."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from bot.power import ports
from bot.power.approval import approval


def row(
    tx: ports.Tx,
    inbound: ports.Inbound,
    event: str,
    found: ports.Request | None,
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
            request_id=found.id if found else "",
            person=inbound.person,
            channel_id=inbound.place.channel_id,
            server_ids=found.order.server_ids if found and servers else (),
            detail={"payload": inbound.key, **detail},
        )
    )


@dataclasses.dataclass(frozen=True)
class Attempts:
    """Writes down what was tried and came to nothing, and what changes no request."""

    store: ports.RequestStore
    clock: ports.Clock

    async def refused(
        self,
        inbound: ports.Inbound,
        event: str,
        found: ports.Request | None = None,
        **detail: object,
    ) -> None:
        """Audit an attempt that was refused, with the reason and the evidence."""
        now = self.clock.now()
        await self.store.write(lambda tx: row(tx, inbound, event, found, now, detail))

    async def not_let_in(
        self, inbound: ports.Inbound, found: ports.Request | None, may: approval.Decision
    ) -> None:
        """Audit that somebody may not use Powerbot at all."""
        why = may.reason.value if may.reason else ""
        did, said = inbound.input.name, may.sentence
        await self.refused(inbound, "person.refused", found, did=did, why=why, said=said)

    async def noted(self, inbound: ports.Inbound, event: str, **detail: object) -> None:
        """Audit something that a person did and that changes no request."""
        now = self.clock.now()
        await self.store.write(lambda tx: row(tx, inbound, event, None, now, detail))
