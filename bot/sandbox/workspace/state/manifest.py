"""What the app has registered, read from a dict with the shape of an app manifest.

Only what people can use is read: slash commands, shortcuts, bot events and steps.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

DEFAULT: Final[dict[str, Any]] = {
    "features": {
        "slash_commands": [
            {
                "command": "/power",
                "description": "Power servers on, off, or reboot them, after approval",
                "usage_hint": "reboot web[01-03] because kernel panic",
            }
        ],
        "shortcuts": [
            {
                "name": "Request a power change",
                "type": "global",
                "callback_id": "power_request",
                "description": "Choose servers and an action",
            },
            {
                "name": "Power these servers",
                "type": "message",
                "callback_id": "power_from_message",
                "description": "Use the servers from this message",
            },
        ],
    },
    "settings": {"event_subscriptions": {"bot_events": ["app_mention", "app_home_opened"]}},
}


@dataclass(frozen=True, slots=True)
class Command:
    """A slash command, its name with the slash."""

    command: str
    description: str = ""
    usage_hint: str = ""


@dataclass(frozen=True, slots=True)
class Shortcut:
    """A shortcut; `type` is `global` or `message`."""

    callback_id: str
    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """The registered commands, shortcuts, bot events, and steps for workflows by callback id."""

    commands: tuple[Command, ...]
    shortcuts: tuple[Shortcut, ...]
    bot_events: frozenset[str]
    functions: frozenset[str] = frozenset()

    def has_command(self, name: str) -> bool:
        """Say whether this slash command belongs to the app."""
        return any(command.command == name for command in self.commands)

    def shortcut(self, callback_id: str) -> Shortcut | None:
        """Find a shortcut by its callback id."""
        return next((one for one in self.shortcuts if one.callback_id == callback_id), None)


def read(manifest: Mapping[str, Any]) -> Manifest:
    """Read a manifest dict; what is missing in it is empty.

    Raises:
        KeyError: when a command has no name, or a shortcut no callback id, name or type.
    """
    features = manifest.get("features", {})
    subscriptions = manifest.get("settings", {}).get("event_subscriptions", {})
    return Manifest(
        commands=tuple(
            Command(item["command"], item.get("description", ""), item.get("usage_hint", ""))
            for item in features.get("slash_commands", ())
        ),
        shortcuts=tuple(
            Shortcut(item["callback_id"], item["name"], item["type"])
            for item in features.get("shortcuts", ())
        ),
        bot_events=frozenset(subscriptions.get("bot_events", ())),
        functions=frozenset(manifest.get("functions", {})),
    )
