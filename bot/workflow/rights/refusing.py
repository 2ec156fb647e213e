"""What somebody is told whose click is refused, or comes too late; each is audited."""

from __future__ import annotations

import dataclasses

from bot.power import ports
from bot.power.approval import approval, late_clicks
from bot.power.approval.approval import Refusal
from bot.workflow import answers
from bot.workflow.rights import auditing, entitling

_NOBODY: tuple[str, ...] = ()
EVENTS = {"approve": "approval", "deny": "denial"}


@dataclasses.dataclass(frozen=True)
class Refusing:
    """Says no to a decision, with the reason or the name of who was quicker."""

    may: entitling.Entitling
    attempts: auditing.Attempts
    clock: ports.Clock

    async def early(self, inbound: ports.Inbound, found: ports.Request) -> answers.Note | None:
        """Refuse a decision about one's own request, before anybody is looked up."""
        decision = self.may.early(inbound, found, ())
        if decision is None or decision.reason is not Refusal.OWN_REQUEST:
            return None
        return await self.refuse(inbound, found, decision)

    def too_late(
        self, tx: ports.Tx, inbound: ports.Inbound, found: ports.Request, now: float
    ) -> answers.Note:
        """Say and audit that somebody or something was quicker."""
        said = late_clicks.sentence(found, now)
        event = EVENTS.get(inbound.input.name, "click")
        auditing.row(tx, inbound, f"{event}.too_late", found, now, {"why": said})
        return answers.Note(said, good=False, people=late_clicks.people(found))

    async def refuse(
        self, inbound: ports.Inbound, found: ports.Request, decision: approval.Decision
    ) -> answers.Note:
        """Audit a refusal with its reason, and say it."""
        reason = decision.reason.value if decision.reason else ""
        event = EVENTS[inbound.input.name]
        said, named = decision.sentence, _NOBODY
        if decision.reason is Refusal.SETTLED:
            said, named = late_clicks.sentence(found, self.clock.now()), late_clicks.people(found)
        rules = list(found.plan.terms.rules)
        await self.attempts.refused(
            inbound, f"{event}.refused", found, why=reason, said=said, rules=rules
        )
        return answers.Note(said, good=False, people=named)

    async def say(
        self, inbound: ports.Inbound, event: str, found: ports.Request, said: str
    ) -> answers.Note:
        """Audit and say why nothing was done."""
        await self.attempts.refused(inbound, event, found, why=said)
        return answers.Note(said, good=False)

    async def late(self, inbound: ports.Inbound, found: ports.Request) -> answers.Note:
        """Audit and say who or what was quicker."""
        now = self.clock.now()
        return await self.attempts.store.write(lambda tx: self.too_late(tx, inbound, found, now))
