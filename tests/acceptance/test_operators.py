"""What an operator types beside a running bot."""

from __future__ import annotations

import asyncio
import csv
import json
import sys
from typing import Any

from bot.sandbox import demo
from bot.sandbox.data_centre import serve
from tests.acceptance.conftest import OPS, SAM, Stage


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
    assert (whole, "is intact" in verified) == (0, True)
    assert {"request.pending", "approval.given", "call.intended"} <= set(events)
    assert len(list(csv.DictReader(table.splitlines()))) == len(events)
    assert bad == 1
    assert "FAIL slack: Slack refuses SLACK_BOT_TOKEN" in wrong
    assert second == 1


async def test_the_host_stops_and_freezes_while_slack_is_away(stage: Stage) -> None:
    """A run sends nothing more; the thread is told once Slack is back."""
    card = await stage.ask("/power reboot web[01-09] --batch 1 --pause 30s because test")
    await stage.slack.click(SAM, card, "Approve")
    await stage.until(stage.power_calls)
    folder = stage.playing.bot.folder
    settings = demo.environment(stage.slack.api_url, "", folder)
    for method in ("chat.postMessage", "chat.update", "users.info", "usergroups.users.list"):
        stage.slack.chaos.refuse(method, "internal_error")
    here: dict[str, Any] = {"stage": stage, "settings": settings}

    listed, lines = await powerbot("requests", **here)
    id_ = lines.split()[0]
    refused, _ = await powerbot("cancel", id_, **here)
    unknown, _ = await powerbot("show", "PR-2222", **here)
    misused, _ = await powerbot("stop", **here)
    stopped, said = await powerbot("stop", id_, "--reason", "wrong rack", **here)
    sent = len(stage.power_calls())
    while (await shown(id_, **here))["state"] == "running":
        pass
    frozen, _ = await powerbot("freeze", "Slack", "is", "away", **here)
    stage.slack.chaos.allow()
    told = await stage.thread_says(card, "wrong rack")
    await stage.until(lambda: announced(stage, "Slack is away"))
    lifted, _ = await powerbot("unfreeze", **here)
    await stage.until(lambda: announced(stage, "🟢 Lifted by host:"))

    assert (listed, stopped, frozen, lifted) == (0, 0, 0, 0)
    assert (refused, unknown, misused) == (1, 1, 2)
    assert said == f"{id_} sends nothing more; what was already sent is still watched.\n"
    assert lines.startswith(f"{id_} running: reboot 9 servers (web[01-09])")
    assert len(stage.power_calls()) == sent
    assert "host:" in told


async def shown(id_: str, *, stage: Stage, settings: dict[str, str]) -> dict[str, Any]:
    """Return what `powerbot show --json` prints of a request."""
    status, printed = await powerbot("show", id_, "--json", stage=stage, settings=settings)
    assert status == 0
    found: dict[str, Any] = json.loads(printed)
    return found


def announced(stage: Stage, words: str) -> bool:
    """Whether the channel has been told these words."""
    return any(m.bot and words in m.text for m in stage.slack.messages(OPS))
