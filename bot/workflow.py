"""The story of a request, one step a function, in the order in which they happen.

submit -> ask -> review (approve or deny) -> the runner drives it; cancel, stop and time end it.
Each step reads what it needs, decides with `power`, and writes once: the change of state, the
audit row and the message to Slack are one transaction.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog

from bot import choosing, people, planner, reading, rejudging, reviewing, ticking
from bot.power import (
    again,
    answers,
    command,
    errors,
    form,
    guide,
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
# How long to wait before CloudDC is asked again, in seconds.
CLOUD_LOOK_S = 5.0


@dataclasses.dataclass(frozen=True)
class Workflow:
    """Carries every request from the first word to the runner, and answers the person."""

    store: ports.RequestStore
    people: people.People
    planner: planner.Planner
    reading: reading.Reading
    choosing: choosing.Choosing
    reviewing: reviewing.Reviewing
    rejudging: rejudging.Rejudging
    execute: Callable[[run.Lease], Awaitable[None]]
    clock: ports.Clock
    wake: Callable[[], None] = lambda: None

    async def handle(self, inbound: ports.Inbound) -> answers.Answer | None:
        """Answer one payload that was stored before it was acknowledged.

        Raises:
            PowerbotError: the step could not be done; its sentence says why.
        """
        may = await self.people.may_read(inbound.person)
        if not may.allowed:
            await self.reviewing.note(inbound, "person.refused", "", why=may.sentence)
            return answers.Note(may.sentence, good=False)
        try:
            return await self._answer(inbound)
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
            case "approve":
                return await self.reviewing.approve(inbound, found)
            case "deny":
                return await self.reviewing.deny(inbound, found)
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

    async def obey(self, inbound: ports.Inbound, said: command.Command) -> answers.Answer:
        """Do what was typed.

        Raises:
            UserMistake: it names what doesn't exist.
        """
        match said:
            case command.Change():
                return await self.submit(inbound, said)
            case command.Stop():
                return await self.stop(inbound, await self._find(said.request_id))
            case command.Cancel():
                return await self.cancel(inbound, await self._find(said.request_id))
            case command.Freeze():
                return await self.reviewing.freeze(inbound, said.reason)
            case command.Unfreeze():
                return await self.reviewing.freeze(inbound, "")
            case _:
                return await self.look_up(inbound, said)

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

    async def look_up(self, inbound: ports.Inbound, said: command.Command) -> answers.Answer:
        """Answer a question; nothing changes."""
        match said:
            case command.Read(verb="history"):
                return await self.reading.history(said.targets)
            case command.Read():
                return await self.reading.fleet(said.targets, detailed=said.verb == "list")
            case command.Why():
                return await self.reading.history(said.server)
            case command.Show():
                return await self.reading.one(said.request_id)
            case command.Requests():
                waits = await self.reviewing.waits_for(inbound.person)
                return await self.reading.open_requests(waits)
            case command.Help():
                return answers.HelpShown(guide.help_text(said.verb))
            case command.OpenForm() if inbound.body.get("view"):
                return await self.choosing.open(inbound)
            case _:
                return answers.HelpShown(guide.help_text(None))

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
        made = await self.planner.make(asked, snapshot)
        if said.options.dry_run:
            return answers.PlanShown(made, "", asked.now)
        return await self._remember(inbound, made)

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
                    self._audit(tx, inbound, "request.planned", id_, seal=made.order.seal)
            return stored

        if made.refusals:
            await self.reviewing.note(inbound, "plan.refused", "", why=made.refusals[0])
            return answers.PlanShown(made, "", now)
        stored = await self.store.write(work)
        return answers.PlanShown(stored.plan, stored.id, now)

    # -- ask

    async def ask(self, inbound: ports.Inbound, found: ports.Request) -> answers.Answer:
        """Turn a plan into a request, if the world still fits it and the count was typed."""
        if found.order.requester != inbound.person:
            return answers.Note("Only the person who made this plan can ask for it.", good=False)
        if found.state is not State.PLANNED:
            return self._settled(found)
        if self.clock.now() >= found.expires_at:
            return answers.Note("This plan is too old; type the command again.", good=False)
        count = len(found.order.targets)
        if found.plan.terms.confirm_count:
            if inbound.body.get("do") == "request":
                return answers.CountWanted(found.id, count, found.order.action)
            if str(inbound.body.get("count", "")).strip() != str(count):
                return answers.Note("That isn't the number of servers in the plan.", good=False)
        snapshot = await self.reading.inventory()
        misfit = await self.planner.misfit(inbound, found.plan, snapshot)
        return await self.store.write(lambda tx: self._asked(tx, inbound, found, misfit))

    def _asked(
        self, tx: ports.Tx, inbound: ports.Inbound, found: ports.Request, misfit: str
    ) -> answers.Answer:
        """Write a request down as pending, or as refused when it doesn't fit any more."""
        terms, now = found.plan.terms, self.clock.now()
        if misfit:
            if tx.transition(found.id, State.PLANNED, State.REFUSED, at=now, reason=misfit):
                self._audit(tx, inbound, "request.refused", found.id, why=misfit)
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
            return self._settled(tx.request(found.id) or found)
        tx.set_card(found.id, ports.Card(found.order.place.channel_id))
        tx.show_card(found.id, at=now)
        self._audit(tx, inbound, "request.pending", found.id, seal=found.order.seal)
        if found.order.options.break_glass or not terms.needs:
            self.reviewing.approve_alone(tx, inbound, found, now)
        return answers.Note(f"Asked as {found.id}.")

    # -- cancel and stop

    async def cancel(self, inbound: ports.Inbound, found: ports.Request) -> answers.Answer:
        """Take one's own request back, before its first call."""
        if found.order.requester != inbound.person:
            refusal = "Only the requester can cancel; an approver can deny, everybody can stop."
            await self.reviewing.note(inbound, "cancel.refused", found.id, why=refusal)
            return answers.Note(refusal, good=False)
        return await self._end(inbound, found, State.CANCELLED, "cancelled by the requester")

    async def stop(self, inbound: ports.Inbound, found: ports.Request) -> answers.Answer:
        """Stop a running request: after this, no new call leaves. Needs no approval."""
        if found.state in (State.PLANNED, State.PENDING):
            return self._nothing_to_stop(found)
        if found.state is not State.RUNNING:
            return await self._end(inbound, found, State.STOPPED, "stopped before it started")
        now, user_id = self.clock.now(), inbound.person.user_id

        def work(tx: ports.Tx) -> bool:
            asked = tx.request_stop(found.id, user_id=user_id, reason="", at=now)
            if asked:
                body = {"event": "stop_asked", "user": user_id}
                tx.say(found.id, "reply", body, key="stop", at=now)
                tx.show_card(found.id, at=now)
                self._audit(tx, inbound, "request.stop_asked", found.id)
            return asked

        if await self.store.write(work):
            return answers.Note(f"{found.id} sends nothing more; what was sent is watched.")
        return self._settled(await self._find(found.id))

    def _nothing_to_stop(self, found: ports.Request) -> answers.Note:
        """Say that a request has sent nothing, and who may end it before it does."""
        return answers.Note(
            f"{found.id} has sent nothing, and sends nothing before it is approved: "
            "its requester can cancel it, and whoever may approve it can deny it.",
            good=False,
        )

    async def _end(
        self, inbound: ports.Inbound, found: ports.Request, end: State, reason: str
    ) -> answers.Answer:
        """End a request that waits, if its state still allows it."""
        if end not in lifecycle.TRANSITIONS[found.state]:
            return self._settled(found)
        now = self.clock.now()

        def work(tx: ports.Tx) -> bool:
            won = tx.transition(found.id, found.state, end, at=now, reason=reason)
            if won:
                body = {"event": end.value, "user": inbound.person.user_id}
                tx.say(found.id, "reply", body, key="ended", at=now)
                tx.show_card(found.id, at=now)
                self._audit(tx, inbound, f"request.{end.value}", found.id, why=reason)
            return won

        if await self.store.write(work):
            return answers.Note(f"{found.id} is {end.value}.")
        return self._settled(await self._find(found.id))

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
            next_at = await self.store.write(lambda tx: ticking.tick(tx, id_, now))
        self.wake()
        return next_at

    async def _begin(self, lease: run.Lease, found: ports.Request) -> float | None:
        """Start an approved request, unless a freeze or an edited policy is against it.

        While CloudDC can't be read it waits, until its time to be used is over.
        """
        now = self.clock.now()
        try:
            snapshot = await self.reading.inventory()
        except errors.CloudError as error:
            log.warning("begin.unread", request=found.id, why=error.user_message)
            if now < found.use_by:
                return min(found.use_by, now + CLOUD_LOOK_S)
            snapshot = None
        problem = await self.rejudging.problem(found, snapshot)
        if problem:
            await self.store.write(lambda tx: ticking.void(tx, found, problem, now))
            return None
        if await self.store.read(lambda tx: tx.frozen()) and now < found.use_by:
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

    def _settled(self, found: ports.Request) -> answers.Note:
        """Say who or what was quicker."""
        return answers.Note(reviewing.settled_sentence(found), good=False)

    def _audit(
        self, tx: ports.Tx, inbound: ports.Inbound, event: str, request_id: str, **detail: str
    ) -> None:
        """Append one row for what a person did."""
        reviewing.audit(tx, inbound, event, request_id, self.clock.now(), detail)


def _with_whole_line(mistake: errors.UserMistake, said: command.Change) -> errors.UserMistake:
    """Return a mistake in the targets with the whole line to copy instead."""
    line = said.line(mistake.suggestion) if mistake.suggestion else ""
    return errors.UserMistake(mistake.problem, token=mistake.token, suggestion=line)
