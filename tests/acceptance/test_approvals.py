"""Who approves, who comes at the same time, and what the world does meanwhile."""

from __future__ import annotations

import asyncio

from bot.sandbox import demo, workspace
from tests.acceptance.conftest import DANA, OPS, PATIENCE_S, ROSA, SAM, Stage


async def test_two_approvers_at_once_both_count(stage: Stage) -> None:
    """A database needs one of each group; two clicks at the same moment give both."""
    card = await stage.ask("/power reboot db01 because INC-42")
    await asyncio.gather(
        stage.slack.click(SAM, card, "Approve"), stage.slack.click(ROSA, card, "Approve")
    )

    ended = await stage.thread_says(card, "audit head")

    replies = [m.text for m in stage.slack.messages(OPS) if m.thread_ts]
    assert "rebooted: db01" in ended
    assert not any("taken away" in text for text in replies)
    assert len(stage.power_calls()) == 1


async def in_force(stage: Stage, group: str) -> None:
    """Wait until plans are made by a policy that wants this group too."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            plan = await stage.plan("/power reboot web04 because test")
            if group in plan.words:
                return
            await asyncio.sleep(0.2)


async def test_a_pending_request_ends_when_an_edited_policy_wants_more(stage: Stage) -> None:
    """The approval of before isn't enough any more: refused, with the reason, nothing sent."""
    card = await stage.ask("/power reboot web01 because test")
    policy = stage.playing.bot.folder / "policy.toml"
    stricter = demo.POLICY.replace(
        "approvers = { sre = 1 }\nfrom", "approvers = { sre = 1, dc-ops = 1 }\nfrom"
    )
    assert stricter != demo.POLICY
    policy.write_text(stricter)
    await in_force(stage, "dc-ops")
    await stage.slack.click(SAM, card, "Approve")

    told = await stage.told(SAM, "policy has changed")

    assert "everything else" in told
    assert stage.power_calls() == []


async def test_a_freeze_holds_the_last_approval_back(stage: Stage) -> None:
    """The click is answered, nothing runs, and after the freeze it can be pressed again."""
    card = await stage.ask("/power reboot web01 because test")
    await stage.slack.command(ROSA, OPS, "/power freeze network work")
    await stage.told(ROSA, "Frozen: nothing new is sent")
    await stage.slack.click(SAM, card, "Approve")
    await stage.told(SAM, "network work")
    assert stage.power_calls() == []

    await stage.slack.command(ROSA, OPS, "/power unfreeze")
    await stage.told(ROSA, "over")
    await stage.slack.click(SAM, card, "Approve")

    assert "rebooted: web01" in await stage.thread_says(card, "audit head")


async def test_a_large_plan_wants_the_count_typed(stage: Stage) -> None:
    """Ten servers and more: a wrong number is refused in the form, the right one asks."""
    plan = await stage.plan("/power reboot web[01-10] because test")
    await stage.slack.click(DANA, plan, "Request")
    view = await stage.until(lambda: next(iter(stage.slack.views(DANA)), None))
    block = next(one for one in view.blocks if one["type"] == "input")
    where = {block["block_id"]: {block["element"]["action_id"]: "11"}}
    wrong = await stage.slack.submit(DANA, where)
    where[block["block_id"]][block["element"]["action_id"]] = "10"
    right = await stage.slack.submit(DANA, where)

    card = await stage.until(lambda: stage.new_card(set()))

    assert wrong.errors
    assert not right.errors
    assert "10 servers" in card.text


async def test_a_freeze_is_told_where_requests_are_made(stage: Stage) -> None:
    """Who froze, why and until when stands in the channel, and so does its end."""
    await stage.slack.command(ROSA, OPS, "/power freeze network work for 2h")
    await stage.told(ROSA, "Frozen: nothing new is sent")
    await stage.until(lambda: _in_channel(stage, "froze all power changes"))
    await stage.slack.command(ROSA, OPS, "/power unfreeze")

    lifted = await stage.until(lambda: _in_channel(stage, "lifted their freeze"))

    assert "network work" in lifted
    assert "until" in lifted


def _in_channel(stage: Stage, words: str) -> str | None:
    """Return what everybody in the channel is told with these words."""
    return next((m.text for m in stage.slack.messages(OPS) if words in m.text), None)


async def test_announced_freeze_that_is_over_has_no_button_left_to_press(stage: Stage) -> None:
    """Wherever it is lifted; whoever pressed it at that moment hears that it was too late."""
    await stage.slack.command(ROSA, OPS, "/power freeze network work")
    frozen = await stage.until(lambda: _announced(stage, "network work"))
    await stage.slack.click(ROSA, frozen, "Unfreeze")
    await stage.until(lambda: _closed(stage, frozen.ts))

    await stage.slack.command(ROSA, OPS, "/power freeze cooling")
    again = await stage.until(lambda: _announced(stage, "cooling"))
    seen = again.blocks[-1]["block_id"]
    await stage.slack.command(ROSA, OPS, "/power unfreeze")
    await stage.until(lambda: _in_channel(stage, "lifted their freeze*: cooling"))
    closed = await stage.until(lambda: _closed(stage, again.ts))
    await stage.slack.click(SAM, again, "Unfreeze", block_id=seen)
    told = await stage.told(SAM, "That freeze was lifted by")

    assert f"<@{ROSA}>" in told
    assert f"<@{ROSA}> froze all power changes*: cooling" in closed
    assert f"Lifted by <@{ROSA}>" in closed


def _announced(stage: Stage, words: str) -> workspace.Message | None:
    """Return the message of the channel that tells of this freeze and can lift it."""
    told = [m for m in stage.slack.messages(OPS) if words in m.text and "Unfreeze" in str(m.blocks)]
    return told[-1] if told else None


def _closed(stage: Stage, ts: str) -> str:
    """Return the text of a message once it has no button."""
    message = next(m for m in stage.slack.messages(OPS) if m.ts == ts)
    return message.text if "pb:unfreeze" not in str(message.blocks) else ""
