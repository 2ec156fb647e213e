"""`powerbot demo --tour`: one request from the first word to the proof, told in the terminal.

Dana asks, is refused her own approval, Sam approves, the bot is killed in the middle and goes on.
Nothing of it is staged: what is printed is what the bot said and what the data centre counted.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import re
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from rich import console, panel, table, text

from bot.sandbox import demo, workspace

T = TypeVar("T")

OPS = "C0OPS"
DANA = "U0DANA"
SAM = "U0SAM"
COMMAND = "/power reboot web[01-06] because kernel panic after 6.8.4"
SERVERS = tuple(f"web0{number}" for number in range(1, 7))
STEPS = 6
PATIENCE_S = 90.0
COLOURS = {"dana": "magenta", "sam": "cyan", "powerbot": "green", "you": "yellow"}


async def tell(where: demo.Where) -> int:
    """Play the story; returns the exit status: 0 when the servers' own counters agree with it."""
    began = time.monotonic()
    tour = Tour(console.Console(highlight=False))
    tour.begins("The bot starts, in its own process")
    async with demo.running(where) as playing:
        with tour.waiting("connecting"):
            await demo.ready(playing, PATIENCE_S)
        await tour.play(playing)
        reboots = [playing.centre.reboots_received(name) for name in SERVERS]
    good = reboots == [1] * len(SERVERS)
    counted = ", ".join(f"{name} {count}" for name, count in zip(SERVERS, reboots, strict=True))
    sign = "✔" if good else "✘"
    took_s = time.monotonic() - began
    tour.ends(
        f"{sign} Reboots counted by the data centre: {counted}.\n{took_s:.0f} s in all. Play the "
        "same story yourself with `powerbot demo`.",
        good=good,
    )
    return 0 if good else 1


class Tour:
    """Plays the story and prints it; a terminal gets colours, and a moving line while it waits."""

    def __init__(self, out: console.Console) -> None:
        self._out = out
        self._step = 0

    async def play(self, playing: demo.Demo) -> None:
        """Let Dana and Sam do what the story has them do, and say what comes of it.

        Raises:
            TimeoutError: something that should have happened did not.
        """
        slack = playing.slack
        card = await self._ask(slack)
        self.begins("Nobody approves their own request")
        self.says("dana", "presses Approve")
        await slack.click(DANA, card, "Approve")
        self.hears(await self._told(slack, DANA, "your own request"))
        self.begins("Somebody else does")
        self.says("sam", "presses Approve")
        await slack.click(SAM, card, "Approve")
        await self._go_on_after_a_kill(playing, card)

    async def _ask(self, slack: workspace.Workspace) -> workspace.Message:
        """Type the command, press Request, and return the card."""
        self.begins("A request begins with a plan that only its requester sees")
        self.says("dana", f"types {COMMAND}")
        await slack.command(DANA, OPS, COMMAND)
        plan = await self._seen(slack, DANA, "Request")
        self.hears(plan.text)
        self.says("dana", "presses Request")
        await slack.click(DANA, plan, "Request")
        card = await self._seen(slack, SAM, "Approve")
        self.hears(card.text)
        return card

    async def _go_on_after_a_kill(self, playing: demo.Demo, card: workspace.Message) -> None:
        """Kill the bot while servers reboot, and print the thread to its end."""
        slack, shown = playing.slack, 1
        with self.waiting("the first servers reboot"):
            await _seen_at_work(playing)
        self.begins("The bot is killed in the middle of it")
        before = playing.bot.pid
        self.says("you", f"kill process {before}")
        playing.bot.kill()
        with self.waiting("a new process works out what happened"):
            await slack.wait_for(lambda: playing.bot.pid not in (0, before), PATIENCE_S)
        self.begins("It carries on where it was, and reports what is confirmed")
        with self.waiting("the other servers reboot"):
            while not _ended(slack, card):
                longer = functools.partial(_longer, slack, card, shown)
                await slack.wait_for(longer, PATIENCE_S)
                shown = self._news(slack, card, shown)
        self._news(slack, card, shown)

    def _news(self, slack: workspace.Workspace, card: workspace.Message, shown: int) -> int:
        """Print what is new in the thread, and return how much of it was printed."""
        thread = slack.thread(OPS, card.ts)
        for reply in thread[shown:]:
            self.hears(reply.text)
        return len(thread)

    async def _seen(
        self, slack: workspace.Workspace, person: str, button: str
    ) -> workspace.Message:
        """Wait for a message that shows a person this button."""
        return await self._wait(slack, lambda: _newest(slack, person, button))

    async def _told(self, slack: workspace.Workspace, person: str, words: str) -> str:
        """Wait for a private message with these words, and return it."""
        private = await self._wait(
            slack, lambda: [one for one in slack.ephemerals(person) if words in one.text]
        )
        return private[-1].text

    async def _wait(self, slack: workspace.Workspace, look: Callable[[], T | None]) -> T:
        """Wait for the first true value.

        Raises:
            TimeoutError: none came.
        """
        with self.waiting("the bot thinks"):
            found = await slack.wait_for(look, PATIENCE_S)
        if found is None:
            raise TimeoutError
        return found

    # -- how it is printed

    def begins(self, title: str) -> None:
        """Begin a step."""
        self._step += 1
        heading = text.Text(f"\n{self._step}/{STEPS} ", style="bold")
        self._out.print(heading.append(title))

    def says(self, who: str, what: str) -> None:
        """Print what a person does."""
        self._line(who, text.Text(what))

    def hears(self, said: str) -> None:
        """Print what the bot says."""
        self._line("powerbot", text.Text(_readable(said)))

    def _line(self, who: str, words: text.Text) -> None:
        """Print a name and words beside it, which keep their column where they are long."""
        row = table.Table.grid(padding=(0, 2))
        row.add_column(width=10, justify="right")
        row.add_column()
        row.add_row(text.Text(who, style=f"bold {COLOURS[who]}"), words)
        self._out.print(row)

    def ends(self, words: str, *, good: bool = True) -> None:
        """Print a last line."""
        style = "bold green" if good else "bold red"
        self._out.print(panel.Panel(text.Text(words), border_style=style, expand=False))

    @contextlib.contextmanager
    def waiting(self, what: str) -> Iterator[None]:
        """Show that something is going on; only a terminal sees it."""
        with self._out.status(f"{what} …", spinner="dots"):
            yield


def _readable(said: str) -> str:
    """Return what Slack's clients make of marks: names, times, and words without their stars."""
    named = re.sub(r"<@U0([A-Z]+)>", lambda found: f"@{found[1].lower()}", said)
    timed = re.sub(r"<![^|>]*\|([^>]*)>", r"\1", named)
    return re.sub(r"\*([^*\n]+)\*", r"\1", timed)


def _newest(slack: workspace.Workspace, person: str, button: str) -> workspace.Message | None:
    """Return the newest message in #ops that shows a person this button."""
    shown = [*slack.messages(OPS, person), *slack.ephemerals(person)]
    return next((one for one in reversed(shown) if button in one.buttons), None)


def _longer(slack: workspace.Workspace, card: workspace.Message, than: int) -> bool:
    """Whether a thread has more messages than this."""
    return len(slack.thread(card.channel, card.ts)) > than


async def _seen_at_work(playing: demo.Demo) -> None:
    """Wait until the bot has sent a power call and has read the servers since.

    Raises:
        TimeoutError: it has not.
    """
    async with asyncio.timeout(PATIENCE_S):
        while True:
            await asyncio.sleep(0.3)
            called = [entry.seq for entry in playing.centre.power_calls()]
            if called and playing.centre.log.last_seq >= called[0] + 2:
                return


def _ended(slack: workspace.Workspace, card: workspace.Message) -> bool:
    """Whether the thread has its last word: the head of the audit log."""
    return any("audit head" in reply.text for reply in slack.thread(card.channel, card.ts))
