"""Slack's own TypeScript types read what the bot posts and what the stand-in sends."""

from __future__ import annotations

import json
import pathlib
import subprocess
from collections.abc import Iterable

import pytest

from bot.slack import app_features
from bot.slack.blockkit import blocks
from tests.outside import golden, npm

COMPILE_S = 300
IMPORTS = """\
import type {
  AppHomeOpenedEvent, AppMentionEvent, HomeView, KnownBlock, ModalView, ReactionAddedEvent,
  SlackEvent,
} from "@slack/types";
import type {
  BlockAction, BlockElementAction, BlockSuggestion, GlobalShortcut, MessageShortcut, SlashCommand,
  ViewClosedAction, ViewSubmitAction,
} from "@slack/bolt";
"""
CONFIG = {
    "compilerOptions": {
        "strict": True,
        "noEmit": True,
        "module": "esnext",
        "moduleResolution": "bundler",
        "target": "es2022",
        "types": [],
        "skipLibCheck": True,
    },
    "include": ["*.ts"],
}
# What each payload of the stand-in is called in Slack's types.
SENT_AS = {
    "command": "SlashCommand",
    "app_mention": "AppMentionEvent",
    "app_home_opened": "AppHomeOpenedEvent",
    "reaction_added": "ReactionAddedEvent",
    "shortcut": "GlobalShortcut",
    "message_action": "MessageShortcut",
    "block_actions message": "BlockAction<BlockElementAction>",
    # Only messages give a response URL ("block_actions payload"); the types ask for one always.
    "block_actions view": 'Omit<BlockAction<BlockElementAction>, "response_url">',
    "block_suggestion view": "BlockSuggestion",
    "view_submission": "ViewSubmitAction",
    "view_closed": "ViewClosedAction",
}
# Slack sends null as well as nothing for what its types call optional (its recorded payloads).
SHAPE = """\
type Shape<T> = T extends string | number | boolean | null | undefined ? T
  : T extends (infer U)[] ? readonly Shape<U>[]
  : T extends object ? {
      readonly [K in keyof T]: Shape<T[K]> | (undefined extends T[K] ? null : never)
    } : T;
"""
# One thing wrong in each, of the kinds that types can see.
BAD = {
    "a misspelt key": [{"type": "section", "txt": {"type": "mrkdwn", "text": "x"}}],
    "mrkdwn in a heading": [{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}],
    "an unknown block": [{"type": "sektion", "text": {"type": "mrkdwn", "text": "x"}}],
    "an unknown style": [
        {
            "type": "actions",
            "elements": [
                {
                    "type": "button",
                    "action_id": "a",
                    "style": "warning",
                    "text": {"type": "plain_text", "text": "x"},
                }
            ],
        }
    ],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A folder with the compiler and Slack's types."""
    made = tmp_path_factory.mktemp("types")
    npm.install(made, "@slack/types", "@slack/bolt", "typescript")
    (made / "tsconfig.json").write_text(json.dumps(CONFIG))
    return made


def compiled(folder: pathlib.Path, lines: Iterable[str]) -> str:
    """Compile constants and return what the compiler complains of."""
    (folder / "golden.ts").write_text(IMPORTS + "\n".join(lines))
    done = subprocess.run(
        ["node", "node_modules/typescript/bin/tsc", "-p", "."],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=COMPILE_S,
        check=False,
    )
    return done.stdout + done.stderr


def constant(number: int, value: object, type_: str) -> str:
    """Return a literal that must fit a type; only a literal has its extra keys refused."""
    return f"export const c{number} = {json.dumps(value)} satisfies {type_};"


def test_slack_types_take_every_message_and_view(folder: pathlib.Path) -> None:
    """Each list of blocks is one of known blocks, each view a modal or a Home tab."""
    lines: list[str] = []
    for message in golden.messages().values():
        lines.append(constant(len(lines), list(message.blocks), "KnownBlock[]"))
    for view in golden.views().values():
        type_ = "HomeView" if view["type"] == "home" else "ModalView"
        lines.append(constant(len(lines), view, type_))
        # A view's own type takes any block, so its blocks are looked at once more.
        lines.append(constant(len(lines), view["blocks"], "KnownBlock[]"))

    assert compiled(folder, lines) == ""
    assert len(lines) >= 80


def test_slack_types_take_all_that_the_stand_in_sends(folder: pathlib.Path) -> None:
    """Nothing is missing that a payload of Slack's always has."""
    sent = golden.sent_by_the_stand_in()
    lines = [
        # Assigned by a name, a payload may have more keys than the types list.
        f"const p{n} = {json.dumps(sent[kind].get('event', sent[kind]))} as const;\n"
        f"export const t{n}: Shape<{SENT_AS[kind]}> = p{n};"
        for n, kind in enumerate(SENT_AS)
    ]

    assert set(sent) == set(SENT_AS)
    assert compiled(folder, [SHAPE, *lines]) == ""


def test_slack_types_know_every_event_that_is_subscribed(folder: pathlib.Path) -> None:
    """A misspelt event would never come, and nobody would be told."""
    events = [*app_features.EVENTS, app_features.STEP.event]
    lines = [constant(n, one, 'SlackEvent["type"]') for n, one in enumerate(events)]

    assert compiled(folder, lines) == ""
    assert "error TS" in compiled(folder, [constant(0, "app_mentioned", 'SlackEvent["type"]')])


@pytest.mark.parametrize("name", BAD)
def test_slack_types_refuse_a_bad_payload(name: str, folder: pathlib.Path) -> None:
    """The check above can fail."""
    assert "error TS" in compiled(folder, [constant(0, BAD[name], "KnownBlock[]")])


def test_slack_types_refuse_a_payload_with_something_missing(folder: pathlib.Path) -> None:
    """The check of what the stand-in sends can fail too."""
    payload = {
        key: value
        for key, value in golden.sent_by_the_stand_in()["command"].items()
        if key != "trigger_id"
    }
    line = f"const p = {json.dumps(payload)} as const;\nexport const t: SlashCommand = p;"

    assert "trigger_id" in compiled(folder, [line])


def test_message_with_everything_is_smaller_than_slack_takes() -> None:
    """No golden message needs the guard at the door."""
    assert all(blocks.fitted(one).blocks == one.blocks for one in golden.messages().values())
