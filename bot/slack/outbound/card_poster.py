"""Posts and edits the card of a request: one card, edited within the pace, posted anew if gone."""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog

from bot.power import lifecycle, plan, ports
from bot.power.lifecycle import State
from bot.power.policy import freezes
from bot.slack import api_errors
from bot.slack.blockkit import blocks
from bot.slack.outbound import posting
from bot.slack.outbound.context import Context
from bot.slack.render import cards, refused_cards
from bot.slack.render.phrases import outcomes
from bot.workflow.sources import people

log = structlog.get_logger()

MOST_REMEMBERED = 2000  # Cards.
# From this many servers up, a message is rendered in a thread beside the event loop.
LARGE = 500
NEVER_RAN = lifecycle.ENDED - outcomes.RUN_ENDS | {lifecycle.State.PLANNED}


def never_asked(request: ports.Request) -> bool:
    """Whether a plan ended before anybody but its maker saw it: then it has no card."""
    return request.card is None and request.state in NEVER_RAN


async def without_blocking(
    render: Callable[..., blocks.Message],
    request: ports.Request,
    servers: Sequence[ports.RunServer],
    *more: Any,
) -> blocks.Message:
    """Return a message; clicks in Slack don't wait until a large fleet is folded for it."""
    if len(request.order.targets) < LARGE:
        return render(request, servers, *more)
    return await asyncio.to_thread(render, request, servers, *more)


class CardPoster:
    """Keeps the cards in Slack at the newest state of their requests.

    Methods may raise `posting.Postponed` (not now), `api_errors.Undelivered` (Slack has not taken
    it) and `send_deadline.TooLate` (it has not left).
    """

    def __init__(self, context: Context) -> None:
        self._rules = context.rules
        # How soon a note is tried again that the store could not take, in seconds.
        self._note_again_s = context.paces.look_s
        self._store = context.store
        self._sender = context.sender
        self._clock = context.clock
        self._pace = context.pace
        self._directory = context.directory
        self._refused = refused_cards.RefusedCards(context.store, context.clock)
        self._standing = posting.KnownRefusals()
        self.posting = posting.Posting(context.sender, context.clock, context.pace, self._standing)
        # What a card shows and which version that was, so that the same is not sent twice.
        self._shown: collections.OrderedDict[str, tuple[int, int]] = collections.OrderedDict()

    async def show(
        self,
        request: ports.Request,
        servers: Sequence[ports.RunServer],
        message: ports.OutboxMessage,
    ) -> None:
        """Bring the card to the newest state, posting it when it isn't there (any more).

        What this process has shown counts only while no other has shown something since.
        """
        card = request.card
        # A card that strangers would read isn't posted to begin with.
        unseen = request.hushed and (card is None or not card.ts)
        if unseen or never_asked(request):
            return
        rendered = await self.rendered(request, servers)
        # Compared in this process alone, where equal texts have equal hashes.
        digest = hash(repr(rendered))
        try:
            if card is None or not card.ts:
                await self.post(request, rendered, ports.Urgency.NEW_CARD)
            elif self._shown.get(request.id) != (digest, message.shown_version):
                await self._edit_card(request, card, rendered, message.urgency)
        except api_errors.Undelivered as error:
            if await self._still_wanted(request, error):
                raise
            log.error("reporter.channel_closed", request=request.id, why=error.code)
            return
        self._remember(request.id, (digest, message.version))

    async def rendered(
        self, request: ports.Request, servers: Sequence[ports.RunServer]
    ) -> blocks.Message:
        """Return the card with what stands beside the request at this moment."""
        now = self._clock.now()
        found = await self._store.read(lambda tx: _beside(tx, request, now))
        standing = (*found.freezes, *freezes.over(self._rules(), request, now))
        render = functools.partial(
            cards.render, freezes=standing, overlaps=found.overlaps, called=found.called
        )
        named = await people.named_request(request, self._directory)
        return await without_blocking(render, named, servers)

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
            # Counted before the call: one that fails has used the rate as well.
            self._pace.edited(request.id, self._clock.monotonic())
            anew = await self._wants_anew(request, card, rendered)
        if anew:
            await self.post(request, rendered, urgency)

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

    async def post(
        self, request: ports.Request, rendered: blocks.Message, urgency: ports.Urgency
    ) -> ports.Card:
        """Post the card and note at once where it stands."""
        place = request.order.place
        threads = [place.thread_ts] if place.thread_ts else []
        # A card reads the same inside and outside of a thread.
        ts = await self.posting.post(place.channel_id, threads, (rendered, rendered), urgency)
        self._pace.shown(request.id, self._clock.monotonic())
        card = ports.Card(place.channel_id, ts)
        # Nobody else may post a second one, so this one is held until it is known to be there.
        await posting.noted(
            lambda: self._store.write(lambda tx: tx.set_card(request.id, card)),
            self._clock,
            self._note_again_s,
        )
        return card

    def _remember(self, request_id: str, shown: tuple[int, int]) -> None:
        """Remember what a card shows, for the newest cards."""
        self._shown[request_id] = shown
        self._shown.move_to_end(request_id)
        if len(self._shown) > MOST_REMEMBERED:
            self._shown.popitem(last=False)


@dataclasses.dataclass(frozen=True, slots=True)
class _Beside:
    """The freezes of people, other requests for its servers, and who was called to approve it."""

    freezes: Sequence[ports.Freeze]
    overlaps: Sequence[plan.Overlap] = ()
    called: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=dict)


def _beside(tx: ports.Tx, request: ports.Request, now: float) -> _Beside:
    """Read what stands beside a request, as far as it bears on one in this state."""
    held = tx.freezes(now=now)
    if request.state not in (State.PENDING, State.APPROVED):
        return _Beside(held)
    overlaps = tx.overlapping(request.order.server_ids, but=request.id)
    called = tx.called(request.id) if request.state is State.PENDING else {}
    return _Beside(held, overlaps, called)
