"""What Slack must know of the app: one row for each command, event, shortcut and called method.

The manifest is made from these rows. Tests hold them to the code: a listener or a call without
a row fails, and so does a row that nothing uses. The scopes follow from the rows.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from bot.slack import actions


@dataclasses.dataclass(frozen=True, slots=True)
class Command:
    """A slash command."""

    command: str
    description: str
    usage_hint: str


@dataclasses.dataclass(frozen=True, slots=True)
class Shortcut:
    """A shortcut; `type` is `global` or `message`, the name has at most 24 characters."""

    callback_id: str
    type: str
    name: str
    description: str


COMMANDS = (
    Command(
        "/power",
        "Switch physical servers on or off, or reboot them",
        "reboot web[01-20] !web07 because kernel panic",
    ),
)
# Commands and shortcuts need this scope ("commands" in Slack's list of scopes).
COMMANDS_SCOPE = "commands"
SHORTCUTS = (
    Shortcut(
        actions.Shortcut.REQUEST.value,
        "global",
        "Request a power change",
        "Choose servers and an action, and see the plan",
    ),
    Shortcut(
        actions.Shortcut.FROM_MESSAGE.value,
        "message",
        "Power these servers",
        "Take the servers that this message names",
    ),
)
# Events with the scope that each needs; none for those that every app may have.
EVENTS: Mapping[str, tuple[str, ...]] = {
    "app_home_opened": (),
    "app_mention": ("app_mentions:read",),
}
# Methods of the Web API with the bot scopes that each needs, from each method's page.
METHODS: Mapping[str, tuple[str, ...]] = {
    "apps.connections.open": (),
    "auth.test": (),
    "bots.info": ("users:read",),
    "chat.postEphemeral": ("chat:write",),
    "chat.postMessage": ("chat:write",),
    "chat.update": ("chat:write",),
    "conversations.info": ("channels:read", "groups:read"),
    "usergroups.users.list": ("usergroups:read",),
    "users.info": ("users:read",),
    "views.open": (),
    "views.publish": (),
    "views.update": (),
}
# Why an administrator should grant each scope; a scope without a reason may not be asked for.
SCOPES: Mapping[str, str] = {
    "app_mentions:read": "a mention in an incident's thread is a command",
    "channels:read": "requests are refused in channels shared with another company",
    "chat:write": "plan, card and thread",
    "commands": "/power and the shortcuts",
    "groups:read": "the same check in private channels",
    "usergroups:read": "approvers named by user group",
    "users:read": "guests, bots and deactivated people are refused",
}


def scopes() -> frozenset[str]:
    """Return the scopes that follow from all rows."""
    needed = {scope for row in (*EVENTS.values(), *METHODS.values()) for scope in row}
    return frozenset({*needed, COMMANDS_SCOPE})
