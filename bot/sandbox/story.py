"""`powerbot demo --tour`: one request from the first word to the proof, told in the terminal."""

from __future__ import annotations

import functools
import time

from rich import console

from bot.sandbox import demo, workspace

OPS = "C0OPS"
DANA = "U0DANA"
SAM = "U0SAM"
COMMAND = "/power reboot web[01-03] because kernel panic after 6.8.4"
PATIENCE_S = 90.0


async def tell(where: demo.Where) -> int:
    """Play the story; returns the exit status: 0 when the servers' own counters agree with it."""
    out = console.Console()
    began = time.monotonic()
    async with demo.running(where) as playing:
        slack = playing.slack
        out.print("[bold]The bot starts[/bold], a process of its own …")
        await demo.ready(playing, PATIENCE_S)
        out.print(f"[bold]dana[/bold] types: {COMMAND}", highlight=False)
        await slack.command(DANA, OPS, COMMAND)
        plan = await _seen(slack, DANA, "Request")
        out.print(_indented(plan.text), highlight=False, markup=False)
        out.print("[bold]dana[/bold] presses Request")
        await slack.click(DANA, plan, "Request")
        card = await _seen(slack, SAM, "Approve")
        out.print(_indented(card.text), highlight=False, markup=False)
        out.print("[bold]sam[/bold] presses Approve")
        await slack.click(SAM, card, "Approve")
        shown = 0
        while not _ended(slack, card):
            await slack.wait_for(functools.partial(_longer, slack, card, shown), PATIENCE_S)
            replies = slack.thread(OPS, card.ts)
            for reply in replies[shown:]:
                out.print(_indented(reply.text), highlight=False, markup=False)
            shown = len(replies)
        reboots = [playing.centre.reboots_received(f"web0{n}") for n in (1, 2, 3)]
    took_s = time.monotonic() - began
    out.print(f"The data centre counts {reboots} reboots of web01, web02, web03; {took_s:.0f} s.")
    return 0 if reboots == [1, 1, 1] else 1


async def _seen(slack: workspace.Workspace, person: str, button: str) -> workspace.Message:
    """Wait for a message that shows a person this button.

    Raises:
        TimeoutError: none came.
    """
    found = await slack.wait_for(lambda: _newest(slack, person, button), PATIENCE_S)
    if found is None:
        raise TimeoutError
    return found


def _newest(slack: workspace.Workspace, person: str, button: str) -> workspace.Message | None:
    """Return the newest message in #ops that shows a person this button."""
    shown = [*slack.messages(OPS, person), *slack.ephemerals(person)]
    return next((one for one in reversed(shown) if _has_button(one, button)), None)


def _has_button(message: workspace.Message, button: str) -> bool:
    """Whether a message has a button of this text."""
    elements = [each for block in message.blocks for each in block.get("elements", [])]
    return any(
        isinstance(each, dict)
        and each.get("type") == "button"
        and each.get("text", {}).get("text") == button
        for each in elements
    )


def _longer(slack: workspace.Workspace, card: workspace.Message, than: int) -> bool:
    """Whether a thread has more messages than this."""
    return len(slack.thread(card.channel, card.ts)) > than


def _ended(slack: workspace.Workspace, card: workspace.Message) -> bool:
    """Whether the thread has its last word: the head of the audit log."""
    return any("audit" in reply.text for reply in slack.thread(card.channel, card.ts))


def _indented(text: str) -> str:
    """Return what the bot says, set in."""
    return "\n".join(f"    {line}" for line in text.splitlines())
