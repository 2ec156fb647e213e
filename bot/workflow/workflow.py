"""The story of a request, one step a function, in the order in which they happen.

submit -> ask -> review (approve or deny) -> the runner drives it; cancel, stop and time end it.
Each step reads what it needs, decides with `power`, and writes once: the change of state, the
audit row and the message to Slack are one transaction.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import assert_never

import structlog

from bot.power import errors, inputs, missing, ports, request
from bot.power.command import command, command_line, form, lateness, noes
from bot.power.run import again, runs
from bot.power.targets import offering
from bot.workflow import (
    advancing,
    answers,
    approving,
    asking,
    break_glass,
    choosing,
    freezing,
    lookups,
    nudging,
    planner,
    reviewing,
    standing,
    stopping,
    suggesting,
)
from bot.workflow.rights import alarming, auditing, mentions, people, reading, words

log = structlog.get_logger()

# Buttons under plans; a plan that nobody asked for is let go of after a while.
PLAN_BUTTONS = frozenset({inputs.Do.REQUEST, inputs.Do.AGAIN})
NO_BUTTON = "This button is no longer valid."
FORGOTTEN = "This plan is too old to be used. Type the command again."


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
    asking: asking.Asking
    approving: approving.Approving
    reviewing: reviewing.Reviewing
    stopping: stopping.Stopping
    freezing: freezing.Freezing
    glass: break_glass.BreakGlass
    nudging: nudging.Nudging
    advancing: advancing.Advancing
    attempts: auditing.Attempts
    standing: standing.Standing
    clock: ports.Clock
    wake: Callable[[], None] = lambda: None

    async def handle(self, inbound: ports.Inbound) -> answers.Answer | None:
        """Answer one payload that was stored before it was acknowledged.

        Raises:
            PowerbotError: the step could not be done; its sentence says why.
        """
        try:
            if late := lateness.judge(inbound, self.clock.now()):
                return await self._too_late(inbound, late)
            if (said := noes.of(inbound)) is not None:
                return await self._say_no(inbound, said)
            if (helped := lookups.help_typed(inbound)) is not None:
                return helped
            refused = await self._refused_at_once(inbound)
            return refused or await self._answer(inbound)
        except errors.SlackUnavailable as error:
            # Nobody is let in by a failure, and the button may be pressed again.
            did = inbound.input.name
            why = error.user_message
            found = await self._named(inbound)
            await self.attempts.refused(inbound, "person.not_checked", found, did=did, why=why)
            return answers.Note(why, good=False)
        except errors.UserMistake as mistake:
            offered = suggesting.Suggesting(self.reading, self.planner.policy)
            return await offered.answer(inbound, mistake)
        finally:
            self.wake()

    async def offers(self, person: request.Person, typed: str) -> Sequence[offering.Offer]:
        """Return what fits what somebody has typed into the field for servers."""
        return await self.choosing.offers(person, typed)

    def problems(
        self, place: request.Place, sent: inputs.RequestFilled
    ) -> Mapping[form.Field, str]:
        """Return what is wrong with a request form, by field; it waits for nobody."""
        return self.choosing.read(place, sent).problems

    async def _too_late(self, inbound: ports.Inbound, late: lateness.Late) -> answers.Mistake:
        """Audit words that came too late, and give them back to whoever wrote them."""
        age_s = round(late.age_s)
        await self.attempts.refused(inbound, "words.too_late", why=late.sentence, age_s=age_s)
        return answers.Mistake(late.sentence, suggestion=late.line)

    async def _say_no(self, inbound: ports.Inbound, said: noes.Said) -> answers.Answer | None:
        """Take a no before anything is asked of Slack, or as soon as it is known whose it is."""
        found = await self._named(inbound, said.request_id)
        if found and said.no is noes.No.DENY:
            own = await self.approving.refusing.early(inbound, found)
            if own is not None:
                return own
        async with self.standing.admitted(inbound, said, found) as admitted:
            if admitted.known is None:
                await self.attempts.not_let_in(inbound, found, admitted.decision)
                return answers.Note(admitted.decision.sentence, good=False)
            answer = await self._answer(inbound)
        if isinstance(answer, answers.Note) and admitted.said:
            return dataclasses.replace(answer, text=f"{answer.text} {admitted.said}")
        return answer

    async def _refused_at_once(self, inbound: ports.Inbound) -> answers.Note | None:
        """Refuse who may not use Powerbot at all; one's own approval, before any look-up."""
        found = await self._named(inbound)
        decides = inbound.input.name in (inputs.Do.APPROVE, inputs.Do.DENY)
        if found and decides and (own := await self.approving.refusing.early(inbound, found)):
            return own
        may = await self.people.may_read(inbound.person)
        if may.allowed:
            return None
        await self.attempts.not_let_in(inbound, found, may)
        return answers.Note(may.sentence, good=False)

    async def _named(self, inbound: ports.Inbound, typed_id: str = "") -> ports.Request | None:
        """Return the request that a button, a form or a no is of, if it is of one."""
        id_ = inputs.request_id(inbound.input) or typed_id
        return await self.store.read(lambda tx: tx.request(id_)) if id_ else None

    async def _answer(self, inbound: ports.Inbound) -> answers.Answer | None:
        """Dispatch an input by its kind."""
        match inbound.input:
            case inputs.Typed() | inputs.Mentioned() if inbound.input.length:
                raise command_line.too_long(inbound.input.length)
            case inputs.Typed() | inputs.Mentioned() | inputs.Repeated() as line:
                return await self.obey(inbound, command.parse(line.text))
            case inputs.Pressed() as button:
                return await self._pressed(inbound, button)
            case inputs.FormSent() as sent:
                return await self._sent(inbound, sent)
            case inputs.RequestFilled() | inputs.StepBegun() as filled:
                return await self.fill_in(inbound, filled)
            case inputs.ShortcutUsed():
                return await self.choosing.open(inbound)
            case inputs.HomeOpened():
                return await self.home(inbound.person)
            case inputs.Unknown():
                return answers.Note(NO_BUTTON, good=False)
            case _:
                assert_never(inbound.input)

    async def _pressed(
        self, inbound: ports.Inbound, button: inputs.Pressed
    ) -> answers.Answer | None:
        """Do what a button asks for."""
        if button.do is inputs.Do.UNFREEZE:
            return await self.freezing.lift(inbound)
        if button.do in PLAN_BUTTONS and await self._named(inbound) is None:
            return answers.Note(FORGOTTEN, good=False, over=True)
        return await self.pressed(inbound, button, await self.reading.one(button.request_id))

    async def pressed(
        self, inbound: ports.Inbound, button: inputs.Pressed, shown: answers.RequestShown
    ) -> answers.Answer | None:
        """Do what a button of a request asks for."""
        found = shown.request
        match button.do:
            case inputs.Do.REQUEST:
                return await self.asking.ask(inbound, found)
            case inputs.Do.APPROVE | inputs.Do.DENY | inputs.Do.COMMENT | inputs.Do.VERDICT:
                return await self.decide(inbound, found, button.do)
            case inputs.Do.NUDGE:
                return await self.nudging.nudge(inbound, found)
            case inputs.Do.CANCEL:
                return await self.stopping.cancel(inbound, found)
            case inputs.Do.STOP:
                return await self.stopping.stop(inbound, found)
            case inputs.Do.RETRY | inputs.Do.UNDO | inputs.Do.BACK_ON | inputs.Do.AGAIN:
                return await self.repeat(inbound, _wanted(button.do, shown), found)
            case inputs.Do.DETAILS:
                return shown
            case inputs.Do.UNFREEZE | inputs.Do.PAGE | inputs.Do.SHARE:
                return answers.Note(NO_BUTTON, good=False)
            case _:
                assert_never(button.do)

    async def _sent(self, inbound: ports.Inbound, sent: inputs.FormSent) -> answers.Answer:
        """Do what a form about a request asks for."""
        found = await self._find(sent.request_id)
        match sent.do:
            case inputs.Form.CONFIRM_COUNT | inputs.Form.REVIEW:
                return await self.asking.ask(inbound, found)
            case inputs.Form.DENY | inputs.Form.COMMENT | inputs.Form.VERDICT:
                return await self.decide(inbound, found, inputs.Do(sent.do))
            case _:
                assert_never(sent.do)

    async def decide(
        self, inbound: ports.Inbound, found: ports.Request, do: inputs.Do
    ) -> answers.Answer:
        """Do what somebody with an approver's right asks for."""
        if said := words.too_long(inbound):
            event = f"{words.EVENTS[do]}.refused"
            return await self.approving.refusing.say(inbound, event, found, said)
        match do:
            case inputs.Do.APPROVE:
                return await self.approving.approve(inbound, found)
            case inputs.Do.DENY:
                return await self.reviewing.deny(inbound, found)
            case inputs.Do.COMMENT:
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
                found = await self._find(said.request_id)
                done = await self.stopping.stop(inbound, found, said.reason)
                return words.not_kept(done, said.too_long)
            case command.Cancel():
                found = await self._find(said.request_id)
                done = await self.stopping.cancel(inbound, found, said.reason)
                return words.not_kept(done, said.too_long)
            case command.Freeze():
                return await self.freezing.freeze(inbound, said.reason)
            case command.Unfreeze():
                return await self.freezing.unfreeze(inbound, every=said.every)
            case command.OpenForm() if inputs.view(inbound.input):
                return await self.choosing.open(inbound)
            case _:
                return await self._look_up(inbound, said)

    async def _look_up(self, inbound: ports.Inbound, said: command.Command) -> answers.Answer:
        """Answer a question.

        Raises:
            UserMistake: it names what doesn't exist.
        """
        try:
            return await self.lookups.answer(inbound, said)
        except errors.UserMistake as mistake:
            raise suggesting.whole_line(mistake, said) from None

    async def home(self, person: request.Person) -> answers.HomeShown:
        """Return what a person's Home shows now.

        Raises:
            StoreUnavailable: the record could not be read.
        """
        roster = await self.reviewing.roster()
        shown = await self.reading.home(person, self.reviewing.waits(person, roster))
        lacks = missing.of(sorted(roster.unreadable), roster.missing)
        lifts = self.freezing.lifts_all(person, roster)
        return dataclasses.replace(shown, missing=lacks, viewer=person.user_id, lifts_all=lifts)

    async def fill_in(self, inbound: ports.Inbound, sent: inputs.Filled) -> answers.Answer:
        """Plan what a form asks for, as if it had been typed."""
        found = self.choosing.read(inbound.place, sent)
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
            named = await self.reading.search(said.targets, snapshot, for_change=True)
        except errors.UserMistake as mistake:
            raise suggesting.whole_line(mistake, said) from None
        asked = self.planner.question(
            inbound,
            said.action,
            named.servers + named.unsure,
            options=said.options,
            reason=await mentions.named(said.reason, self.people.directory),
            typed=said.targets,
            reading=named.reading,
            selected=named.selected,
            unsure=named.unsure,
        )
        made, heard = await asyncio.gather(
            self.planner.make(asked, snapshot),
            self.alarming.hear([record.id for record in named.servers]),
        )
        made = heard.beside(made)
        if said.options.dry_run:
            shown = answers.PlanShown(made, "", asked.now)
        else:
            shown = await self.asking.remember(inbound, made)
        return dataclasses.replace(shown, shortfall=snapshot.shortfall)

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
            options=again.options(found.order),
            reason=again.reason(found, wanted, by=inbound.person),
            retry_of=found.id,
        )
        made, heard = await asyncio.gather(
            self.planner.make(asked, snapshot),
            self.alarming.hear([record.id for record in left]),
        )
        return await self.asking.remember(inbound, heard.beside(made))

    # -- what the clock does

    async def advance(self, lease: runs.Lease) -> float | None:
        """Carry one claimed request on; returns when to look at it next, None when it has ended.

        Raises:
            LostLease: another process carries it on.
        """
        next_at = await self.advancing.advance(lease)
        self.wake()
        return next_at

    async def _find(self, request_id: str) -> ports.Request:
        """Return a request.

        Raises:
            UserMistake: there is none of this id.
        """
        return (await self.reading.one(request_id)).request


def _wanted(do: inputs.Do, shown: answers.RequestShown) -> again.Again:
    """Return what a button wants done once more, or undone."""
    order = shown.request.order
    if do is inputs.Do.RETRY:
        return again.retried(order, shown.servers)
    if do is inputs.Do.AGAIN:
        return again.whole(order)
    return again.undone(order, shown.servers)
