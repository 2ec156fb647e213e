"""How much one person may have processed at once and in a minute; a no never counts.

What goes beyond is refused before it is stored: a refusal costs next to nothing. Where little is
worked on at once, the turn is theirs who have had the fewest lately.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import dataclasses
import enum
from collections.abc import AsyncIterator

from bot.power import errors, inputs, ports
from bot.power.command import halts
from bot.slack.inbound import rate_limit

# Payloads of one person in a minute: buttons, lines and forms together; and the noes among them.
PAYLOADS_A_MINUTE = 120
NOES_A_MINUTE = 120
MINUTE_S = 60.0  # In seconds.
# What is typed into a searching field is searched for so often in five seconds: of one person, and
# of all. People type slower; whoever gets nothing gets it with the next letter.
SEARCHES_OF_ONE = 10
SEARCHES = 40
SEARCHES_WITHIN_S = 5.0
# What may make a plan; buttons, and Home, are the other lane.
LINE_KINDS = frozenset(
    {
        inputs.Kind.COMMAND,
        inputs.Kind.MENTION,
        inputs.Kind.SHORTCUT,
        inputs.Kind.STEP,
        inputs.Kind.FORM,
    }
)
# Turns are remembered for so long, in seconds: who worked much an hour ago is like everybody else.
REMEMBERED_S = 60.0


class Limit(enum.StrEnum):
    """What a person has too much of; the value is the word in the audit."""

    A_MINUTE = "a minute"
    OF_ONE = "under way of one person"
    OF_ALL = "under way of all"


SENTENCES = {
    Limit.A_MINUTE: (
        "You have sent as much in the last minute as one person can, so nothing was done with "
        "this. Try again in a minute. Stop, Cancel, Deny and freeze still work."
    ),
    Limit.OF_ONE: (
        "You have as much in progress as one person can, so nothing was done with this. Wait for "
        "the answers, then try again. Stop, Cancel, Deny and freeze still work."
    ),
    Limit.OF_ALL: "Powerbot is too busy; nothing was done with this. Try again in a moment.",
}


class Full(errors.TooMuch):
    """A payload is refused, because there is too much of its kind."""

    def __init__(self, limit: Limit) -> None:
        super().__init__(SENTENCES[limit])
        self.limit = limit


@dataclasses.dataclass(frozen=True, slots=True)
class LaneBounds:
    """How many payloads may be under way, waiting ones among them, and how many at work."""

    of_one: int
    of_all: int
    at_work_of_one: int
    at_work: int


# A line may make a plan of thousands of servers; a click reads a few rows.
LINES = LaneBounds(of_one=10, of_all=60, at_work_of_one=2, at_work=8)
CLICKS = LaneBounds(of_one=30, of_all=200, at_work_of_one=4, at_work=16)


class Lane:
    """What is under way of one kind, and whose turn it is."""

    def __init__(self, bounds: LaneBounds, clock: ports.Clock) -> None:
        self._bounds = bounds
        self._under_way: collections.defaultdict[str, set[str]] = collections.defaultdict(set)
        self._count = 0
        self._turns: dict[str, asyncio.Semaphore] = {}
        self._at_work = FairTurns(bounds.at_work, clock)

    def must_have_room(self, user_id: str) -> None:
        """Tell whether one more may come.

        Raises:
            Full: it may not.
        """
        # By get, since asking a defaultdict would add an entry.
        if len(self._under_way.get(user_id, ())) >= self._bounds.of_one:
            raise Full(Limit.OF_ONE)
        if self._count >= self._bounds.of_all:
            raise Full(Limit.OF_ALL)

    def holds(self, user_id: str, key: str) -> bool:
        """Whether a payload is under way."""
        return key in self._under_way.get(user_id, ())

    def begin(self, user_id: str, key: str) -> bool:
        """Count a payload; False where it is counted already."""
        if self.holds(user_id, key):
            return False
        self._under_way[user_id].add(key)
        self._count += 1
        return True

    def end(self, user_id: str, key: str) -> None:
        """Stop counting a payload as under way."""
        if self.holds(user_id, key):
            self._under_way[user_id].discard(key)
            self._count -= 1
        if not self._under_way.get(user_id):
            self._under_way.pop(user_id, None)
            # Nobody who is idle is remembered, so the tables stay small.
            self._turns.pop(user_id, None)

    @contextlib.asynccontextmanager
    async def turn(self, user_id: str) -> AsyncIterator[None]:
        """Wait for a turn to work on something that is under way."""
        one = self._bounds.at_work_of_one
        own = self._turns.setdefault(user_id, asyncio.Semaphore(one))
        # One's own bound first: whoever waits for it takes no common turn away.
        async with own, self._at_work.take(user_id):
            yield


class Admission:
    """Counts what is under way; one for the process, in one event loop."""

    def __init__(self, clock: ports.Clock) -> None:
        self._clock = clock
        self._payloads = rate_limit.RateLimit(PAYLOADS_A_MINUTE, MINUTE_S)
        self._noes = rate_limit.RateLimit(NOES_A_MINUTE, MINUTE_S)
        self._lines = Lane(LINES, clock)
        self._clicks = Lane(CLICKS, clock)

    def admit(self, inbound: ports.Inbound) -> bool:
        """Count a payload that has come in; False where the same is under way already.

        Whoever was told True ends it with `leave`.

        Raises:
            Full: this person, or all together, have too much under way.
        """
        user_id, now = inbound.person.user_id, self._clock.monotonic()
        is_no = halts.of(inbound) is not None
        lane = self._lane(inbound)
        # A redelivery of what is under way needs no room.
        if not is_no and not lane.holds(user_id, inbound.key):
            lane.must_have_room(user_id)
        if not (self._noes if is_no else self._payloads).admits(user_id, now):
            raise Full(Limit.A_MINUTE)
        return not is_no and lane.begin(user_id, inbound.key)

    def begin(self, inbound: ports.Inbound) -> None:
        """Count a payload that was stored before, over whatever bound."""
        if halts.of(inbound) is None:
            self._lane(inbound).begin(inbound.person.user_id, inbound.key)

    def leave(self, inbound: ports.Inbound) -> None:
        """Stop counting a payload as under way."""
        self._lane(inbound).end(inbound.person.user_id, inbound.key)

    @contextlib.asynccontextmanager
    async def turn(self, inbound: ports.Inbound) -> AsyncIterator[None]:
        """Wait for a turn to work on a payload; a no waits for none."""
        if halts.of(inbound) is not None:
            yield
            return
        async with self._lane(inbound).turn(inbound.person.user_id):
            yield

    def _lane(self, inbound: ports.Inbound) -> Lane:
        """Return where a payload is counted."""
        return self._lines if inbound.kind in LINE_KINDS else self._clicks


class Searches:
    """Counts searches in a field; one for the process."""

    def __init__(self, clock: ports.Clock) -> None:
        self._clock = clock
        self._counted = rate_limit.RateLimit(SEARCHES_OF_ONE, SEARCHES_WITHIN_S, SEARCHES)

    def admits(self, user_id: str) -> bool:
        """Count a search, unless that is too many."""
        return self._counted.admits(user_id, self._clock.monotonic())


class FairTurns:
    """So many turns at once; used in one event loop."""

    def __init__(self, at_once: int, clock: ports.Clock) -> None:
        self._free = at_once
        self._clock = clock
        self._waiting: list[tuple[str, asyncio.Future[None]]] = []
        self._had: collections.Counter[str] = collections.Counter()
        self._since = clock.monotonic()

    @contextlib.asynccontextmanager
    async def take(self, who: str) -> AsyncIterator[None]:
        """Wait for a turn, and have it while the block lasts; the first of a minute is free."""
        if self._note(who) == 1:
            yield
            return
        await self._wait(who)
        try:
            yield
        finally:
            self._pass_on()

    async def _wait(self, who: str) -> None:
        """Wait until it is this one's turn."""
        if self._free:
            self._free -= 1
            return
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((who, mine))
        try:
            await mine
        except asyncio.CancelledError:
            # The turn came at the moment of giving up, and must not be lost.
            if mine.done() and not mine.cancelled():
                self._pass_on()
            raise

    def _note(self, who: str) -> int:
        """Count a turn that is wanted, and forget those of long ago; return how many there were."""
        if self._clock.monotonic() - self._since >= REMEMBERED_S:
            self._had.clear()
            self._since = self._clock.monotonic()
        self._had[who] += 1
        return self._had[who]

    def _pass_on(self) -> None:
        """Give the turn to who has had the fewest, and of those to who waits the longest."""
        self._waiting = [(who, one) for who, one in self._waiting if not one.done()]
        if not self._waiting:
            self._free += 1
            return
        chosen = min(self._waiting, key=lambda waiting: self._had[waiting[0]])
        self._waiting.remove(chosen)
        chosen[1].set_result(None)
