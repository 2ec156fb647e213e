"""Everything that a person can do in the workspace, in one place, for tests and for the page."""

from collections.abc import Mapping
from typing import Any

from bot.sandbox.workspace.base.outcome import Outcome
from bot.sandbox.workspace.people.hands import Hands
from bot.sandbox.workspace.state.directory import UnknownNameError
from bot.sandbox.workspace.state.timeline import Message
from bot.sandbox.workspace.state.view_book import View


class Actions:
    """A person's actions. People are named by id or name, channels too.

    What is done with one app of several names it by `app`, its bot's user id; without it is the
    first. A command reaches the app that has registered it, a click the one that has posted.
    All of them raise UnknownNameError for what the person can't see or what doesn't exist.
    """

    def __init__(self, hands: Hands) -> None:
        self._state = hands.state
        self._hands = [hands]

    async def command(self, user: str, channel: str, text: str) -> Outcome:
        """Type a slash command, e.g. `/power reboot web01`."""
        name = text.strip().partition(" ")[0]
        able = (one for one in self._hands if one.state.manifest.has_command(name))
        return await next(able, self._hands[0]).gestures.command(user, channel, text)

    def say(self, user: str, channel: str, text: str, thread_ts: str | None = None) -> Message:
        """Write a message; `@powerbot` in it mentions the bot."""
        first, *others = self._hands
        message = first.gestures.say(user, channel, text, thread_ts)
        for one in others:
            one.gestures.announce_again(message)
        return message

    def mention(
        self, user: str, channel: str, text: str, thread_ts: str | None = None, *, app: str = ""
    ) -> Message:
        """Write a message that begins with a mention of the bot."""
        bot_user = self._of(app).state.app.bot_user
        return self.say(user, channel, f"<@{bot_user}> {text}", thread_ts)

    def edit(self, message: Message, text: str) -> None:
        """Edit a message that a person has written."""
        first, *others = self._hands
        first.gestures.edit(message, text)
        for one in others:
            one.gestures.announce_again(message)

    def announce_again(self, message: Message) -> None:
        """Announce a mention once more, under another event id."""
        for one in self._hands:
            one.gestures.announce_again(message)

    async def shortcut(
        self, user: str, callback_id: str, channel: str = "", ts: str = "", *, app: str = ""
    ) -> Outcome:
        """Use a global shortcut, or a message shortcut on a message."""
        return await self._of(app).gestures.shortcut(user, callback_id, channel, ts)

    def begin_step(self, callback_id: str, inputs: Mapping[str, str]) -> str:
        """Let a workflow come to one of the app's steps; returns the id of this execution."""
        return self._hands[0].gestures.begin_step(callback_id, inputs)

    def open_home(self, user: str, *, app: str = "") -> None:
        """Look at an app's Home tab."""
        self._of(app).gestures.open_home(user)

    def react(self, user: str, channel: str, ts: str, name: str) -> None:
        """Add an emoji to a message, or take it away again."""
        self._hands[0].gestures.react(user, channel, ts, name)

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
        clicks = self._maker(place).clicks
        return await clicks.click(user, place, name, value, block_id=block_id)

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
        clicks = self._maker(place).clicks
        return await clicks.suggest(user, place, name, query, block_id=block_id)

    def fill(self, view: View, values: Mapping[str, Mapping[str, Any]]) -> None:
        """Enter values into a modal without submitting it."""
        self._maker(view).modals.fill(view, values)

    async def submit(
        self,
        user: str,
        values: Mapping[str, Mapping[str, Any]] | None = None,
        view: View | None = None,
    ) -> Outcome:
        """Fill in and submit a modal, the top one if none is given."""
        top = view or self._top(user)
        return await self._maker(top).modals.submit(user, top, values or {})

    async def close(
        self, user: str, view: View | None = None, *, clear_all: bool = False
    ) -> Outcome:
        """Close a modal, the top one if none is given, or all of them."""
        top = view or self._top(user)
        return await self._maker(top).modals.close(user, top, clear_all=clear_all)

    def _of(self, app: str) -> Hands:
        """Return the hands for an app, the first if none is named."""
        named = (one for one in self._hands if one.state.app.bot_user == app)
        return next(named, self._hands[0])

    def _maker(self, place: Message | View) -> Hands:
        """Return the hands for the app that made something; what a person wrote is the first's."""
        made = (one for one in self._hands if one.has_made(place))
        return next(made, self._hands[0])

    def _top(self, user: str) -> View:
        stack = self._state.views.stack(self._state.directory.person(user).id)
        if not stack:
            raise UnknownNameError(f"{user} has no modal open")
        return stack[-1]
