"""The two transactions that come with every payload, as values: a store may do many in one step."""

from __future__ import annotations

import dataclasses

from bot.power import ports


@dataclasses.dataclass(frozen=True, slots=True)
class Receiving:
    """Stores a payload; True when it is new, False when its key is there already."""

    inbound: ports.Inbound

    def __call__(self, tx: ports.Tx) -> bool:
        """Store the payload in a transaction of its own."""
        return tx.receive(self.inbound)


@dataclasses.dataclass(frozen=True, slots=True)
class Finishing:
    """Marks a payload as dealt with; returns where the card of `request_id` stands, if named."""

    key: str
    request_id: str = ""

    def __call__(self, tx: ports.Tx) -> ports.Card | None:
        """Mark the payload in a transaction of its own."""
        tx.finish(self.key)
        return tx.card(self.request_id) if self.request_id else None
