"""What stands beside a request when its card is made, and isn't of the request itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from bot.power import plan, ports
from bot.power.lifecycle import State


@dataclasses.dataclass(frozen=True, slots=True)
class Beside:
    """The freezes of people, other requests for its servers, and who was called to approve it."""

    freezes: Sequence[ports.Freeze]
    overlaps: Sequence[plan.Overlap] = ()
    called: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=dict)


def look(tx: ports.Tx, request: ports.Request, now: float) -> Beside:
    """Read it, as far as it bears on a request in this state."""
    held = tx.freezes(now=now)
    if request.state not in (State.PENDING, State.APPROVED):
        return Beside(held)
    overlaps = tx.overlapping(request.order.server_ids, but=request.id)
    called = tx.called(request.id) if request.state is State.PENDING else {}
    return Beside(held, overlaps, called)
