"""Which step of the story an input asks for: a line, a button, a form, Home."""

from __future__ import annotations

from typing import Literal, assert_never

from bot.power import errors, input_fields, inputs, ports
from bot.power.command import command, command_line
from bot.power.lifecycle import State
from bot.power.run import retry_and_undo
from bot.workflow import (
    answers,
    approve,
    ask,
    audit_trail,
    break_glass,
    deny,
    freeze,
    nudge,
    put_back,
    replacing,
    stop,
    submit,
)
from bot.workflow.context import Context
from bot.workflow.questions import lookups, queries, request_form, suggest
from bot.workflow.rights import authorise
from bot.workflow.sources import people

EVENTS: dict[inputs.Form, str] = {
    inputs.Form.DENY: "denial",
    inputs.Form.COMMENT: "comment",
    inputs.Form.VERDICT: "review",
}

# Buttons under plans; a plan that nobody requests is deleted after a while.
PLAN_BUTTONS = frozenset({inputs.Do.REQUEST, inputs.Do.AGAIN, inputs.Do.CHANGE})
NO_BUTTON = "This button is no longer valid; look at the newest card, or ask again."
FORGOTTEN = "This plan is too old to use. Type the command again."


async def answer(context: Context, inbound: ports.Inbound) -> answers.Answer | None:
    """Dispatch an input by its kind."""
    match inbound.input:
        # Cut by Slack or by us: its end may have held the exclusions, so nothing is obeyed.
        case inputs.Typed() | inputs.Mentioned() if inbound.input.length:
            raise command_line.too_long(inbound.input.length)
        case inputs.Typed() | inputs.Mentioned() | inputs.Repeated() as line:
            return await _obey(context, inbound, command.parse(line.text))
        case inputs.Pressed() as button:
            return await _pressed(context, inbound, button)
        case inputs.FormSent() as sent:
            return await _sent(context, inbound, sent)
        case inputs.RequestFilled() | inputs.StepBegun() as filled:
            return await _fill_in(context, inbound, filled)
        case inputs.ShortcutUsed():
            return await request_form.open_form(context, inbound)
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
    # Its value is a freeze, not a request.
    if button.do is inputs.Do.UNFREEZE:
        return await freeze.lift(context, inbound)
    if button.do in PLAN_BUTTONS and await named(context, inbound) is None:
        return answers.Note(FORGOTTEN, good=False, over=True)
    shown = await queries.find(context, button.request_id)
    if button.do is inputs.Do.CHANGE:
        if shown.request.state is not State.PLANNED:
            return await replacing.instead(context, inbound, shown.request)
        return await request_form.change(context, inbound, shown.request)
    return await _pressed_of(context, inbound, button, shown)


async def _pressed_of(
    context: Context, inbound: ports.Inbound, button: inputs.Pressed, shown: answers.RequestShown
) -> answers.Answer | None:
    """Do what a button of a request asks for."""
    request = shown.request
    match button.do:
        case inputs.Do.REQUEST:
            return await ask.ask(context, inbound, request, None)
        case inputs.Do.APPROVE | inputs.Do.DENY | inputs.Do.COMMENT | inputs.Do.VERDICT:
            return await _decide(context, inbound, request, button.do)
        case inputs.Do.NUDGE:
            return await nudge.nudge(context, inbound, request)
        case inputs.Do.PUT_BACK:
            return await put_back.put_back(context, inbound, request)
        case inputs.Do.CANCEL:
            return await stop.cancel(context, inbound, request)
        case inputs.Do.STOP:
            return await stop.stop(context, inbound, request)
        case inputs.Do.RETRY | inputs.Do.UNDO | inputs.Do.BACK_ON | inputs.Do.AGAIN:
            return await submit.repeat(context, inbound, _wanted(button.do, shown), request)
        case inputs.Do.DETAILS:
            return await lookups.with_names(context, shown)
        case (
            # These are met before, or open a form; here they come from an odd payload alone.
            inputs.Do.UNFREEZE | inputs.Do.PAGE | inputs.Do.SHARE | inputs.Do.NEW | inputs.Do.CHANGE
        ):
            return answers.Note(NO_BUTTON, good=False)
        case _:
            assert_never(button.do)


async def _decide(
    context: Context,
    inbound: ports.Inbound,
    request: ports.Request,
    do: Literal[inputs.Do.APPROVE, inputs.Do.DENY, inputs.Do.COMMENT, inputs.Do.VERDICT],
) -> answers.Answer:
    """Do what an approver's button asks for; but for Approve, a form asks for words first."""
    match do:
        case inputs.Do.APPROVE:
            return await approve.approve(context, inbound, request)
        case inputs.Do.DENY:
            return await deny.deny(context, inbound, request, None)
        case inputs.Do.COMMENT:
            return await deny.comment(context, inbound, request, "")
        case inputs.Do.VERDICT:
            return await break_glass.review(context, inbound, request, "")
        case _:
            assert_never(do)


async def _sent(context: Context, inbound: ports.Inbound, sent: inputs.FormSent) -> answers.Answer:
    """Do what a form about a request asks for."""
    request = await _find(context, sent.request_id)
    reason, comment = sent.reason.strip(), sent.comment.strip()
    if too_long := words_too_long(reason or comment):
        event = f"{EVENTS[sent.do]}.refused"
        return await authorise.decline(context, inbound, event, request, too_long)
    match sent.do:
        case inputs.Form.CONFIRM_COUNT | inputs.Form.REVIEW:
            return await ask.ask(context, inbound, request, sent.count)
        case inputs.Form.DENY:
            return await deny.deny(context, inbound, request, reason)
        case inputs.Form.COMMENT:
            return await deny.comment(context, inbound, request, comment)
        case inputs.Form.VERDICT:
            return await break_glass.review(context, inbound, request, comment, sent.judgement)
        case _:
            assert_never(sent.do)


async def _obey(context: Context, inbound: ports.Inbound, typed: command.Command) -> answers.Answer:
    """Do what was typed.

    Raises:
        UserMistake: it names what doesn't exist.
    """
    refusal = await lookups.refusal(context, inbound, typed)
    if refusal is not None:
        return refusal
    match typed:
        case command.Change():
            return await submit.submit(context, inbound, typed)
        case command.Stop():
            request = await _meant(context, inbound, typed.request_id, "stop.refused")
            stopped = await stop.stop(context, inbound, request, typed.reason)
            return answers.not_kept(stopped, typed.too_long)
        case command.Cancel():
            request = await _meant(context, inbound, typed.request_id, "cancel.refused")
            # Nothing has been sent yet; a Stop doesn't wait even for this.
            why = await people.with_names_known_at_once(typed.reason, context.people.directory)
            done = await stop.cancel(context, inbound, request, why)
            return answers.not_kept(done, typed.too_long)
        case command.Freeze():
            return await freeze.freeze(context, inbound, typed.reason)
        case command.Unfreeze():
            return await freeze.unfreeze(context, inbound, every=typed.every)
        # Only a slash command brings a trigger by which Slack opens a form.
        case command.OpenForm() if input_fields.view(inbound.input):
            return await request_form.open_form(context, inbound)
        case _:
            return await _look_up(context, inbound, typed)


async def _look_up(
    context: Context, inbound: ports.Inbound, typed: command.Command
) -> answers.Answer:
    """Answer a question.

    Raises:
        UserMistake: it names what doesn't exist.
    """
    try:
        return await lookups.answer(context, inbound, typed)
    except errors.UserMistake as mistake:
        raise suggest.whole_line(mistake, typed) from None


async def _fill_in(context: Context, inbound: ports.Inbound, sent: inputs.Filled) -> answers.Answer:
    """Plan what a form asks for, as if it had been typed."""
    found = request_form.read_form(context, inbound.place, sent)
    if found.change is None or found.problems:
        # The form has said so already; the policy may have changed since.
        return answers.Mistake(next(iter(found.problems.values()), "The form is empty."))
    return await submit.submit(context, inbound, found.change)


async def named(
    context: Context, inbound: ports.Inbound, typed_id: str = ""
) -> ports.Request | None:
    """Return the request that a button, a form or a no is of, if it is of one."""
    id_ = input_fields.request_id(inbound.input) or typed_id
    return await context.store.read(lambda tx: tx.request(id_)) if id_ else None


async def _find(context: Context, request_id: str) -> ports.Request:
    """Return a request.

    Raises:
        UserMistake: there is none of this id.
    """
    return (await queries.find(context, request_id)).request


async def _meant(
    context: Context, inbound: ports.Inbound, request_id: str, event: str
) -> ports.Request:
    """Return the request that is to be acted on; that there is none is audited as this event.

    Raises:
        UserMistake: there is none of this id.
    """
    try:
        return await _find(context, request_id)
    except errors.UserMistake as mistake:
        why = mistake.problem
        await audit_trail.refused(context, inbound, event, asked=request_id, why=why)
        raise


def _wanted(do: inputs.Do, shown: answers.RequestShown) -> retry_and_undo.Again:
    """Return what a button wants done once more, or undone."""
    order = shown.request.order
    # Never the proven ones, nor a reboot of which nobody knows whether it happened.
    if do is inputs.Do.RETRY:
        return retry_and_undo.retried(order, shown.servers)
    if do is inputs.Do.AGAIN:
        return retry_and_undo.whole(order)
    return retry_and_undo.undone(order, shown.servers)


def words_too_long(words: str) -> str:
    """Say that a form's words are too long and that nothing was done, or return an empty text."""
    if len(words) <= answers.MOST_CHARACTERS:
        return ""
    return f"{answers.limit(len(words))} Nothing was done; say it in fewer words."
