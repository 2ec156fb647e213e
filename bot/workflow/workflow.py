"""The story of a request, one step a function, in the order in which they happen.

submit -> ask -> review (approve or deny) -> the runner drives it; cancel, stop and time end it.
Each step reads what it needs, decides with `power`, and writes once: the change of state, the
audit row and the message to Slack are one transaction.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Mapping, Sequence

from bot.power import errors, inputs, ports, request
from bot.power.command import form, halts, late_commands
from bot.power.run import runs
from bot.power.targets import search
from bot.workflow import answers, audit_trail, dispatch, timers
from bot.workflow.context import Context
from bot.workflow.questions import lookups, request_form, suggest
from bot.workflow.rights import authorise, person_limits


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
        # After a mistake as well: it may have left an answer or a row that is due.
        finally:
            self.wake()

    async def advance(self, lease: runs.Lease) -> float | None:
        """Carry one claimed request on; returns when it is next due, None when it has ended.

        Raises:
            LostLease: another process carries it on.
        """
        next_at = await timers.advance(self.context, lease, self.execute)
        self.wake()
        return next_at

    async def home(self, person: request.Person) -> answers.HomeShown:
        """Return what a person's Home shows now.

        Raises:
            StoreUnavailable: the record could not be read.
        """
        return await lookups.home(self.context, person)

    async def offers(self, person: request.Person, typed: str) -> Sequence[search.Offer]:
        """Return what fits what somebody has typed into the field for servers."""
        return await request_form.offers(self.context, person, typed)

    def problems(
        self, place: request.Place, sent: inputs.RequestFilled
    ) -> Mapping[form.FormField, str]:
        """Return what is wrong with a request form, by field; it waits for nobody."""
        return request_form.read_form(self.context, place, sent).problems


async def _handle(context: Context, inbound: ports.Inbound) -> answers.Answer | None:
    """Answer a payload, a no before everything else."""
    try:
        if late := late_commands.judge(inbound, context.clock.now()):
            return await _too_late(context, inbound, late)
        # Before help and all look-ups: Stop must not queue behind Slack.
        if (no := halts.of(inbound)) is not None:
            return await _say_no(context, inbound, no)
        # Help reads nothing of anybody, so it is there while Slack is away.
        if (helped := lookups.help_typed(inbound)) is not None:
            return helped
        refused = await _refused_at_once(context, inbound)
        return refused or await dispatch.answer(context, inbound)
    except errors.SlackUnavailable as error:
        # A failure lets nobody in, and the button may be pressed again.
        did = inbound.input.name
        why = error.user_message
        request = await dispatch.named(context, inbound)
        await audit_trail.refused(context, inbound, "person.not_checked", request, did=did, why=why)
        return answers.Note(why, good=False)
    except errors.UserMistake as mistake:
        return await suggest.answer(context, inbound, mistake)


async def _too_late(
    context: Context, inbound: ports.Inbound, late: late_commands.LateCommand
) -> answers.Mistake:
    """Audit words that came too late, and give them back to whoever wrote them."""
    age_s = round(late.age_s)
    await audit_trail.refused(context, inbound, "words.too_late", why=late.sentence, age_s=age_s)
    return answers.Mistake(late.sentence, suggestion=late.line)


async def _say_no(
    context: Context, inbound: ports.Inbound, no: halts.Said
) -> answers.Answer | None:
    """Take a no before anything is asked of Slack, or as soon as it is known whose it is."""
    request = await dispatch.named(context, inbound, no.request_id)
    # One's own request can't be denied but cancelled, whoever Slack says one is.
    if request and no.no is halts.Halt.DENY:
        own = await authorise.refuse_own(context, inbound, request)
        if own is not None:
            return own
    async with person_limits.admitted(context, inbound, no, request) as admitted:
        if admitted.known is None:
            await audit_trail.not_let_in(context, inbound, request, admitted.decision)
            return answers.Note(admitted.decision.sentence, good=False)
        answer = await dispatch.answer(context, inbound)
    # A no that was taken without an answer of Slack's says so.
    if isinstance(answer, answers.Note) and admitted.said:
        return dataclasses.replace(answer, text=f"{answer.text} {admitted.said}")
    return answer


async def _refused_at_once(context: Context, inbound: ports.Inbound) -> answers.Note | None:
    """Refuse who may not use Powerbot at all; one's own approval, before any look-up."""
    request = await dispatch.named(context, inbound)
    decides = inbound.input.name in (inputs.Do.APPROVE, inputs.Do.DENY)
    if request and decides and (own := await authorise.refuse_own(context, inbound, request)):
        return own
    may = await context.people.may_read(inbound.person)
    if may.allowed:
        return None
    await audit_trail.not_let_in(context, inbound, request, may)
    return answers.Note(may.sentence, good=False)
