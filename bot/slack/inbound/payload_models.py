"""What we read of Slack's payloads, as Slack's docs describe them; the rest is ignored.

Only user and team ids say who somebody is. The rest is routing data.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pydantic

# What is longer than all that the grammar takes isn't kept: its length alone is, and is told.
TEXT_CHARS = 12_000
# The words of a message that a shortcut was used on: text, blocks and attachments together.
# Slack's largest message has 40,000 characters ("chat.postMessage", truncating content).
MESSAGE_CHARS = 40_000


def storable(text: str) -> str:
    """Return a text with a question mark for each half of a character, which nothing stores."""
    return text if text.isascii() else text.encode(errors="replace").decode()


class Payload(pydantic.BaseModel):
    """The part of a payload that we read; Slack adds keys at any time."""

    model_config = pydantic.ConfigDict(frozen=True, extra="ignore")


class SlashCommand(Payload):
    """A slash command ("Slash commands" in Slack's docs)."""

    team_id: str
    channel_id: str
    user_id: str
    command: str = ""
    text: str = ""
    trigger_id: str  # Good for three seconds, and once.
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


class PressedButton(Payload):
    """The button that was pressed."""

    action_id: str
    value: str = ""  # A request's id, or a page and the line that is paged.


class BlockActions(Payload):
    """A press of a button ("block_actions payload")."""

    team: Party
    user: Party
    trigger_id: str
    # Slack sends a list; a press has exactly one.
    actions: tuple[PressedButton, ...] = pydantic.Field(min_length=1)
    container: Container = pydantic.Field(default_factory=Container)
    channel: Chan = pydantic.Field(default_factory=Chan)
    response_url: str = ""


class SentForm(Payload):
    """The form in a submission."""

    id: str
    hash: str = ""  # The view's version, which grows with every update.
    callback_id: str = ""
    private_metadata: str = ""
    state: dict[str, Any] = {}

    def typed(self, field: str) -> str:
        """Return what was typed into an input, or the values of what was chosen, by spaces.

        Block and element carry the field's name ("view_submission payload": state.values).
        """
        element = _within(_within(_within(self.state, "values"), field), field)
        one, several = element.get("selected_option"), element.get("selected_options")
        chosen = [one] if one else several if isinstance(several, list) else []
        values = [str(option.get("value", "")) for option in chosen if isinstance(option, dict)]
        return storable(" ".join(values) if values else str(element.get("value") or ""))


def _within(piece: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return a part that is an object, or an empty one."""
    found = piece.get(key)
    return found if isinstance(found, dict) else {}


class HomeView(Payload):
    """A Home tab that was published before; `hash` is its version."""

    hash: str = ""


class ViewSubmission(Payload):
    """A form that was sent ("view_submission payload")."""

    team: Party
    user: Party
    view: SentForm
    trigger_id: str = ""


class Suggestion(Payload):
    """What was typed into a field that searches ("block_suggestion payload")."""

    team: Party
    user: Party
    action_id: str = ""
    value: str = ""


class Edited(Payload):
    """Who has edited a message, and when; each edit has a ts of its own."""

    user: str = ""
    ts: str = ""


class AppMention(Payload):
    """The inner part of an app_mention event; `thread_ts` is there in threads alone."""

    user: str
    channel: str
    ts: str
    thread_ts: str = ""
    text: str = ""
    subtype: str = ""
    edited: Edited = pydantic.Field(default_factory=Edited)
    bot_id: str = ""
    user_team: str = ""  # The author's, in a channel that companies share.
    source_team: str = ""


class MentionEvent(Payload):
    """A mention of the bot ("app_mention event")."""

    team_id: str
    event_id: str
    event_time: float = 0.0  # Seconds since the epoch.
    event: AppMention


class AppHomeOpened(Payload):
    """The inner part of an app_home_opened event."""

    user: str
    tab: str = ""
    view: HomeView = pydantic.Field(default_factory=HomeView)


class HomeEvent(Payload):
    """Somebody opened the app ("app_home_opened event")."""

    team_id: str
    event_id: str
    event: AppHomeOpened


class ShortcutMessage(Payload):
    """The message that a shortcut was used on."""

    ts: str = ""
    thread_ts: str = ""
    text: str = ""
    blocks: list[Any] = []
    attachments: list[Any] = []

    @property
    def words(self) -> str:
        """Everything that the message says, its blocks and attachments too."""
        found: list[str] = []
        _collect([self.text, self.attachments, self.blocks], found, 0)
        return storable("\n".join(found))


# Blocks nest rich text in lists in lists; an attachment has blocks of its own.
MOST_DEPTH = 12
MOST_WORDS = 2000  # Strings of one message.
# Ids, types and addresses are not for reading ("Reference: message attachments, blocks").
UNREAD = frozenset(
    {"type", "block_id", "action_id", "id", "color", "image_url", "thumb_url", "ts", "style"}
)


def _collect(piece: object, found: list[str], depth: int) -> None:
    """Add the strings within a piece of a message, so many and so deep at most."""
    if depth > MOST_DEPTH or len(found) >= MOST_WORDS:
        return
    if isinstance(piece, str):
        found.append(piece)
    elif isinstance(piece, list):
        for part in piece:
            _collect(part, found, depth + 1)
    elif isinstance(piece, dict):
        for key, part in piece.items():
            if key not in UNREAD:
                _collect(part, found, depth + 1)


class ShortcutUse(Payload):
    """A global or a message shortcut ("Shortcuts payload")."""

    team: Party
    user: Party
    callback_id: str
    trigger_id: str
    channel: Chan = pydantic.Field(default_factory=Chan)
    message: ShortcutMessage = pydantic.Field(default_factory=ShortcutMessage)
    response_url: str = ""


class Function(Payload):
    """The step that runs."""

    callback_id: str = ""


class Executed(Payload):
    """The inner part of a function_executed event; its short-lived token isn't read."""

    function: Function = pydantic.Field(default_factory=Function)
    function_execution_id: str
    inputs: dict[str, Any] = {}


class StepEvent(Payload):
    """A step of a workflow that has begun ("function_executed event")."""

    team_id: str
    event: Executed
