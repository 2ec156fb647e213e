"""The manifest asks for what the code uses, and for nothing else."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Callable
from typing import Any, cast

import pytest
from slack_bolt.async_app import AsyncApp

from bot.operations import manifest
from bot.power.command import form
from bot.slack import app_features
from bot.slack.inbound import bolt_registration, form_receiver, guard, processor
from bot.slack.outbound import sending

PROJECT = pathlib.Path(__file__).parent.parent.parent
FAMILIES = "apps|auth|bots|chat|conversations|functions|files|reactions|team|usergroups|users|views"
# How a method is named in code: as Slack writes it, or as slack_sdk names its function.
WRITTEN = re.compile(rf'"((?:{FAMILIES})(?:\.[a-zA-Z]+)+)"')
CALLED = re.compile(rf"\.((?:{FAMILIES})_[a-zA-Z_]+)\(")
# "App manifest reference" in Slack's docs: lengths of names.
NAME_CHARS = 35
DESCRIPTION_CHARS = 140
SHORTCUT_CHARS = 24
COMMAND_HINT_CHARS = 1000


class Recorder:
    """Takes registrations as Bolt's app does, and remembers the events."""

    def __init__(self) -> None:
        self.events: set[str] = set()

    def event(self, name: object) -> Callable[[Any], Any]:
        """Note the name of an event."""
        if isinstance(name, str):
            self.events.add(name)
        return lambda listener: listener

    def __getattr__(self, kind: str) -> Callable[[object], Callable[[Any], Any]]:
        return lambda _: lambda listener: listener


def methods_in_the_code() -> set[str]:
    """Return every method of the Web API that the bot's code names."""
    found: set[str] = set()
    for path in (PROJECT / "bot").rglob("*.py"):
        if "sandbox" in path.parts or path.name == "registered.py":
            continue
        # Comments may speak of any method.
        code = "\n".join(line.partition("#")[0] for line in path.read_text().splitlines())
        found |= set(WRITTEN.findall(code))
        found |= {name.replace("_", ".") for name in CALLED.findall(code)}
    return found


def test_every_method_that_the_code_calls_has_its_scopes_listed() -> None:
    """No call without a row, and no row without a call."""
    assert methods_in_the_code() == set(app_features.METHODS)


def test_every_event_that_is_listened_to_is_subscribed() -> None:
    """No listener without a row, and no row without a listener."""
    app = Recorder()
    without_io = bolt_registration.Registration(
        cast("processor.Processor", None),
        cast("form_receiver.FormReceiver", None),
        guard.Guard("T0DEMO", cast("sending.Sender", None)),
    )

    without_io.register(cast("AsyncApp", app))

    assert app.events == {*app_features.EVENTS, app_features.STEP.event}


def test_every_scope_follows_from_a_row_and_has_a_reason() -> None:
    """An administrator can ask of each scope what it is for."""
    assert app_features.scopes() == set(app_features.SCOPES)
    assert all(app_features.SCOPES.values())


def test_the_scopes_are_no_more_than_the_features_need() -> None:
    """No history, no files, no channel names, no writing where the bot isn't."""
    asked = manifest.build("socket")["oauth_config"]["scopes"]

    assert asked == {
        "bot": [
            "app_mentions:read",
            "channels:read",
            "chat:write",
            "commands",
            "groups:read",
            "usergroups:read",
            "users:read",
        ]
    }


@pytest.mark.parametrize("transport", ["socket", "http"])
def test_the_manifest_keeps_slacks_lengths(transport: str) -> None:
    """Slack refuses a manifest whose names are too long."""
    made = manifest.build(transport, "https://bot.example.com/")
    shown, features = made["display_information"], made["features"]

    assert len(shown["name"]) <= NAME_CHARS
    assert len(shown["description"]) <= DESCRIPTION_CHARS
    assert re.fullmatch(r"#[0-9a-f]{6}", shown["background_color"])
    for shortcut in features.get("shortcuts", []):
        assert len(shortcut["name"]) <= SHORTCUT_CHARS
        assert shortcut["type"] in ("global", "message")
    for command in features["slash_commands"]:
        assert re.fullmatch(r"/[a-z][a-z0-9_-]{0,30}", command["command"])
        assert len(command["usage_hint"]) <= COMMAND_HINT_CHARS


def test_the_manifest_for_http_names_one_address_everywhere() -> None:
    """Commands, clicks and events come to the same path, and no socket is wanted."""
    made = manifest.build("http", "https://bot.example.com/")
    address = "https://bot.example.com/slack/events"

    assert made["settings"]["socket_mode_enabled"] is False
    assert made["settings"]["event_subscriptions"]["request_url"] == address
    assert made["settings"]["interactivity"]["request_url"] == address
    assert [one["url"] for one in made["features"]["slash_commands"]] == [address]


def test_the_manifest_for_socket_mode_names_no_address() -> None:
    """A request URL in a Socket Mode app would never be asked."""
    assert "url" not in manifest.text("socket")


def test_the_manifest_registers_the_command_that_the_bot_listens_to(tmp_path: pathlib.Path) -> None:
    """Under another name it is another command, and a manifest with the usual one has drifted."""
    path = tmp_path / "app_manifest.yml"
    path.write_text(manifest.text(command="/ops"))

    [made] = manifest.build("socket", command="/ops")["features"]["slash_commands"]
    assert made["command"] == "/ops"
    assert manifest.drift(path, "/ops") == []
    assert manifest.drift(path) == ["commands"]


@pytest.mark.parametrize("label", ["staging", "production", "Zone 2", "a-label-of-20-letter"])
def test_shortcuts_of_two_bots_in_one_workspace_have_two_names(
    label: str, tmp_path: pathlib.Path
) -> None:
    """In Slack's lists people see the shortcut's name; it has the label, within Slack's length."""
    path = tmp_path / "app_manifest.yml"
    path.write_text(manifest.text(label=label))

    named = [one["name"] for one in manifest.build("socket", label=label)["features"]["shortcuts"]]

    assert all(name.startswith(label) and len(name) <= SHORTCUT_CHARS for name in named)
    assert manifest.drift(path, label=label) == []
    assert manifest.drift(path) == ["shortcuts"]


def test_the_step_is_in_the_manifest_only_where_it_is_asked_for() -> None:
    """It needs a paid plan and the whole org; its inputs are fields of the request form."""
    plain, with_step = manifest.build("socket"), manifest.build("socket", step=True)

    step = with_step["functions"]["power_step"]

    assert "functions" not in plain
    assert "function_executed" not in plain["settings"]["event_subscriptions"]["bot_events"]
    assert "function_executed" in with_step["settings"]["event_subscriptions"]["bot_events"]
    assert with_step["settings"]["org_deploy_enabled"]
    assert with_step["settings"]["function_runtime"] == "remote"
    fields = {field.value for field in form.FormField} - {"break_glass"}
    assert set(step["input_parameters"]["properties"]) == {"requester", *fields}
    assert step["input_parameters"]["required"] == ["requester", "channel", "action", "servers"]


def test_a_manifest_with_the_step_has_not_drifted(tmp_path: pathlib.Path) -> None:
    """Whether to have it is each installation's own choice."""
    path = tmp_path / "app_manifest.yml"
    path.write_text(manifest.text("http", "https://bot.example.com", step=True))

    assert manifest.drift(path) == []


@pytest.mark.parametrize("text", ["", "[]", "features: x", "settings: {event_subscriptions: 3}"])
def test_a_file_that_is_no_manifest_differs_and_breaks_nothing(
    text: str, tmp_path: pathlib.Path
) -> None:
    """Whatever stands in the file, the check goes on."""
    (tmp_path / "app_manifest.yml").write_text(text)

    assert manifest.drift(tmp_path / "app_manifest.yml")


@pytest.mark.parametrize("step", [False, True], ids=["without the step", "with the step"])
def test_a_manifest_of_this_version_does_not_differ(step: bool, tmp_path: pathlib.Path) -> None:
    """Transport, address, name and step are each installation's own."""
    made = manifest.text("http", "https://bot.example.com", step=step)
    (tmp_path / "app_manifest.yml").write_text(made.replace("name: Powerbot", "name: Powerbot dev"))

    assert manifest.drift(tmp_path / "app_manifest.yml") == []


@pytest.mark.parametrize(
    ("transport", "url", "said"),
    [
        ("http", "http://bot.example.com", "Slack calls https addresses only"),
        ("http", "bot.example.com", "Slack calls https addresses only"),
        ("http", "https://", "Slack calls https addresses only"),
        ("http", "https://bot.example.com?x=1", "Slack calls https addresses only"),
        ("http", "https://me:pw@bot.example.com", "Slack calls https addresses only"),
        ("http", "https://bot example.com", "Slack calls https addresses only"),
        ("http", "https://bot.example.com:http", "Slack calls https addresses only"),
        ("http", "", "--transport http needs --url"),
        ("socket", "https://bot.example.com", "--url needs --transport http"),
    ],
)
def test_an_address_that_slack_would_not_call_is_refused(
    transport: str, url: str, said: str
) -> None:
    """Before anybody pastes a manifest that Slack refuses, or that reaches nobody."""
    with pytest.raises(manifest.Unfit, match=re.escape(said)):
        manifest.public_address(transport, url)


@pytest.mark.parametrize(
    "url",
    ["https://bot.example.com", "HTTPS://bot.example.com/", "https://bot.example.com/slack/events"],
)
def test_an_address_is_taken_with_or_without_the_path_that_slack_calls(url: str) -> None:
    """Whoever copies it from Slack's page has the path already."""
    found = manifest.public_address("http", url)
    made = manifest.build("http", found)

    address = made["settings"]["interactivity"]["request_url"]
    assert address.lower() == "https://bot.example.com/slack/events"
