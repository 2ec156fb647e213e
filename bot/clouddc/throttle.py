"""How fast and whether CloudDC is called: rate, pause and turns.

CloudDC documents no rate limit, so the rate is a setting; a 429 halves it and it recovers slowly.

More than five wrong signatures in a row lock a key for five minutes, in which good requests are
refused as well (API gateway, error page); IAM does the like to a user who logs in wrongly. So
nothing is sent for a while after refused credentials.

Time is given in: nothing here has a clock of its own.
"""

from __future__ import annotations

import asyncio
import bisect
import contextlib
import enum
import itertools
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

import structlog

from bot.clouddc import retries
from bot.power import errors, ports

# The rate halves no further than this part of the full one, and is whole again after a minute.
FLOOR = 1 / 16
RECOVERY_S = 60.0
# A timer may fire a little early; without a least wait the loop would spin until it is due.
LEAST_WAIT_S = 0.001
log = structlog.get_logger()
FEWER = "CloudDC asks for fewer calls (429)"
PAUSE_S = 300.0  # As long as the gateway locks a key (API gateway, error page).
# How many calls may be under way together: all of them may be refused, and one more that asks
# again, before the sixth wrong signature would lock the key.
MOST_UNDER_WAY = 4
# Codes of the service itself: its 401 comes after the gateway has taken the credentials.
SERVICE_CODES = "iMetal."


class Priority(enum.IntEnum):
    """Who goes first when the bucket is empty."""

    # A stop or a wave must not wait behind the pages of a list.
    POWER = 0
    READ = 1


class Bucket:
    """Lets `rate_per_s` calls a second pass, evenly spaced: it saves up one token and no more."""

    def __init__(self, rate_per_s: float, clock: ports.Clock) -> None:
        self._full = rate_per_s
        self._rate = rate_per_s
        self._clock = clock
        self._tokens = 1.0
        # Tokens were counted at this instant; in the future while a 429's hint holds all back.
        self._counted_at = clock.monotonic()
        self._halved_at = float("-inf")
        self._queue: list[tuple[Priority, int]] = []
        self._tickets = itertools.count()

    @property
    def rate_per_s(self) -> float:
        """The rate of this moment."""
        self._refill()
        return self._rate

    async def take(self, priority: Priority) -> float:
        """Wait for a token and return the instant (monotonic) at which it was taken."""
        ticket = (priority, next(self._tickets))
        bisect.insort(self._queue, ticket)
        try:
            while (wait_s := self._wait_s(self._queue.index(ticket))) > 0:
                await self._clock.sleep(max(wait_s, LEAST_WAIT_S))
            self._tokens -= 1
            return self._clock.monotonic()
        finally:
            self._queue.remove(ticket)

    def refuse_long(self, longest_s: float) -> None:
        """Refuse a call that a 429's hint would hold back for longer than this.

        Raises:
            NotSent: it would; whoever asks is told at once, and when to ask again.
        """
        self._refill()
        if (held_s := self._held_s()) > longest_s:
            raise errors.NotSent.since(FEWER, retry_after_s=held_s)

    def _held_s(self) -> float:
        """Return for how long a 429's hint holds all back, as of the last count."""
        return max(0.0, self._counted_at - self._clock.monotonic())

    def wait_s(self) -> float:
        """Return about how long somebody who came now would wait."""
        return self._wait_s(len(self._queue))

    def throttled(self, taken_at: float, hint_s: float | None) -> None:
        """Note a 429 to a call whose token was taken at `taken_at`; nobody passes before the hint.

        Calls that were under way together halve the rate once.
        """
        self._refill()
        now = self._clock.monotonic()
        # A call that left before the rate was halved tells nothing about the new rate.
        if taken_at >= self._halved_at:
            self._rate = max(self._rate / 2, self._full * FLOOR)
            self._halved_at = now
        # What was saved up before the 429 would break the hint at once.
        self._tokens = 0.0
        self._counted_at = max(self._counted_at, now + (hint_s or 0.0))

    def _refill(self) -> None:
        now = self._clock.monotonic()
        passed_s = now - self._counted_at
        if passed_s > 0:
            self._tokens = min(1.0, self._tokens + passed_s * self._rate)
            self._rate = min(self._full, self._rate + self._full * passed_s / RECOVERY_S)
            self._counted_at = now

    def _wait_s(self, ahead: int) -> float:
        """Return how long it takes until those ahead and one more have their tokens."""
        self._refill()
        held_s = self._held_s()
        missing = ahead + 1 - self._tokens
        # Sums of floating-point seconds miss a whole token by less than this.
        return held_s + (missing / self._rate if missing > 1e-9 else 0.0)


class Pause:
    """Remembers a refusal of the credentials for five minutes."""

    def __init__(self, clock: ports.Clock) -> None:
        self._clock = clock
        self._refused: errors.Unauthorized | None = None
        self._until = 0.0

    @property
    def left_s(self) -> float:
        """Seconds until calls are let through again, 0 when they are now."""
        return max(0.0, self._until - self._clock.monotonic()) if self._refused else 0.0

    def check(self) -> None:
        """Let a call pass, or refuse it without sending anything.

        Raises:
            Unauthorized: the credentials were refused lately (KeyLocked: the key is locked).
        """
        left_s = self.left_s
        if self._refused is None or not left_s:
            self._refused = None
            return
        code = f" ({self._refused.code})" if self._refused.code else ""
        raise type(self._refused)(
            f"CloudDC has refused the bot's credentials{code}, and nothing is sent for "
            f"{_minutes(left_s)} so that the key isn't locked",
            code=self._refused.code,
            request_id=self._refused.request_id,
            retry_after_s=left_s,
        )

    def lift(self) -> None:
        """Let calls through again: there are other credentials."""
        self._refused = None

    def note(self, error: errors.CloudError) -> None:
        """Begin a pause if an answer says that the credentials are wrong."""
        if isinstance(error, errors.Unauthorized) and not error.code.startswith(SERVICE_CODES):
            self._refused = error
            self._until = self._clock.monotonic() + PAUSE_S
            log.error("clouddc.paused", code=error.code, cloud_request=error.request_id)


def _minutes(seconds: float) -> str:
    """Return a time that is left in whole minutes, the last one begun."""
    minutes = math.ceil(seconds / 60)
    return f"{minutes} minutes" if minutes > 1 else "a minute"


class Turns:
    """Gives calls their turns; `hold_s` is how long one may wait for its own."""

    def __init__(self, bucket: Bucket, pause: Pause, hold_s: Mapping[Priority, float]) -> None:
        self._bucket, self._pause, self._hold_s = bucket, pause, hold_s
        # Reads leave one place free, so that reads that hang don't hold up a power call.
        self._places = asyncio.Semaphore(MOST_UNDER_WAY)
        self._read_places = asyncio.Semaphore(MOST_UNDER_WAY - 1)

    @contextlib.asynccontextmanager
    async def turn(
        self, priority: Priority, ready: Callable[[], Awaitable[None]]
    ) -> AsyncIterator[float]:
        """Hold a place among the calls under way; the value is when the token was taken.

        `ready` waits for credentials.

        Raises:
            NotSent: the turn didn't come in time.
            CloudError: there are no credentials, or they were refused lately.
        """
        async with contextlib.AsyncExitStack() as places:
            try:
                async with asyncio.timeout(self._hold_s[priority]):
                    taken_at = await self._queue(places, priority, ready)
            except TimeoutError as error:
                raise errors.NotSent.since(
                    "more calls are waiting than CloudDC's rate limit lets through",
                    retry_after_s=self._bucket.wait_s() or None,
                ) from error
            yield taken_at

    async def _queue(
        self,
        places: contextlib.AsyncExitStack,
        priority: Priority,
        ready: Callable[[], Awaitable[None]],
    ) -> float:
        """Wait for a place, for credentials and for a token, and return when that was taken."""
        if priority is Priority.READ:
            self._bucket.refuse_long(retries.LONGEST_DELAY_S)
            await places.enter_async_context(self._read_places)
        await places.enter_async_context(self._places)
        self._pause.check()
        try:
            await ready()
        except errors.CloudError as error:
            self._pause.note(error)
            raise
        return await self._bucket.take(priority)
