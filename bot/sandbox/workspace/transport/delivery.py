"""From the workspace to the app: ask and wait for the ack, or announce an event and redeliver it.

How an envelope travels (a socket, or a signed POST) is the transport's matter.
"""

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from bot.sandbox.workspace.base import limits
from bot.sandbox.workspace.base.json_types import Json
from bot.sandbox.workspace.state.state import WorkspaceState

SLASH_COMMANDS: Final = "slash_commands"
INTERACTIVE: Final = "interactive"
EVENTS_API: Final = "events_api"


@dataclass(frozen=True, slots=True)
class Envelope:
    """One payload on its way; redeliveries of an event count up `retry_attempt`."""

    id: str
    type: str
    payload: Json
    retry_attempt: int = 0
    retry_reason: str = ""

    def as_socket_message(self) -> Json:
        """Shape the envelope as it travels over Socket Mode."""
        shape: Json = {
            "envelope_id": self.id,
            "type": self.type,
            "payload": self.payload,
            "accepts_response_payload": self.type != EVENTS_API,
        }
        if self.type == EVENTS_API:
            shape |= {"retry_attempt": self.retry_attempt, "retry_reason": self.retry_reason}
        return shape


class NotAcknowledgedError(Exception):
    """No ack came; `reason` is not_connected, timeout, http_error or no_retry."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Transport(Protocol):
    """A way to the app."""

    async def deliver(self, envelope: Envelope, copies: int, timeout_s: float) -> Json:
        """Hand an envelope over `copies` times, and return the payload of the first ack.

        Raises:
            NotAcknowledgedError: when none came in time.
        """
        ...


class Delivery:
    """Hands out envelopes, and keeps trying with events, as Slack does."""

    def __init__(
        self,
        state: WorkspaceState,
        transport: Transport,
        *,
        ack_s: float,
        redelivery_delays_s: Sequence[float],
    ) -> None:
        self._state = state
        self.transport = transport
        self._ack_s = ack_s
        self._redelivery_delays_s = tuple(redelivery_delays_s)
        self._tasks: set[asyncio.Task[None]] = set()

    async def ask(self, kind: str, payload: Json) -> Json:
        """Deliver a command or interaction once, and return the payload of its ack.

        Raises:
            NotAcknowledgedError: when nothing is connected or the ack is late.
        """
        return await self._deliver(Envelope(self._new_id(), kind, payload))

    def announce(self, payload: Json) -> None:
        """Deliver an event in the background, up to three more times until it is acked."""
        if len(self._tasks) >= limits.PENDING_ENVELOPES:
            self._state.journal.note("lost", EVENTS_API, payload=payload)
            return
        task = asyncio.create_task(self._keep_delivering(payload), name="event")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settle(self) -> None:
        """Wait until no event is under way any more."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    async def stop(self) -> None:
        """Give up the events that are still to be delivered."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _keep_delivering(self, payload: Json) -> None:
        envelope = Envelope(self._new_id(), EVENTS_API, payload)
        for attempt in range(len(self._redelivery_delays_s) + 1):
            try:
                await self._deliver(envelope)
                return
            except NotAcknowledgedError as missed:
                if missed.reason == "no_retry" or attempt == len(self._redelivery_delays_s):
                    break
                # A redelivery is a new envelope around the same event id.
                envelope = replace(
                    envelope,
                    id=self._new_id(),
                    retry_attempt=attempt + 1,
                    retry_reason=_retry_reason(missed.reason),
                )
            await asyncio.sleep(self._redelivery_delays_s[attempt])
        self._state.journal.note("lost", EVENTS_API, payload=payload)

    async def _deliver(self, envelope: Envelope) -> Json:
        journal = self._state.journal
        journal.note("envelope", envelope.type, **envelope.as_socket_message())
        copies = self._state.chaos.copies()
        try:
            answer = await self.transport.deliver(envelope, copies, self._ack_s)
        except NotAcknowledgedError as missed:
            journal.note("lost", envelope.type, envelope_id=envelope.id, reason=missed.reason)
            raise
        journal.note("ack", envelope.type, envelope_id=envelope.id, payload=answer)
        return answer

    def _new_id(self) -> str:
        return str(uuid.UUID(int=self._state.rng.getrandbits(128), version=4))


def _retry_reason(reason: str) -> str:
    return {"timeout": "timeout", "http_error": "http_error"}.get(reason, "connection_failed")
