"""Deny, and the words that people add to their decisions."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from bot.power import inputs, lifecycle, ports, request
from bot.power.approval import approval, quorum
from bot.power.lifecycle import State
from bot.power.policy import policy
from bot.power.run import endings
from bot.workflow import answers
from bot.workflow.rights import auditing, entitling, people, refusing, words

COMMENTED = "request.commented"


@dataclasses.dataclass(frozen=True)
class Reviewing:
    """What people with an approver's right do besides approving."""

    store: ports.RequestStore
    people: people.People
    may: entitling.Entitling
    refusing: refusing.Refusing
    policy: Callable[[], policy.Policy]
    clock: ports.Clock

    async def deny(self, inbound: ports.Inbound, found: ports.Request) -> answers.Answer:
        """End a request by a no, from somebody who might have said yes; the form asks why."""
        decision = await self.may.deny(inbound, found)
        if not decision.allowed:
            return await self.refusing.refuse(inbound, found, decision)
        reason = words.reason(inbound.input)
        needed = found.plan.terms.deny_reason
        if not reason and (needed or not isinstance(inbound.input, inputs.FormSent)):
            if late := await self._late(inbound, found):
                return late
            return answers.ReasonWanted(found.id, needed)
        now = self.clock.now()

        def work(tx: ports.Tx) -> answers.Note:
            newest = tx.request(found.id) or found
            if newest.state is not State.PENDING or now >= newest.expires_at:
                return self.refusing.too_late(tx, inbound, newest, now)
            endings.end(tx, newest, self._denial(inbound, decision, reason, now))
            return answers.Note(f"Denied {found.id}.", comment_on="" if reason else found.id)

        return await self.store.write(work)

    async def _late(self, inbound: ports.Inbound, found: ports.Request) -> answers.Note | None:
        """Say at once that there is nothing to deny any more, before anybody writes why."""
        now = self.clock.now()
        if found.state is State.PENDING and now < found.expires_at:
            return None
        return await self.store.write(lambda tx: self.refusing.too_late(tx, inbound, found, now))

    def _denial(
        self, inbound: ports.Inbound, decision: approval.Decision, reason: str, now: float
    ) -> endings.Ending:
        """Return the end that a no brings."""
        by = f"denied by {inbound.person.user_id}"
        return endings.Ending(
            State.DENIED,
            now,
            f"{by}: {reason}" if reason else by,
            said=reason,
            person=inbound.person,
            detail={"payload": inbound.key, "group": decision.group, "evidence": decision.evidence},
        )

    async def comment(self, inbound: ports.Inbound, found: ports.Request) -> answers.Answer:
        """Add words to one's own decision, once; the thread and the audit have them."""
        user_id = inbound.person.user_id
        if not _decided(found, user_id):
            said = f"Only who has approved or denied {found.id} can add words; write in its thread."
            return await self._not_added(inbound, found, said)
        comment = words.comment(inbound.input)
        if not comment:
            return answers.CommentWanted(found.id)
        now = self.clock.now()

        def work(tx: ports.Tx) -> bool:
            if tx.acted(found.id, user_id, (COMMENTED,)):
                return False
            for given in found.approvals:
                if given.person.user_id == user_id:
                    tx.withdraw_approval(found.id, user_id)
                    tx.approve(found.id, dataclasses.replace(given, comment=comment))
            auditing.row(tx, inbound, COMMENTED, found, now, {"comment": comment})
            body = {"event": "commented", "user": user_id, "comment": comment}
            tx.say(found.id, "reply", body, key=f"commented:{user_id}", at=now)
            tx.show_card(found.id, at=now)
            return True

        if await self.store.write(work):
            return answers.Note("Your words stand in the thread.")
        said = "You have commented on it already; say more in its thread."
        return await self._not_added(inbound, found, said)

    async def _not_added(
        self, inbound: ports.Inbound, found: ports.Request, said: str
    ) -> answers.Note:
        """Audit and say that a comment was not taken."""
        await self.refusing.attempts.refused(inbound, "comment.refused", found, why=said)
        return answers.Note(said, good=False)

    async def roster(self) -> quorum.Roster:
        """Return who is in the groups of the policy now."""
        return await self.people.roster(self.policy().people.keys())

    async def waits_for(self, person: request.Person) -> Callable[[ports.Request], bool]:
        """Return the test whether a request waits for this person's approval, or review."""
        return self.waits(person, await self.roster())

    @staticmethod
    def waits(person: request.Person, roster: quorum.Roster) -> Callable[[ports.Request], bool]:
        """Return the test by a roster that is known."""

        def waits(found: ports.Request) -> bool:
            if found.review is not None and found.state in lifecycle.ENDED:
                owed = found.review
                may = any(person.user_id in roster.members.get(one, {}) for one in owed.groups)
                return not owed.closed_at and person.user_id != owed.breaker and may
            needs = found.plan.terms.needs
            given = {one.person.user_id for one in found.approvals}
            return (
                found.state is State.PENDING
                and person.user_id != found.order.requester.user_id
                and person.user_id not in given
                and bool(roster.groups_of(person.user_id, needs))
            )

        return waits


def _decided(found: ports.Request, user_id: str) -> bool:
    """Whether this person's decision stands on the request."""
    approved = any(one.person.user_id == user_id for one in found.approvals)
    return approved or found.ended_by == user_id
