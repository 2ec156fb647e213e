"""Who can still help a request along, and the nudge that its requester may give them."""

from __future__ import annotations

import dataclasses

from bot.power import ports
from bot.power.approval import late_clicks, quorum
from bot.power.lifecycle import State
from bot.power.plan import Notify
from bot.workflow import answers
from bot.workflow.rights import auditing, called, people

# A requester may nudge this often, and no more.
NUDGE_EVERY_S = 300.0
NUDGED = "request.nudged"
# More people than these are called by their user group when a request begins.
MOST_CALLED = 10


@dataclasses.dataclass(frozen=True)
class Nudging:
    """Names those whose approval is missing."""

    store: ports.RequestStore
    people: people.People
    clock: ports.Clock
    attempts: auditing.Attempts

    async def missing(self, found: ports.Request) -> called.Called:
        """Return everybody who could fill a place that is empty, by group."""
        wanted = quorum.still_wanted(found.plan.terms.needs, found.approvals)
        given = {one.person.user_id for one in found.approvals}
        return await self.people.named(
            [need.group for need in wanted], without={found.order.requester.user_id, *given}
        )

    async def at_start(self, found: ports.Request) -> called.Called:
        """Return whom the thread calls when this request begins, by group; nobody for nothing."""
        terms = found.plan.terms
        if terms.notify is Notify.NONE or not terms.needs:
            return called.NOBODY
        return await self.people.named(
            [need.group for need in terms.needs],
            without={found.order.requester.user_id},
            most=MOST_CALLED if terms.notify is Notify.PEOPLE else 0,
        )

    async def nudge(self, inbound: ports.Inbound, found: ports.Request) -> answers.Note:
        """Ask those who are missing once more, for the requester, within bounds."""
        now = self.clock.now()
        if found.order.requester.user_id != inbound.person.user_id:
            return await self._refuse(inbound, found, "Only the requester can nudge.")
        if found.state is not State.PENDING or now >= found.expires_at:
            said = late_clicks.sentence(found, now)
            return await self._refuse(inbound, found, said)
        asked = await self.missing(found)

        def work(tx: ports.Tx) -> float:
            last = tx.audit_rows(request_id=found.id, event=NUDGED, limit=1)
            wait_s = float(last[0]["at"]) + NUDGE_EVERY_S - now if last else 0.0
            if wait_s > 0:
                return wait_s
            auditing.row(tx, inbound, NUDGED, found, now, {"asked": asked.people})
            body = {"event": "nudged", "user": inbound.person.user_id, **asked.body}
            tx.say(found.id, "reply", body, key=f"nudged:{inbound.key}", at=now)
            return 0.0

        wait_s = await self.store.write(work)
        if wait_s:
            minutes = int(-(-wait_s // 60))
            said = f"They were asked a moment ago; nudge again in {minutes} min."
            return await self._refuse(inbound, found, said)
        return answers.Note("Asked them again in the thread.")

    async def _refuse(
        self, inbound: ports.Inbound, found: ports.Request, said: str
    ) -> answers.Note:
        """Audit and say why nobody was asked."""
        await self.attempts.refused(inbound, "nudge.refused", found, why=said)
        return answers.Note(said, good=False, people=late_clicks.people(found))
