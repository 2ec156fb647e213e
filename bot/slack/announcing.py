"""How a card, a reply and a direct message are brought to Slack, each within its pace."""

from __future__ import annotations

import collections
import functools
from collections.abc import Callable, Sequence
from typing import Any

import structlog

from bot import foreground as foreground_
from bot.power import lifecycle, ports
from bot.slack import blocks, cards, noting, outcomes, pacing, replies, sending, steps

log = structlog.get_logger()

# A reply waits for the card whose thread it belongs to, then posts the card itself.
CARD_WAIT_S = 0.5
CARD_PATIENCE_S = 30.0
MOST_REMEMBERED = 2000
# Cards of so many servers are made beside the event loop.
LARGE = 500
NEVER_RAN = lifecycle.ENDED - outcomes.RUN_ENDS | {lifecycle.State.PLANNED}


class Postponed(Exception):
    """Not now; `wait_s` says when, `why` what for."""

    def __init__(self, wait_s: float, why: str) -> None:
        super().__init__(why)
        self.wait_s = wait_s
        self.why = why


def never_asked(request: ports.Request) -> bool:
    """Whether a plan ended before anybody but its maker saw it: then it has no card."""
    return request.card is None and request.state in NEVER_RAN


class Announcer:
    """Shows the newest state of a request in Slack.

    Every method may raise `Postponed` (not now), `sending.Undelivered` (Slack has not taken it)
    and `sending.TooLate` (it has not left). Where a card stands is noted before the method returns.
    """

    def __init__(
        self,
        store: ports.RequestStore,
        sender: sending.Sender,
        clock: ports.Clock,
        pace: pacing.Pace,
        *,
        workspace_url: str = "",
        note_again_s: float = 1.0,
        foreground: foreground_.Foreground | None = None,
    ) -> None:
        """`note_again_s` is how soon a note is tried again that the store could not take."""
        self._note_again_s = note_again_s
        self._foreground = foreground or foreground_.Foreground()
        self._store = store
        self._sender = sender
        self._clock = clock
        self._pace = pace
        self._workspace_url = workspace_url
        # What a card shows and which version that was, so that the same is not sent twice.
        self._shown: collections.OrderedDict[str, tuple[int, int]] = collections.OrderedDict()

    async def show_card(
        self,
        request: ports.Request,
        servers: Sequence[ports.RunServer],
        message: ports.OutboxMessage,
    ) -> None:
        """Bring the card to the newest state, posting it when it isn't there (any more).

        What this process has shown counts only while no other has shown something since.
        """
        card = request.card
        unseen = request.hushed and (card is None or not card.ts)
        if unseen or never_asked(request):
            return
        rendered = await self._card(request, servers)
        digest = hash(repr(rendered))
        try:
            if card is None or not card.ts:
                await self._post_card(request, rendered)
            elif self._shown.get(request.id) != (digest, message.shown_version):
                await self._edit_card(request, card, rendered)
        except sending.Undelivered as error:
            if not error.closed:
                raise
            # The thread is lost with the channel; the end goes to the requester alone.
            log.error("reporter.channel_closed", request=request.id, why=error.code)
            return
        self._remember(request.id, (digest, message.version))

    async def _card(
        self, request: ports.Request, servers: Sequence[ports.RunServer]
    ) -> blocks.Message:
        """Return the card with the freezes that stand at this moment."""
        now = self._clock.now()
        standing = await self._store.read(lambda tx: tx.freezes(now=now))
        return await self._rendered(
            functools.partial(cards.render, freezes=standing), request, servers
        )

    async def _rendered(
        self,
        render: Callable[..., blocks.Message],
        request: ports.Request,
        servers: Sequence[ports.RunServer],
        *more: Any,
    ) -> blocks.Message:
        """Return a message; clicks in Slack don't wait until a large fleet is folded for it."""
        if len(request.order.targets) < LARGE:
            return render(request, servers, *more)
        politely = self._foreground.politely(servers)
        return await self._foreground.in_thread(render, request, politely, *more)

    def hold_back(self, request: ports.Request) -> None:
        """Postpone an edit for which it is too early, before anything is read or folded for it."""
        if request.card is not None and request.card.ts:
            ended = request.state in lifecycle.ENDED
            wait_s = self._pace.edit_wait_s(request.id, self._clock.monotonic(), ended=ended)
            if wait_s > 0:
                raise Postponed(wait_s, "paced")

    async def _edit_card(
        self, request: ports.Request, card: ports.Card, rendered: blocks.Message
    ) -> None:
        """Edit the card within the pace; one that is gone is posted anew."""
        now = self._clock.monotonic()
        ended = request.state in lifecycle.ENDED
        wait_s = self._pace.edit_wait_s(request.id, now, ended=ended)
        if wait_s > 0:
            raise Postponed(wait_s, "paced")
        self._pace.edited(request.id, now)
        try:
            await self._sender.update(card.channel_id, card.ts, rendered)
        except sending.Undelivered as error:
            if not error.gone:
                raise
            log.warning("reporter.card_gone", request=request.id, why=error.code)
            await self._post_card(request, rendered)

    async def _post_card(self, request: ports.Request, rendered: blocks.Message) -> ports.Card:
        """Post the card and note at once where it stands."""
        place = request.order.place
        ts = await self._post(place.channel_id, rendered, place.thread_ts)
        self._pace.shown(request.id, self._clock.monotonic())
        card = ports.Card(place.channel_id, ts)
        # Nobody else may post a second one, so this one is held until it is known to be there.
        await noting.noted(
            lambda: self._store.write(lambda tx: tx.set_card(request.id, card)),
            self._clock,
            self._note_again_s,
        )
        return card

    async def reply(
        self,
        request: ports.Request,
        servers: Sequence[ports.RunServer],
        message: ports.OutboxMessage,
    ) -> None:
        """Say something in the request's thread; a step of a workflow hears the end first."""
        ending = message.body.get("event") in replies.ENDINGS
        if ending:
            await self._end_step(request, servers)
        if request.hushed or never_asked(request):
            return
        place = request.order.place
        thread_ts = place.thread_ts or (request.card.ts if request.card else "")
        try:
            if not thread_ts:
                thread_ts = await self._thread_of_its_own(request, servers, message)
            rendered = await self._rendered(replies.render, request, servers, message.body)
            await self._post(place.channel_id, rendered, thread_ts)
        except sending.Undelivered as error:
            if not error.closed:
                raise
            log.error("reporter.channel_closed", request=request.id, why=error.code)
            await self._note_lost(request, str(message.body.get("event")), error.code)
            # An end has a direct message of its own in the outbox, unless the requester did it.
            if ending and message.body.get("user") == request.order.requester.user_id:
                await self.tell_requester(request, servers, message)

    async def _note_lost(self, request: ports.Request, event: str, why: str) -> None:
        """Leave in the audit what a channel that is closed to the bot could not be told."""
        entry = ports.AuditEntry(
            "reply.undeliverable",
            self._clock.now(),
            request_id=request.id,
            channel_id=request.order.place.channel_id,
            detail={"event": event, "why": why},
        )
        await self._store.write(lambda tx: tx.audit(entry))

    async def _end_step(self, request: ports.Request, servers: Sequence[ports.RunServer]) -> None:
        """Tell the step that has asked how it ended; told twice, it has ended already."""
        execution_id = steps.execution_id(request.source)
        if not execution_id:
            return
        ended = steps.result(request, servers)
        try:
            await self._sender.end_step(execution_id, ended.outputs, ended.error)
        except sending.Undelivered as error:
            if error.code not in steps.OVER:
                raise
            log.info("reporter.step_over", request=request.id, why=error.code)

    async def _thread_of_its_own(
        self,
        request: ports.Request,
        servers: Sequence[ports.RunServer],
        message: ports.OutboxMessage,
    ) -> str:
        """Wait for the card, or post it when nobody else seems to."""
        if self._clock.now() - message.created_at < CARD_PATIENCE_S:
            raise Postponed(CARD_WAIT_S, "the card isn't posted yet")
        rendered = await self._card(request, servers)
        return (await self._post_card(request, rendered)).ts

    async def tell_requester(
        self,
        request: ports.Request,
        servers: Sequence[ports.RunServer],
        message: ports.OutboxMessage,
    ) -> None:
        """Tell the requester in a direct message."""
        link = self._link(request)
        rendered = await self._rendered(replies.direct, request, servers, message.body, link)
        await self._post(request.order.requester.user_id, rendered, "")

    async def _post(self, channel: str, rendered: blocks.Message, thread_ts: str) -> str:
        """Post within the pace of a channel."""
        now = self._clock.monotonic()
        wait_s = self._pace.post_wait_s(channel, now)
        if wait_s > 0:
            raise Postponed(wait_s, "paced")
        self._pace.posted(channel, now)
        return await self._sender.post(channel, rendered, thread_ts)

    def _remember(self, request_id: str, shown: tuple[int, int]) -> None:
        """Remember what a card shows, for the newest cards."""
        self._shown[request_id] = shown
        self._shown.move_to_end(request_id)
        if len(self._shown) > MOST_REMEMBERED:
            self._shown.popitem(last=False)

    def _link(self, request: ports.Request) -> str:
        """Return the address of the card, or an empty text."""
        return cards.address(request, self._workspace_url)
