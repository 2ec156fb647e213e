"""Whose turn it is to call CloudDC: few calls at once, at the rate, power calls before reads."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

from bot.clouddc import pause as pausing, rate
from bot.power import errors


class Turns:
    """Gives calls their turns; `hold_s` is how long one may wait for its own."""

    def __init__(
        self, bucket: rate.Bucket, pause: pausing.Pause, hold_s: Mapping[rate.Priority, float]
    ) -> None:
        self._bucket, self._pause, self._hold_s = bucket, pause, hold_s
        # Reads leave one place free, so that reads that hang don't hold up a power call.
        self._places = asyncio.Semaphore(pausing.MOST_UNDER_WAY)
        self._read_places = asyncio.Semaphore(pausing.MOST_UNDER_WAY - 1)

    @contextlib.asynccontextmanager
    async def turn(
        self, priority: rate.Priority, ready: Callable[[], Awaitable[None]]
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
                    "CloudDC asks for fewer calls than there are to make",
                    retry_after_s=self._bucket.wait_s() or None,
                ) from error
            yield taken_at

    async def _queue(
        self,
        places: contextlib.AsyncExitStack,
        priority: rate.Priority,
        ready: Callable[[], Awaitable[None]],
    ) -> float:
        """Wait for a place, for credentials and for a token, and return when that was taken."""
        if priority is rate.Priority.READ:
            await places.enter_async_context(self._read_places)
        await places.enter_async_context(self._places)
        self._pause.check()
        try:
            await ready()
        except errors.CloudError as error:
            self._pause.note(error)
            raise
        return await self._bucket.take(priority)
