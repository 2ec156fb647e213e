"""How replies and direct messages are brought to Slack, each within its pace."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from bot.power import ports
from bot.power.messages import decisions, messages, running
from bot.slack import api_errors, permalinks
from bot.slack.outbound import card_poster, posting
from bot.slack.outbound.context import Context
from bot.slack.render import refused_cards, thread_replies, workflow_step
from bot.workflow.sources import people

log = structlog.get_logger()

# A reply waits for the card whose thread it belongs to, then posts the card itself.
CARD_WAIT_S = 0.5  # In seconds.
CARD_PATIENCE_S = 30.0  # In seconds.


def _told(message: ports.OutboxMessage) -> messages.Message:
    """Return what a reply or a direct message tells; a card tells nothing but its request."""
    return message.said if message.said is not None else messages.Unknown()


class ThreadPoster:
    """Posts replies in a request's thread, and direct messages to its requester.

    Every method may raise `Postponed` (not now), `api_errors.Undelivered` (Slack has not taken it)
    and `send_deadline.TooLate` (it has not left).
    """

    def __init__(self, context: Context, poster: card_poster.CardPoster) -> None:
        self._directory = context.directory
        self._store = context.store
        self._sender = context.sender
        self._clock = context.clock
        self._workspace_url = context.workspace_url
        self._poster = poster

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
            # Before the thread: a workflow waits for it, whatever the channel takes.
            await self._end_step(request, servers, told.event)
        if request.hushed or card_poster.never_asked(request):
            return
        channel = request.order.place.channel_id
        # The incident's own thread first, if it was asked for there.
        threads = [request.order.place.thread_ts, request.card.ts if request.card else ""]
        try:
            if not any(threads):
                threads = [await self._thread_of_its_own(request, servers, message)]
            said, named = await self._named(request, told)
            rendered = await card_poster.without_blocking(
                thread_replies.render, named, servers, said
            )
            outside = posting.outside(request, rendered, self._link(request))
            known = [ts for ts in threads if ts]
            await self._poster.posting.post(channel, known, (rendered, outside), message.urgency)
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

    async def _end_step(
        self, request: ports.Request, servers: Sequence[ports.RunServer], event: str
    ) -> None:
        """Tell the step that has asked how it ended; told twice, it has already ended.

        Where Slack takes that from nobody, the thread is told all the same, and the audit why.
        """
        execution_id = workflow_step.execution_id(request.source)
        if not execution_id:
            return
        ended = workflow_step.result(request, servers)
        try:
            await self._sender.end_step(execution_id, ended.outputs, ended.error)
        except api_errors.Undelivered as error:
            if error.code in workflow_step.OVER:
                log.info("reporter.step_over", request=request.id, why=error.code)
                return
            # The thread doesn't wait until somebody has given the app a right for its steps.
            if not (error.for_good or error.code == api_errors.NO_SCOPE):
                raise
            log.error("reporter.step_refused", request=request.id, why=error.code)
            await self._note_lost(request, event, error.code, "step")

    async def _thread_of_its_own(
        self,
        request: ports.Request,
        servers: Sequence[ports.RunServer],
        message: ports.OutboxMessage,
    ) -> str:
        """Wait for the card, or post it when nobody else seems to."""
        if self._clock.now() - message.created_at < CARD_PATIENCE_S:
            raise posting.Postponed(CARD_WAIT_S, "the card isn't posted yet")
        rendered = await self._poster.rendered(request, servers)
        return (await self._poster.post(request, rendered, message.urgency)).ts

    async def tell_requester(
        self,
        request: ports.Request,
        servers: Sequence[ports.RunServer],
        message: ports.OutboxMessage,
    ) -> None:
        """Tell the requester in a direct message; of a refused card by any way there is."""
        told = _told(message)
        if refused_cards.outdated(request, told):
            return
        user, channel = request.order.requester.user_id, request.order.place.channel_id
        said, named = await self._named(request, told)
        rendered = await card_poster.without_blocking(
            thread_replies.direct, named, servers, said, self._link(request)
        )
        try:
            await self._poster.posting.post(user, [], (rendered, rendered), message.urgency)
        except api_errors.Undelivered as error:
            if not (error.lasts and isinstance(told, running.CardRefused)):
                raise
            try:
                # Who takes no direct messages may still read a private one in the channel.
                await self._sender.whisper(user, channel, rendered)
            except api_errors.Undelivered:
                # Beside the button that they pressed it shows whatever the token may not do.
                if not await self._sender.respond_later(user, rendered):
                    raise error from None

    async def _named(
        self, request: ports.Request, told: messages.Message
    ) -> tuple[messages.Message, ports.Request]:
        """Return what is told with names for the ids of colleagues in the reason of a no."""
        named = await people.named_request(request, self._directory)
        if self._directory is None or not isinstance(told, running.StopAsked | decisions.Closed):
            return told, named
        reason = await people.with_names_known_at_once(told.reason, self._directory)
        return told.model_copy(update={"reason": reason}), named

    def _link(self, request: ports.Request) -> str:
        """Return the address of the card, or an empty text."""
        return permalinks.card(request, self._workspace_url)
