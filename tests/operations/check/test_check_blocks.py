"""Slack's own validator judges every kind of message and form; what it refuses is remembered."""

from __future__ import annotations

import os
import pathlib

import pytest

from bot.operations.check import check_blocks, specimens
from bot.operations.check.findings import CheckResult
from bot.sandbox.workspace.blockkit import blocks as stand_in
from bot.slack.blockkit import blocks
from bot.storage import opening
from tests.operations.check import test_check
from tests.operations.check.test_check import SetUp

set_up = test_check.set_up

MESSAGES = specimens.messages()
VIEWS = specimens.views()


async def about_messages(one: SetUp) -> list[CheckResult]:
    """Run the check and return what it says of messages and forms."""
    return [found for found in await one.check() if found.about == "messages"]


def remembered(one: SetUp) -> frozenset[str]:
    """Return the kinds of blocks that the record says are refused."""
    with opening.reading(one.given["POWERBOT_DATABASE_URL"]) as connection:
        found = connection.value("SELECT value FROM meta WHERE name = 'workspace'")
    return frozenset(kind for kind in blocks.NEWER if kind in (found or ""))


@pytest.mark.parametrize("name", MESSAGES)
def test_every_largest_message_keeps_slacks_limits(name: str) -> None:
    """In its best form and in the older ones."""
    for way in blocks.ways(MESSAGES[name]):
        stand_in.check_message(list(way.blocks))


@pytest.mark.parametrize("name", VIEWS)
def test_every_largest_form_keeps_slacks_limits(name: str) -> None:
    """The Home tab, too."""
    stand_in.check_view(VIEWS[name], str(VIEWS[name]["type"]))


def test_newer_kinds_of_blocks_have_specimens_and_older_ones() -> None:
    """A kind that none of them has would never be judged."""
    shown = {kind for one in MESSAGES.values() for kind in blocks.newer_kinds(one)}

    assert shown == blocks.NEWER
    assert all(one.plainer for one in MESSAGES.values() if blocks.newer_kinds(one))


async def test_workspace_that_takes_everything(set_up: SetUp) -> None:
    """One line says so, and nothing is remembered or posted."""
    opening.migrate(set_up.given["POWERBOT_DATABASE_URL"])

    [found] = await about_messages(set_up)

    assert found.good
    assert found.says == "Slack accepts every kind of message and form"
    assert remembered(set_up) == frozenset()
    called = [call.method for call in set_up.slack.journal.api_calls]
    assert called.count("blocks.validate") == len(MESSAGES) + len(VIEWS)
    assert not {one for one in called if one.startswith("chat.")}


async def test_kinds_that_a_workspace_refuses_are_named_and_remembered(set_up: SetUp) -> None:
    """Until a later check finds that it takes them."""
    opening.migrate(set_up.given["POWERBOT_DATABASE_URL"])
    for kind in ("table", "plan"):
        asked = f'"type": "{kind}"'
        for text in (asked, asked.replace('"', '\\"')):
            set_up.slack.chaos.refuse("blocks.validate", "invalid_message", containing=text)

    [found] = await about_messages(set_up)
    refused = remembered(set_up)
    set_up.slack.chaos.allow()
    [later] = await about_messages(set_up)

    assert found.good
    assert "doesn't accept plan and table blocks yet; older ones are used" in found.says
    assert refused == {"plan", "table"}
    assert "every kind" in later.says
    assert remembered(set_up) == frozenset()


async def test_message_that_is_refused_in_every_form_is_a_fault(set_up: SetUp) -> None:
    """The line names it, with Slack's own words."""
    set_up.slack.chaos.refuse("blocks.validate", "invalid_view", containing='"home"')
    set_up.slack.chaos.refuse("blocks.validate", "invalid_view", containing='\\"home\\"')

    [found] = await about_messages(set_up)

    assert not found.good
    assert found.says == "Slack refuses the Home tab: invalid_view."


async def test_slack_that_does_not_judge_is_no_fault(set_up: SetUp, tmp_path: pathlib.Path) -> None:
    """An older Slack has no such method; no record is made for it."""
    set_up.slack.chaos.refuse("blocks.validate", "unknown_method")

    [found] = await about_messages(set_up)

    assert found.good
    assert found.says == "Slack didn't check them (unknown_method)"
    assert [name for name in os.listdir(tmp_path) if name.endswith(".db")] == []


def test_mistakes_are_told_with_their_places() -> None:
    """At most three, in Slack's words."""
    found = check_blocks._mistakes([{"pointer": "/blocks/1", "message": "too long"}] * 5)

    assert check_blocks.Wrong("invalid_message", tuple(found)).sentence == "; ".join(
        ["too long (/blocks/1)"] * 3
    )
