"""People who ask, approve, refuse, stop, press twice and walk away, as chance has it."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import random
import time
from collections import Counter
from collections.abc import Callable

from bot.sandbox import workspace
from bot.sandbox.workspace.state.directory import UnknownNameError
from tests.soak import stage

LOOK_S = 0.25
NEWEST = 400
VERBS = ("reboot", "reboot", "reboot", "off", "on", "cycle")


class Gone(Exception):
    """What a person waited for never came, or is over."""


@dataclasses.dataclass
class People:
    """Plays stories; `came_to` counts how they ended."""

    slack: workspace.Workspace
    names: list[str]
    dice: random.Random
    patience_s: float
    came_to: Counter[str] = dataclasses.field(default_factory=Counter)

    async def story(self, number: int) -> None:
        """Play one request, from the command to its end."""
        word = f"soak{number:05d}"
        try:
            self.came_to[await self._story(word)] += 1
        except Gone as gone:
            self.came_to[str(gone)] += 1

    async def _story(self, word: str) -> str:
        requester, channel = self.dice.choice(stage.REQUESTERS), self.dice.choice(stage.CHANNELS)
        text = f"/power {self._wish()} because {word}"
        began = f"{time.time():.6f}"
        plan = await self._insist(
            lambda: self.slack.command(requester, channel, text),
            lambda: self._private(requester, channel, began, word),
        )
        if "Request" not in plan.buttons:
            return "refused at the plan"
        card = await self._insist(
            lambda: self._click(requester, plan, "Request"),
            lambda: self._card(channel, began, word),
        )
        return await self._decide(requester, channel, word, card)

    def _wish(self) -> str:
        """Return the verb and the targets of a request."""
        targets = ",".join(self.dice.sample(self.names, self.dice.choice((1, 1, 2, 3, 5))))
        return f"{self.dice.choice(VERBS)} {targets}"

    async def _decide(
        self, requester: str, channel: str, word: str, card: workspace.Message
    ) -> str:
        """Do to the card what chance wants; return what the request came to."""
        dice = self.dice
        chance = dice.random()
        if chance < 0.05:
            return "walked away"
        if chance < 0.15:
            # Somebody without the right, and the requester's own yes, count for nothing.
            await self._click(dice.choice((stage.STRANGER, requester)), card, "Approve")
        other = next(one for one in stage.APPROVERS if one != requester)
        if chance > 0.95:
            await self._until_over(lambda: self._click(requester, card, "Cancel"), word, channel)
            return "cancelled"
        if chance > 0.9:
            await self._until_over(lambda: self._deny(other, card), word, channel)
            return "denied"
        if chance > 0.8:
            await asyncio.gather(*(self._click(other, card, "Approve") for _ in range(3)))
        elif chance > 0.75:
            await asyncio.gather(
                self._click(other, card, "Approve"), self._click(requester, card, "Cancel")
            )
        else:
            await self._click(other, card, "Approve")
        if dice.random() < 0.08:
            await asyncio.sleep(dice.random() * 2)
            await self._click(dice.choice((stage.STRANGER, requester)), card, "Stop")
        await self._until_over(lambda: self._click(other, card, "Approve"), word, channel)
        return "carried out"

    async def _click(self, user: str, message: workspace.Message, name: str) -> bool:
        """Press a button, if it is there."""
        try:
            return (await self.slack.click(user, message, name)).ok
        except UnknownNameError:
            return False

    async def _deny(self, user: str, card: workspace.Message) -> None:
        """Press Deny, and leave open why."""
        if await self._click(user, card, "Deny"):
            await asyncio.sleep(LOOK_S)
            with contextlib.suppress(UnknownNameError):
                await self.slack.submit(user, {"reason": {"reason": ""}})

    async def _insist(
        self,
        do: Callable[[], object],
        look: Callable[[], workspace.Message | None],
    ) -> workspace.Message:
        """Do something until what it leads to is there; a person sees when it did nothing."""
        until = time.monotonic() + self.patience_s
        while time.monotonic() < until:
            outcome = do()
            if asyncio.iscoroutine(outcome):
                await outcome
            again_at = time.monotonic() + 8
            while time.monotonic() < min(until, again_at):
                if (found := look()) is not None:
                    return found
                await asyncio.sleep(LOOK_S)
        raise Gone("gave up waiting")

    async def _until_over(self, again: Callable[[], object], word: str, channel: str) -> None:
        """Wait until the request has ended, pressing again while it waits for that."""

        def over() -> workspace.Message | None:
            found = [m for m in self._newest(channel) if m.bot and not m.ephemeral]
            cards = [m for m in found if m.metadata and word in m.words]
            open_ = {"Approve", "Stop", "Cancel"}
            return next((m for m in cards if not open_ & set(m.buttons)), None)

        await self._insist(again, over)

    def _private(self, user: str, channel: str, began: str, word: str) -> workspace.Message | None:
        """Return the plan that only this person sees."""
        mine = (m for m in self._newest(channel, user) if m.only_for == user and m.ts > began)
        return next((m for m in mine if word in m.words), None)

    def _card(self, channel: str, began: str, word: str) -> workspace.Message | None:
        """Return the card."""
        cards = (m for m in self._newest(channel) if m.metadata and m.ts > began)
        return next((m for m in cards if word in m.words), None)

    def _newest(self, channel: str, user: str | None = None) -> list[workspace.Message]:
        """Return what stands last in a channel, as one person sees it or as all do."""
        return self.slack.messages(channel, user)[-NEWEST:]
