"""What Slack must know of the app: one row for each command, event, shortcut and called method.

The manifest is made from these rows. Tests hold them to the code: a listener or a call without
a row fails, and so does a row that nothing uses. The scopes follow from the rows.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from bot.slack import action_ids


@dataclasses.dataclass(frozen=True, slots=True)
class Command:
    """A slash command, with what Slack shows while it is typed."""

    command: str
    description: str
    usage_hint: str


@dataclasses.dataclass(frozen=True, slots=True)
class Shortcut:
    """A shortcut; `type` is `global` or `message`, `brief` its name where a label stands before it.

    Slack takes names of at most 24 characters ("App manifest reference").
    """

    callback_id: str
    type: str
    name: str
    brief: str
    description: str


@dataclasses.dataclass(frozen=True, slots=True)
class Parameter:
    """An input or output of the step; `type` is Slack's."""

    name: str
    type: str
    title: str
    description: str
    needed: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class WorkflowStep:
    """A step for Workflow Builder; its name is the field of the request form that it fills."""

    callback_id: str
    title: str
    description: str
    inputs: tuple[Parameter, ...]
    outputs: tuple[Parameter, ...]
    event: str


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
        action_ids.ShortcutId.REQUEST.value,
        "global",
        "Request a power change",
        "power change",
        "Choose servers and an action, and see the plan",
    ),
    Shortcut(
        action_ids.ShortcutId.FROM_MESSAGE.value,
        "message",
        "Power these servers",
        "power these",
        "Use the servers that this message names",
    ),
)
# Registered only where it is asked for: it needs a paid plan and the approval of the whole org.
STEP = WorkflowStep(
    "power_step",
    "Request a power change",
    "Shows the plan to one person; finishes when the request has ended",
    (
        Parameter(
            "requester",
            "slack#/types/user_id",
            "Person",
            "Who sees the plan and requests it",
            True,
        ),
        Parameter("channel", "slack#/types/channel_id", "Channel", "Where it is requested", True),
        Parameter("action", "string", "Action", "on, off, reboot or cycle", True),
        Parameter("servers", "string", "Servers", "Such as web[01-20] !web07, or @web", True),
        Parameter("reason", "string", "Reason", "Why, at most 500 characters"),
        Parameter("incident", "string", "Incident", "Such as INC-42"),
        Parameter("batch", "string", "Servers in a wave", "A number; leave empty for the policy's"),
        Parameter("pause", "string", "Pause", "Pause between waves, such as 30s"),
        Parameter(
            "max_failures",
            "string",
            "Failures",
            "Stops at this many; leave empty for the policy's",
        ),
    ),
    (
        Parameter("request_id", "string", "Request", "Such as PR-7F3K", True),
        Parameter("outcome", "string", "Outcome", "succeeded", True),
        Parameter("summary", "string", "Summary", "What happened to the servers", True),
    ),
    "function_executed",
)
# Events with the scope that each needs; none for those that every app may have.
EVENTS: Mapping[str, tuple[str, ...]] = {
    "app_home_opened": (),
    "app_mention": ("app_mentions:read",),
}
# Methods of the Web API with the bot scopes that each needs, from each method's page.
METHODS: Mapping[str, tuple[str, ...]] = {
    "apps.connections.open": (),  # The app-level token has a scope of its own.
    "auth.test": (),
    "bots.info": ("users:read",),
    "chat.postEphemeral": ("chat:write",),
    "chat.postMessage": ("chat:write",),
    "chat.update": ("chat:write",),
    "functions.completeError": (),
    "functions.completeSuccess": (),
    "conversations.info": ("channels:read", "groups:read"),
    "usergroups.users.list": ("usergroups:read",),
    "users.info": ("users:read",),
    "views.open": (),  # A trigger id is all that it needs.
    "views.publish": (),
    "views.update": (),
}
# Why an administrator should grant each scope; a scope without a reason may not be asked for.
SCOPES: Mapping[str, str] = {
    "app_mentions:read": "a mention in an incident's thread is a command",
    "channels:read": "requests are refused in channels shared with another company",
    "chat:write": "plan, card and thread",
    "commands": "the slash command and the shortcuts",
    "groups:read": "the same check in private channels",
    "usergroups:read": "approvers named by user group",
    "users:read": "guests, bots and deactivated people are refused",
}


def scopes() -> frozenset[str]:
    """Return the scopes that follow from all rows."""
    needed = {scope for row in (*EVENTS.values(), *METHODS.values()) for scope in row}
    return frozenset({*needed, COMMANDS_SCOPE})
