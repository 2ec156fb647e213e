"""A version number that grows with each visible change, and people who wait for it."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from bot.sandbox.workspace.base import limits

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Toast:
    """A short notice that one person sees, such as "/power didn't respond"."""

    id: int
    text: str


class Changes:
    """Counts visible changes and wakes those who wait for the next one."""

    def __init__(self) -> None:
        self.version = 1
        self._next = asyncio.Event()
        self._toast_number = 0
        self.toasts: defaultdict[str, deque[Toast]] = defaultdict(
            lambda: deque(maxlen=limits.TOASTS_PER_PERSON)
        )

    def bump(self) -> None:
        """Say that something visible has changed."""
        self.version += 1
        # Those who wait hold the old event; whoever comes later waits for the new one.
        self._next.set()
        self._next = asyncio.Event()

    def toast(self, user: str, text: str) -> None:
        """Show a short notice to one person."""
        self._toast_number += 1
        self.toasts[user].append(Toast(self._toast_number, text))
        self.bump()

    async def wait_past(self, version: int, timeout_s: float) -> None:
        """Return when the version is greater than `version`, or the time is up."""
        deadline = asyncio.get_running_loop().time() + timeout_s
        while self.version <= version:
            left_s = deadline - asyncio.get_running_loop().time()
            if left_s <= 0:
                return
            try:
                await asyncio.wait_for(self._next.wait(), left_s)
            except TimeoutError:
                return

    async def wait_for(self, predicate: Callable[[], Found], timeout_s: float) -> Found:
        """Return the predicate's first true value, asking again after each change.

        Raises:
            TimeoutError: when it stays false for `timeout_s`.
        """
        deadline = asyncio.get_running_loop().time() + timeout_s
        while True:
            version = self.version
            found = predicate()
            if found:
                return found
            left_s = deadline - asyncio.get_running_loop().time()
            if left_s <= 0:
                raise TimeoutError(f"still not so after {timeout_s} s")
            await self.wait_past(version, left_s)
