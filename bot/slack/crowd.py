"""How much of one person is dealt with at once and in a minute; a no is never among it.

Lines that go beyond are refused before they are stored: a refusal costs next to nothing.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
from collections.abc import AsyncIterator

from bot.power import errors, noes, ports

# Payloads of one person in a minute: buttons, lines and forms together; and the noes among them.
PAYLOADS_A_MINUTE = 120
NOES_A_MINUTE = 120
# Lines and forms of one person under way, waiting ones among them, and of all people.
UNDER_WAY_OF_ONE = 10
UNDER_WAY = 60
# So many of them are worked on at the same time; the others wait for their turn.
AT_WORK_OF_ONE = 2
AT_WORK = 8
# Who is counted: people beyond this number who have been quiet are forgotten.
MOST_PEOPLE = 5000
MINUTE_S = 60.0
LINES = frozenset({"command", "mention", "shortcut", "step", "form"})

TOO_MANY_AT_ONCE = (
    "You have as many lines under way as one person may; nothing was done with this one. "
    "Wait for their answers, then type it again."
)
TOO_MANY_OF_ALL = "Too many lines are under way; nothing was done with this one. Type it again."
TOO_MANY_A_MINUTE = (
    "You have sent as much within a minute as one person may; nothing was done with this one. "
    "Try again in a minute. Stop, Cancel, Deny and freeze still work."
)


class Crowd:
    """Counts what is under way; one for the process, in one event loop."""

    def __init__(self, clock: ports.Clock) -> None:
        self._clock = clock
        self._came: dict[tuple[str, bool], collections.deque[float]] = {}
        self._under_way: collections.Counter[str] = collections.Counter()
        self._turns: dict[str, asyncio.Semaphore] = {}
        self._at_work = asyncio.Semaphore(AT_WORK)

    def admit(self, inbound: ports.Inbound) -> None:
        """Count a payload that has come in.

        Raises:
            TooMuch: this person, or all together, have too much under way.
        """
        user_id, is_no = inbound.person.user_id, noes.perhaps(inbound)
        came, now = self._came_of(user_id, is_no), self._clock.monotonic()
        while came and now - came[0] >= MINUTE_S:
            came.popleft()
        if len(came) >= (NOES_A_MINUTE if is_no else PAYLOADS_A_MINUTE):
            raise errors.TooMuch(TOO_MANY_A_MINUTE)
        if not is_no and inbound.kind in LINES:
            if self._under_way[user_id] >= UNDER_WAY_OF_ONE:
                raise errors.TooMuch(TOO_MANY_AT_ONCE)
            if self._under_way.total() >= UNDER_WAY:
                raise errors.TooMuch(TOO_MANY_OF_ALL)
        came.append(now)

    @contextlib.asynccontextmanager
    async def turn(self, inbound: ports.Inbound) -> AsyncIterator[None]:
        """Wait for a turn to work on a payload; a no, and a button, wait for none."""
        if inbound.kind not in LINES or noes.perhaps(inbound):
            yield
            return
        user_id = inbound.person.user_id
        self._under_way[user_id] += 1
        own = self._turns.setdefault(user_id, asyncio.Semaphore(AT_WORK_OF_ONE))
        try:
            async with own, self._at_work:
                yield
        finally:
            self._under_way[user_id] -= 1
            if not self._under_way[user_id]:
                del self._under_way[user_id]
                self._turns.pop(user_id, None)

    def _came_of(self, user_id: str, is_no: bool) -> collections.deque[float]:
        """Return when payloads of a person came in."""
        if len(self._came) > MOST_PEOPLE:
            quiet = self._clock.monotonic() - MINUTE_S
            self._came = {
                key: came for key, came in self._came.items() if came and came[-1] > quiet
            }
        return self._came.setdefault((user_id, is_no), collections.deque())
