"""How a card, a reply and a direct message are brought to Slack, each within its pace."""

from __future__ import annotations

import asyncio
import collections
import functools
from collections.abc import Callable, Sequence
from typing import Any

import structlog

from bot.power import lifecycle, ports
from bot.power.messages import decisions, messages, running
from bot.power.policy import freezes
from bot.slack import api_errors
from bot.slack.blockkit import blocks
from bot.slack.outbound import beside, noting, posting
from bot.slack.outbound.context import Context
from bot.slack.render import cards, outcomes, refused_cards, replies, steps

log = structlog.get_logger()

# A reply waits for the card whose thread it belongs to, then posts the card itself.
CARD_WAIT_S = 0.5
CARD_PATIENCE_S = 30.0
MOST_REMEMBERED = 2000
# From this many servers up, cards are rendered in a thread beside the event loop.
LARGE = 500
NEVER_RAN = lifecycle.ENDED - outcomes.RUN_ENDS | {lifecycle.State.PLANNED}


def never_asked(request: ports.Request) -> bool:
    """Whether a plan ended before anybody but its maker saw it: then it has no card."""
    return request.card is None and request.state in NEVER_RAN


def _told(message: ports.OutboxMessage) -> messages.Message:
    """Return what a reply or a direct message tells; a card tells nothing but its request."""
    return message.said if message.said is not None else messages.Unknown()


class Announcer:
    """Shows the newest state of a request in Slack.

    Every method may raise `Postponed` (not now), `api_errors.Undelivered` (Slack has not taken it)
    and `sending.TooLate` (it has not left). Where a card stands is noted before the method returns.
    """

    def __init__(self, context: Context) -> None:
        store, sender, clock = context.store, context.sender, context.clock
        self._rules = context.rules
        # How soon a note is tried again that the store could not take, in seconds.
        self._note_again_s = context.paces.look_s
        self._store = store
        self._sender = sender
        self._clock = clock
        self._pace = context.pace
        self._workspace_url = context.workspace_url
        self._refused = refused_cards.RefusedCards(store, clock)
        self._standing = posting.KnownRefusals()
        self._posting = posting.Posting(sender, clock, context.pace, self._standing)
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
                await self._post_card(request, rendered, ports.Urgency.NEW_CARD)
            elif self._shown.get(request.id) != (digest, message.shown_version):
                await self._edit_card(request, card, rendered, message.urgency)
        except api_errors.Undelivered as error:
            if await self._still_wanted(request, error):
                raise
            log.error("reporter.channel_closed", request=request.id, why=error.code)
            return
        self._remember(request.id, (digest, message.version))

    async def _card(
        self, request: ports.Request, servers: Sequence[ports.RunServer]
    ) -> blocks.Message:
        """Return the card with what stands beside the request at this moment."""
        now = self._clock.now()
        found = await self._store.read(lambda tx: beside.look(tx, request, now))
        standing = (*found.freezes, *freezes.over(self._rules(), request, now))
        render = functools.partial(
            cards.render, freezes=standing, overlaps=found.overlaps, called=found.called
        )
        return await self._rendered(render, request, servers)

    async def _still_wanted(self, request: ports.Request, error: api_errors.Undelivered) -> bool:
        """Whether a refused card is tried again; the requester is told of a new one's refusal.

        Where the channel is closed the thread is lost with it: the end goes to the requester.
        """
        if error.away or error.retry_after_s is not None:
            return True
        stands = request.card is not None and bool(request.card.ts)
        ended = request.state in lifecycle.ENDED
        if not stands and not ended:
            await self._refused.tell(request, error.code)
            return True
        return not error.closed

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
        return await asyncio.to_thread(render, request, servers, *more)

    def hold_back(self, request: ports.Request) -> None:
        """Postpone an edit for which it is too early, before anything is read or folded for it."""
        if request.card is not None and request.card.ts:
            ended = request.state in lifecycle.ENDED
            wait_s = self._pace.edit_wait_s(request.id, self._clock.monotonic(), ended=ended)
            if wait_s > 0:
                raise posting.Postponed(wait_s, "paced")

    async def _edit_card(
        self,
        request: ports.Request,
        card: ports.Card,
        rendered: blocks.Message,
        urgency: ports.Urgency,
    ) -> None:
        """Edit the card within the pace; where that can't be, post it anew."""
        self.hold_back(request)
        if self._standing.is_fixed(request.id, card.ts):
            anew = self._standing.posts_anew(request)
        else:
            self._pace.edited(request.id, self._clock.monotonic())
            anew = await self._wants_anew(request, card, rendered)
        if anew:
            await self._post_card(request, rendered, urgency)

    async def _wants_anew(
        self, request: ports.Request, card: ports.Card, rendered: blocks.Message
    ) -> bool:
        """Edit the card; whether it is to be posted anew, since it is gone or can't be edited."""
        try:
            await self._sender.update(card.channel_id, card.ts, rendered)
        except api_errors.Undelivered as error:
            if not (error.gone or error.uneditable):
                raise
            log.warning("reporter.card_gone", request=request.id, why=error.code)
            if error.gone:
                return True
            self._standing.fix(request.id, card.ts)
            return self._standing.posts_anew(request)
        return False

    async def _post_card(
        self, request: ports.Request, rendered: blocks.Message, urgency: ports.Urgency
    ) -> ports.Card:
        """Post the card and note at once where it stands."""
        place = request.order.place
        threads = [place.thread_ts] if place.thread_ts else []
        ts = await self._posting.post(place.channel_id, threads, (rendered, rendered), urgency)
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
        """Post in the request's thread; a workflow's step is told of the end first."""
        told = _told(message)
        ending = isinstance(told, decisions.Closed | running.Ended)
        if ending:
            await self._end_step(request, servers)
        if request.hushed or never_asked(request):
            return
        channel = request.order.place.channel_id
        threads = [request.order.place.thread_ts, request.card.ts if request.card else ""]
        try:
            if not any(threads):
                threads = [await self._thread_of_its_own(request, servers, message)]
            rendered = await self._rendered(replies.render, request, servers, told)
            outside = posting.outside(request, rendered, self._link(request))
            known = [ts for ts in threads if ts]
            await self._posting.post(channel, known, (rendered, outside), message.urgency)
        except api_errors.Undelivered as error:
            if not error.closed:
                raise
            log.error("reporter.channel_closed", request=request.id, why=error.code)
            await self._note_lost(request, told.event, error.code)
            # An end has a direct message of its own in the outbox, unless the requester did it.
            by = told.user if isinstance(told, decisions.Closed) else ""
            if by == request.order.requester.user_id:
                await self.tell_requester(request, servers, message)

    async def give_up(
        self, request_id: str, message: ports.OutboxMessage, error: api_errors.Undelivered
    ) -> None:
        """Leave in the audit what Slack has refused for too long.

        Raises:
            StoreUnavailable: it could not be noted.
        """
        request = await self._store.read(lambda tx: tx.request(request_id))
        if request is not None:
            event = _told(message).event or message.kind
            await self._note_lost(request, event, error.code, message.kind)

    async def _note_lost(
        self, request: ports.Request, event: str, why: str, kind: str = "reply"
    ) -> None:
        """Leave in the audit what a channel, or a person, could not be told."""
        entry = ports.AuditEntry(
            "reply.undeliverable",
            self._clock.now(),
            request_id=request.id,
            channel_id=request.order.place.channel_id,
            detail={"event": event, "why": why, "kind": kind},
        )
        await self._store.write(lambda tx: tx.audit(entry))

    async def _end_step(self, request: ports.Request, servers: Sequence[ports.RunServer]) -> None:
        """Tell the step that has asked how it ended; told twice, it has already ended."""
        execution_id = steps.execution_id(request.source)
        if not execution_id:
            return
        ended = steps.result(request, servers)
        try:
            await self._sender.end_step(execution_id, ended.outputs, ended.error)
        except api_errors.Undelivered as error:
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
            raise posting.Postponed(CARD_WAIT_S, "the card isn't posted yet")
        rendered = await self._card(request, servers)
        return (await self._post_card(request, rendered, message.urgency)).ts

    async def tell_requester(
        self,
        request: ports.Request,
        servers: Sequence[ports.RunServer],
        message: ports.OutboxMessage,
    ) -> None:
        """Tell the requester in a direct message; of a refused card in the channel, if need be."""
        told = _told(message)
        if refused_cards.outdated(request, told):
            return
        user, channel = request.order.requester.user_id, request.order.place.channel_id
        rendered = await self._rendered(replies.direct, request, servers, told, self._link(request))
        try:
            await self._posting.post(user, [], (rendered, rendered), message.urgency)
        except api_errors.Undelivered as error:
            if not error.for_good or not isinstance(told, running.CardRefused):
                raise
            await self._sender.whisper(user, channel, rendered)

    def _remember(self, request_id: str, shown: tuple[int, int]) -> None:
        """Remember what a card shows, for the newest cards."""
        self._shown[request_id] = shown
        self._shown.move_to_end(request_id)
        if len(self._shown) > MOST_REMEMBERED:
            self._shown.popitem(last=False)

    def _link(self, request: ports.Request) -> str:
        """Return the address of the card, or an empty text."""
        return cards.address(request, self._workspace_url)
