"""An open request is judged again when the policy has changed since its plan.

If it needs the same or less and the same people may, it goes on; else it ends, and says which
rule ended it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from bot import people
from bot.power import judging, policy, ports, server


@dataclasses.dataclass(frozen=True)
class Rejudging:
    """Holds open requests against the policy of this moment."""

    people: people.People
    policy: Callable[[], policy.Policy]

    async def problem(self, found: ports.Request, snapshot: server.Snapshot | None) -> str:
        """Return what the policy has against a request now, or an empty text.

        Servers that have left the inventory are left to the check before their call.
        """
        rules = self.policy()
        if rules.version == found.plan.policy_version:
            return ""
        known = snapshot.servers if snapshot is not None else {}
        roster = await self.people.roster(rules.people.keys())
        asker = found.order.requester.user_id
        standing = judging.Standing(
            servers=tuple(known[id_] for id_ in found.order.server_ids if id_ in known),
            requester_groups=frozenset(g for g, who in roster.members.items() if asker in who),
        )
        change = judging.still_fits(found.plan, rules, standing)
        return f"the policy has changed: {change.sentence}" if change is not None else ""
