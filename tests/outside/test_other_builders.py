"""Other people's builders read our messages: slackblocks, slack_sdk's models, and our stand-in.

Each knows Slack's limits by a table of its own, so a mistake must be made twice to pass.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import slackblocks as other
from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block as SdkBlock

from bot.sandbox.workspace.base.refusal import RefusedError
from bot.sandbox.workspace.blockkit import blocks as stand_in_blocks
from tests.outside import golden

Json = dict[str, Any]


def rebuilt_text(given: Json) -> other.Text:
    """Build a text object."""
    kind = other.TextType(given["type"])
    return other.Text(given["text"], kind, bool(given.get("emoji")), bool(given.get("verbatim")))


def rebuilt_button(given: Json) -> other.Button:
    """Build a button with its dialog."""
    asked = given.get("confirm")
    confirm = (
        other.ConfirmationDialogue(
            rebuilt_text(asked["title"]),
            rebuilt_text(asked["text"]),
            rebuilt_text(asked["confirm"]),
            rebuilt_text(asked["deny"]),
        )
        if asked
        else None
    )
    return other.Button(
        rebuilt_text(given["text"]),
        given["action_id"],
        value=given["value"],
        style=given.get("style"),
        confirm=confirm,
        accessibility_label=given.get("accessibility_label"),
    )


def rebuilt_input(given: Json) -> other.PlainTextInput:
    """Build a text input."""
    return other.PlainTextInput(
        given["action_id"],
        multiline=bool(given.get("multiline")),
        min_length=given.get("min_length"),
        max_length=given.get("max_length"),
        focus_on_load=bool(given.get("focus_on_load")),
    )


BUILDERS: dict[str, Callable[[Json], other.Block]] = {
    "header": lambda block: other.HeaderBlock(rebuilt_text(block["text"])),
    "section": lambda block: other.SectionBlock(rebuilt_text(block["text"])),
    "context": lambda block: other.ContextBlock([rebuilt_text(one) for one in block["elements"]]),
    "actions": lambda block: other.ActionsBlock([rebuilt_button(one) for one in block["elements"]]),
    "input": lambda block: other.InputBlock(
        rebuilt_text(block["label"]), rebuilt_input(block["element"]), block_id=block["block_id"]
    ),
    "divider": lambda _: other.DividerBlock(),
}


def is_known(block: Json) -> bool:
    """Whether the builders above can build it: other elements are left to Slack's types."""
    elements = [block["element"]] if block["type"] == "input" else block.get("elements", [])
    plain = {"button", "plain_text_input", "mrkdwn", "plain_text"}
    return block["type"] in BUILDERS and all(one["type"] in plain for one in elements)


def all_lists() -> dict[str, list[Json]]:
    """Return the blocks of each message and view."""
    found = {name: list(message.blocks) for name, message in golden.messages().items()}
    return found | {name: view["blocks"] for name, view in golden.views().items()}


LISTS = all_lists()


@pytest.mark.parametrize("name", LISTS)
def test_other_builders_build_the_same_blocks(name: str) -> None:
    """Built by slackblocks, each block passes its limits and says the same."""
    known = [block for block in LISTS[name] if is_known(block)]

    rebuilt = [BUILDERS[block["type"]](block)._resolve() for block in known]

    for ours, theirs in zip(known, rebuilt, strict=True):
        assert ours["type"] == theirs["type"]
        assert ours.get("text", {}).get("text") == theirs.get("text", {}).get("text")
        assert len(ours.get("elements", [])) == len(theirs.get("elements", []))


def test_nearly_all_of_what_is_posted_has_been_rebuilt() -> None:
    """The test above doesn't pass by leaving everything out."""
    blocks = [block for found in LISTS.values() for block in found]

    assert sum(map(is_known, blocks)) > 0.8 * len(blocks)


def button(**changes: Any) -> Json:
    """Return a button in its row."""
    words = {"type": "plain_text", "text": "x"}
    made = {"type": "button", "action_id": "a", "value": "v", "text": words, **changes}
    return {"type": "actions", "elements": [made]}


def text(words: str, kind: str = "mrkdwn") -> Json:
    """Return a text object."""
    return {"type": kind, "text": words}


# One thing wrong in each, and who has to catch it.
BAD: dict[str, tuple[Json, set[str]]] = {
    "a section too long": (
        {"type": "section", "text": text("x" * 3001)},
        {"slackblocks", "slack_sdk", "stand-in"},
    ),
    "a heading too long": (
        {"type": "header", "text": text("x" * 151, "plain_text")},
        {"slackblocks", "slack_sdk", "stand-in"},
    ),
    "a button's value too long": (
        button(value="x" * 2001),
        {"slackblocks", "slack_sdk", "stand-in"},
    ),
    "a button's words too long": (
        button(text=text("x" * 76, "plain_text")),
        {"slackblocks", "slack_sdk", "stand-in"},
    ),
    "an unknown style": (button(style="warning"), {"slack_sdk", "stand-in"}),
    "a section with an unknown key": (
        {"type": "section", "text": text("x"), "colour": "red"},
        {"stand-in"},
    ),
    "mrkdwn in a heading": ({"type": "header", "text": text("x")}, {"stand-in"}),
}


def by_slackblocks(block: Json) -> None:
    """Build it with slackblocks."""
    BUILDERS[block["type"]](block)._resolve()


def by_slack_sdk(block: Json) -> None:
    """Parse and write it with slack_sdk's models."""
    parsed = SdkBlock.parse(block)
    assert parsed is not None
    parsed.to_dict()


VALIDATORS: dict[str, tuple[Callable[[Json], None], tuple[type[Exception], ...]]] = {
    "slackblocks": (by_slackblocks, (other.InvalidUsageError, ValueError)),
    "slack_sdk": (by_slack_sdk, (SlackObjectFormationError,)),
    "stand-in": (lambda block: stand_in_blocks.check_message([block]), (RefusedError,)),
}


@pytest.mark.parametrize(
    ("name", "validator"), [(name, who) for name, (_, all_) in BAD.items() for who in sorted(all_)]
)
def test_a_bad_payload_is_caught_by_whoever_should(name: str, validator: str) -> None:
    """Each check can fail."""
    block, _ = BAD[name]
    check, refusals = VALIDATORS[validator]

    with pytest.raises(refusals):
        check(block)
