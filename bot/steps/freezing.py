"""The freeze switch, and what holds a request back at this moment."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from bot.power import answers, approval, judging, policy, ports, rights
from bot.steps import auditing, people


def holding(tx: ports.Tx, rules: policy.Policy, found: ports.Request, now: float) -> str:
    """Return the sentence of a freeze that holds this request back, or an empty text."""
    if reason := tx.frozen():
        return f"Everything is frozen: {reason}."
    freeze = judging.frozen_by(rules, found.order.action, now, found.plan.terms.overrides)
    return f'The policy\'s freeze "{freeze.name}" holds this back.' if freeze else ""


@dataclasses.dataclass(frozen=True)
class Freezing:
    """Turns the switch on and off, for those whom the policy names."""

    store: ports.RequestStore
    people: people.People
    policy: Callable[[], policy.Policy]
    clock: ports.Clock
    attempts: auditing.Attempts

    async def turn(self, inbound: ports.Inbound, reason: str) -> answers.Note:
        """Turn the freeze switch on (with a reason) or off (without).

        Raises:
            SlackUnavailable: the person could not be looked up.
        """
        event = "freeze.on" if reason else "freeze.off"
        if not reason and not await self.store.read(lambda tx: tx.frozen()):
            await self.attempts.refused(inbound, f"{event}.refused", why="there is no freeze")
            return answers.Note("There is no freeze to end.", good=False)
        decision = await self._decide(inbound, freezes=bool(reason))
        if not decision.allowed:
            await self.attempts.refused(inbound, f"{event}.refused", why=decision.sentence)
            return answers.Note(decision.sentence, good=False)
        now = self.clock.now()

        def work(tx: ports.Tx) -> None:
            tx.set_freeze(reason, user_id=inbound.person.user_id, at=now)
            detail = {"why": reason, "group": decision.group}
            auditing.row(tx, inbound, event, None, now, detail)

        await self.store.write(work)
        return answers.Note("Frozen: nothing new leaves." if reason else "The freeze is over.")

    async def _decide(self, inbound: ports.Inbound, *, freezes: bool) -> approval.Decision:
        """Decide by the groups that a person is in now."""
        rules = self.policy()
        if freezes:
            return await self._may_freeze(inbound)
        member = await self.people.directory.member(inbound.person.user_id)
        roster = await self.people.roster(rules.people.keys())
        mine = {group for group, who in roster.members.items() if member.user_id in who}
        return rights.may_unfreeze(
            member, rules, mine, team_id=self.people.team_id, unread=roster.unreadable
        )

    async def _may_freeze(self, inbound: ports.Inbound) -> approval.Decision:
        """Decide about a freeze, which doesn't wait for Slack; who this is was settled before."""
        rules, user_id = self.policy(), inbound.person.user_id
        roster = await self.people.roster_for_no(rules.people.keys(), user_id)
        return rights.may_freeze(
            rules,
            {group for group, who in roster.members.items() if user_id in who},
            channel_id=inbound.place.channel_id,
            unread=roster.unreadable,
        )
