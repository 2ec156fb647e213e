"""The bounded audit trail of what is refused because one person sends too much."""

from __future__ import annotations

import dataclasses

import structlog

from bot.power import errors, inputs, ports
from bot.slack.inbound import admission, rate_limit
from bot.slack.outbound import delivery
from bot.workflow import answers

log = structlog.get_logger()

# Seconds between two rows for one person, and rows for all people together in that time.
ROW_EVERY_S = 60.0
MOST_ROWS = 100
# An acknowledgement can't say that these were refused, so they are told in another way; so often
# within a minute. The workflow of a step would wait for ever, so each is told.
TOLD = {inputs.Kind.MENTION: 1, inputs.Kind.SHORTCUT: 1, inputs.Kind.STEP: 20}
EVENT = "person.too_much"


@dataclasses.dataclass(slots=True)
class _Unwritten:
    """What is still to be written down of one person's refused payloads."""

    last: ports.Inbound
    limit: admission.Limit
    since: float
    count: int = 0


class Excess:
    """Writes down how many payloads were refused, and tells their people."""

    def __init__(
        self, store: ports.RequestStore, answering: delivery.Delivery, clock: ports.Clock
    ) -> None:
        self._store = store
        self._answering = answering
        self._clock = clock
        self._pending: dict[str, _Unwritten] = {}
        self._tellings = {
            kind: rate_limit.RateLimit(most, admission.MINUTE_S) for kind, most in TOLD.items()
        }

    async def refused(self, inbound: ports.Inbound, full: admission.Full) -> None:
        """Count a refused payload; the first of a minute is written down, and told, at once."""
        now, user_id = self._clock.monotonic(), inbound.person.user_id
        pending = self._pending.get(user_id)
        if pending is None and len(self._pending) < MOST_ROWS:
            pending = self._pending[user_id] = _Unwritten(inbound, full.limit, now)
            await self._write(inbound, full.limit, 1)
        elif pending is not None:
            pending.last, pending.limit, pending.count = inbound, full.limit, pending.count + 1
        telling = self._tellings.get(inbound.kind)
        if telling is not None and telling.admits(user_id, now):
            await self._answering.deliver(inbound, answers.Note(full.user_message, good=False))

    async def settle(self) -> None:
        """Write down what was counted since the first row, where its minute is over.

        Raises:
            StoreUnavailable: the database can't be reached; it is still pending.
        """
        now = self._clock.monotonic()
        for user_id, pending in [*self._pending.items()]:
            if now - pending.since < ROW_EVERY_S:
                continue
            if pending.count:
                await self._append(pending.last, pending.limit, pending.count)
            # After the row: with the database away it is tried at the next look.
            del self._pending[user_id]

    async def _write(self, inbound: ports.Inbound, limit: admission.Limit, count: int) -> None:
        """Write a row, or leave it to the log where the database is away."""
        try:
            await self._append(inbound, limit, count)
        except errors.StoreUnavailable:
            log.warning("slack.too_much", user=inbound.person.user_id, limit=limit.value)

    async def _append(self, inbound: ports.Inbound, limit: admission.Limit, count: int) -> None:
        """Append one row for so many payloads; `inbound` is the last of them."""
        entry = ports.AuditEntry(
            event=EVENT,
            at=self._clock.now(),
            person=inbound.person,
            channel_id=inbound.place.channel_id,
            detail={"payload": inbound.key, "limit": limit.value, "refused": count},
        )
        await self._store.write(lambda tx: tx.audit(entry))
