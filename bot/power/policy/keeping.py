"""At least so many stay on: which servers may not be turned off or rebooted, over all requests.

A rebooted server doesn't stay on, so it counts like one that is turned off.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from bot.power import server
from bot.power.policy import policy
from bot.power.server import Power


def held_back(
    keeps: Sequence[policy.Keep],
    fleet: Iterable[server.Server],
    leaving: Collection[str],
    wanted: Iterable[server.Server],
) -> dict[str, str]:
    """Return {server id: reason} of those that must stay on, the first ones going first.

    `leaving` are the ids that other requests are turning off or rebooting; `wanted` are the
    servers that this one would, in the plan's order.
    """
    if not keeps:
        return {}
    spare = [-keep.on for keep in keeps]
    for record in fleet:
        if record.power is Power.ON and record.id not in leaving:
            for index in _sets(keeps, record):
                spare[index] += 1
    found: dict[str, str] = {}
    for record in wanted:
        sets = _sets(keeps, record) if record.power is Power.ON else ()
        short = next((index for index in sets if spare[index] < 1), None)
        if short is not None:
            keep = keeps[short]
            found[record.id] = f"at least {keep.on} of {keep.text} must stay on"
            continue
        for index in sets:
            spare[index] -= 1
    return found


def _sets(keeps: Sequence[policy.Keep], record: server.Server) -> tuple[int, ...]:
    """Return the numbers of the sets that a server is in."""
    return tuple(index for index, keep in enumerate(keeps) if keep.servers.matches(record))
