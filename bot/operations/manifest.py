"""The Slack app's manifest, made from what is registered; `app_manifest.yml` is its output."""

from __future__ import annotations

import dataclasses
import pathlib
import re
import urllib.parse
from collections.abc import Sequence
from typing import Any

import yaml

from bot import plain_files
from bot.power import errors, vocabulary
from bot.slack import app_features
from bot.slack.blockkit import labels

EVENTS_PATH = "/slack/events"  # As `run --transport http` serves it.
MOST_BYTES = 102_400  # Of a manifest file; ours has a few kilobytes.


class Unfit(errors.PowerbotError):
    """An address with which Slack would refuse the manifest, or never reach the bot."""


def public_address(transport: str, url: str) -> str:
    """Return the bot's public address without a path of Slack's; empty for a socket.

    Raises:
        Unfit: there is one too many or none, or Slack wouldn't take it.
    """
    if transport == "socket":
        if url:
            raise Unfit("--url needs --transport http; in Socket Mode Slack calls no address.")
        return ""
    if not url:
        raise Unfit("--transport http needs --url https://bot.example.com.")
    try:
        parts = urllib.parse.urlsplit(url)
        host = parts.hostname if parts.port != 0 else None
    except ValueError:
        host = None
    if not host or parts.scheme != "https" or "@" in parts.netloc or re.search(r"[\s?#]", url):
        example = "https://bot.example.com"
        raise Unfit(f"--url {url}: Slack calls https addresses only; write one like {example}.")
    # Whoever has copied the whole address from Slack means the same bot.
    return url.rstrip("/").removesuffix(EVENTS_PATH)


def build(
    transport: str,
    url: str = "",
    *,
    step: bool = False,
    command: str = vocabulary.PREFIX,
    label: str = "",
) -> dict[str, Any]:
    """Return the manifest for `socket` or `http`; `url` is the bot's public address for HTTP.

    With `step` it has the Workflow Builder step, which needs a paid plan and an org-wide app;
    `command` is the name of the slash command, `label` stands in the names of app and shortcuts.
    """
    by_socket = transport == "socket"
    address = "" if by_socket else f"{url.rstrip('/')}{EVENTS_PATH}"
    made = _without_step(by_socket, address, command, label)
    if step:
        made["functions"] = {app_features.STEP.callback_id: _step(app_features.STEP)}
        made["settings"]["event_subscriptions"]["bot_events"].append(app_features.STEP.event)
        # Slack wants both of an app that carries a step out on its own server.
        made["settings"] |= {"org_deploy_enabled": True, "function_runtime": "remote"}
    return made


def _step(step: app_features.WorkflowStep) -> dict[str, Any]:
    """Return the step as Slack wants it ("Adding custom steps to your app's manifest")."""
    return {
        "title": step.title,
        "description": step.description,
        "input_parameters": _parameters(step.inputs),
        "output_parameters": _parameters(step.outputs),
    }


def _parameters(given: Sequence[app_features.Parameter]) -> dict[str, Any]:
    """Return inputs or outputs of a step."""
    return {
        "properties": {
            one.name: {"type": one.type, "title": one.title, "description": one.description}
            for one in given
        },
        "required": [one.name for one in given if one.needed],
    }


def _without_step(by_socket: bool, address: str, command: str, label: str) -> dict[str, Any]:
    """Return the manifest with what every installation has."""
    return {
        "_metadata": {"major_version": 2},
        "display_information": {
            "name": labels.app_name(label),
            "description": "Power control of physical servers, with approval and proof",
            "background_color": "#1d2b3a",
        },
        "features": _features(address, command, label),
        "oauth_config": {"scopes": {"bot": sorted(app_features.scopes())}},
        "settings": {
            "event_subscriptions": _reached(address, bot_events=sorted(app_features.EVENTS)),
            "interactivity": _reached(address, is_enabled=True),
            "org_deploy_enabled": False,
            "socket_mode_enabled": by_socket,
            "token_rotation_enabled": False,  # The bot renews no token.
        },
    }


def drift(path: pathlib.Path, command: str = vocabulary.PREFIX, label: str = "") -> list[str]:
    """Return the parts in which a manifest file differs from what this version would print.

    The app's names, colours and addresses are each installation's own and are not compared.
    """
    try:
        found = yaml.safe_load(plain_files.text(path, MOST_BYTES))
        theirs = _compared(found if isinstance(found, dict) else {})
    except (OSError, plain_files.NotPlain, yaml.YAMLError, AttributeError, TypeError):
        # The last two: a value of another kind than a manifest has there.
        return ["all of it (it can't be read)"]
    ours = _compared(build("socket", command=command, label=label))
    return [part for part, value in ours.items() if value != theirs[part]]


def _compared(made: dict[str, Any]) -> dict[str, Any]:
    """Return what counts in a manifest, by the names of its parts."""
    features, settings = made.get("features") or {}, made.get("settings") or {}
    commands = features.get("slash_commands") or []
    events = (settings.get("event_subscriptions") or {}).get("bot_events", [])
    return {
        "scopes": sorted((made.get("oauth_config") or {}).get("scopes", {}).get("bot", [])),
        # The step is each installation's own choice.
        "events": sorted(one for one in events if one != app_features.STEP.event),
        # An address is each installation's own.
        "commands": [{k: v for k, v in one.items() if k != "url"} for one in commands],
        "shortcuts": features.get("shortcuts") or [],
        "home": features.get("app_home") or {},
        "interactivity": bool((settings.get("interactivity") or {}).get("is_enabled")),
    }


def _features(address: str, command: str, label: str) -> dict[str, Any]:
    """Return what people see of the app; nobody can write to it in its messages tab."""
    features: dict[str, Any] = {
        "app_home": {
            "home_tab_enabled": True,
            "messages_tab_enabled": True,
            "messages_tab_read_only_enabled": True,
        },
        "bot_user": {"display_name": labels.bot_name(label), "always_online": True},
        "slash_commands": [
            {
                **dataclasses.asdict(one),
                "command": command,
                # True would send @web as a mention ("App manifest reference").
                "should_escape": False,
                **({"url": address} if address else {}),
            }
            for one in app_features.COMMANDS
        ],
    }
    if app_features.SHORTCUTS:
        features["shortcuts"] = [_shortcut(one, label) for one in app_features.SHORTCUTS]
    return features


def _shortcut(one: app_features.Shortcut, label: str) -> dict[str, str]:
    """Return a shortcut as Slack wants it; people tell two bots' apart by the label alone."""
    return {
        "callback_id": one.callback_id,
        "type": one.type,
        "name": labels.shortcut_name(one.name, one.brief, label),
        "description": one.description,
    }


def _reached(address: str, **rest: Any) -> dict[str, Any]:
    """Return a setting with the address at which Slack reaches us, if it does so by HTTP."""
    return {**rest, "request_url": address} if address else rest


def text(
    transport: str = "socket",
    url: str = "",
    *,
    step: bool = False,
    command: str = vocabulary.PREFIX,
    label: str = "",
) -> str:
    """Return the manifest as YAML."""
    made = build(transport, url, step=step, command=command, label=label)
    return yaml.safe_dump(made, sort_keys=False, allow_unicode=True)
