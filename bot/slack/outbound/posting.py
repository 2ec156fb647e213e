"""A message finds the place that takes it: its thread, the card's own, or the channel.

What is learned on the way, of cards that nobody may edit and threads that take nothing, is
forgotten with the process, and then learned again by one refused call.
"""

from __future__ import annotations

import collections
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

import structlog

from bot.power import errors, lifecycle, ports
from bot.power.lifecycle import State
from bot.slack import api_errors
from bot.slack.blockkit import blocks
from bot.slack.outbound import pacing, sending
from bot.slack.render.phrases import about_request

log = structlog.get_logger()
K = TypeVar("K")
V = TypeVar("V")
MOST_KEPT = 2000  # Cards, or threads.
# A thread that was locked may be unlocked.
SHUT_S = 600.0  # Seconds.


class Postponed(Exception):
    """Not now: nothing was tried; `wait_s` says when, `why` what for."""

    def __init__(self, wait_s: float, why: str) -> None:
        super().__init__(why)
        self.wait_s = wait_s
        self.why = why


class Failed(Postponed):
    """It was tried and not taken; `refused` says that Slack says no for good."""

    def __init__(self, wait_s: float, why: str, *, refused: bool = False) -> None:
        super().__init__(wait_s, why)
        self.refused = refused


def outside(request: ports.Request, reply: blocks.Message, link: str = "") -> blocks.Message:
    """Return a reply as it reads outside of its thread: with the request that it speaks of."""
    named = f"<{link}|{request.id}>" if link else request.id
    title = f"*{named}* {about_request.title(request.order)}"
    return blocks.Message(f"{title}\n{reply.text}", (blocks.context(title), *reply.blocks))


class Posting:
    """Posts within the pace of each channel."""

    def __init__(
        self,
        sender: sending.Sender,
        clock: ports.Clock,
        pace: pacing.Pace,
        known: KnownRefusals,
    ) -> None:
        self._sender = sender
        self._clock = clock
        self._pace = pace
        self._known = known

    async def post(
        self,
        channel: str,
        threads: Sequence[str],
        ways: tuple[blocks.Message, blocks.Message],
        urgency: ports.Urgency,
    ) -> str:
        """Post into the first thread that takes it, else into the channel; return the ts.

        `ways` are the message as it reads in a thread, and outside of one.

        Raises:
            Postponed: the channel has taken too much of late.
            Undelivered: Slack has not taken it.
        """
        now = self._clock.monotonic()
        wait_s = self._pace.post_wait_s(channel, now, urgency)
        if wait_s > 0:
            raise Postponed(wait_s, "paced")
        # Counted before the call: one that fails has used the rate as well.
        self._pace.posted(channel, now, urgency)
        for thread_ts in threads:
            # A call that is sure to be refused would only use up the rate.
            if self._known.is_shut(channel, thread_ts, now):
                continue
            try:
                return await self._sender.post(channel, ways[0], thread_ts)
            except api_errors.Undelivered as error:
                if not error.threadless:
                    raise
                log.warning("reporter.thread_shut", channel=channel, why=error.code)
                self._known.shut(channel, thread_ts, now)
        # Out of its thread it must say which request it speaks of.
        return await self._sender.post(channel, ways[1] if threads else ways[0])


class _Kept(Generic[K, V]):
    """The newest of what was learned."""

    def __init__(self) -> None:
        self._rows: collections.OrderedDict[K, V] = collections.OrderedDict()

    def get(self, key: K) -> V | None:
        """Return what is known, if anything."""
        return self._rows.get(key)

    def put(self, key: K, value: V) -> None:
        """Keep it, and let go of the oldest."""
        self._rows[key] = value
        self._rows.move_to_end(key)
        if len(self._rows) > MOST_KEPT:
            self._rows.popitem(last=False)


class KnownRefusals:
    """Knows which cards can't be edited and which threads take no replies."""

    def __init__(self) -> None:
        self._fixed: _Kept[str, str] = _Kept()
        self._anew: _Kept[tuple[str, bool], bool] = _Kept()
        self._shut: _Kept[tuple[str, str], float] = _Kept()

    def fix(self, request_id: str, ts: str) -> None:
        """Note that Slack lets nobody edit this card."""
        self._fixed.put(request_id, ts)

    def is_fixed(self, request_id: str, ts: str) -> bool:
        """Whether this card is known to be one that nobody may edit."""
        return self._fixed.get(request_id) == ts

    def posts_anew(self, request: ports.Request) -> bool:
        """Whether a card that nobody may edit is posted anew: once at the start, once at the end.

        Asked a second time for the same, it says no.
        """
        ended = request.state in lifecycle.ENDED
        # In between, its thread tells the news.
        if not ended and request.state is not State.RUNNING:
            return False
        if self._anew.get((request.id, ended)):
            return False
        # Before it is posted: one that fails again and again must not flood the channel.
        self._anew.put((request.id, ended), True)
        return True

    def shut(self, channel: str, thread_ts: str, now: float) -> None:
        """Note that a thread takes nothing."""
        self._shut.put((channel, thread_ts), now + SHUT_S)

    def is_shut(self, channel: str, thread_ts: str, now: float) -> bool:
        """Whether a thread took nothing a short while ago."""
        until = self._shut.get((channel, thread_ts))
        return until is not None and now < until


async def noted(note: Callable[[], Awaitable[None]], clock: ports.Clock, again_s: float) -> None:
    """Store that Slack has taken something, however long the database is away.

    A note may be stored twice: after a commit without an answer nobody knows whether it was.
    """
    while True:
        try:
            return await note()
        except errors.StoreUnavailable as error:
            log.warning("reporter.not_noted", why=error.user_message)
            await clock.sleep(again_s)
