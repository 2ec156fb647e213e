"""Posts notices that belong to no request: each once, in order, stored until Slack accepts it.

An announcement of a freeze that is over is edited, so that nothing is left to press.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import structlog

from bot.power import errors, ports, request
from bot.power.messages import messages
from bot.slack import api_errors
from bot.slack.outbound import posting, send_deadline
from bot.slack.outbound.context import Context
from bot.slack.render.phrases import about_freezes

log = structlog.get_logger()

BATCH = 20  # Notices that one look claims.
FIRST_WAIT_S = 2.0  # Seconds, doubled with every try.
LONGEST_WAIT_S = 60.0
# What Slack has not taken by then is news no more.
GIVEN_UP_S = 86400.0  # A day in seconds.


class NoticePoster:
    """Delivers notices, within the pace that posts into a channel have."""

    def __init__(self, context: Context) -> None:
        self._store = context.store
        self._sender = context.sender
        self._clock = context.clock
        self._pace = context.pace
        self._paces = context.paces
        self._directory = context.directory

    async def deliver_due(self) -> int:
        """Deliver what is due now and return how many notices that were."""
        until = self._clock.monotonic() + self._paces.post_s
        try:
            due = await self._store.due_notices(now=self._clock.now(), limit=BATCH)
        except errors.StoreUnavailable as error:
            log.warning("reporter.store_away", why=error.user_message)
            return 0
        await asyncio.gather(*(self._deliver(notice, until) for notice in due))
        return len(due)

    async def _deliver(self, notice: ports.Notice, until: float) -> None:
        """Deliver one notice and note what came of it."""
        wait_s = self._paced_s(notice)
        if wait_s > 0:
            return await self._postpone(notice, wait_s)
        try:
            # Asked each time: a channel may have been shared since the last notice. What stands
            # there by now is closed all the same, as cards are.
            if notice.end is None and (why := await self._barred(notice.channel_id)):
                return await self._give_up(notice, why)
            with send_deadline.leaving_by(self._clock, until):
                ts = await self._said(notice)
        except send_deadline.TooLate:
            return await self._postpone(notice, 0.0)
        except api_errors.Undelivered as error:
            return await self._not_taken(notice, error)
        except errors.SlackUnavailable:
            return await self._later(notice, self._wait_s(notice), "the channel is not looked up")
        self._pace.answered()
        await self._done(notice, ts=ts)
        over = notice.end is not None
        log.info("slack.noticed", channel=notice.channel_id, notice=notice.news.event, over=over)

    def _paced_s(self, notice: ports.Notice) -> float:
        """Return how long a notice must wait; one that needn't counts against its pace."""
        now = self._clock.monotonic()
        if notice.end is None:
            wait_s = self._pace.post_wait_s(notice.channel_id, now)
            if wait_s <= 0:
                self._pace.posted(notice.channel_id, now)
            return wait_s
        edited = f"notice {notice.id}"
        wait_s = self._pace.edit_wait_s(edited, now, ended=True)
        if wait_s <= 0:
            self._pace.edited(edited, now)
        return wait_s

    async def _said(self, notice: ports.Notice) -> str:
        """Post a notice, or edit the message that it was; return the message's ts."""
        if notice.end is None:
            return await self._sender.post(notice.channel_id, about_freezes.notice(notice.news))
        await self._sender.update(notice.channel_id, notice.ts, about_freezes.over(notice.end))
        return notice.ts

    async def _barred(self, channel_id: str) -> str:
        """Return why nothing of ours may be told in a channel, or an empty text."""
        if self._directory is None:
            return ""
        channel = await self._directory.channel(channel_id)
        return "shared with another company" if channel.is_shared else ""

    async def _not_taken(self, notice: ports.Notice, error: api_errors.Undelivered) -> None:
        """Try again later, or give up where a channel is closed, or it is long ago."""
        log.warning("reporter.notice_not_taken", channel=notice.channel_id, why=error.code)
        if error.lasts and notice.end is None and not notice.tries:
            await self._tell_who_did(notice, error.code)
        since = notice.end.at if notice.end else notice.created_at
        fixed = notice.end is not None and (error.gone or error.uneditable)
        if fixed or error.closed or self._clock.now() - since > GIVEN_UP_S:
            return await self._give_up(notice, error.code)
        if error.away:
            wait_s = self._pace.no_answer(self._clock.monotonic())
            return await self._later(notice, wait_s, error.code)
        if error.retry_after_s is not None:
            self._pace.hold(self._clock.monotonic() + error.retry_after_s)
        wait_s = self._wait_s(notice) if error.retry_after_s is None else error.retry_after_s
        await self._later(notice, wait_s, error.code)

    async def _tell_who_did(self, notice: ports.Notice, code: str) -> None:
        """Tell whoever froze or lifted, in private, that a channel doesn't hear of it; once."""
        news = notice.news
        if not isinstance(news, messages.FreezeTurned) or not news.by:
            return
        # Whoever is at the host has no name in Slack.
        if news.by.startswith(request.HOST_PREFIX):
            return
        message = about_freezes.unannounced(news, notice.channel_id, code)
        try:
            await self._sender.post(news.by, message)
        except api_errors.Undelivered as error:
            # Beside what they typed it shows whatever the token may not do.
            if not await self._sender.respond_later(news.by, message):
                log.warning("reporter.notice_unheard", channel=notice.channel_id, why=error.code)

    def _wait_s(self, notice: ports.Notice) -> float:
        """Return how long to wait after so many tries."""
        # The power is bounded first, for a day has thousands of tries.
        return min(FIRST_WAIT_S * 2.0 ** min(notice.tries, 10), LONGEST_WAIT_S)

    async def _give_up(self, notice: ports.Notice, why: str) -> None:
        """Leave in the audit what a channel could not be told; an edit tells nothing new."""
        if notice.end is not None:
            return await self._done(notice, why)
        entry = ports.AuditEntry(
            "notice.undeliverable",
            self._clock.now(),
            channel_id=notice.channel_id,
            detail={"event": notice.news.event, "why": why},
        )
        await posting.noted(lambda: self._audited(entry), self._clock, self._paces.look_s)
        await self._done(notice, why)

    async def _audited(self, entry: ports.AuditEntry) -> None:
        """Append one row."""
        await self._store.write(lambda tx: tx.audit(entry))

    async def _done(self, notice: ports.Notice, error: str = "", ts: str = "") -> None:
        """Note that a notice is done with; without the note it would be made again."""
        await posting.noted(
            lambda: self._store.notice_sent(notice, now=self._clock.now(), error=error, ts=ts),
            self._clock,
            self._paces.look_s,
        )

    async def _postpone(self, notice: ports.Notice, wait_s: float) -> None:
        """Note in the store when a notice is due that was not tried."""
        again_at = self._clock.now() + wait_s
        await _noted(self._store.notice_postponed(notice, again_at=again_at))

    async def _later(self, notice: ports.Notice, wait_s: float, why: str) -> None:
        """Note in the store when a notice is due again."""
        again_at = self._clock.now() + wait_s
        await _noted(self._store.notice_failed(notice, again_at=again_at, error=why))


async def _noted(writing: Awaitable[None]) -> None:
    """Wait for a note that need not be made: without it the notice is tried again sooner."""
    try:
        await writing
    except errors.StoreUnavailable as error:
        log.warning("reporter.store_away", why=error.user_message)
