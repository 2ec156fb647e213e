"""What people start: slash commands, messages and mentions, shortcuts, the Home tab.

Nothing is checked here that Slack wouldn't check: what the app thinks of the person is its matter.
"""

import re
from collections.abc import Mapping

from bot.sandbox.workspace.base import limits
from bot.sandbox.workspace.base.json_types import Json
from bot.sandbox.workspace.base.outcome import Outcome
from bot.sandbox.workspace.base.refusal import RefusedError
from bot.sandbox.workspace.people.desk import Desk
from bot.sandbox.workspace.people.responses import Responder
from bot.sandbox.workspace.state.directory import Channel, Person, UnknownNameError
from bot.sandbox.workspace.state.state import WorkspaceState
from bot.sandbox.workspace.state.timeline import Message
from bot.sandbox.workspace.transport import payloads
from bot.sandbox.workspace.transport.delivery import INTERACTIVE, SLASH_COMMANDS


class Gestures:
    """Commands, messages, shortcuts and the Home tab, as people use them."""

    def __init__(self, state: WorkspaceState, desk: Desk, responder: Responder) -> None:
        self._state = state
        self._desk = desk
        self._responder = responder

    async def command(self, user: str, channel: str, text: str) -> Outcome:
        """Type a slash command into a channel; the ack's text is shown to the typist.

        Raises:
            UnknownNameError: when there is no such person or channel.
            ValueError: when the text is longer than Slack takes.
        """
        _check_length(text)
        person, place = self._desk.person_in(user, channel)
        command, _, rest = text.strip().partition(" ")
        if not self._state.manifest.has_command(command):
            self._state.changes.toast(person.id, f"{command} is not a valid command.")
            return Outcome(False, "unknown_command")
        payload = payloads.slash_command(self._state, person, place, command, rest.strip())
        outcome = await self._desk.ask(person, SLASH_COMMANDS, payload, command)
        try:
            self._responder.command_acked(person.id, place.id, outcome.answer)
        except RefusedError as refused:
            return self._desk.refuse_answer(person, "ack of a command", str(refused))
        return outcome

    def say(self, user: str, channel: str, text: str, thread_ts: str | None = None) -> Message:
        """Write a message; a mention of the bot in it becomes an app_mention event.

        Raises:
            UnknownNameError: when there is no such person, channel or thread.
            ValueError: when the text is longer than Slack takes.
        """
        _check_length(text)
        person, place = self._desk.person_in(user, channel)
        root = self._state.timeline.root_ts(place.id, thread_ts) if thread_ts else None
        message = self._state.timeline.post(
            place.id,
            person.id,
            self._typed(text),
            thread_ts=root,
            client_msg_id=f"{self._state.rng.getrandbits(128):032x}",
        )
        self._state.changes.bump()
        if f"<@{self._state.app.bot_user}>" in message.text:
            self._announce_mention(person, place, message)
        return message

    def edit(self, message: Message, text: str) -> None:
        """Edit a message of a person; one that mentions the bot is announced (again).

        Raises:
            ValueError: when the text is longer than Slack takes.
        """
        _check_length(text)
        self._state.timeline.edit(message, self._typed(text), [])
        self._state.changes.bump()
        self.announce_again(message)

    def announce_again(self, message: Message) -> None:
        """Announce a mention under a new event id, as Slack does when a link in it unfolds."""
        if f"<@{self._state.app.bot_user}>" in message.text:
            person = self._state.directory.people[message.user]
            self._announce_mention(person, self._state.directory.channels[message.channel], message)

    async def shortcut(
        self, user: str, callback_id: str, channel: str = "", ts: str = ""
    ) -> Outcome:
        """Use a shortcut: a message shortcut needs channel and ts, a global one neither.

        Raises:
            UnknownNameError: when the shortcut, the person or the message doesn't exist.
        """
        person = self._state.directory.person(user)
        shortcut = self._state.manifest.shortcut(callback_id)
        if shortcut is None:
            raise UnknownNameError(f"there is no shortcut {callback_id!r}")
        if shortcut.type == "global":
            payload = payloads.global_shortcut(self._state, person, shortcut)
        else:
            _, place = self._desk.person_in(user, channel)
            message = self._state.timeline.find(place.id, ts)
            payload = payloads.message_shortcut(self._state, person, shortcut, message)
        return await self._desk.ask(person, INTERACTIVE, payload, shortcut.name)

    def begin_step(self, callback_id: str, inputs: Mapping[str, str]) -> str:
        """Let a workflow come to one of the app's steps, and return the id of this execution.

        Raises:
            UnknownNameError: when the app has no such step.
        """
        if callback_id not in self._state.manifest.functions:
            raise UnknownNameError(f"there is no step {callback_id!r}")
        execution_id = f"Fx{self._state.rng.getrandbits(40):010X}"
        self._state.running_steps.add(execution_id)
        inner: Json = {
            "type": "function_executed",
            "function": {
                "id": f"Fn{self._state.rng.getrandbits(40):010X}",
                "callback_id": callback_id,
                "type": "app",
                "app_id": self._state.app.id,
            },
            "inputs": dict(inputs),
            "function_execution_id": execution_id,
            "workflow_execution_id": f"Wx{self._state.rng.getrandbits(40):010X}",
            "event_ts": self._state.timeline.new_ts(),
            "bot_access_token": "xwfp-demo",
        }
        self._announce(inner, None)
        return execution_id

    def open_home(self, user: str) -> None:
        """Look at the app's Home tab.

        Raises:
            UnknownNameError: when there is no such person.
        """
        person = self._state.directory.person(user)
        inner: Json = {
            "type": "app_home_opened",
            "user": person.id,
            "channel": self._state.directory.direct_message(person, self._state.app.bot_user).id,
            "tab": "home",
            "event_ts": self._state.timeline.new_ts(),
        }
        if person.id in self._state.views.homes:
            inner["view"] = self._state.view_as_slack(self._state.views.homes[person.id])
        self._announce(inner, None)

    def react(self, user: str, channel: str, ts: str, name: str) -> None:
        """Add an emoji to a message, or take it away again.

        Raises:
            UnknownNameError: when there is no such person, channel or message.
            ValueError: when the message has too many emoji already.
        """
        person, place = self._desk.person_in(user, channel)
        message = self._state.timeline.find(place.id, ts)
        if name not in message.reactions and len(message.reactions) >= limits.REACTIONS:
            raise ValueError("the message has too many emoji already")
        users = message.reactions.setdefault(name, [])
        added = person.id not in users
        if added:
            users.append(person.id)
        else:
            users.remove(person.id)
        if not users:
            del message.reactions[name]
        self._state.changes.bump()
        inner: Json = {
            "type": "reaction_added" if added else "reaction_removed",
            "user": person.id,
            "reaction": name,
            "item": {"type": "message", "channel": place.id, "ts": message.ts},
            "item_user": message.user,
            "event_ts": self._state.timeline.new_ts(),
        }
        self._announce(inner, place)

    def _typed(self, text: str) -> str:
        """Turn what was typed into what Slack stores: escaped, with names as mentions."""
        # Two control characters stand in for the brackets of mentions while the rest is escaped.
        kept = re.sub(r"<(@[UW][A-Z0-9]+)>", "\x00\\1\x01", text.replace("\x00", ""))
        for mark, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
            kept = kept.replace(mark, entity)
        kept = kept.replace("\x00", "<").replace("\x01", ">")
        # A longer name first, for it may begin with another.
        people = self._state.directory.people.values()
        for person in sorted(people, key=lambda one: -len(one.name)):
            name = re.escape(person.name)
            kept = re.sub(rf"(?i)(?<![\w<])@{name}\b", f"<@{person.id}>", kept)
        return kept

    def _announce_mention(self, person: Person, place: Channel, message: Message) -> None:
        inner: Json = {
            "type": "app_mention",
            "user": person.id,
            "text": message.text,
            "ts": message.ts,
            "client_msg_id": message.client_msg_id,
            "team": person.team_id,
            "channel": place.id,
            "event_ts": message.ts,
        }
        if message.thread_ts:
            inner["thread_ts"] = message.thread_ts
        if message.edited_ts is not None:
            inner["edited"] = {"user": message.user, "ts": message.edited_ts}
            inner["event_ts"] = message.edited_ts
        if place.is_ext_shared:
            inner |= {"user_team": person.shown_team, "source_team": person.shown_team}
        self._announce(inner, place)

    def _announce(self, inner: Json, place: Channel | None) -> None:
        """Send an event that the app has subscribed to, from a channel that the bot is in."""
        if inner["type"] not in self._state.manifest.bot_events:
            return
        if place is None or self._state.app.bot_user in place.members:
            self._desk.announce(payloads.event(self._state, inner, place))


def _check_length(text: str) -> None:
    if len(text) > limits.MESSAGE_TEXT:
        raise ValueError("msg_too_long")
