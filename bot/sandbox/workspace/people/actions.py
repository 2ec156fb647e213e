"""Everything that a person can do in the workspace, in one place, for tests and for the page."""

from collections.abc import Mapping
from typing import Any

from bot.sandbox.workspace.base.outcome import Outcome
from bot.sandbox.workspace.people.clicks import Clicks
from bot.sandbox.workspace.people.desk import Desk
from bot.sandbox.workspace.people.gestures import Gestures
from bot.sandbox.workspace.people.modals import Modals
from bot.sandbox.workspace.people.responses import Responder
from bot.sandbox.workspace.state.directory import UnknownNameError
from bot.sandbox.workspace.state.state import WorkspaceState
from bot.sandbox.workspace.state.timeline import Message
from bot.sandbox.workspace.state.view_book import View


class Actions:
    """A person's actions. People are named by id or name, channels too.

    All of them raise UnknownNameError for what the person can't see or what doesn't exist.
    """

    def __init__(self, state: WorkspaceState, desk: Desk, responder: Responder) -> None:
        self._state = state
        self._gestures = Gestures(state, desk, responder)
        self._clicks = Clicks(state, desk)
        self._modals = Modals(state, desk, self._clicks)

    async def command(self, user: str, channel: str, text: str) -> Outcome:
        """Type a slash command, e.g. `/power reboot web01`."""
        return await self._gestures.command(user, channel, text)

    def say(self, user: str, channel: str, text: str, thread_ts: str | None = None) -> Message:
        """Write a message; `@powerbot` in it mentions the bot."""
        return self._gestures.say(user, channel, text, thread_ts)

    def mention(self, user: str, channel: str, text: str, thread_ts: str | None = None) -> Message:
        """Write a message that begins with a mention of the bot."""
        return self._gestures.say(user, channel, f"<@{self._state.app.bot_user}> {text}", thread_ts)

    def edit(self, message: Message, text: str) -> None:
        """Edit a message that a person has written."""
        self._gestures.edit(message, text)

    def announce_again(self, message: Message) -> None:
        """Announce a mention once more, under another event id."""
        self._gestures.announce_again(message)

    async def shortcut(
        self, user: str, callback_id: str, channel: str = "", ts: str = ""
    ) -> Outcome:
        """Use a global shortcut, or a message shortcut on a message."""
        return await self._gestures.shortcut(user, callback_id, channel, ts)

    def begin_step(self, callback_id: str, inputs: Mapping[str, str]) -> str:
        """Let a workflow come to one of the app's steps; returns the id of this execution."""
        return self._gestures.begin_step(callback_id, inputs)

    def open_home(self, user: str) -> None:
        """Look at the app's Home tab."""
        self._gestures.open_home(user)

    def react(self, user: str, channel: str, ts: str, name: str) -> None:
        """Add an emoji to a message, or take it away again."""
        self._gestures.react(user, channel, ts, name)

    async def click(
        self,
        user: str,
        place: Message | View,
        name: str,
        value: Any = None,
        *,
        block_id: str | None = None,
    ) -> Outcome:
        """Press a button by its words or action id, or choose `value` in a select."""
        return await self._clicks.click(user, place, name, value, block_id=block_id)

    async def suggest(
        self,
        user: str,
        place: Message | View,
        name: str,
        query: str,
        *,
        block_id: str | None = None,
    ) -> Outcome:
        """Type into a typeahead select; the outcome's `answer["options"]` are the offers."""
        return await self._clicks.suggest(user, place, name, query, block_id=block_id)

    def fill(self, view: View, values: Mapping[str, Mapping[str, Any]]) -> None:
        """Enter values into a modal without submitting it."""
        self._modals.fill(view, values)

    async def submit(
        self,
        user: str,
        values: Mapping[str, Mapping[str, Any]] | None = None,
        view: View | None = None,
    ) -> Outcome:
        """Fill in and submit a modal, the top one if none is given."""
        return await self._modals.submit(user, view or self._top(user), values or {})

    async def close(
        self, user: str, view: View | None = None, *, clear_all: bool = False
    ) -> Outcome:
        """Close a modal, the top one if none is given, or all of them."""
        return await self._modals.close(user, view or self._top(user), clear_all=clear_all)

    def _top(self, user: str) -> View:
        stack = self._state.views.stack(self._state.directory.person(user).id)
        if not stack:
            raise UnknownNameError(f"{user} has no modal open")
        return stack[-1]
