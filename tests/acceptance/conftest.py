"""A running demo, and what people do with it."""

from __future__ import annotations

import asyncio
import dataclasses
import pathlib
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

import pytest_asyncio
from playwright import async_api

from bot.sandbox import demo, workspace
from tests.acceptance import browsing

T = TypeVar("T")

OPS = "C0OPS"
DANA = "U0DANA"
SAM = "U0SAM"
ROSA = "U0ROSA"
OLGA = "U0OLGA"
PATIENCE_S = browsing.PATIENCE_S


@dataclasses.dataclass
class Stage:
    """A running demo in which people type and press."""

    playing: demo.Demo

    @property
    def slack(self) -> workspace.Workspace:
        """The workspace."""
        return self.playing.slack

    async def plan(self, text: str, person: str = DANA) -> workspace.Message:
        """Type a command and return its plan."""
        await self.slack.command(person, OPS, text)
        return await self.shown(person, "Request")

    async def ask(self, text: str, person: str = DANA) -> workspace.Message:
        """Type a command, press Request, and return the card."""
        before = {message.ts for message in self.slack.messages(OPS)}
        plan = await self.plan(text, person)
        await self.slack.click(person, plan, "Request")
        return await self.until(lambda: self.new_card(before))

    def new_card(self, before: set[str]) -> workspace.Message | None:
        """Return a card that wasn't there before."""
        cards = [m for m in self.slack.messages(OPS) if m.bot and not m.ephemeral]
        return next((m for m in cards if m.ts not in before and not m.thread_ts), None)

    async def shown(self, person: str, button: str) -> workspace.Message:
        """Wait for the newest private message to a person with this button."""

        def newest() -> workspace.Message | None:
            private, label = self.slack.ephemerals(person), f"'text': '{button}'"
            return next((m for m in reversed(private) if label in str(m.blocks)), None)

        return await self.until(newest)

    async def told(self, person: str, words: str) -> str:
        """Wait until a person is told these words in private, and return the whole text."""

        def said() -> str | None:
            private = self.slack.ephemerals(person)
            return next((m.text for m in private if words.lower() in m.text.lower()), None)

        return await self.until(said)

    async def thread_says(self, card: workspace.Message, words: str) -> str:
        """Wait for a reply in a card's thread with these words, and return its text.

        A kill between Slack's taking a card and the bot's note of it allows one twin, so the
        thread may be that of a newer card; each test has one request only.
        """

        def said() -> str | None:
            found = [m for m in self.slack.messages(card.channel) if m.bot and m.thread_ts]
            return next((m.text for m in found if words.lower() in m.text.lower()), None)

        return await self.until(said)

    async def until(self, look: Callable[[], T | None]) -> T:
        """Wait for the first true value."""
        async with asyncio.timeout(PATIENCE_S):
            while not (found := look()):  # noqa: ASYNC110 -- not everything has an event
                await asyncio.sleep(0.02)
        return found

    def power_calls(self) -> list[tuple[str, ...]]:
        """The ids of each power call that the data centre has received."""
        return [tuple(entry.ids) for entry in self.playing.centre.power_calls()]

    def ids(self, *names: str) -> set[str]:
        """The ids of servers."""
        return {self.playing.centre.machine(name).server.id for name in names}


@pytest_asyncio.fixture
async def stage(tmp_path: pathlib.Path) -> AsyncIterator[Stage]:
    """A demo whose bot has connected, without steps around its waves.

    At the end nothing that was said broke a rule of Slack.
    """
    (tmp_path / "policy.toml").write_text(demo.POLICY)
    async with demo.running(demo.Where(port=0, servers=40, data=tmp_path)) as playing:
        await demo.ready(playing, PATIENCE_S)
        yield Stage(playing)
        assert playing.slack.violations == []


@pytest_asyncio.fixture
async def page(stage: Stage) -> AsyncIterator[async_api.Page]:
    """The demo's page in a browser; at the end it has raised no error."""
    async with browsing.opened(stage.playing.url) as shown:
        yield shown
