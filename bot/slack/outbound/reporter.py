"""Brings to Slack what the store says that it must be told: cards, replies, direct messages.

The text is made at the moment of delivery from the newest record, so that Slack never shows an
old state after a new one. What could not be delivered stays in the store and is tried again.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
from collections.abc import Sequence

import structlog

from bot.power import errors, ports
from bot.slack import api_errors
from bot.slack.outbound import card_poster, notice_poster, posting, send_deadline, thread_poster
from bot.slack.outbound.context import Context

log = structlog.get_logger()

BATCH = 20  # Messages that one look claims.
FIRST_WAIT_S = 2.0
LONGEST_WAIT_S = 60.0
# A card that nobody has seen yet is tried more often, what Slack refuses for good more seldom.
LONGEST_CARD_WAIT_S = 15.0
LONGEST_REFUSED_WAIT_S = 900.0
GIVEN_UP_AFTER_S = 86400.0
# Messages whose failures are counted.
MOST_FAILING = 2000


class Reporter:
    """The outbox's delivery loop; one for the process."""

    def __init__(self, context: Context) -> None:
        self._paces = context.paces
        self._store = context.store
        self._clock = context.clock
        self._pace = context.pace
        self._card_poster = card_poster.CardPoster(context)
        self._thread_poster = thread_poster.ThreadPoster(context, self._card_poster)
        self._notice_poster = notice_poster.NoticePoster(context)
        self._woken = asyncio.Event()
        self._ending = False
        self._failures: collections.Counter[int] = collections.Counter()

    def wake(self) -> None:
        """Look at the outbox at once: something was queued."""
        self._woken.set()

    def end(self) -> None:
        """Let `run` return once what it is saying at this moment is said and noted."""
        self._ending = True
        self._woken.set()

    async def run(self) -> None:
        """Deliver until `end`."""
        while not self._ending:
            self._woken.clear()
            if not await self.deliver_due():
                await self._rest()

    async def _rest(self) -> None:
        """Wait until woken, for a bounded time."""
        waiting = [
            asyncio.ensure_future(self._woken.wait()),
            asyncio.ensure_future(self._clock.sleep(self._paces.look_s)),
        ]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waiting:
                one.cancel()

    async def deliver_due(self) -> int:
        """Deliver what is due now and return how many messages that were."""
        until = self._clock.monotonic() + self._paces.post_s
        try:
            due = await self._store.due_messages(now=self._clock.now(), limit=BATCH)
        except errors.StoreUnavailable as error:
            log.warning("reporter.store_away", why=error.user_message)
            return 0
        by_request: dict[str, list[ports.OutboxMessage]] = {}
        for message in due:
            by_request.setdefault(message.request_id, []).append(message)
        # A channel hears of a freeze beside what it hears of requests.
        noticing = asyncio.ensure_future(self._notice_poster.deliver_due())
        # What takes the last post of a busy channel must not be what could wait.
        for urgency in ports.Urgency:
            mine = [
                messages
                for messages in by_request.values()
                if min(one.urgency for one in messages) is urgency
            ]
            await asyncio.gather(*(self._in_order(messages, until) for messages in mine))
        return len(due) + await noticing

    async def _in_order(self, messages: Sequence[ports.OutboxMessage], until: float) -> None:
        """Deliver one request's messages; replies don't overtake one that has to wait."""
        held: posting.Postponed | None = None
        # Without a card there is no thread, so the card goes first.
        for message in sorted(messages, key=lambda one: (one.kind != "card", one.id)):
            if held is not None and message.kind == "reply":
                await self._postpone(message, posting.Postponed(held.wait_s, "a reply before it"))
                continue
            waits = await self._try(message, until)
            if message.kind == "reply":
                held = waits

    async def _try(self, message: ports.OutboxMessage, until: float) -> posting.Postponed | None:
        """Deliver one message and note what came of it; return why it has to wait, if so."""
        later = await self._attempt(message, until)
        if later is None:
            self._failures.pop(message.id, None)
            self._pace.answered()
            await self._note(message)
        else:
            await self._postpone(message, later)
        return later

    async def _attempt(
        self, message: ports.OutboxMessage, until: float
    ) -> posting.Postponed | None:
        """Deliver one message; return when to try again if it could not be delivered."""
        try:
            with send_deadline.leaving_by(self._clock, until):
                await self._deliver(message)
        except posting.Postponed as later:
            return later
        except send_deadline.TooLate:
            # A process that was frozen or held up must not say what another may have said since.
            return posting.Postponed(0.0, "its lease is nearly over")
        except api_errors.Undelivered as error:
            return await self._refused(message, error)
        except errors.StoreUnavailable as error:
            log.warning("reporter.store_away", why=error.user_message)
            return posting.Postponed(FIRST_WAIT_S, "the store is away")
        except Exception as error:  # The outermost guard: one message must not end the loop.
            log.error("reporter.failed", request=message.request_id, exc_info=error)
            return posting.Failed(LONGEST_WAIT_S, type(error).__name__)
        return None

    async def _refused(
        self, message: ports.OutboxMessage, error: api_errors.Undelivered
    ) -> posting.Postponed | None:
        """Return when to try again; after a day what Slack refuses for good is given up."""
        age_s = self._clock.now() - message.created_at
        if not error.for_good or age_s < GIVEN_UP_AFTER_S:
            return self._failed(message, error)
        try:
            await self._thread_poster.give_up(message.request_id, message, error)
        except errors.StoreUnavailable:
            return posting.Postponed(FIRST_WAIT_S, "the store is away")
        log.error("reporter.given_up", request=message.request_id, why=error.code)
        return None

    def _failed(
        self, message: ports.OutboxMessage, error: api_errors.Undelivered
    ) -> posting.Failed:
        """Return when to try again what Slack has not taken."""
        log.warning("reporter.not_taken", request=message.request_id, why=error.code)
        if error.away:
            return posting.Failed(self._pace.no_answer(self._clock.monotonic()), error.code)
        self._failures[message.id] += 1
        if len(self._failures) > MOST_FAILING:
            # Another process may have delivered the oldest long ago.
            del self._failures[next(iter(self._failures))]
        wait_s = min(
            FIRST_WAIT_S * 2.0 ** (self._failures[message.id] - 1), _longest(message, error)
        )
        if error.retry_after_s is not None:
            wait_s = error.retry_after_s
            self._pace.hold(self._clock.monotonic() + wait_s)
        return posting.Failed(wait_s, error.code, refused=error.for_good)

    async def _postpone(self, message: ports.OutboxMessage, later: posting.Postponed) -> None:
        """Note in the store when a message is due again, and what came of the try, if one was."""
        again_at = self._clock.now() + later.wait_s
        with contextlib.suppress(errors.StoreUnavailable):
            if isinstance(later, posting.Failed):
                await self._store.message_failed(
                    message, again_at=again_at, error=later.why, refused=later.refused
                )
            else:
                await self._store.message_postponed(message, again_at=again_at)

    async def _note(self, message: ports.OutboxMessage) -> None:
        """Note a delivery; without the note it would be made again."""
        await posting.noted(
            lambda: self._store.message_sent(message, now=self._clock.now()),
            self._clock,
            self._paces.look_s,
        )
        log.debug("slack.told", request=message.request_id, kind=message.kind)

    # -- the three kinds

    async def _deliver(self, message: ports.OutboxMessage) -> None:
        """Deliver one message.

        Raises:
            Postponed: not now.
            TooLate: the claim could have passed to another.
            Undelivered: Slack has not taken it.
            StoreUnavailable: the record could not be read.
        """
        request_id = message.request_id
        request = await self._store.read(lambda tx: tx.request(request_id))
        if request is not None and message.kind == "card":
            self._card_poster.hold_back(request)
        request, servers = await self._store.read(
            lambda tx: (tx.request(request_id), tx.run_servers(request_id))
        )
        if request is None:
            log.error("reporter.no_request", request=request_id)
        elif message.kind == "card":
            await self._card_poster.show(request, servers, message)
        elif message.kind == "direct":
            await self._thread_poster.tell_requester(request, servers, message)
        else:
            await self._thread_poster.reply(request, servers, message)


def _longest(message: ports.OutboxMessage, error: api_errors.Undelivered) -> float:
    """Return the longest wait before a message is tried again."""
    if message.urgency is ports.Urgency.NEW_CARD:
        return LONGEST_CARD_WAIT_S
    return LONGEST_REFUSED_WAIT_S if error.for_good else LONGEST_WAIT_S
