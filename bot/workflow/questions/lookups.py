"""Questions: each answered to the one who asked, and to the channel when they press Share.

Nothing here changes anything but the audit log, which notes what was shown to others.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from bot.power import errors, input_fields, inputs, lifecycle, missing_access, ports, request
from bot.power.approval import quorum
from bot.power.command import command, help_text
from bot.power.lifecycle import State
from bot.workflow import answers, audit_trail
from bot.workflow.context import Context
from bot.workflow.questions import history, queries
from bot.workflow.rights import authorise
from bot.workflow.sources import people

# What a page's or a share's button may ask again; anything else in its value is not obeyed.
QUESTIONS = (command.Read, command.Why, command.Show, command.Requests, command.Owed)
NO_QUESTION = "This button is no longer valid; type the command again."


async def with_names(context: Context, shown: answers.RequestShown) -> answers.RequestShown:
    """Return a request whose reasons name colleagues, as far as they are known at once."""
    named = await people.named_request(shown.request, context.people.directory)
    return dataclasses.replace(shown, request=named)


async def refusal(
    context: Context, inbound: ports.Inbound, said: command.Command
) -> answers.Note | None:
    """Return why a button's question isn't answered, None when it is.

    Raises:
        SlackUnavailable: the channel could not be checked.
    """
    if not isinstance(inbound.input, inputs.Repeated):
        return None
    # A button's value may be forged, and a change must come from a person's own line.
    if not isinstance(said, QUESTIONS):
        return answers.Note(NO_QUESTION, good=False)
    if inbound.input.do is not inputs.Do.SHARE:
        return None
    # Shared, the answer is read by everybody in the channel, another company too.
    why_not = await _not_here(context, inbound.place.channel_id)
    if why_not:
        return answers.Note(why_not, good=False)
    await audit_trail.noted(context, inbound, "answer.shared", line=inbound.input.text)
    return None


async def _not_here(context: Context, channel_id: str) -> str:
    """Return why nothing may be shown in a channel, or an empty text."""
    channel = await context.people.directory.channel(channel_id)
    if channel.is_shared:
        return "This channel is shared with another company, so nothing is shown in it."
    if channel.is_archived:
        return "This channel is archived."
    if not channel.is_member:
        return "Powerbot isn't in this channel: type /invite @Powerbot, then share again."
    return ""


async def answer(context: Context, inbound: ports.Inbound, said: command.Command) -> answers.Answer:
    """Answer a question.

    Raises:
        UserMistake: it names what doesn't exist.
        CloudError: CloudDC can't be read, and never was.
    """
    match said:
        case command.Read(verb="history"):
            return await history.history(context, said.targets)
        case command.Read():
            return await queries.fleet(context, said.targets, detailed=said.verb == "list")
        case command.Why():
            return await history.why(context, said.server)
        case command.Show():
            return await with_names(context, await queries.find(context, said.request_id))
        case command.Owed():
            return await queries.owed(context)
        case command.Requests() if input_fields.is_shared(inbound.input):
            # Nothing ever waits for a whole channel.
            return await queries.open_requests(context, lambda _: False)
        case command.Requests():
            waits = await waits_for(context, inbound.person)
            return await queries.open_requests(context, waits)
        case command.Help():
            return answers.HelpShown(help_text.help_text(said.verb, inbound.called))
        case _:
            return answers.HelpShown(help_text.help_text(None, inbound.called))


def help_typed(inbound: ports.Inbound) -> answers.HelpShown | None:
    """Return the help that was typed for, which needs no look-up; None for everything else."""
    if not isinstance(inbound.input, inputs.Line):
        return None
    try:
        said = command.parse(inbound.input.text)
    # Whatever is wrong with the line is said later, to somebody who may ask.
    except errors.UserMistake:
        return None
    if not isinstance(said, command.Help):
        return None
    return answers.HelpShown(help_text.help_text(said.verb, inbound.called))


async def home(context: Context, person: request.Person) -> answers.HomeShown:
    """Return what a person's Home shows now.

    Raises:
        StoreUnavailable: the record could not be read.
    """
    roster = await _roster(context)
    shown = await queries.home(context, person, waits(person, roster))
    lacks = missing_access.of(sorted(roster.unreadable), roster.missing)
    lifts = authorise.lifts_all(context, person, roster)
    user_id = person.user_id
    out = tuple(
        dataclasses.replace(one, may=authorise.puts_back(context, user_id, one.request, roster))
        for one in shown.out
    )
    return dataclasses.replace(shown, missing=lacks, viewer=user_id, lifts_all=lifts, out=out)


async def _roster(context: Context) -> quorum.Roster:
    """Return who is in the groups of the policy now."""
    return await context.people.roster(context.policy().people.keys())


async def waits_for(context: Context, person: request.Person) -> Callable[[ports.Request], bool]:
    """Return the test whether a request waits for this person's approval, or review."""
    return waits(person, await _roster(context))


def waits(person: request.Person, roster: quorum.Roster) -> Callable[[ports.Request], bool]:
    """Return the test by a roster that is known."""

    def waits_for_them(request: ports.Request) -> bool:
        if request.review is not None and request.state in lifecycle.ENDED:
            owed = request.review
            may = any(person.user_id in roster.members.get(one, {}) for one in owed.groups)
            # Who broke the glass reviews nothing of their own.
            return not owed.closed_at and person.user_id != owed.breaker and may
        needs = request.plan.terms.needs
        given = {one.person.user_id for one in request.approvals}
        return (
            request.state is State.PENDING
            and person.user_id != request.order.requester.user_id
            # One person counts once, so that nothing waits for them any more.
            and person.user_id not in given
            and bool(roster.groups_of(person.user_id, needs))
        )

    return waits_for_them
