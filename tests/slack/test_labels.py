"""A label tells one bot from another of the same workspace, wherever people meet it."""

from __future__ import annotations

import pathlib
import re

import pytest

from bot.operations import manifest
from bot.slack.blockkit import blocks, labels
from tests.acceptance.conftest import DANA, OPS, SAM
from tests.operations import keyring

TITLED = blocks.Message(
    "Reboot 1 server", (blocks.header("Reboot 1 server"), blocks.section("x")), plainer=()
)
UNTITLED = blocks.Message("Approved", (blocks.section("Approved"),))


def test_the_label_stands_before_a_title_and_in_the_notification() -> None:
    """So that a phone shows which bot it is."""
    shown = labels.on_message(TITLED, "staging")

    assert shown.blocks[0]["text"]["text"] == "staging · Reboot 1 server"
    assert shown.blocks[1:] == TITLED.blocks[1:]
    assert shown.text == "staging: Reboot 1 server"


@pytest.mark.parametrize("label", ["", "staging"])
def test_what_has_no_title_stays_as_it_is(label: str) -> None:
    """A reply stands below a card, which has the label; and without one nothing changes."""
    assert labels.on_message(UNTITLED, label) == UNTITLED
    assert labels.on_message(TITLED, "") == TITLED
    assert labels.on_form({"type": "modal", "blocks": []}, label)["blocks"] == []


def test_older_blocks_have_the_label_too() -> None:
    """They are shown where Slack refuses the newer ones."""
    both = blocks.Message("t", TITLED.blocks, plainer=TITLED.blocks)

    assert labels.on_message(both, "staging").plainer == labels.on_message(TITLED, "staging").blocks


def test_a_home_with_a_label_keeps_slacks_number_of_blocks() -> None:
    """A view of more than a hundred would be refused whole."""
    full = {"type": "home", "blocks": [blocks.section(str(n)) for n in range(100)]}

    assert len(labels.on_home(full, "staging")["blocks"]) == 100
    assert labels.on_home(full, "") == full


@pytest.mark.parametrize("label", ["staging", "A b.c-D", "Zone 2"])
def test_the_manifest_names_the_bot_by_its_label(label: str) -> None:
    """Within Slack's lengths and letters ("App manifest reference")."""
    made = manifest.build("socket", command="/power-staging", label=label)

    assert made["display_information"]["name"] == f"Powerbot ({label})"
    assert len(made["display_information"]["name"]) <= 35
    assert re.fullmatch(r"[a-z0-9._-]{1,80}", made["features"]["bot_user"]["display_name"])
    assert made["features"]["slash_commands"][0]["command"] == "/power-staging"
    assert labels.mentioned(label) == f"@{made['features']['bot_user']['display_name']}"


async def test_a_bot_with_a_label_and_a_command_of_its_own_is_told_apart(
    tmp_path: pathlib.Path,
) -> None:
    """Plan, card, Home and help show it, and each line to copy has its own command."""
    own = {"POWERBOT_LABEL": "staging", "POWERBOT_COMMAND": "/power-staging"}
    async with keyring.running(tmp_path, **own) as ring:
        card = await ring.stage.ask("/power-staging reboot web01 because kernel")
        plan = await ring.stage.plan("/power-staging reboot web02 because kernel")
        await ring.slack.command(DANA, OPS, "/power-staging help")
        helped = await ring.stage.told(DANA, "alone opens the form")
        ring.slack.open_home(SAM)
        home = await ring.stage.until(lambda: ring.slack.home(SAM))
        ring.slack.mention(DANA, OPS, "help off")
        mentioned = await ring.stage.told(DANA, "Switches servers off.")

    assert card.blocks[0]["text"]["text"].startswith("staging · 🔁 Reboot")
    assert plan.blocks[0]["text"]["text"].startswith("staging · 🔁 Reboot 1 server?")
    assert helped.startswith("staging\n")
    assert "/power-staging reboot" in helped
    assert "/power " not in helped
    assert home.content["blocks"][0]["text"]["text"] == "Powerbot (staging)"
    assert "@powerbot-staging off" in mentioned
