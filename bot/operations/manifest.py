"""The Slack app's manifest, made from what the bot needs; `app_manifest.yml` is its output."""

from __future__ import annotations

from typing import Any

import yaml

# Each scope has a feature that needs it; no other may be asked for.
SCOPES = {
    "app_mentions:read": "a mention in an incident's thread is a command",
    "channels:read": "requests are refused in channels shared with another company",
    "chat:write": "plan, card and thread",
    "commands": "/power and the shortcuts",
    "groups:read": "the same check in private channels",
    "usergroups:read": "approvers named by user group",
    "users:read": "guests, bots and deactivated people are refused",
}
EVENTS = ("app_mention",)
COMMAND = {
    "command": "/power",
    "description": "Switch physical servers on or off, or reboot them",
    "usage_hint": "reboot web[01-20] !web07 because kernel panic",
    "should_escape": False,
}


def build(transport: str, url: str = "") -> dict[str, Any]:
    """Return the manifest for `socket` or `http`; `url` is the bot's public address for HTTP."""
    by_socket = transport == "socket"
    address = f"{url.rstrip('/')}/slack/events"
    command = COMMAND if by_socket else {**COMMAND, "url": address}
    events: dict[str, Any] = {"bot_events": list(EVENTS)}
    interactivity: dict[str, Any] = {"is_enabled": True}
    if not by_socket:
        events["request_url"] = address
        interactivity["request_url"] = address
    return {
        "_metadata": {"major_version": 2},
        "display_information": {
            "name": "Powerbot",
            "description": "Power control of physical servers, with approval and proof",
            "background_color": "#1d2b3a",
        },
        "features": {
            "bot_user": {"display_name": "powerbot", "always_online": True},
            "slash_commands": [command],
        },
        "oauth_config": {"scopes": {"bot": sorted(SCOPES)}},
        "settings": {
            "event_subscriptions": events,
            "interactivity": interactivity,
            "org_deploy_enabled": False,
            "socket_mode_enabled": by_socket,
            "token_rotation_enabled": False,
        },
    }


def text(transport: str = "socket", url: str = "") -> str:
    """Return the manifest as YAML."""
    return yaml.safe_dump(build(transport, url), sort_keys=False, allow_unicode=True)
