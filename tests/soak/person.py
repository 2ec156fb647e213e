"""One story, told by people who try again when they see no answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

from bot.sandbox import workspace
from bot.sandbox.workspace.state.directory import UnknownNameError
from tests.soak import stage

T = TypeVar("T")
DANA, SAM, PLACE = "U0DANA", "U0SAM", stage.CHANNELS[0]
PATIENCE_S = 90.0
AGAIN_S = 6.0


class Person:
    """Does something until it has led to what it should lead to."""

    def __init__(self, on: stage.Stage, place: str = PLACE) -> None:
        self.on = on
        self.place = place

    async def insist(self, do: Callable[[], object], look: Callable[[], T | None]) -> T:
        """Do, look, and do again after a while.

        Raises:
            TimeoutError: it never came.
        """
        async with asyncio.timeout(PATIENCE_S):
            while True:
                outcome = do()
                if asyncio.iscoroutine(outcome):
                    await outcome
                again_at = time.monotonic() + AGAIN_S
                while time.monotonic() < again_at:
                    if (found := look()) is not None:
                        return found
                    await asyncio.sleep(0.05)

    async def press(self, user: str, message: workspace.Message, name: str) -> None:
        """Press a button, if it is still there."""
        try:
            await self.on.slack.click(user, message, name)
        except UnknownNameError:
            return

    def plan(self) -> workspace.Message | None:
        """Return the newest plan."""
        mine = self.on.slack.messages(self.place, DANA)
        return next((m for m in reversed(mine) if "Request" in m.buttons), None)

    def cards(self) -> list[workspace.Message]:
        """Return all cards."""
        return [m for m in self.on.slack.messages(self.place) if m.metadata]

    def end(self) -> str | None:
        """Return what the thread says of the end."""
        said = (m.text for m in self.on.slack.messages(self.place) if m.thread_ts)
        return next((text for text in said if "audit head" in text), None)

    async def reboot(self, name: str) -> str:
        """Ask for a reboot, have it approved, and return what its thread says at the end."""
        await self.ask(name)
        return await self.approve()

    async def ask(self, name: str, action: str = "reboot") -> None:
        """Ask for a change, until its card is there."""
        slack, text = self.on.slack, f"/power {action} {name} because crash test"
        plan = await self.insist(lambda: slack.command(DANA, self.place, text), self.plan)
        await self.insist(lambda: self.press(DANA, plan, "Request"), lambda: self.cards() or None)

    async def approve(self) -> str:
        """Have it approved, and return what its thread says at the end."""
        return await self.insist(
            lambda: asyncio.gather(*(self.press(SAM, one, "Approve") for one in self.cards())),
            self.end,
        )
