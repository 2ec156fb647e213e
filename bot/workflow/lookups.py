"""Questions: each answered to the one who asked, and to the channel when they press Share.

Nothing here changes anything but the audit log, which notes what was shown to others.
"""

from __future__ import annotations

import dataclasses

from bot.power import errors, inputs, ports
from bot.power.command import command, guide
from bot.workflow import answers, reviewing
from bot.workflow.rights import auditing, people, reading

# What a page's or a share's button may ask again; anything else in its value is not obeyed.
QUESTIONS = (command.Read, command.Why, command.Show, command.Requests)
NO_QUESTION = "This button is no longer valid."


@dataclasses.dataclass(frozen=True)
class Lookups:
    """Answers every verb that only reads."""

    reading: reading.Reading
    reviewing: reviewing.Reviewing
    people: people.People
    attempts: auditing.Attempts

    async def refusal(self, inbound: ports.Inbound, said: command.Command) -> answers.Note | None:
        """Return why a button's question isn't answered, None when it is.

        Raises:
            SlackUnavailable: the channel could not be checked.
        """
        if not isinstance(inbound.input, inputs.Repeated):
            return None
        if not isinstance(said, QUESTIONS):
            return answers.Note(NO_QUESTION, good=False)
        if inbound.input.do is not inputs.Do.SHARE:
            return None
        found = await self._not_here(inbound.place.channel_id)
        if found:
            return answers.Note(found, good=False)
        await self.attempts.noted(inbound, "answer.shared", line=inbound.input.text)
        return None

    async def _not_here(self, channel_id: str) -> str:
        """Return why nothing may be shown in a channel, or an empty text."""
        channel = await self.people.directory.channel(channel_id)
        if channel.is_shared:
            return "This channel is shared with another company: nothing is shown to it."
        if channel.is_archived:
            return "This channel is archived."
        if not channel.is_member:
            return "Powerbot isn't in this channel: type /invite @Powerbot, then share again."
        return ""

    async def answer(self, inbound: ports.Inbound, said: command.Command) -> answers.Answer:
        """Answer a question.

        Raises:
            UserMistake: it names what doesn't exist.
            CloudError: CloudDC can't be read.
        """
        match said:
            case command.Read(verb="history"):
                return await self.reading.history(said.targets)
            case command.Read():
                return await self.reading.fleet(said.targets, detailed=said.verb == "list")
            case command.Why():
                return await self.reading.why(said.server)
            case command.Show():
                return await self.reading.one(said.request_id)
            case command.Requests() if inputs.is_shared(inbound.input):
                # Nothing waits for a whole channel.
                return await self.reading.open_requests(lambda _: False)
            case command.Requests():
                waits = await self.reviewing.waits_for(inbound.person)
                return await self.reading.open_requests(waits)
            case command.Help():
                return answers.HelpShown(guide.help_text(said.verb, inbound.called))
            case _:
                return answers.HelpShown(guide.help_text(None, inbound.called))


def help_typed(inbound: ports.Inbound) -> answers.HelpShown | None:
    """Return the help that was typed for, which needs no look-up; None for everything else."""
    if not isinstance(inbound.input, inputs.Line):
        return None
    try:
        said = command.parse(inbound.input.text)
    except errors.UserMistake:
        return None
    if not isinstance(said, command.Help):
        return None
    return answers.HelpShown(guide.help_text(said.verb, inbound.called))
