"""An open request is judged again when the policy has changed since its plan.

If it needs the same or less and the same people may, it goes on, and the audit says under which
two versions; else it ends, and says which rule ended it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from bot.power import errors, missing, ports, server
from bot.power.approval import judging
from bot.power.lifecycle import State
from bot.power.policy import policy
from bot.workflow.rights import people

WENT_ON = "policy.went_on"
UNCHECKED = "The policy has changed, and who may do this now could not be checked"


@dataclasses.dataclass(frozen=True)
class Rejudging:
    """Holds open requests against the policy of this moment."""

    store: ports.RequestStore
    people: people.People
    policy: Callable[[], policy.Policy]
    clock: ports.Clock

    def changed(self, found: ports.Request) -> bool:
        """Whether the policy is another one than that of the plan."""
        return self.policy().version != found.plan.policy_version

    async def problem(self, found: ports.Request, snapshot: server.Snapshot | None) -> str:
        """Return what the policy has against a request now, or an empty text.

        Servers that have left the inventory are left to the check before their call.

        Raises:
            SlackUnavailable: a group on which the answer depends could not be read.
        """
        rules = self.policy()
        if rules.version == found.plan.policy_version:
            return ""
        known = snapshot.servers if snapshot is not None else {}
        roster = await self.people.roster(rules.people.keys())
        asker = found.order.requester.user_id
        # While it is pending, a lost right takes its own approval away and no more.
        agreed = found.state in (State.APPROVED, State.RUNNING)
        standing = judging.Standing(
            servers=tuple(known[id_] for id_ in found.order.server_ids if id_ in known),
            requester_groups=frozenset(g for g, who in roster.members.items() if asker in who),
            approvals=found.approvals if agreed else (),
            roster=roster if agreed else None,
        )
        change = judging.still_fits(found.plan, rules, standing)
        if change is None:
            await self._note(found, rules.version)
            return ""
        if roster.unreadable:
            lacks = missing.of(sorted(roster.unreadable), roster.missing)
            again = "." if lacks else "; try again in a moment."
            raise errors.SlackUnavailable(f"{UNCHECKED}{again}", missing=lacks)
        return f"the policy has changed: {change.sentence}"

    async def _note(self, found: ports.Request, version: str) -> None:
        """Audit, once for each version, that a request goes on under an edited policy."""
        rows = await self.store.read(
            lambda tx: tx.audit_rows(request_id=found.id, event=WENT_ON, limit=1)
        )
        if rows and rows[0]["detail"].get("now") == version:
            return
        detail = {"planned_under": found.plan.policy_version, "now": version}
        entry = ports.AuditEntry(
            WENT_ON,
            self.clock.now(),
            request_id=found.id,
            channel_id=found.order.place.channel_id,
            detail=detail,
        )
        await self.store.write(lambda tx: tx.audit(entry))
