"""Approvals: who may give them is read after the click, and what they add up to decides.

A look-up that fails refuses as "could not be checked"; nobody is let in by a failure.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

from bot import people
from bot.power import answers, approval, policy, ports, quorum, request, rights
from bot.power.lifecycle import State

WORDS = {
    State.PLANNED: "hasn't been asked for yet",
    State.PENDING: "waits for approval",
    State.APPROVED: "is approved already",
    State.RUNNING: "is running already",
}


def settled_sentence(found: ports.Request) -> str:
    """Say what a request is now, to somebody whose click came too late or too early."""
    words = WORDS.get(found.state, f"has ended already: {found.state.value}")
    why = f" ({found.end_reason})" if found.end_reason else ""
    by = ", ".join(f"{one.person.user_id}" for one in found.approvals)
    approved = f"; approved by {by}" if by and found.state is not State.PENDING else ""
    return f"{found.id} {words}{why}{approved}."


def audit(
    tx: ports.Tx,
    inbound: ports.Inbound,
    event: str,
    request_id: str,
    now: float,
    detail: Mapping[str, str],
) -> None:
    """Append one row for what a person did, or tried to do."""
    tx.audit(
        ports.AuditEntry(
            event=event,
            at=now,
            request_id=request_id,
            person=inbound.person,
            channel_id=inbound.place.channel_id,
            detail={"payload": inbound.key, **detail},
        )
    )


@dataclasses.dataclass(frozen=True, slots=True)
class Checked:
    """What was read from Slack for one approval: the decision, and what the others still are."""

    decision: approval.Decision
    roster: quorum.Roster
    members: Mapping[str, ports.Member]


@dataclasses.dataclass(frozen=True)
class Reviewing:
    """Approve, deny, freeze: everything that needs somebody's right."""

    store: ports.RequestStore
    people: people.People
    policy: Callable[[], policy.Policy]
    clock: ports.Clock

    async def approve(self, inbound: ports.Inbound, found: ports.Request) -> answers.Answer:
        """Count a person's yes, if it is theirs to give; the last one starts the run.

        Raises:
            SlackUnavailable: the person could not be looked up.
        """
        checked = await self._check(inbound, found, found.approvals)
        if not checked.decision.allowed:
            return await self._refuse(inbound, found, "approval.refused", checked.decision)
        now = self.clock.now()
        return await self.store.write(
            lambda tx: self._approved(tx, inbound, found.id, checked, now)
        )

    async def _check(
        self, inbound: ports.Inbound, found: ports.Request, given: tuple[ports.Approval, ...]
    ) -> Checked:
        """Read what decides whether this person may, nothing before it is needed."""
        early = approval.refuse_early(
            inbound.person,
            found.order.requester,
            given,
            team_id=self.people.team_id,
            state=found.state,
            now=self.clock.now(),
            expires_at=found.expires_at,
        )
        if early is not None:
            return Checked(early, quorum.Roster({}), {})
        needs = found.plan.terms.needs
        member = await self.people.directory.member(inbound.person.user_id)
        roster = await self.people.roster([need.group for need in needs])
        members = await self.people.members(one.person.user_id for one in given)
        decision = approval.decide(
            member,
            found.order.requester,
            found.plan.terms,
            given,
            roster,
            team_id=self.people.team_id,
            state=found.state,
            now=self.clock.now(),
            expires_at=found.expires_at,
        )
        return Checked(decision, roster, members)

    async def _refuse(
        self,
        inbound: ports.Inbound,
        found: ports.Request,
        event: str,
        decision: approval.Decision,
    ) -> answers.Note:
        """Audit a refusal with its reason, and say it."""
        reason = decision.reason.value if decision.reason else ""
        if decision.reason is approval.Refusal.SETTLED:
            decision = dataclasses.replace(decision, sentence=settled_sentence(found))
        await self.note(inbound, event, found.id, why=reason)
        return answers.Note(decision.sentence, good=False)

    def _approved(
        self, tx: ports.Tx, inbound: ports.Inbound, request_id: str, checked: Checked, now: float
    ) -> answers.Note:
        """Write an approval down, and the request as approved when it was the last one."""
        found = tx.request(request_id)
        if found is None or found.state is not State.PENDING or now >= found.expires_at:
            return answers.Note(settled_sentence(found) if found else "It is gone.", good=False)
        yes = ports.Approval(
            inbound.person,
            checked.decision.group,
            now,
            comment=str(inbound.body.get("comment", ""))[:500],
            evidence=checked.decision.evidence,
        )
        if not tx.approve(request_id, yes):
            return answers.Note("You have approved this already; it counts once.", good=False)
        lost = self._withdraw_lost(tx, found, checked, now)
        needs = found.plan.terms.needs
        counted = [one for one in (*found.approvals, yes) if one.person.user_id not in lost]
        tally = quorum.tally(needs, counted, checked.roster)
        audit(
            tx,
            inbound,
            "approval.given",
            request_id,
            now,
            {"group": yes.group, "evidence": yes.evidence, "seal": found.order.seal},
        )
        body = {
            "event": "approved",
            "user": yes.person.user_id,
            "group": yes.group,
            "comment": yes.comment,
            "summary": tally.sentence,
        }
        tx.say(request_id, "reply", body, key=f"approved:{yes.person.user_id}", at=now)
        tx.show_card(request_id, at=now)
        if tally.met:
            self._start(tx, found, now)
        return answers.Note(f"Approved {request_id}. {tally.sentence}")

    def _withdraw_lost(
        self, tx: ports.Tx, found: ports.Request, checked: Checked, now: float
    ) -> set[str]:
        """Take away earlier approvals whose right is lost, and say so in the thread."""
        lost = approval.lost_approvals(
            found.approvals,
            found.plan.terms.needs,
            checked.roster,
            members=checked.members,
            team_id=self.people.team_id,
        )
        users = [one.approval.person.user_id for one in lost]
        for user_id in users:
            tx.withdraw_approval(found.id, user_id)
        if users:
            body = {"event": "approval_lost", "users": users}
            tx.say(found.id, "reply", body, key=f"lost:{','.join(users)}", at=now)
        return set(users)

    def _start(self, tx: ports.Tx, found: ports.Request, now: float) -> None:
        """Make a pending request approved; the runner takes it from there."""
        use_by = now + found.plan.terms.use_within_s
        tx.transition(found.id, State.PENDING, State.APPROVED, at=now, use_by=use_by, next_at=now)

    def approve_alone(
        self, tx: ports.Tx, inbound: ports.Inbound, found: ports.Request, now: float
    ) -> None:
        """Start a request that needs nobody: by its rule, or by break glass, in public."""
        if found.order.options.break_glass:
            body = {"event": "break_glass", "user": inbound.person.user_id}
            tx.say(found.id, "reply", body, key="break_glass", at=now)
            audit(tx, inbound, "request.break_glass", found.id, now, {"why": found.order.reason})
        self._start(tx, found, now)

    async def deny(self, inbound: ports.Inbound, found: ports.Request) -> answers.Answer:
        """End a request by a no, from somebody who might have said yes.

        Raises:
            SlackUnavailable: the person could not be looked up.
        """
        checked = await self._check(inbound, found, ())
        if not checked.decision.allowed:
            return await self._refuse(inbound, found, "denial.refused", checked.decision)
        reason = str(inbound.body.get("reason", "")).strip()[:500]
        if found.plan.terms.deny_reason and not reason:
            return answers.ReasonWanted(found.id)
        now, user_id = self.clock.now(), inbound.person.user_id

        def work(tx: ports.Tx) -> answers.Note:
            won = tx.transition(
                found.id, State.PENDING, State.DENIED, at=now, reason=f"denied by {user_id}"
            )
            if not won:
                return answers.Note(settled_sentence(tx.request(found.id) or found), good=False)
            body = {"event": "denied", "user": user_id, "reason": reason}
            tx.say(found.id, "reply", body, key="ended", at=now)
            tx.show_card(found.id, at=now)
            audit(tx, inbound, "request.denied", found.id, now, {"why": reason})
            return answers.Note(f"Denied {found.id}.")

        return await self.store.write(work)

    async def freeze(self, inbound: ports.Inbound, reason: str) -> answers.Answer:
        """Turn the freeze switch on (with a reason) or off (without).

        Raises:
            SlackUnavailable: the person could not be looked up.
        """
        member = await self.people.directory.member(inbound.person.user_id)
        roster = await self.people.roster(self.policy().people.keys())
        mine = {group for group, who in roster.members.items() if member.user_id in who}
        if reason:
            decision = rights.may_freeze(
                member,
                self.policy(),
                mine,
                team_id=self.people.team_id,
                channel_id=inbound.place.channel_id,
                unread=roster.unreadable,
            )
        else:
            decision = rights.may_unfreeze(
                member,
                self.policy(),
                mine,
                team_id=self.people.team_id,
                unread=roster.unreadable,
            )
        event = "freeze.on" if reason else "freeze.off"
        if not decision.allowed:
            await self.note(inbound, f"{event}.refused", "", why=decision.sentence)
            return answers.Note(decision.sentence, good=False)
        now = self.clock.now()

        def work(tx: ports.Tx) -> None:
            tx.set_freeze(reason, user_id=inbound.person.user_id, at=now)
            audit(tx, inbound, event, "", now, {"why": reason})

        await self.store.write(work)
        return answers.Note("Frozen: nothing new leaves." if reason else "The freeze is over.")

    async def waits_for(self, person: request.Person) -> Callable[[ports.Request], bool]:
        """Return the test whether a request waits for this person's approval."""
        roster = await self.people.roster(self.policy().people.keys())

        def waits(found: ports.Request) -> bool:
            needs = found.plan.terms.needs
            given = {one.person.user_id for one in found.approvals}
            return (
                found.state is State.PENDING
                and person != found.order.requester
                and person.user_id not in given
                and bool(roster.groups_of(person.user_id, needs))
            )

        return waits

    async def note(self, inbound: ports.Inbound, event: str, request_id: str, *, why: str) -> None:
        """Audit something that was tried and refused."""
        now = self.clock.now()
        await self.store.write(lambda tx: audit(tx, inbound, event, request_id, now, {"why": why}))
