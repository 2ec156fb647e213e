"""The few listeners that Bolt is given: each reads its payload and hands it to the processor.

That one stores it, acknowledges it and hands it to `workflow`, which tells what a click does.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

import structlog
from slack_bolt.async_app import AsyncApp

from bot.power import ports, vocabulary
from bot.power.command import form
from bot.slack import action_ids, app_features
from bot.slack.blockkit import labels
from bot.slack.inbound import (
    form_receiver,
    guard,
    payloads,
    processor,
    submissions,
    workflow_step_events,
)
from bot.slack.render import request_modal

log = structlog.get_logger()

ANY_COMMAND = re.compile(r"^/")
OTHER_COMMAND = "Powerbot answers only to {} here, so nothing was done."
OLD_BUTTON = "This button is no longer valid; look at the request's newest card, or ask again."


class Registration:
    """What is done at once with each kind of payload."""

    def __init__(
        self,
        processing: processor.Processor,
        forms: form_receiver.FormReceiver,
        guarding: guard.Guard,
        command: str = app_features.COMMANDS[0].command,
        label: str = "",
    ) -> None:
        """`command` is the one slash command that is ours, `label` a part of the bot's name."""
        self._name = labels.mentioned(label)
        self._processor = processing
        self._forms = forms
        self._guard = guarding
        self._command = command

    def register(self, app: AsyncApp) -> None:
        """Register all listeners; Bolt tries them one after another, so the hot ones come first."""
        around = self._guard.around
        app.command(self._command)(around(self.command_received))
        app.action(action_ids.OURS)(around(self.button_pressed))
        app.event("app_mention")(around(self.bot_mentioned))
        app.event("app_home_opened")(around(self.home_opened))
        app.event(app_features.STEP.event)(around(self.step_begun))
        app.view_submission(action_ids.ANY)(around(self.form_sent))
        app.shortcut(action_ids.ANY)(around(self.shortcut_used))
        app.options(action_ids.ANY)(around(self.options_asked))
        app.command(ANY_COMMAND)(around(self.other_command_received))
        # Our forms don't ask for it (`notify_on_close`); one of another version may.
        app.view_closed(action_ids.ANY)(around(self.form_closed))
        app.action(action_ids.ANY)(around(self.old_button_pressed))
        # Without a listener Bolt acknowledges nothing, and Slack sends it again.
        app.event(action_ids.ANY)(around(self.event_unused))

    async def _receive(self, inbound: ports.Inbound, ack: guard.Ack) -> None:
        """Hand a payload to the processor."""
        await self._processor.receive(self._naming_us(inbound), ack)

    def _naming_us(self, inbound: ports.Inbound) -> ports.Inbound:
        """Return a payload with the name of our command, where nothing was typed that has one."""
        # A bot under its usual name needs nothing named, and no copy of the input.
        if self._command == vocabulary.PREFIX or inbound.input.called:
            return inbound
        named = inbound.input.model_copy(update={"called": self._command})
        return dataclasses.replace(inbound, input=named)

    async def command_received(self, ack: guard.Ack, body: Mapping[str, Any]) -> None:
        """Take our slash command."""
        await self._receive(payloads.command(body, at=self._processor.now()), ack)

    async def other_command_received(self, ack: guard.Ack, body: Mapping[str, Any]) -> None:
        """Refuse another command that points here."""
        # An old name of ours may still be registered in Slack.
        log.warning("slack.other_command")
        await ack(OTHER_COMMAND.format(self._command))

    async def button_pressed(self, ack: guard.Ack, body: Mapping[str, Any]) -> None:
        """Take a press of one of our buttons."""
        try:
            inbound = payloads.button(body, at=self._processor.now())
        # A version before or after this one has made the button.
        except payloads.NotOurs:
            await self.old_button_pressed(ack, body)
        else:
            await self._receive(inbound, ack)

    async def bot_mentioned(self, ack: guard.Ack, body: Mapping[str, Any]) -> None:
        """Take a mention; what a bot has written is left alone."""
        inbound = payloads.mention(body, at=self._processor.now(), called=self._name)
        # What is left alone the guard acknowledges.
        if inbound is not None:
            await self._receive(inbound, ack)

    async def home_opened(self, ack: guard.Ack, body: Mapping[str, Any]) -> None:
        """Draw a person's Home; another tab of the app is left alone."""
        inbound = payloads.home(body, at=self._processor.now())
        if inbound is not None:
            await self._receive(inbound, ack)

    async def step_begun(self, ack: guard.Ack, body: Mapping[str, Any]) -> None:
        """Take a step of a workflow; one that isn't ours is left alone."""
        inbound = workflow_step_events.read(body, at=self._processor.now())
        if inbound is not None:
            await self._receive(inbound, ack)
        else:
            await ack()

    async def form_sent(self, ack: guard.Ack, body: Mapping[str, Any]) -> None:
        """Take a form, or show what is wrong with it."""
        inbound = submissions.form(body, at=self._processor.now())
        await self._forms.receive(self._naming_us(inbound), ack)

    async def shortcut_used(self, ack: guard.Ack, body: Mapping[str, Any]) -> None:
        """Take a global or a message shortcut."""
        await self._receive(payloads.shortcut(body, at=self._processor.now()), ack)

    async def options_asked(self, ack: guard.Ack, body: Mapping[str, Any]) -> None:
        """Offer what fits what was typed into the field for servers."""
        try:
            person, action_id, typed = submissions.suggestion(body)
        except payloads.Unreadable as error:
            log.warning("slack.unreadable", why=str(error))
            # The field stays usable: the next letter asks again.
            await ack(options=[])
            return
        # Only the servers' field searches, whatever an old form asks for.
        ours = action_id == form.FormField.SERVERS
        offers = await self._forms.offers(person, typed) if ours else ()
        await ack(options=[request_modal.option(one) for one in offers])

    async def form_closed(self, ack: guard.Ack, body: Mapping[str, Any]) -> None:
        """Acknowledge; a form that was closed has done nothing."""
        await ack()

    async def old_button_pressed(self, ack: guard.Ack, body: Mapping[str, Any]) -> None:
        """Say that a button isn't ours, or not any more."""
        await self._guard.tell(ack, body, OLD_BUTTON)

    async def event_unused(self, ack: guard.Ack, body: Mapping[str, Any]) -> None:
        """Acknowledge an event that nothing here needs."""
        await ack()
