"""The story of a request, one step a function, in the order in which they happen.

submit -> ask -> review (approve or deny) -> the runner drives it; cancel, stop and time end it.
Each step reads what it needs, decides with `power`, and writes once: the change of state, the
audit row and the message to Slack are one transaction.
"""

from __future__ import annotations

import asyncio
import dataclasses
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog

from bot import (
    alarming,
    approving,
    auditing,
    break_glass,
    choosing,
    freezing,
    lookups,
    nudging,
    people,
    planner,
    reading,
    rejudging,
    reviewing,
    ticking,
)
from bot.power import (
    again,
    answers,
    command,
    endings,
    errors,
    form,
    lifecycle,
    offering,
    plan,
    ports,
    request,
    run,
)
from bot.power.lifecycle import State

log = structlog.get_logger()

# How often a request that a freeze holds back is looked at, in seconds.
FREEZE_LOOK_S = 2.0
# How long to wait before CloudDC or Slack is asked again, in seconds.
UNREAD_LOOK_S = 5.0


@dataclasses.dataclass(frozen=True)
class Workflow:
    """Carries every request from the first word to the runner, and answers the person."""

    store: ports.RequestStore
    people: people.People
    planner: planner.Planner
    reading: reading.Reading
    choosing: choosing.Choosing
    lookups: lookups.Lookups
    alarming: alarming.Alarming
    approving: approving.Approving
    reviewing: reviewing.Reviewing
    freezing: freezing.Freezing
    glass: break_glass.BreakGlass
    nudging: nudging.Nudging
    rejudging: rejudging.Rejudging
    attempts: auditing.Attempts
    execute: Callable[[run.Lease], Awaitable[None]]
    clock: ports.Clock
    wake: Callable[[], None] = lambda: None

    async def handle(self, inbound: ports.Inbound) -> answers.Answer | None:
        """Answer one payload that was stored before it was acknowledged.

        Raises:
            PowerbotError: the step could not be done; its sentence says why.
        """
        try:
            refused = await self._refused_at_once(inbound)
            return refused or await self._answer(inbound)
        except errors.SlackUnavailable as error:
            # Nobody is let in by a failure, and the button may be pressed again.
            did = str(inbound.body.get("do") or inbound.kind)
            why = error.user_message
            found = await self._named(inbound)
            await self.attempts.refused(inbound, "person.not_checked", found, did=did, why=why)
            return answers.Note(why, good=False)
        except errors.UserMistake as mistake:
            return answers.Mistake(mistake.problem, mistake.token, mistake.suggestion)
        finally:
            self.wake()

    async def offers(self, person: request.Person, typed: str) -> Sequence[offering.Offer]:
        """Return what fits what somebody has typed into the field for servers."""
        return await self.choosing.offers(person, typed)

    def problems(self, inbound: ports.Inbound) -> Mapping[form.Field, str]:
        """Return what is wrong with a request form, by field; it waits for nobody."""
        return self.choosing.read(inbound).problems

    async def _refused_at_once(self, inbound: ports.Inbound) -> answers.Note | None:
        """Refuse who may not use Powerbot at all; one's own approval, before any look-up."""
        found = await self._named(inbound)
        decides = inbound.body.get("do") in ("approve", "deny")
        if found and decides and (own := await self.approving.refusing.early(inbound, found)):
            return own
        may = await self.people.may_read(inbound.person)
        if may.allowed:
            return None
        why = may.reason.value if may.reason else ""
        did = str(inbound.body.get("do") or inbound.kind)
        await self.attempts.refused(
            inbound, "person.refused", found, did=did, why=why, said=may.sentence
        )
        return answers.Note(may.sentence, good=False)

    async def _named(self, inbound: ports.Inbound) -> ports.Request | None:
        """Return the request that a button or a form is of, if it is of one."""
        id_ = str(inbound.body.get("request_id") or "")
        return await self.store.read(lambda tx: tx.request(id_)) if id_ else None

    async def _answer(self, inbound: ports.Inbound) -> answers.Answer | None:
        """Tell words from forms and buttons, and all from somebody who opened the app's Home."""
        if inbound.kind == "home":
            return await self.home(inbound.person)
        if inbound.kind in ("command", "mention"):
            return await self.obey(inbound, command.parse(str(inbound.body["text"])))
        if inbound.kind == "shortcut":
            return await self.choosing.open(inbound)
        if "filled" in inbound.body:
            return await self.fill_in(inbound)
        return await self.pressed(inbound, await self.reading.one(str(inbound.body["request_id"])))

    async def pressed(
        self, inbound: ports.Inbound, shown: answers.RequestShown
    ) -> answers.Answer | None:
        """Do what a button of a request asks for."""
        found = shown.request
        match inbound.body.get("do"):
            case "request" | "confirm_count" | "review":
                return await self.ask(inbound, found)
            case "approve" | "deny" | "comment" | "verdict":
                return await self.decide(inbound, found)
            case "nudge":
                return await self.nudging.nudge(inbound, found)
            case "cancel":
                return await self.cancel(inbound, found)
            case "stop":
                return await self.stop(inbound, found)
            case "retry":
                return await self.repeat(inbound, again.retried(found.order, shown.servers), found)
            case "undo":
                return await self.repeat(inbound, again.undone(found.order, shown.servers), found)
            case "details":
                return shown
        return answers.Note("This button is no longer valid.", good=False)

    async def decide(self, inbound: ports.Inbound, found: ports.Request) -> answers.Answer:
        """Do what somebody with an approver's right asks for."""
        match inbound.body.get("do"):
            case "approve":
                return await self.approving.approve(inbound, found)
            case "deny":
                return await self.reviewing.deny(inbound, found)
            case "comment":
                return await self.reviewing.comment(inbound, found)
            case _:
                return await self.glass.review(inbound, found)

    async def obey(self, inbound: ports.Inbound, said: command.Command) -> answers.Answer:
        """Do what was typed.

        Raises:
            UserMistake: it names what doesn't exist.
        """
        refusal = await self.lookups.refusal(inbound, said)
        if refusal is not None:
            return refusal
        match said:
            case command.Change():
                return await self.submit(inbound, said)
            case command.Stop():
                return await self.stop(inbound, await self._find(said.request_id), said.reason)
            case command.Cancel():
                return await self.cancel(inbound, await self._find(said.request_id), said.reason)
            case command.Freeze():
                return await self.freezing.turn(inbound, said.reason)
            case command.Unfreeze():
                return await self.freezing.turn(inbound, "")
            case command.OpenForm() if inbound.body.get("view"):
                return await self.choosing.open(inbound)
            case _:
                return await self.lookups.answer(inbound, said)

    async def home(self, person: request.Person) -> answers.HomeShown:
        """Return what a person's Home shows now.

        Raises:
            StoreUnavailable: the record could not be read.
        """
        return await self.reading.home(person, await self.reviewing.waits_for(person))

    async def fill_in(self, inbound: ports.Inbound) -> answers.Answer:
        """Plan what a form asks for, as if it had been typed."""
        found = self.choosing.read(inbound)
        if found.change is None or found.problems:
            # The form has said so already; the policy may have changed since.
            return answers.Mistake(next(iter(found.problems.values()), "The form is empty."))
        return await self.submit(inbound, found.change)

    # -- submit

    async def submit(self, inbound: ports.Inbound, said: command.Change) -> answers.Answer:
        """Plan a change and show the plan to the person who typed it; nothing is asked yet.

        Raises:
            UserMistake: the targets can't be understood or name nothing.
        """
        snapshot = await self.reading.inventory()
        try:
            servers = self.reading.resolve(said.targets, snapshot)
        except errors.UserMistake as mistake:
            raise _with_whole_line(mistake, said) from None
        asked = self.planner.question(
            inbound,
            said.action,
            servers,
            options=said.options,
            reason=said.reason,
            typed=said.targets,
        )
        made, heard = await asyncio.gather(
            self.planner.make(asked, snapshot),
            self.alarming.hear([record.id for record in servers]),
        )
        if said.options.dry_run:
            return answers.PlanShown(made, "", asked.now, heard.alarms, heard.note)
        shown = await self._remember(inbound, made)
        return dataclasses.replace(shown, alarms=heard.alarms, alarms_note=heard.note)

    async def _remember(self, inbound: ports.Inbound, made: plan.Plan) -> answers.PlanShown:
        """Store a plan that may be asked for, and show it.

        The same payload, worked on again after a crash, finds the plan of the first time.
        """
        now = self.clock.now()

        def work(tx: ports.Tx) -> ports.Request:
            while (stored := tx.by_source(inbound.key)) is None:
                id_ = request.request_id(random.SystemRandom().getrandbits(64))
                until = now + ticking.PLAN_LIVES_S
                new = ports.Request(id_, State.PLANNED, made, now, now, expires_at=until)
                if tx.request(id_) is None and tx.create(new, source_key=inbound.key):
                    self._audit(tx, inbound, "request.planned", new, seal=made.order.seal)
            return stored

        if made.refusals:
            await self._note_refusal(inbound, made)
            return answers.PlanShown(made, "", now)
        stored = await self.store.write(work)
        return answers.PlanShown(stored.plan, stored.id, now)

    async def _note_refusal(self, inbound: ports.Inbound, made: plan.Plan) -> None:
        """Audit a plan that may not be asked for, with the servers that it named."""
        entry = ports.AuditEntry(
            "plan.refused",
            self.clock.now(),
            person=inbound.person,
            channel_id=inbound.place.channel_id,
            server_ids=[line.server_id for line in made.lines],
            detail={
                "payload": inbound.key,
                "action": made.order.action.value,
                "why": list(made.refusals),
                "rules": list(made.terms.rules),
            },
        )
        await self.store.write(lambda tx: tx.audit(entry))

    # -- ask

    async def ask(self, inbound: ports.Inbound, found: ports.Request) -> answers.Answer:
        """Turn a plan into a request, if the world still fits it and the count was typed."""
        if found.order.requester != inbound.person:
            said = "Only the person who made this plan can ask for it."
            return await self._refuse(inbound, "request.refused_to_ask", found, said)
        if found.state is not State.PLANNED:
            return await self._too_late(inbound, found)
        if self.clock.now() >= found.expires_at:
            said = "This plan is too old; type the command again."
            return await self._refuse(inbound, "request.refused_to_ask", found, said)
        count = len(found.order.targets)
        if found.plan.terms.confirm_count:
            if inbound.body.get("do") == "request":
                return answers.CountWanted(found.id, count, found.order.action)
            if str(inbound.body.get("count", "")).strip() != str(count):
                said = "That isn't the number of servers in the plan."
                return await self._refuse(inbound, "request.refused_to_ask", found, said)
        snapshot = await self.reading.inventory()
        misfit = await self.planner.misfit(inbound, found.plan, snapshot)
        reviewers = {}
        if found.order.options.break_glass and not misfit:
            reviewers = await self.glass.reviewers(found)
        return await self.store.write(lambda tx: self._asked(tx, inbound, found, misfit, reviewers))

    def _asked(
        self,
        tx: ports.Tx,
        inbound: ports.Inbound,
        found: ports.Request,
        misfit: str,
        reviewers: Mapping[str, Sequence[str]],
    ) -> answers.Answer:
        """Write a request down as pending, or as refused when it doesn't fit any more."""
        terms, now = found.plan.terms, self.clock.now()
        misfit = misfit or self.planner.overtaken(tx, found.plan, now)
        if misfit:
            if tx.transition(found.id, State.PLANNED, State.REFUSED, at=now, reason=misfit):
                self._audit(tx, inbound, "request.refused", found, why=misfit, servers=True)
                endings.tell_step(tx, found, State.REFUSED, now)
            return answers.Note(f"Not asked: {misfit}", good=False)
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
            return self._late(tx, inbound, tx.request(found.id) or found)
        tx.set_card(found.id, ports.Card(found.order.place.channel_id))
        tx.show_card(found.id, at=now)
        self._audit(tx, inbound, "request.pending", found, **_sealed(found.plan), servers=True)
        if found.order.options.break_glass:
            self.glass.announce(tx, inbound, found, reviewers, now)
        if not terms.needs:
            self.approving.start(tx, found, now)
        nudge_for = found.id if terms.needs else ""
        return answers.Note(f"Asked as {found.id}.", nudge_for=nudge_for)

    # -- cancel and stop

    async def cancel(
        self, inbound: ports.Inbound, found: ports.Request, reason: str = ""
    ) -> answers.Answer:
        """Take one's own request back, before its first call."""
        if found.order.requester != inbound.person:
            refusal = "Only the requester can cancel; an approver can deny, everybody can stop."
            return await self._refuse(inbound, "cancel.refused", found, refusal)
        return await self._end(inbound, found, State.CANCELLED, reason)

    async def stop(
        self, inbound: ports.Inbound, found: ports.Request, reason: str = ""
    ) -> answers.Answer:
        """Stop a running request: after this, no new call leaves. Needs no approval."""
        if found.state in (State.PLANNED, State.PENDING):
            return await self._nothing_to_stop(inbound, found)
        if found.state is not State.RUNNING:
            return await self._end(inbound, found, State.STOPPED, reason)
        now, user_id = self.clock.now(), inbound.person.user_id

        def work(tx: ports.Tx) -> bool:
            asked = tx.request_stop(found.id, user_id=user_id, reason=reason, at=now)
            if asked:
                body = {"event": "stop_asked", "user": user_id, "reason": reason}
                tx.say(found.id, "reply", body, key="stop", at=now)
                tx.show_card(found.id, at=now)
                self._audit(tx, inbound, "request.stop_asked", found, why=reason, servers=True)
            return asked

        if await self.store.write(work):
            return answers.Note(f"{found.id} sends nothing more; what was sent is watched.")
        return await self._too_late(inbound, await self._find(found.id))

    async def _nothing_to_stop(self, inbound: ports.Inbound, found: ports.Request) -> answers.Note:
        """Say that a request has sent nothing, and who may end it before it does."""
        said = (
            f"{found.id} has sent nothing, and sends nothing before it is approved: "
            "its requester can cancel it, and whoever may approve it can deny it."
        )
        return await self._refuse(inbound, "stop.refused", found, said)

    async def _end(
        self, inbound: ports.Inbound, found: ports.Request, end: State, said: str
    ) -> answers.Answer:
        """End a request that waits, if its state still allows it."""
        now, by = self.clock.now(), f"{end.value} by {inbound.person.user_id}"
        late = found.state is State.PENDING and now >= found.expires_at
        if late or end not in lifecycle.TRANSITIONS[found.state]:
            return await self._too_late(inbound, found)
        ending = endings.Ending(
            end,
            now,
            f"{by}: {said}" if said else by,
            said=said,
            person=inbound.person,
            detail={"payload": inbound.key},
        )
        if await self.store.write(lambda tx: endings.end(tx, found, ending)):
            return answers.Note(f"{found.id} is {end.value}.")
        return await self._too_late(inbound, await self._find(found.id))

    # -- again, and back

    async def repeat(
        self, inbound: ports.Inbound, wanted: again.Again, found: ports.Request
    ) -> answers.Answer:
        """Plan an action for exactly the servers that an earlier request has left to do."""
        snapshot = await self.reading.inventory()
        left = [snapshot.servers[i] for i in wanted.server_ids if i in snapshot.servers]
        if not left:
            return answers.Note(f"{found.id} has left nothing to do.", good=False)
        asked = self.planner.question(
            inbound,
            wanted.action,
            tuple(left),
            options=request.Options(incident=found.order.options.incident),
            reason=found.order.reason,
            retry_of=found.id,
        )
        return await self._remember(inbound, await self.planner.make(asked, snapshot))

    # -- what the clock does

    async def advance(self, lease: run.Lease) -> float | None:
        """Carry one claimed request on: forget, expire, remind, or drive its run.

        Returns when it must be looked at next (epoch seconds), None when it has ended.

        Raises:
            LostLease: another process carries it on.
        """
        id_ = lease.claim.request_id
        found = await self.store.read(lambda tx: tx.request(id_))
        next_at = None
        if found is not None and found.state is State.APPROVED:
            next_at = await self._begin(lease, found)
        elif found is not None and found.state is State.RUNNING:
            await self.execute(lease)
        elif found is not None:
            now = self.clock.now()
            waits = found.state is State.PENDING and now < found.expires_at
            asked = await self.nudging.missing(found) if waits else {}
            next_at = await self.store.write(lambda tx: ticking.tick(tx, id_, now, asked))
        self.wake()
        return next_at

    async def _begin(self, lease: run.Lease, found: ports.Request) -> float | None:
        """Start an approved request, unless a freeze or an edited policy is against it.

        While CloudDC or Slack can't be read it waits, until its time to be used is over.
        """
        now = self.clock.now()
        if now < found.use_by:
            try:
                snapshot = await self.reading.inventory()
                problem = await self.rejudging.problem(found, snapshot)
            except (errors.CloudError, errors.SlackUnavailable) as error:
                log.warning("begin.unread", request=found.id, why=error.user_message)
                return min(found.use_by, now + UNREAD_LOOK_S)
            if problem:
                await self.store.write(lambda tx: ticking.void(tx, found, problem, now))
                return None
            rules = self.rejudging.policy()
            if await self.store.read(lambda tx: freezing.holding(tx, rules, found, now)):
                return min(found.use_by, now + FREEZE_LOOK_S)
        await self.execute(lease)
        return None

    # -- shared

    async def _find(self, request_id: str) -> ports.Request:
        """Return a request.

        Raises:
            UserMistake: there is none of this id.
        """
        return (await self.reading.one(request_id)).request

    async def _refuse(
        self, inbound: ports.Inbound, event: str, found: ports.Request, said: str
    ) -> answers.Note:
        """Audit and say why nothing was done."""
        await self.attempts.refused(inbound, event, found, why=said)
        return answers.Note(said, good=False)

    async def _too_late(self, inbound: ports.Inbound, found: ports.Request) -> answers.Note:
        """Audit and say who or what was quicker."""
        return await self.store.write(lambda tx: self._late(tx, inbound, found))

    def _late(self, tx: ports.Tx, inbound: ports.Inbound, found: ports.Request) -> answers.Note:
        """Audit and say who or what was quicker, in a transaction that is under way."""
        return self.approving.refusing.too_late(tx, inbound, found, self.clock.now())

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


def _with_whole_line(mistake: errors.UserMistake, said: command.Change) -> errors.UserMistake:
    """Return a mistake in the targets with the whole line to copy instead."""
    line = said.line(mistake.suggestion) if mistake.suggestion else ""
    return errors.UserMistake(mistake.problem, token=mistake.token, suggestion=line)
