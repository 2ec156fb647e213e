"""From a plan to a request: remembered, shown, and asked for while the world still fits it."""

from __future__ import annotations

import dataclasses
import random

from bot.power import inputs, plan, ports, request
from bot.power.lifecycle import State
from bot.power.run import endings
from bot.power.text import folding, typography
from bot.workflow import answers, approving, break_glass, nudging, planner, ticking
from bot.workflow.rights import auditing, called, reading, refusing

NOT_ASKED = "request.refused_to_ask"
# What the audit row of a refused plan holds at most, in characters; and from how many names.
NAMES_CHARS = 500
MOST_NAMES = 1000
MOST_WHYS = 10
# A person's plans that were not asked for yet: the oldest give way.
MOST_PLANS = 20


@dataclasses.dataclass(frozen=True, slots=True)
class Names:
    """Whom the thread of a new request calls: to approve it, and to review it later."""

    approvers: called.Called = called.NOBODY
    reviewers: called.Called = called.NOBODY


@dataclasses.dataclass(frozen=True)
class Asking:
    """Turns plans into requests."""

    store: ports.RequestStore
    reading: reading.Reading
    planner: planner.Planner
    approving: approving.Approving
    glass: break_glass.BreakGlass
    refusing: refusing.Refusing
    clock: ports.Clock
    nudging: nudging.Nudging

    async def remember(self, inbound: ports.Inbound, made: plan.Plan) -> answers.PlanShown:
        """Store a plan that may be asked for, and show it.

        The same payload, worked on again after a crash, finds the plan of the first time.
        """
        now = self.clock.now()

        def work(tx: ports.Tx) -> ports.Request:
            while (stored := tx.by_source(inbound.key)) is None:
                id_ = request.request_id(random.SystemRandom().getrandbits(64))
                until = now + ticking.PLAN_LIVES_S
                new = ports.Request(id_, State.PLANNED, made, now, now, expires_at=until)
                if _unused(tx, id_) and tx.create(new, source_key=inbound.key):
                    tx.keep_newest_plans(inbound.person.user_id, most=MOST_PLANS, but=id_)
                    self._audit(tx, inbound, "request.planned", new, seal=made.order.seal)
            return stored

        if made.refusals:
            await self._note_refusal(inbound, made)
            return answers.PlanShown(made, "", now)
        stored = await self.store.write(work)
        return answers.PlanShown(stored.plan, stored.id, now)

    async def _note_refusal(self, inbound: ports.Inbound, made: plan.Plan) -> None:
        """Audit a plan that may not be asked for: how many servers, and their names folded."""
        names = folding.fold([line.name for line in made.lines[:MOST_NAMES]])
        entry = ports.AuditEntry(
            "plan.refused",
            self.clock.now(),
            person=inbound.person,
            channel_id=inbound.place.channel_id,
            detail={
                "payload": inbound.key,
                "action": made.order.action.value,
                "servers": len(made.lines),
                "names": names[:NAMES_CHARS],
                "why": [one[:NAMES_CHARS] for one in made.refusals[:MOST_WHYS]],
                "rules": list(made.terms.rules),
            },
        )
        await self.store.write(lambda tx: tx.audit(entry))

    async def ask(self, inbound: ports.Inbound, found: ports.Request) -> answers.Answer:
        """Turn a plan into a request, if the world still fits it and the count was typed."""
        if found.order.requester.user_id != inbound.person.user_id:
            said = "Only the person who made this plan can ask for it."
            return await self.refusing.say(inbound, NOT_ASKED, found, said)
        if found.state is not State.PLANNED:
            return dataclasses.replace(await self.refusing.late(inbound, found), over=True)
        if self.clock.now() >= found.expires_at:
            age = int((self.clock.now() - found.created_at) // 60)
            said = f"This plan is {age} minutes old, so nothing was asked."
            note = await self.refusing.say(inbound, NOT_ASKED, found, said)
            return dataclasses.replace(note, over=True, plan_again=found.id)
        count = len(found.order.targets)
        if found.plan.terms.confirm_count:
            if not isinstance(inbound.input, inputs.FormSent):
                at_once = found.order.options.break_glass and not found.plan.terms.needs
                return answers.CountWanted(found.id, count, found.order.action, at_once)
            if typography.plain(inbound.input.count) != str(count):
                said = "That isn't the number of servers in the plan."
                return await self.refusing.say(inbound, NOT_ASKED, found, said)
        # Nobody looks after the one who breaks glass, so that what the plan was made on is too old.
        glass = found.order.options.break_glass
        snapshot = await self.reading.inventory(age_s=0.0 if glass else reading.FRESH_S)
        misfit = await self.planner.misfit(inbound, found.plan, snapshot)
        names = Names() if misfit else await self._names(found)
        return await self.store.write(lambda tx: self._asked(tx, inbound, found, misfit, names))

    async def _names(self, found: ports.Request) -> Names:
        """Return whom the thread of a request calls at its start."""
        glass = found.order.options.break_glass
        reviewers = await self.glass.reviewers(found) if glass else called.NOBODY
        return Names(await self.nudging.at_start(found), reviewers)

    def _asked(
        self,
        tx: ports.Tx,
        inbound: ports.Inbound,
        found: ports.Request,
        misfit: str,
        names: Names,
    ) -> answers.Answer:
        """Write a request down as pending, or as refused when it doesn't fit any more."""
        terms, now = found.plan.terms, self.clock.now()
        misfit = misfit or self.planner.overtaken(tx, found.plan, now)
        if misfit:
            if tx.transition(found.id, State.PLANNED, State.REFUSED, at=now, reason=misfit):
                self._audit(tx, inbound, "request.refused", found, why=misfit, servers=True)
                endings.tell_step(tx, found, State.REFUSED, now)
            return answers.Note(f"Not asked: {misfit}", good=False, over=True, plan_again=found.id)
        expires_at = now + terms.expires_s
        won = tx.transition(
            found.id,
            State.PLANNED,
            State.PENDING,
            at=now,
            expires_at=expires_at,
            next_at=min(expires_at, now + terms.remind_s),
        )
        if not won:
            return self.refusing.too_late(tx, inbound, tx.request(found.id) or found, now)
        tx.set_card(found.id, ports.Card(found.order.place.channel_id))
        tx.show_card(found.id, at=now)
        sealed = {**_sealed(found.plan), "plan": tx.plan_digest(found.id)}
        self._audit(tx, inbound, "request.pending", found, **sealed, servers=True)
        if found.order.options.break_glass:
            self.glass.announce(tx, inbound, found, names.reviewers, now)
        if names.approvers.people:
            body = {"event": "asked", **names.approvers.body}
            tx.say(found.id, "reply", body, key="asked", at=now)
        if not terms.needs:
            self.approving.start(tx, found, now)
        nudge_for = found.id if terms.needs else ""
        return answers.Note(f"Asked as {found.id}.", nudge_for=nudge_for)

    def _audit(
        self,
        tx: ports.Tx,
        inbound: ports.Inbound,
        event: str,
        found: ports.Request,
        *,
        servers: bool = False,
        **detail: object,
    ) -> None:
        """Append one row for what a person did."""
        auditing.row(tx, inbound, event, found, self.clock.now(), detail, servers=servers)


def _sealed(made: plan.Plan) -> dict[str, object]:
    """Return what the row of a request that was asked says of it."""
    return {
        "action": made.order.action.value,
        "seal": made.order.seal,
        "rules": list(made.terms.rules),
        "needs": {need.group: need.count for need in made.terms.needs},
        "counted": made.terms.counted,
        "policy": made.policy_version,
        "why": made.order.reason,
    }


def _unused(tx: ports.Tx, id_: str) -> bool:
    """Whether no request has this id, nor had it before its details were forgotten."""
    return tx.request(id_) is None and not tx.audit_rows(request_id=id_, limit=1)
