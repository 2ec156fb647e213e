"""What becomes of a payload: stored, acknowledged, processed, answered to the person.

What was stored is processed even if this process dies on the way: `recover` takes it over.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Protocol, TypeVar

import structlog

from bot.power import errors, input_fields, inputs, intake, ports
from bot.power.command import halts
from bot.runtime import priority
from bot.slack.inbound import admission, excess_audit, guard, mention_edits, recovery
from bot.slack.outbound import delivery
from bot.workflow import answers

log = structlog.get_logger()
T = TypeVar("T")

# Slack wants the acknowledgement within 3 s ("Responding to interactions").
ACK_WITHIN_S = 2.0
# A stored click is tried again when the database goes away under it; waits in seconds.
AGAIN_AFTER_S = (0.5, 2.0, 5.0)
TAKE_OVER_LEASE_S = 30.0  # In seconds.
SLOW = "Powerbot is slow at the moment; the answer will appear here as soon as it is ready."
BROKEN = (
    "Something went wrong inside Powerbot, and this sent nothing. An operator can look it up in "
    "the log."
)


class InboundHandler(Protocol):
    """What decides on a payload."""

    async def handle(self, inbound: ports.Inbound) -> answers.Answer | None:
        """Do what a payload asks for and return the answer to its person, if any.

        Handling the same payload twice gives the same as once.
        """


@dataclasses.dataclass(frozen=True, slots=True)
class Patience:
    """How long an acknowledgement waits for the database, in seconds; and a payload for its end.

    One that was taken over is anybody's again after `take_over_lease_s`.
    """

    ack_within_s: float = ACK_WITHIN_S
    take_over_lease_s: float = TAKE_OVER_LEASE_S


class Processor:
    """Receives payloads and processes each to its end."""

    def __init__(
        self,
        store: ports.RequestStore,
        workflow: InboundHandler,
        answering: delivery.Delivery,
        clock: ports.Clock,
        *,
        bounds: Patience = Patience(),
    ) -> None:
        self._ack_within_s = bounds.ack_within_s
        self._store = store
        self._workflow = workflow
        self._answering = answering
        self._clock = clock
        self._tasks: set[asyncio.Task[Any]] = set()
        self._processing: set[str] = set()
        self._admission = admission.Admission(clock)
        self._edits = mention_edits.Edits(store)
        self._excess = excess_audit.Excess(store, answering, clock)
        self._recovery = recovery.Recovery(store, clock, self, bounds.take_over_lease_s)

    def now(self) -> float:
        """Return the wall clock in seconds since the epoch."""
        return self._clock.now()

    async def store(self, inbound: ports.Inbound) -> bool:
        """Store a payload durably; False when it is there already.

        Raises:
            StoreUnavailable: it could not be stored, and nothing will be done with it.
        """
        if isinstance(inbound.input, inputs.Mentioned) and inbound.input.edit_of:
            return await self._edits.receive(inbound)
        return await self._store.write(intake.Receiving(inbound))

    async def receive(self, inbound: ports.Inbound, ack: guard.Ack, **answer: Any) -> None:
        """Store, acknowledge (with `answer`, if any), and begin to process a payload.

        Raises:
            StoreUnavailable: it could not be stored, and nothing will be done with it.
            TooMuch: this person has too much under way, and nothing will be done with it.
        """
        try:
            counted = self._admission.admit(inbound)
        except admission.Full as full:
            self._track(self._excess.refused(inbound, full), f"refuse {inbound.key}")
            raise
        storing = self._track(self._store_counted(inbound, counted=counted), f"store {inbound.key}")
        # The write goes on where the acknowledgement can't wait for it any longer.
        done, _ = await asyncio.wait({storing}, timeout=self._ack_within_s)
        if not done:
            # Only a command's acknowledgement is shown to its person.
            await ack(SLOW) if inbound.kind is inputs.Kind.COMMAND else await ack(**answer)
            self._track(self._receive_late(inbound, storing), f"late {inbound.key}")
            return
        fresh = storing.result()
        log.debug("slack.stored", key=inbound.key, kind=inbound.kind, fresh=fresh)
        await ack(**answer)
        log.debug("slack.acked", key=inbound.key)
        if fresh:
            self.begin(inbound)

    async def _store_counted(self, inbound: ports.Inbound, *, counted: bool) -> bool:
        """Store a payload; whoever isn't stored anew is counted no more, if it was `counted`."""
        fresh = False
        _let_a_no_go_ahead(inbound)
        try:
            fresh = await self.store(inbound)
        finally:
            if counted and not fresh:
                self._admission.leave(inbound)
        return fresh

    async def _receive_late(self, inbound: ports.Inbound, storing: asyncio.Task[bool]) -> None:
        """Go on with a payload that was acknowledged before the database had answered."""
        try:
            fresh = await storing
        except errors.PowerbotError as error:
            refusal = answers.Note(error.user_message, good=False)
        except Exception as error:  # The outermost guard of this task: nobody awaits it.
            log.error("slack.not_stored", key=inbound.key, exc_info=error)
            refusal = answers.Note(BROKEN, good=False)
        else:
            if fresh:
                self.begin(inbound)
            return
        await self._answering.deliver(inbound, refusal)

    # -- processing it

    def begin(self, inbound: ports.Inbound) -> asyncio.Task[None] | None:
        """Process a stored payload; return the task, or None where there is one already."""
        if inbound.key in self._processing:
            return None
        # Before its task runs, so that a take-over in between finds it.
        self._processing.add(inbound.key)
        self._admission.begin(inbound)
        self._edits.begin(inbound)
        return self._track(self._process(inbound), f"handle {inbound.key}")

    def processing(self) -> Sequence[str]:
        """Return the keys of the payloads that are being processed."""
        return [*self._processing]

    def tell(self, inbound: ports.Inbound, said: answers.Note) -> None:
        """Tell somebody something in a task of its own."""
        self._track(self._answering.deliver(inbound, said), f"tell {inbound.key}")

    async def recover(self) -> int:
        """Go on with what dead processes have left; return how many payloads were taken up.

        Raises:
            StoreUnavailable: the database can't be reached.
        """
        await self._excess.settle()
        return await self._recovery.recover()

    async def close(self) -> None:
        """Wait for all that is under way; what is left then is in the store."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def let_go(self) -> None:
        """Give back what is still under way at the end: this process has not died on it."""
        await self._recovery.let_go()

    async def _process(self, inbound: ports.Inbound) -> None:
        """Process a payload, answer its person, and mark it as done."""
        _let_a_no_go_ahead(inbound)
        log.debug("slack.begun", key=inbound.key, kind=inbound.kind)
        try:
            # Before any turn is waited for: a trigger id lives three seconds.
            await self._answering.open_loading(inbound)
            async with self._admission.turn(inbound):
                answer = await self._decide(inbound)
            if isinstance(answer, answers.ReasonWanted) and not answer.needed:
                answer = await self._ask_why(inbound, answer)
            if answer is not None:
                await self._answering.deliver(inbound, answer)
            log.debug("slack.answered", key=inbound.key)
            card = await self._finished(inbound, answer)
            log.debug("slack.finished", key=inbound.key, kind=inbound.kind)
            # Last, for whoever pressed has their answer by now.
            await self._close_twin(inbound, card)
        except errors.StoreUnavailable:
            # It stays in the store as it is, and is taken over when the database is back.
            log.error("slack.not_finished", key=inbound.key)
            # Otherwise its next take-over would count as a death.
            self._recovery.lived_through(inbound.key)
        except Exception as error:  # The outermost guard of this task: nobody awaits it.
            log.error("slack.not_answered", key=inbound.key, exc_info=error)
        finally:
            self._processing.discard(inbound.key)
            self._edits.end(inbound)
            self._admission.leave(inbound)

    async def _finished(
        self, inbound: ports.Inbound, answer: answers.Answer | None
    ) -> ports.Card | None:
        """Mark a payload as done; an edit of a mention of which nothing came is read now."""
        if inbound.kind is not inputs.Kind.MENTION or not mention_edits.is_mistake(answer):
            return await self._patiently(lambda: self._finish(inbound))
        edit = await self._patiently(lambda: self._edits.after_mistake(inbound))
        if edit is not None:
            self.begin(edit)
        return None

    async def _decide(self, inbound: ports.Inbound) -> answers.Answer | None:
        """Ask the workflow; every error becomes a sentence."""
        try:
            return await self._patiently(lambda: self._workflow.handle(inbound))
        except errors.UserMistake as error:
            return answers.Mistake(error.problem, error.token)
        except errors.PowerbotError as error:
            log.warning("slack.refused", key=inbound.key, error=type(error).__name__)
            return answers.Note(error.user_message, good=False)
        except Exception as error:  # The outermost guard: the person must get an answer.
            log.error("slack.workflow_failed", key=inbound.key, exc_info=error)
            return answers.Note(BROKEN, good=False)

    async def _ask_why(
        self, inbound: ports.Inbound, wanted: answers.ReasonWanted
    ) -> answers.Answer | None:
        """Open the form that asks why; where it can't be opened the no counts without a reason."""
        if await self._answering.asks_why(inbound, wanted):
            return None
        unreasoned = inputs.FormSent(
            called=inbound.input.called, do=inputs.Form.DENY, request_id=wanted.request_id
        )
        return await self._decide(dataclasses.replace(inbound, input=unreasoned))

    async def _patiently(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do something again while the database is away, for a few seconds."""
        for wait_s in AGAIN_AFTER_S:
            try:
                return await work()
            except errors.StoreUnavailable:
                await self._clock.sleep(wait_s)
        return await work()

    async def _close_twin(self, inbound: ports.Inbound, card: ports.Card | None) -> None:
        """Close a card that was posted twice, now that one of its buttons shows that it lives."""
        pressed = inbound.input
        if not isinstance(pressed, inputs.Pressed) or card is None or not card.ts:
            return
        if card.ts != pressed.message_ts and card.channel_id == inbound.place.channel_id:
            await self._answering.close_card(card.channel_id, pressed.message_ts)

    async def _finish(self, inbound: ports.Inbound) -> ports.Card | None:
        """Mark a payload as done; return where the card of a pressed button stands now."""
        was = inbound.input
        on_card = isinstance(was, inputs.Pressed) and was.message_ts and not was.ephemeral
        request_id = input_fields.request_id(was) if on_card else ""
        return await self._store.write(intake.Finishing(inbound.key, request_id))

    def _track(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Run something in a task that is kept until it ends: the loop alone would forget it."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _let_a_no_go_ahead(inbound: ports.Inbound) -> None:
    """Let this task go before others where it deals with a no."""
    if halts.of(inbound) is not None:
        priority.mark_urgent()
