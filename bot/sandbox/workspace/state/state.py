"""What all parts of the workspace share: its people, messages, views, journal, clock and rules.

It holds state and answers questions about it; it opens no connection and takes no request.
"""

import copy
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from bot.sandbox.workspace.base.changes import Changes
from bot.sandbox.workspace.base.chaos import Chaos
from bot.sandbox.workspace.base.json_types import Json
from bot.sandbox.workspace.base.refusal import RefusedError
from bot.sandbox.workspace.blockkit import blocks, forgery
from bot.sandbox.workspace.state import cast, forms, manifest, message_shape, view_book
from bot.sandbox.workspace.state.directory import Channel, Directory, Person, Team, UserGroup
from bot.sandbox.workspace.state.journal import Journal
from bot.sandbox.workspace.state.tickets import Tickets
from bot.sandbox.workspace.state.timeline import Message, Timeline

DEFAULT_SCOPES: Final = (
    "commands",
    "chat:write",
    "app_mentions:read",
    "users:read",
    "usergroups:read",
    "channels:read",
    "groups:read",
)


@dataclass(frozen=True, slots=True)
class App:
    """The app's ids, secrets and granted scopes."""

    bot_token: str = "xoxb-demo"  # noqa: S105 -- a made-up token that opens nothing but this stand-in.
    app_token: str = "xapp-demo"  # noqa: S105 -- a made-up token that opens nothing but this stand-in.
    signing_secret: str = "demo-signing-secret"  # noqa: S105 -- a made-up token that opens nothing but this stand-in.
    verification_token: str = "demo-verification"  # noqa: S105 -- a made-up token that opens nothing but this stand-in.
    id: str = cast.APP_ID
    bot_user: str = cast.BOT_USER
    bot_id: str = cast.BOT_ID
    scopes: tuple[str, ...] = DEFAULT_SCOPES


@dataclass(frozen=True, slots=True)
class Cast:
    """Who and what exists at the start."""

    team: Team = field(default_factory=Team)
    people: Iterable[Person] = field(default_factory=cast.people)
    channels: Iterable[Channel] = field(default_factory=cast.channels)
    groups: Iterable[UserGroup] = field(default_factory=cast.groups)


@dataclass(slots=True)
class Served:
    """Where the workspace is served, once it is."""

    url: str = ""


class WorkspaceState:
    """Everything that is remembered, in one place."""

    def __init__(
        self,
        app: App,
        who: Cast,
        registered: Mapping[str, Any],
        *,
        clock: Callable[[], float],
        rng: random.Random,
        mentionable_groups: Iterable[str],
        strict: bool,
    ) -> None:
        # Every app of the workspace, by its bot's user id; this state is that of one of them.
        self.apps = {app.bot_user: app}
        self._own = app.bot_user
        self.clock = clock
        self.rng = rng
        self.strict = strict
        self.mentionable_groups = frozenset(mentionable_groups)
        self.directory = Directory(who.team, who.people, who.channels, who.groups, app.bot_user)
        self.manifest = manifest.read(registered)
        self.timeline = Timeline(clock, rng)
        self.views = view_book.ViewBook(clock, rng, app.id)
        self.tickets = Tickets(clock, rng)
        self.journal = Journal(clock)
        self.changes = Changes()
        self.chaos = Chaos()
        self.served = Served()
        self.running_steps: set[str] = set()
        self.revoked_scopes: set[str] = set()

    def beside(self, app: App, registered: Mapping[str, Any]) -> "WorkspaceState":
        """Return the state of another app of this workspace.

        It has the same people, messages, clock and journal, and its own Home tabs, keys, commands
        and scopes.
        """
        other = copy.copy(self)
        other._own = app.bot_user
        self.apps[app.bot_user] = app
        other.manifest = manifest.read(registered)
        other.tickets = Tickets(self.clock, self.rng)
        other.views = self.views.beside(app.id)
        other.running_steps, other.revoked_scopes = set(), set()
        return other

    @property
    def app(self) -> App:
        """The app whose state this is, with its secrets of this moment."""
        return self.apps[self._own]

    def exchange(self, **secrets: Any) -> None:
        """Give the app other secrets, by their fields."""
        self.apps[self._own] = replace(self.app, **secrets)

    @property
    def base_url(self) -> str:
        """Where the workspace is served, without a slash at the end."""
        return self.served.url

    def bot_id(self, user: str) -> str:
        """Return the id of a user's bot, or an empty text for people."""
        return self.apps[user].bot_id if user in self.apps else ""

    @property
    def scopes(self) -> tuple[str, ...]:
        """The scopes that the app has at this moment."""
        return tuple(one for one in self.app.scopes if one not in self.revoked_scopes)

    def check_text(self, where: str, content: Json) -> None:
        """Look for forged text in what the app sends to be shown.

        Raises:
            RefusedError: forged_text, when the workspace is strict.
        """
        known = forgery.Known(
            person=self.directory.people.__contains__,
            channel=self.directory.channels.__contains__,
            group=self.mentionable_groups.__contains__,
        )
        self._break_rule("forged_text", where, forgery.find(content, known))

    def check_unfurling(self, where: str, content: Json) -> None:
        """See that links in a post can't unfold into previews.

        Raises:
            RefusedError: unfurl_not_off, when the workspace is strict.
        """
        on = [name for name in ("unfurl_links", "unfurl_media") if not _is_off(content.get(name))]
        self._break_rule("unfurl_not_off", where, [f"{name} is not false" for name in on])

    def violated(self, rule: str, where: str, message: str) -> None:
        """Write a broken rule down where there is no answer that could refuse it."""
        self.journal.note_violation(rule, where, message)
        self.changes.bump()

    def checked_view(self, where: str, view: Any, kind: str) -> Json:
        """Check a view that the app sent, its shape and its text.

        Raises:
            RefusedError: invalid_arguments, view_too_large or forged_text.
        """
        blocks.check_view(view, kind)
        self.check_text(where, {"view": view})
        return dict(view)

    def view_as_slack(self, view: view_book.View) -> Json:
        """Shape a view for an answer or a payload, with what was entered so far."""
        values = forms.all_states(view.blocks, view.values, view.channel)
        ids = {
            "team_id": self.directory.team.id,
            "app_id": self.app.id,
            "bot_id": self.app.bot_id,
        }
        return view_book.as_slack(view, values, ids)

    def message_as_slack(self, message: Message) -> Json:
        """Shape a message for an answer or a payload."""
        author = self.directory.people[message.user]
        app = self.apps.get(message.user, self.app)
        bot = {
            "id": app.bot_id,
            "app_id": app.id,
            "name": author.name,
            "deleted": False,
            "updated": 1,
            "team_id": self.directory.team.id,
        }
        return message_shape.as_slack(message, author.team_id, bot if message.bot else None)

    def _break_rule(self, rule: str, where: str, messages: list[str]) -> None:
        # Noted even when it is refused: an app that falls back to plain text has still erred.
        for message in messages:
            self.violated(rule, where, message)
        if messages and self.strict:
            raise RefusedError(rule, messages)


def _is_off(value: Any) -> bool:
    return value in (False, 0, "0", "false", "False")
