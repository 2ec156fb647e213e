"""Foreign words never come out live: every message is posted to a stand-in that would refuse it.

The second half proves that the refusal is real: the same messages, with our care taken out of
them, are refused.
"""

from __future__ import annotations

import copy
import html
from typing import Any

import pytest

from bot.sandbox.workspace import Workspace
from bot.slack import api_errors
from bot.slack.blockkit import blocks
from bot.slack.outbound import sending
from tests.slack import builders
from tests.slack.conftest import Side
from tests.slack.test_golden import GOLDEN
from tests.slack.test_request_modal import VIEWS

# Those in which a foreign word stands; the ordinary ones have nothing to undo.
HOSTILE = sorted(name for name, one in GOLDEN.items() if "&lt;!channel&gt;" in str(one.blocks))


def careless(piece: Any) -> Any:
    """Return a piece of a message as somebody would send it who had never heard of escaping."""
    if isinstance(piece, dict):
        return {key: careless(part) for key, part in piece.items()}
    if isinstance(piece, list | tuple):
        return [careless(part) for part in piece]
    return html.unescape(piece) if isinstance(piece, str) else piece


@pytest.mark.parametrize("name", sorted(GOLDEN))
async def test_no_message_breaks_a_rule_of_the_stand_in(
    name: str, sender: sending.Sender, workspace: Workspace
) -> None:
    """Names, reasons, tags, states, details, comments: all of them hostile, and all posted."""
    await sender.post("C0OPS", GOLDEN[name])

    # People and groups who don't exist here are mentioned by the builders' own ids.
    rules = [one for one in workspace.violations if "unknown person" not in one.message]
    assert rules == []


@pytest.mark.parametrize("name", HOSTILE)
async def test_the_stand_in_refuses_the_same_message_without_our_care(
    name: str, sender: sending.Sender, workspace: Workspace
) -> None:
    """A test that can't fail proves nothing: what escaping does is undone, and it is refused."""
    undone = blocks.Message("x", tuple(careless(copy.deepcopy(list(GOLDEN[name].blocks)))))

    with pytest.raises(api_errors.Undelivered):
        await sender.post("C0OPS", undone)

    assert any("<!channel>" in one.message for one in workspace.violations)


@pytest.mark.parametrize("name", sorted(VIEWS))
async def test_no_form_breaks_a_rule_of_the_stand_in(name: str, side: Side) -> None:
    """The same words in forms, whose texts are plain."""
    side.workspace.use_request_url("http://127.0.0.1:9/slack/events")
    trigger_id = side.workspace._state.tickets.new_trigger("U0DANA", "C0OPS")

    await side.sender.open_view(trigger_id, VIEWS[name])

    assert side.workspace.violations == []


@pytest.mark.parametrize(
    "live", ["<!channel>", "<!here>", "<@U0NOBODY>", "<http://evil.example|db01.example>", "\u202e"]
)
async def test_the_stand_in_refuses_each_kind_of_live_text(
    live: str, sender: sending.Sender, workspace: Workspace
) -> None:
    """Each alone, as foreign words would bring it."""
    message = blocks.Message("x", (blocks.section(f"{live} {builders.NOW}"),))

    with pytest.raises(api_errors.Undelivered):
        await sender.post("C0OPS", message)

    assert [one.rule for one in workspace.violations] == ["forged_text"]
