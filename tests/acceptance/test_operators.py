"""What an operator types beside a running bot."""

from __future__ import annotations

import asyncio
import csv
import json
import sys

from bot.sandbox import demo
from bot.sandbox.data_centre import serve
from tests.acceptance.conftest import SAM, Stage


async def powerbot(*arguments: str, stage: Stage, settings: dict[str, str]) -> tuple[int, str]:
    """Run the command with these settings; return its status and what it printed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", *arguments),
        env=settings,
        cwd=stage.playing.bot.folder,
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await process.communicate()
    return process.returncode or 0, printed.decode()


async def test_an_operator_checks_verifies_and_exports_beside_the_bot(stage: Stage) -> None:
    """Check is clean JSON, the audit chain is whole, and both export forms can be read."""
    card = await stage.ask("/power reboot web01 because test")
    await stage.slack.click(SAM, card, "Approve")
    await stage.thread_says(card, "audit head")
    api = await serve.start(stage.playing.centre)
    folder = stage.playing.bot.folder
    settings = demo.environment(stage.slack.api_url, api.url, folder)

    good, checked = await powerbot("check", "--json", stage=stage, settings=settings)
    whole, verified = await powerbot("audit", "verify", stage=stage, settings=settings)
    _, lines = await powerbot("audit", "export", stage=stage, settings=settings)
    _, table = await powerbot("audit", "export", "--format", "csv", stage=stage, settings=settings)
    bad, wrong = await powerbot(
        "check", stage=stage, settings=settings | {"SLACK_BOT_TOKEN": "xoxb-wrong"}
    )
    second, _ = await powerbot("run", stage=stage, settings=settings)
    await api.stop()

    events = [json.loads(line)["event"] for line in lines.splitlines()]
    assert (good, json.loads(checked)["ok"]) == (0, True)
    assert (whole, "is whole" in verified) == (0, True)
    assert {"request.pending", "approval.given", "call.intended"} <= set(events)
    assert len(list(csv.DictReader(table.splitlines()))) == len(events)
    assert bad == 1
    assert "FAIL slack: Slack refuses SLACK_BOT_TOKEN" in wrong
    assert second == 1
