"""Approve: rights are read after the click, and what the clicks add up to decides."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from bot.power import errors, ports
from bot.power.approval import approval, quorum
from bot.power.approval.approval import Refusal
from bot.power.lifecycle import State
from bot.power.policy import policy
from bot.power.run import endings, losses
from bot.workflow import answers, freezing
from bot.workflow.rights import (
    auditing,
    entitling,
    granting,
    people,
    refusing,
    rejudging,
    unseen,
)


@dataclasses.dataclass(frozen=True)
class Approving:
    """Counts a yes, or says whose it isn't to give."""

    store: ports.RequestStore
    people: people.People
    may: entitling.Entitling
    refusing: refusing.Refusing
    rejudging: rejudging.Rejudging
    policy: Callable[[], policy.Policy]
    clock: ports.Clock
    power: ports.PowerApi
    grants: granting.Granting

    async def approve(self, inbound: ports.Inbound, found: ports.Request) -> answers.Answer:
        """Count a person's yes, if it is theirs to give; the last one starts the run.

        Raises:
            SlackUnavailable: the person, or an edited policy, could not be checked.
        """
        while True:
            checked = await self.may.check(inbound, found, found.approvals)
            if problem := await self._overtaken(inbound, found, checked.decision):
                return await self._end_by_policy(inbound, found, problem)
            if not checked.decision.allowed:
                return await self.refusing.refuse(inbound, found, checked.decision)
            last = self._fills(inbound, found, checked)
            try:
                stands = await self.grants.at_approval(found, last=last)
            except errors.SlackUnavailable as error:
                return await self._not_checked(inbound, found, granting.unchecked(error))
            if stands.lost is not None:
                return await self._end_by_loss(inbound, found, stands.lost)
            answer = await self._write_approval(inbound, found.id, checked, stands)
            if isinstance(answer, answers.Note):
                return answer
            # Somebody else approved meanwhile, and has to be looked up as well.
            found = answer

    async def _write_approval(
        self,
        inbound: ports.Inbound,
        request_id: str,
        checked: entitling.Checked,
        stands: granting.Stands,
    ) -> answers.Note | ports.Request:
        """Write an approval in one transaction, or return the request that has moved on."""
        now = self.clock.now()
        return await self.store.write(
            lambda tx: self._approved(tx, inbound, request_id, checked, stands, now)
        )

    def _fills(
        self, inbound: ports.Inbound, found: ports.Request, checked: entitling.Checked
    ) -> bool:
        """Whether this person's yes would be the last that is wanted."""
        gone = {one.approval.person.user_id for one in self._lost(found, checked)}
        kept = [one for one in found.approvals if one.person.user_id not in gone]
        yes = ports.Approval(inbound.person, checked.decision.group, self.clock.now())
        return quorum.tally(found.plan.terms.needs, [*kept, yes], checked.roster).met

    async def _not_checked(
        self, inbound: ports.Inbound, found: ports.Request, said: str
    ) -> answers.Note:
        """Say and audit that Slack could not say what an approval depends on."""
        event, now = "approval.not_checked", self.clock.now()
        await self.store.write(
            lambda tx: auditing.row(tx, inbound, event, found, now, {"why": said})
        )
        return answers.Note(said, good=False)

    async def _end_by_loss(
        self, inbound: ports.Inbound, found: ports.Request, lost: losses.Lost
    ) -> answers.Note:
        """Refuse a pending request that doesn't stand any more as it was asked for."""
        now = self.clock.now()

        def work(tx: ports.Tx) -> answers.Note:
            if losses.end(tx, found, lost, now=now, click_of=inbound.person):
                return answers.Note(f"Not approved: {lost.sentence}.", good=False)
            return self.refusing.too_late(tx, inbound, tx.request(found.id) or found, now)

        return await self.store.write(work)

    # -- an edited policy

    async def _overtaken(
        self, inbound: ports.Inbound, found: ports.Request, decision: approval.Decision
    ) -> str:
        """Return why an edited policy ends this request.

        Only a click of somebody whom the plan or the edited policy has as an approver is an
        occasion to look: nobody else's click changes anything.
        """
        if found.state is not State.PENDING or not self.rejudging.changed(found):
            return ""
        if not decision.allowed and not await self._approves_now(inbound, decision):
            return ""
        return await self.rejudging.problem(found, self.power.latest())

    async def _approves_now(self, inbound: ports.Inbound, decision: approval.Decision) -> bool:
        """Whether an edited policy has this person as an approver of anything."""
        if decision.reason not in (Refusal.NOT_IN_GROUP, Refusal.NO_APPROVER):
            return False
        roster = await self.people.roster(sorted(self.policy().approver_groups))
        return any(inbound.person.user_id in who for who in roster.members.values())

    async def _end_by_policy(
        self, inbound: ports.Inbound, found: ports.Request, problem: str
    ) -> answers.Note:
        """Refuse a pending request that an edited policy doesn't allow any more."""
        versions = {"planned_under": found.plan.policy_version, "now": self.policy().version}
        detail = {**versions, "click_of": inbound.person.user_id}
        ending = endings.Ending(State.REFUSED, self.clock.now(), problem, detail=detail)
        await self.store.write(lambda tx: endings.end(tx, found, ending))
        return answers.Note(f"Not approved: {problem}.", good=False)

    # -- approve

    def _approved(
        self,
        tx: ports.Tx,
        inbound: ports.Inbound,
        request_id: str,
        checked: entitling.Checked,
        stands: granting.Stands,
        now: float,
    ) -> answers.Note | ports.Request:
        """Write an approval down, and the request as approved when it was the last one."""
        found = tx.request(request_id)
        if found is None:
            return answers.Note(f"There is no request {request_id} any more.", good=False)
        if found.state is not State.PENDING or now >= found.expires_at:
            return self.refusing.too_late(tx, inbound, found, now)
        given = {one.person.user_id for one in found.approvals}
        if inbound.person.user_id in given:
            said = "You have approved this already; it counts once."
            auditing.row(tx, inbound, "approval.refused", found, now, {"why": "already approved"})
            return answers.Note(said, good=False)
        if not given <= checked.about:
            return found
        if hidden := unseen.barring(tx, found):
            auditing.row(tx, inbound, "approval.held", found, now, {"why": hidden})
            return answers.Note(hidden, good=False)
        lost = self._lost(found, checked)
        if held := self._doubt(lost):
            auditing.row(tx, inbound, "approval.not_checked", found, now, {"why": held})
            return answers.Note(held, good=False)
        return self._count(tx, inbound, found, checked, stands, lost, now)

    def _count(
        self,
        tx: ports.Tx,
        inbound: ports.Inbound,
        found: ports.Request,
        checked: entitling.Checked,
        stands: granting.Stands,
        lost: tuple[approval.Lost, ...],
        now: float,
    ) -> answers.Note | ports.Request:
        """Add an approval to those that still count, and start the run when it is the last."""
        decision = checked.decision
        yes = ports.Approval(
            inbound.person, decision.group, now, "", decision.evidence, found.order.seal
        )
        gone = {one.approval.person.user_id for one in lost}
        kept = [one for one in found.approvals if one.person.user_id not in gone]
        tally = quorum.tally(found.plan.terms.needs, [*kept, yes], checked.roster)
        if tally.met and not stands.last:
            # Others have approved meanwhile, so this is the last one and is looked at as such.
            return found
        if tally.met and (frozen := freezing.holding(tx, self.policy(), found, now)):
            held = f"{frozen} It can't get its last approval now; press Approve again afterwards."
            auditing.row(tx, inbound, "approval.held", found, now, {"why": frozen})
            return answers.Note(held, good=False)
        self._withdraw(tx, inbound, found, lost, now)
        self._note_approval(tx, inbound, found, quorum.placed(yes, tally), tally, now)
        for one in kept:
            if (moved := quorum.placed(one, tally)) != one:
                tx.withdraw_approval(found.id, one.person.user_id)
                tx.approve(found.id, moved)
        if tally.met:
            self.start(tx, found, now)
        group = tally.places.get(inbound.person.user_id, decision.group)
        why = f"for {group} (you are {decision.evidence})"
        said = f"Approved {found.id} {why}. {tally.sentence}{stands.told}"
        return answers.Note(said, comment_on=found.id)

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
        detail = {
            "group": yes.group,
            "evidence": yes.evidence,
            "rules": list(found.plan.terms.rules),
            "seal": found.order.seal,
            "policy": self.policy().version,
            "comment": yes.comment,
            "places": dict(tally.places),
        }
        auditing.row(tx, inbound, "approval.given", found, now, detail)
        body = {
            "event": "approved",
            "user": yes.person.user_id,
            "group": yes.group,
            "comment": yes.comment,
            "summary": tally.sentence,
        }
        tx.say(found.id, "reply", body, key=f"approved:{yes.person.user_id}:{now}", at=now)
        tx.show_card(found.id, at=now)

    def _lost(self, found: ports.Request, checked: entitling.Checked) -> tuple[approval.Lost, ...]:
        """Return the earlier approvals that don't count any more, or can't be checked."""
        return approval.lost_approvals(
            found.approvals,
            found.plan.terms.needs,
            checked.roster,
            members=checked.members,
            team_id=self.people.team_id,
        )

    def _doubt(self, lost: tuple[approval.Lost, ...]) -> str:
        """Return what can't be decided because an earlier approval could not be checked."""
        doubt = [one for one in lost if one.reason is Refusal.NOT_CHECKED]
        if not doubt or doubt[0].lasting:
            return doubt[0].sentence if doubt else ""
        return f"{doubt[0].sentence} Press Approve again in a moment."

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
            auditing.row(tx, inbound, "approval.withdrawn", found, now, detail)

    @staticmethod
    def start(tx: ports.Tx, found: ports.Request, now: float) -> None:
        """Make a pending request approved; the runner takes it from there."""
        use_by = now + found.plan.terms.use_within_s
        tx.transition(found.id, State.PENDING, State.APPROVED, at=now, use_by=use_by, next_at=now)
