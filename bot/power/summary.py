"""A request in a few words, as a line of the log shows it: action, servers, people by their ids."""

from __future__ import annotations

from collections.abc import Sequence

from bot.power import ports
from bot.power.text import folding

NAMES_CHARS = 200  # Of one line of a log.
# Folding more takes longer than a line of a log is worth.
MOST_FOLDED = 200


def line(found: ports.Request) -> str:
    """Return a request like `reboot web[01-04] by U0DANA approved U0SAM,U0ROSA`."""
    order = found.order
    agreed = ",".join(one.person.user_id for one in found.approvals)
    approved = f" approved {agreed}" if agreed else ""
    servers = names([target.label for target in order.targets])
    return f"{order.action.value} {servers} by {order.requester.user_id}{approved}"


def names(servers: Sequence[folding.Named]) -> str:
    """Return servers folded, or counted where there are many."""
    if len(servers) > MOST_FOLDED:
        return f"{len(servers):,} servers"
    return folding.fold(servers, NAMES_CHARS, marked=True)
