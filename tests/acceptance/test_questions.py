"""Questions: private at first, shared by a button, and answered from what is on record."""

from __future__ import annotations

import functools

from bot.sandbox import workspace
from bot.sandbox.data_centre.api.reading import Listing
from tests.acceptance.conftest import OLGA, OPS, SAM, Stage

SHARED = "C0SHARED"
DEV = "C0DEV"


async def answered(stage: Stage, text: str, words: str, channel: str = OPS) -> workspace.Message:
    """Type a question as Olga and return the private answer with these words."""
    await stage.slack.command(OLGA, channel, text)

    def newest() -> workspace.Message | None:
        private = stage.slack.ephemerals(OLGA)
        return next((m for m in reversed(private) if words in m.words), None)

    return await stage.until(newest)


def public(stage: Stage, channel: str = OPS) -> list[workspace.Message]:
    """Return what the bot has said to everybody in a channel."""
    return [m for m in stage.slack.messages(channel) if m.bot and not m.ephemeral]


def said(stage: Stage, words: str) -> list[workspace.Message]:
    """Return what the bot has said to everybody with these words."""
    return [m for m in public(stage) if words in m.words]


async def test_why_tells_who_did_what_to_a_server_with_whose_approval(stage: Stage) -> None:
    """Asked by, approved by, with a link to the card and the rows of the audit log."""
    card = await stage.ask("/power reboot web[01-02] because kernel panic")
    await stage.slack.click(SAM, card, "Approve")
    await stage.thread_says(card, "audit head")

    answer = await answered(stage, "/power why web01", "Rebooted")
    untouched = await answered(stage, "/power why web05", "changed nothing")

    assert f"archives/{OPS}/p{card.ts.replace('.', '')}" in answer.words
    assert "asked by <@U0DANA> · approved by <@U0SAM> (sre)" in answer.words
    assert "kernel panic · audit #" in answer.words
    assert "web05" in untouched.words


async def test_why_of_several_servers_says_what_to_type_instead(stage: Stage) -> None:
    """One server at a time; history takes several."""
    answer = await answered(stage, "/power why web0*", "one server")

    assert "/power history web0*" in answer.words


async def test_an_answer_is_private_until_somebody_shares_it(stage: Stage) -> None:
    """Share posts it in the channel, with who did and without buttons."""
    lines = {
        "status": "40 servers",
        "list web0*": "9 servers",
        "history": "No changes are known",
        "why web01": "changed nothing",
    }
    for line, words in lines.items():
        answer = await answered(stage, f"/power {line}", words)
        assert said(stage, words) == []
        await stage.slack.click(OLGA, answer, "Share")
        shown = await stage.until(functools.partial(said, stage, words))
        assert f"/power {line}` · shared by <@U0OLGA>" in shown[0].words
        assert shown[0].buttons == []


async def test_a_request_that_is_looked_up_can_be_shared(stage: Stage) -> None:
    """What others see of it is the card's own words, not its buttons."""
    await stage.ask("/power reboot web01 because test")
    asked = await answered(stage, "/power requests", "1 open request")
    await stage.slack.click(OLGA, asked, "Share")
    shown = await stage.until(functools.partial(said, stage, "shared by <@U0OLGA>"))

    assert "waiting for you" not in shown[0].words
    assert "needs sre" in shown[0].words


async def test_nothing_is_shared_with_another_company(stage: Stage) -> None:
    """A channel that strangers read gets nothing, and neither does one without the bot."""
    answer = await answered(stage, "/power status web01", "web01", SHARED)
    await stage.slack.click(OLGA, answer, "Share")
    await stage.told(OLGA, "shared with another company")
    answer = await answered(stage, "/power status web02", "web02", DEV)
    await stage.slack.click(OLGA, answer, "Share")
    await stage.told(OLGA, "isn't in this channel")

    assert public(stage, SHARED) == []
    assert public(stage, DEV) == []


async def test_the_whole_fleet_is_counted_by_state_and_by_what_is_wrong(stage: Stage) -> None:
    """Power states, health and what isn't in use, folded."""
    answer = await answered(stage, "/power status", "40 servers")

    assert answer.words.index("*health* Warning 1:") < answer.words.index("*off* 2:")
    assert answer.words.index("*off* 2:") < answer.words.index("*on* 38")


async def test_a_button_can_not_ask_for_a_change(stage: Stage) -> None:
    """A page's value is a question again, or nothing at all."""
    answer = await answered(stage, "/power list", "40 servers")
    for block in answer.blocks:
        for element in block.get("elements", []):
            if element.get("type") == "button":
                element["value"] = "1 freeze everything"
    await stage.slack.click(OLGA, answer, "Share")
    await stage.told(OLGA, "no longer valid")

    assert public(stage) == []


async def test_a_list_that_falls_short_is_said_and_answers_no_selector(stage: Stage) -> None:
    """Each answer says how many are missing; a change takes whole names alone."""
    stage.playing.centre.switches.listing = Listing.LOSSY
    short = "CloudDC's list shows 36 of 40 servers."

    status = await answered(stage, "/power status", short)
    unknown = await answered(stage, "/power status web99", "web99")
    refused = [
        await answered(stage, f"/power off {typed} because {n}", str(n))
        for n, typed in enumerate(("web0*", "web[01-03]", "state:on", "web11 !web0*"), start=7001)
    ]
    named = await answered(stage, "/power reboot web01 web02 because test", "reboot 2 servers")

    assert "36 servers" in status.words
    assert short in unknown.words
    for one in refused:
        assert short in one.words
        assert "name each server in full" in one.words
    assert short in named.words
    assert "name each server in full" not in named.words
