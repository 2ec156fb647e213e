"""Approvals: who may give them is read after the click, and what they add up to decides.

A look-up that fails refuses as "could not be checked"; nobody is let in by a failure.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

from bot import people, rejudging
from bot.power import answers, approval, judging, policy, ports, quorum, request, rights
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
    """What was read from Slack for one approval: the decision, and what the others still are.

    `about` are the earlier approvers who were looked up, readable or not.
    """

    decision: approval.Decision
    roster: quorum.Roster
    members: Mapping[str, ports.Member]
    about: frozenset[str] = frozenset()


@dataclasses.dataclass(frozen=True)
class Reviewing:
    """Approve, deny, freeze: everything that needs somebody's right."""

    store: ports.RequestStore
    people: people.People
    policy: Callable[[], policy.Policy]
    clock: ports.Clock
    power: ports.PowerApi
    rejudging: rejudging.Rejudging

    async def approve(self, inbound: ports.Inbound, found: ports.Request) -> answers.Answer:
        """Count a person's yes, if it is theirs to give; the last one starts the run.

        Raises:
            SlackUnavailable: the person could not be looked up.
        """
        problem = await self.rejudging.problem(found, self.power.latest())
        if problem and found.state is State.PENDING:
            return await self._end_by_policy(inbound, found, problem)
        while True:
            checked = await self._check(inbound, found, found.approvals)
            if not checked.decision.allowed:
                return await self._refuse(inbound, found, "approval.refused", checked.decision)
            answer = await self._write_approval(inbound, found.id, checked)
            if isinstance(answer, answers.Note):
                return answer
            # Somebody else approved meanwhile, and has to be looked up as well.
            found = answer

    async def _write_approval(
        self, inbound: ports.Inbound, request_id: str, checked: Checked
    ) -> answers.Note | ports.Request:
        """Write an approval in one transaction, or return the request that has moved on."""
        now = self.clock.now()
        return await self.store.write(
            lambda tx: self._approved(tx, inbound, request_id, checked, now)
        )

    async def _end_by_policy(
        self, inbound: ports.Inbound, found: ports.Request, problem: str
    ) -> answers.Note:
        """Refuse a pending request that an edited policy doesn't allow any more."""
        now = self.clock.now()
        versions = f"{found.plan.policy_version} -> {self.policy().version}"

        def work(tx: ports.Tx) -> None:
            if tx.transition(found.id, State.PENDING, State.REFUSED, at=now, reason=problem):
                body = {"event": "refused", "reason": problem}
                tx.say(found.id, "reply", body, key="ended", at=now)
                tx.show_card(found.id, at=now)
                detail = {"why": problem, "policy": versions}
                audit(tx, inbound, "request.refused", found.id, now, detail)

        await self.store.write(work)
        return answers.Note(f"Not approved: {problem}.", good=False)

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
        return Checked(decision, roster, members, frozenset(one.person.user_id for one in given))

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
    ) -> answers.Note | ports.Request:
        """Write an approval down, and the request as approved when it was the last one."""
        found = tx.request(request_id)
        if found is None or found.state is not State.PENDING or now >= found.expires_at:
            return answers.Note(settled_sentence(found) if found else "It is gone.", good=False)
        if any(one.person.user_id not in checked.about for one in found.approvals):
            return found
        yes = ports.Approval(
            inbound.person,
            checked.decision.group,
            now,
            comment=str(inbound.body.get("comment", ""))[:500],
            evidence=checked.decision.evidence,
        )
        if inbound.person.user_id in checked.about:
            return answers.Note("You have approved this already; it counts once.", good=False)
        lost = self._lost(found, checked)
        if doubt := [one for one in lost if one.reason is approval.Refusal.NOT_CHECKED]:
            again = f"{doubt[0].sentence} Press Approve again in a moment."
            audit(tx, inbound, "approval.not_checked", request_id, now, {"why": again})
            return answers.Note(again, good=False)
        gone = {one.approval.person.user_id for one in lost}
        counted = [one for one in (*found.approvals, yes) if one.person.user_id not in gone]
        tally = quorum.tally(found.plan.terms.needs, counted, checked.roster)
        if tally.met and (frozen := self._frozen(tx, found, now)):
            held = f"{frozen} It can't get its last approval now; press Approve again afterwards."
            audit(tx, inbound, "approval.held", request_id, now, {"why": frozen})
            return answers.Note(held, good=False)
        self._withdraw(tx, inbound, found, lost, now)
        self._note_approval(tx, inbound, found, yes, tally, now)
        if tally.met:
            self._start(tx, found, now)
        return answers.Note(f"Approved {request_id}. {tally.sentence}")

    def _note_approval(
        self,
        tx: ports.Tx,
        inbound: ports.Inbound,
        found: ports.Request,
        yes: ports.Approval,
        tally: quorum.Tally,
        now: float,
    ) -> None:
        """Store an approval, and say and audit it with its evidence."""
        tx.approve(found.id, yes)
        detail = {"group": yes.group, "evidence": yes.evidence, "seal": found.order.seal}
        audit(tx, inbound, "approval.given", found.id, now, detail)
        body = {
            "event": "approved",
            "user": yes.person.user_id,
            "group": yes.group,
            "comment": yes.comment,
            "summary": tally.sentence,
        }
        tx.say(found.id, "reply", body, key=f"approved:{yes.person.user_id}:{now}", at=now)
        tx.show_card(found.id, at=now)

    def _frozen(self, tx: ports.Tx, found: ports.Request, now: float) -> str:
        """Return the sentence of a freeze that holds this request back, or an empty text."""
        if reason := tx.frozen():
            return f"Everything is frozen: {reason}."
        terms, action = found.plan.terms, found.order.action
        freeze = judging.frozen_by(self.policy(), action, now, terms.overrides)
        return f'The policy\'s freeze "{freeze.name}" holds this back.' if freeze else ""

    def _lost(self, found: ports.Request, checked: Checked) -> tuple[approval.Lost, ...]:
        """Return the earlier approvals that don't count any more, or can't be checked."""
        return approval.lost_approvals(
            found.approvals,
            found.plan.terms.needs,
            checked.roster,
            members=checked.members,
            team_id=self.people.team_id,
        )

    def _withdraw(
        self,
        tx: ports.Tx,
        inbound: ports.Inbound,
        found: ports.Request,
        lost: tuple[approval.Lost, ...],
        now: float,
    ) -> None:
        """Take away approvals whose right is lost, and say and audit each."""
        for one in lost:
            user_id = one.approval.person.user_id
            tx.withdraw_approval(found.id, user_id)
            body = {"event": "approval_lost", "users": [user_id], "reason": one.reason.value}
            tx.say(found.id, "reply", body, key=f"lost:{user_id}:{now}", at=now)
            detail = {"user": user_id, "why": one.sentence}
            audit(tx, inbound, "approval.withdrawn", found.id, now, detail)

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
        if not reason and not await self.store.read(lambda tx: tx.frozen()):
            return answers.Note("There is no freeze to end.", good=False)
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
