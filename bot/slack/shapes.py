"""What we look at in Slack's payloads, as Slack's docs describe them; the rest is not read.

Only user and team ids say who somebody is. The rest is routing data.
"""

from __future__ import annotations

from typing import Any

import pydantic

from bot.slack import actions

# What people type is bounded before anything looks at it; the grammar's own limits are lower.
TEXT_CHARS = 4000


class Payload(pydantic.BaseModel):
    """The part of a payload that we look at; Slack adds keys at any time."""

    model_config = pydantic.ConfigDict(frozen=True, extra="ignore")


class Command(Payload):
    """A slash command ("Slash commands" in Slack's docs)."""

    team_id: str
    channel_id: str
    user_id: str
    text: str = ""
    trigger_id: str
    response_url: str = ""


class Party(Payload):
    """The person or the team in an interaction."""

    id: str = ""
    team_id: str | None = None


class Chan(Payload):
    """The channel in an interaction."""

    id: str = ""


class Container(Payload):
    """Where a pressed button stands: in a message, or in a view."""

    type: str = ""
    channel_id: str = ""
    message_ts: str = ""
    thread_ts: str = ""
    is_ephemeral: bool = False


class Pressed(Payload):
    """The button that was pressed."""

    action_id: str
    value: str = ""


class BlockActions(Payload):
    """A press of a button ("block_actions payload")."""

    team: Party
    user: Party
    trigger_id: str
    actions: tuple[Pressed, ...] = pydantic.Field(min_length=1)
    container: Container = Container()
    channel: Chan = Chan()
    response_url: str = ""


class View(Payload):
    """The form in a submission."""

    id: str
    hash: str = ""
    callback_id: str = ""
    private_metadata: str = ""
    state: dict[str, Any] = {}

    def typed(self, field: actions.Field) -> str:
        """Return what was typed into an input."""
        element = self.state.get("values", {}).get(field.value, {}).get(field.value, {})
        return str(element.get("value") or "")[:TEXT_CHARS]


class HomeView(Payload):
    """A Home tab that was published before; `hash` is its version."""

    hash: str = ""


class ViewSubmission(Payload):
    """A form that was sent ("view_submission payload")."""

    team: Party
    user: Party
    view: View


class Mentioned(Payload):
    """The inner part of an app_mention event."""

    user: str
    channel: str
    ts: str
    thread_ts: str = ""
    text: str = ""
    bot_id: str = ""
    user_team: str = ""
    source_team: str = ""


class MentionEvent(Payload):
    """A mention of the bot ("app_mention event")."""

    team_id: str
    event_id: str
    event: Mentioned


class HomeOpened(Payload):
    """The inner part of an app_home_opened event."""

    user: str
    tab: str = ""
    view: HomeView = HomeView()


class HomeEvent(Payload):
    """Somebody opened the app ("app_home_opened event")."""

    team_id: str
    event_id: str
    event: HomeOpened


class Message(Payload):
    """The message that a shortcut was used on."""

    ts: str = ""
    thread_ts: str = ""
    text: str = ""


class Shortcut(Payload):
    """A global or a message shortcut ("Shortcuts payload")."""

    team: Party
    user: Party
    callback_id: str
    trigger_id: str
    channel: Chan = Chan()
    message: Message = Message()
    response_url: str = ""
