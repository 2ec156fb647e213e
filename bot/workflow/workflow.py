"""The story of a request, one step a function, in the order in which they happen.

submit -> ask -> review (approve or deny) -> the runner drives it; cancel, stop and time end it.
Each step reads what it needs, decides with `power`, and writes once: the change of state, the
audit row and the message to Slack are one transaction.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import assert_never

import structlog

from bot.power import errors, inputs, ports, request
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
    reviewing,
    standing,
    stopping,
    submitting,
    suggesting,
)
from bot.workflow.context import Context
from bot.workflow.rights import auditing, reading, refusing, words

log = structlog.get_logger()

# Buttons under plans; a plan that nobody asked for is let go of after a while.
PLAN_BUTTONS = frozenset({inputs.Do.REQUEST, inputs.Do.AGAIN})
NO_BUTTON = "This button is no longer valid."
FORGOTTEN = "This plan is too old to be used. Type the command again."


@dataclasses.dataclass(frozen=True)
class Workflow:
    """The doors of the story: for what comes from Slack, and for the runner.

    `execute` carries out an approved request; `wake` is called when something may be due.
    """

    context: Context
    execute: Callable[[runs.Lease], Awaitable[None]]
    wake: Callable[[], None] = lambda: None

    async def handle(self, inbound: ports.Inbound) -> answers.Answer | None:
        """Answer one payload that was stored before it was acknowledged.

        Raises:
            PowerbotError: the step could not be done; its sentence says why.
        """
        try:
            return await _handle(self.context, inbound)
        finally:
            self.wake()

    async def advance(self, lease: runs.Lease) -> float | None:
        """Carry one claimed request on; returns when to look at it next, None when it has ended.

        Raises:
            LostLease: another process carries it on.
        """
        next_at = await advancing.advance(self.context, lease, self.execute)
        self.wake()
        return next_at

    async def home(self, person: request.Person) -> answers.HomeShown:
        """Return what a person's Home shows now.

        Raises:
            StoreUnavailable: the record could not be read.
        """
        return await lookups.home(self.context, person)

    async def offers(self, person: request.Person, typed: str) -> Sequence[offering.Offer]:
        """Return what fits what somebody has typed into the field for servers."""
        return await choosing.offers(self.context, person, typed)

    def problems(
        self, place: request.Place, sent: inputs.RequestFilled
    ) -> Mapping[form.Field, str]:
        """Return what is wrong with a request form, by field; it waits for nobody."""
        return choosing.read_form(self.context, place, sent).problems


async def _handle(context: Context, inbound: ports.Inbound) -> answers.Answer | None:
    """Answer a payload, a no before everything else."""
    try:
        if late := lateness.judge(inbound, context.clock.now()):
            return await _too_late(context, inbound, late)
        if (said := noes.of(inbound)) is not None:
            return await _say_no(context, inbound, said)
        if (helped := lookups.help_typed(inbound)) is not None:
            return helped
        refused = await _refused_at_once(context, inbound)
        return refused or await _answer(context, inbound)
    except errors.SlackUnavailable as error:
        # Nobody is let in by a failure, and the button may be pressed again.
        did = inbound.input.name
        why = error.user_message
        request = await _named(context, inbound)
        await auditing.refused(context, inbound, "person.not_checked", request, did=did, why=why)
        return answers.Note(why, good=False)
    except errors.UserMistake as mistake:
        return await suggesting.answer(context, inbound, mistake)


async def _too_late(
    context: Context, inbound: ports.Inbound, late: lateness.Late
) -> answers.Mistake:
    """Audit words that came too late, and give them back to whoever wrote them."""
    age_s = round(late.age_s)
    await auditing.refused(context, inbound, "words.too_late", why=late.sentence, age_s=age_s)
    return answers.Mistake(late.sentence, suggestion=late.line)


async def _say_no(
    context: Context, inbound: ports.Inbound, said: noes.Said
) -> answers.Answer | None:
    """Take a no before anything is asked of Slack, or as soon as it is known whose it is."""
    request = await _named(context, inbound, said.request_id)
    if request and said.no is noes.No.DENY:
        own = await refusing.refuse_own(context, inbound, request)
        if own is not None:
            return own
    async with standing.admitted(context, inbound, said, request) as admitted:
        if admitted.known is None:
            await auditing.not_let_in(context, inbound, request, admitted.decision)
            return answers.Note(admitted.decision.sentence, good=False)
        answer = await _answer(context, inbound)
    if isinstance(answer, answers.Note) and admitted.said:
        return dataclasses.replace(answer, text=f"{answer.text} {admitted.said}")
    return answer


async def _refused_at_once(context: Context, inbound: ports.Inbound) -> answers.Note | None:
    """Refuse who may not use Powerbot at all; one's own approval, before any look-up."""
    request = await _named(context, inbound)
    decides = inbound.input.name in (inputs.Do.APPROVE, inputs.Do.DENY)
    if request and decides and (own := await refusing.refuse_own(context, inbound, request)):
        return own
    may = await context.people.may_read(inbound.person)
    if may.allowed:
        return None
    await auditing.not_let_in(context, inbound, request, may)
    return answers.Note(may.sentence, good=False)


async def _named(
    context: Context, inbound: ports.Inbound, typed_id: str = ""
) -> ports.Request | None:
    """Return the request that a button, a form or a no is of, if it is of one."""
    id_ = inputs.request_id(inbound.input) or typed_id
    return await context.store.read(lambda tx: tx.request(id_)) if id_ else None


async def _answer(context: Context, inbound: ports.Inbound) -> answers.Answer | None:
    """Dispatch an input by its kind."""
    match inbound.input:
        case inputs.Typed() | inputs.Mentioned() if inbound.input.length:
            raise command_line.too_long(inbound.input.length)
        case inputs.Typed() | inputs.Mentioned() | inputs.Repeated() as line:
            return await obey(context, inbound, command.parse(line.text))
        case inputs.Pressed() as button:
            return await _pressed(context, inbound, button)
        case inputs.FormSent() as sent:
            return await _sent(context, inbound, sent)
        case inputs.RequestFilled() | inputs.StepBegun() as filled:
            return await fill_in(context, inbound, filled)
        case inputs.ShortcutUsed():
            return await choosing.open_form(context, inbound)
        case inputs.HomeOpened():
            return await lookups.home(context, inbound.person)
        case inputs.Unknown():
            return answers.Note(NO_BUTTON, good=False)
        case _:
            assert_never(inbound.input)


async def _pressed(
    context: Context, inbound: ports.Inbound, button: inputs.Pressed
) -> answers.Answer | None:
    """Do what a button asks for."""
    if button.do is inputs.Do.UNFREEZE:
        return await freezing.lift(context, inbound)
    if button.do in PLAN_BUTTONS and await _named(context, inbound) is None:
        return answers.Note(FORGOTTEN, good=False, over=True)
    return await pressed(context, inbound, button, await reading.find(context, button.request_id))


async def pressed(
    context: Context, inbound: ports.Inbound, button: inputs.Pressed, shown: answers.RequestShown
) -> answers.Answer | None:
    """Do what a button of a request asks for."""
    request = shown.request
    match button.do:
        case inputs.Do.REQUEST:
            return await asking.ask(context, inbound, request)
        case inputs.Do.APPROVE | inputs.Do.DENY | inputs.Do.COMMENT | inputs.Do.VERDICT:
            return await decide(context, inbound, request, button.do)
        case inputs.Do.NUDGE:
            return await nudging.nudge(context, inbound, request)
        case inputs.Do.CANCEL:
            return await stopping.cancel(context, inbound, request)
        case inputs.Do.STOP:
            return await stopping.stop(context, inbound, request)
        case inputs.Do.RETRY | inputs.Do.UNDO | inputs.Do.BACK_ON | inputs.Do.AGAIN:
            return await submitting.repeat(context, inbound, _wanted(button.do, shown), request)
        case inputs.Do.DETAILS:
            return shown
        case inputs.Do.UNFREEZE | inputs.Do.PAGE | inputs.Do.SHARE:
            return answers.Note(NO_BUTTON, good=False)
        case _:
            assert_never(button.do)


async def _sent(context: Context, inbound: ports.Inbound, sent: inputs.FormSent) -> answers.Answer:
    """Do what a form about a request asks for."""
    request = await _find(context, sent.request_id)
    match sent.do:
        case inputs.Form.CONFIRM_COUNT | inputs.Form.REVIEW:
            return await asking.ask(context, inbound, request)
        case inputs.Form.DENY | inputs.Form.COMMENT | inputs.Form.VERDICT:
            return await decide(context, inbound, request, inputs.Do(sent.do))
        case _:
            assert_never(sent.do)


async def decide(
    context: Context, inbound: ports.Inbound, request: ports.Request, do: inputs.Do
) -> answers.Answer:
    """Do what somebody with an approver's right asks for."""
    if said := words.too_long(inbound):
        event = f"{words.EVENTS[do]}.refused"
        return await refusing.say(context, inbound, event, request, said)
    match do:
        case inputs.Do.APPROVE:
            return await approving.approve(context, inbound, request)
        case inputs.Do.DENY:
            return await reviewing.deny(context, inbound, request)
        case inputs.Do.COMMENT:
            return await reviewing.comment(context, inbound, request)
        case _:
            return await break_glass.review(context, inbound, request)


async def obey(context: Context, inbound: ports.Inbound, said: command.Command) -> answers.Answer:
    """Do what was typed.

    Raises:
        UserMistake: it names what doesn't exist.
    """
    refusal = await lookups.refusal(context, inbound, said)
    if refusal is not None:
        return refusal
    match said:
        case command.Change():
            return await submitting.submit(context, inbound, said)
        case command.Stop():
            request = await _find(context, said.request_id)
            done = await stopping.stop(context, inbound, request, said.reason)
            return words.not_kept(done, said.too_long)
        case command.Cancel():
            request = await _find(context, said.request_id)
            done = await stopping.cancel(context, inbound, request, said.reason)
            return words.not_kept(done, said.too_long)
        case command.Freeze():
            return await freezing.freeze(context, inbound, said.reason)
        case command.Unfreeze():
            return await freezing.unfreeze(context, inbound, every=said.every)
        case command.OpenForm() if inputs.view(inbound.input):
            return await choosing.open_form(context, inbound)
        case _:
            return await _look_up(context, inbound, said)


async def _look_up(
    context: Context, inbound: ports.Inbound, said: command.Command
) -> answers.Answer:
    """Answer a question.

    Raises:
        UserMistake: it names what doesn't exist.
    """
    try:
        return await lookups.answer(context, inbound, said)
    except errors.UserMistake as mistake:
        raise suggesting.whole_line(mistake, said) from None


async def fill_in(context: Context, inbound: ports.Inbound, sent: inputs.Filled) -> answers.Answer:
    """Plan what a form asks for, as if it had been typed."""
    found = choosing.read_form(context, inbound.place, sent)
    if found.change is None or found.problems:
        # The form has said so already; the policy may have changed since.
        return answers.Mistake(next(iter(found.problems.values()), "The form is empty."))
    return await submitting.submit(context, inbound, found.change)


async def _find(context: Context, request_id: str) -> ports.Request:
    """Return a request.

    Raises:
        UserMistake: there is none of this id.
    """
    return (await reading.find(context, request_id)).request


def _wanted(do: inputs.Do, shown: answers.RequestShown) -> again.Again:
    """Return what a button wants done once more, or undone."""
    order = shown.request.order
    if do is inputs.Do.RETRY:
        return again.retried(order, shown.servers)
    if do is inputs.Do.AGAIN:
        return again.whole(order)
    return again.undone(order, shown.servers)
