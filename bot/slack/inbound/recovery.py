"""What a dead process has left is taken up again; what processes die of is set aside.

After a death everything that was under way is under suspicion, so it is taken up one by one: a
payload during which a second process dies is the cause, and the others go on without it.

A payload that no process of this bot has stored is set aside as well, unless it is a no: whoever
can write to the database could else approve as anybody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

import structlog

from bot.power import input_fields, inputs, ports
from bot.power.command import halts
from bot.workflow import answers

log = structlog.get_logger()

# Processes that may die on a payload before it is set aside.
MOST_DEATHS = 2
# The part of a lease for which one payload is recovered alone; less for a no.
ALONE = 1 / 6
NO_ALONE = 1 / 30
# A look for what was left takes no longer than this part, so that leases are renewed in time.
MOST_LOOK = 1 / 3
SHOWN_CHARS = 80  # Of the line that was typed.
EVENT = "payload.set_aside"
NOT_OURS = "payload.not_ours"
SET_ASIDE = (
    "Powerbot crashed twice while processing {what}, so it won't try again. {next} Tell an "
    "operator: the audit log has this as payload.set_aside."
)
STRANGE = (
    "Powerbot found {what} in its database and can't tell whether Slack has sent it, so it did "
    "nothing with it. If it was yours, send it again. If it wasn't, tell an operator: the audit "
    "log has this as payload.not_ours."
)
LOOK = "Check requests to see what came of it."
NAMES = {
    inputs.Kind.BUTTON: "your click",
    inputs.Kind.FORM: "your form",
    inputs.Kind.HOME: "your Home tab",
}
AGAIN = "It may not have taken effect: check requests, and send it again."


class PayloadProcessor(Protocol):
    """What processes payloads."""

    def begin(self, inbound: ports.Inbound) -> asyncio.Task[None] | None:
        """Process a payload; None where that is being done."""

    def processing(self) -> Sequence[str]:
        """Return the keys of the payloads that are being processed."""

    def tell(self, inbound: ports.Inbound, said: answers.Note) -> None:
        """Tell somebody something, without waiting for it."""


class Recovery:
    """Keeps the leases of what is in hand, and takes up what was left."""

    def __init__(
        self,
        store: ports.RequestStore,
        clock: ports.Clock,
        processor: PayloadProcessor,
        lease_s: float,
    ) -> None:
        """A payload that was taken is anybody's again after `lease_s`, unless it is renewed."""
        self._store = store
        self._clock = clock
        self._processor = processor
        self._lease_s = lease_s
        self._lived_through: set[str] = set()

    def lived_through(self, key: str) -> None:
        """Note that a payload could not be finished, and that it was not the payload's fault."""
        self._lived_through.add(key)

    async def recover(self) -> int:
        """Take up what was left, noes first, one at a time; return how many.

        Raises:
            StoreUnavailable: the database can't be reached.
        """
        # First, so that no other process takes what is in hand here.
        await self._keep()
        taken, until = 0, self._clock.monotonic() + self._lease_s * MOST_LOOK
        while self._clock.monotonic() < until:
            # One by one: of two at once nobody could say which one killed.
            left = await self._store.claim_inbound(
                lease_s=self._lease_s, limit=1, but=self._processor.processing()
            )
            if not left:
                break
            taken += 1
            if not await self._take(left[0]):
                break
        return taken

    async def let_go(self) -> None:
        """Give everything back, at the end of a process that lives.

        Raises:
            StoreUnavailable: the database can't be reached.
        """
        for key in self._processor.processing():
            self.lived_through(key)
        await self._give_back()

    async def _keep(self) -> None:
        """Renew the leases of what is in hand, and give back what could not be finished."""
        await self._give_back()
        if keys := self._processor.processing():
            await self._store.renew_inbound(keys, lease_s=self._lease_s)

    async def _give_back(self) -> None:
        """Give back what could not be finished while the database was away."""
        if keys := [*self._lived_through]:
            await self._store.give_back_inbound(keys)
            self._lived_through.difference_update(keys)

    async def _take(self, left: ports.Leftover) -> bool:
        """Process one payload; False when it takes long, and the rest waits for the next time."""
        inbound = left.inbound
        is_no = halts.of(inbound) is not None
        if not (left.is_ours or is_no):
            await self._set_aside(left, NOT_OURS, STRANGE.format(what=_what(inbound)))
            return True
        if left.deaths >= MOST_DEATHS:
            said = SET_ASIDE.format(what=_what(inbound), next=AGAIN if is_no else LOOK)
            await self._set_aside(left, EVENT, said)
            return True
        log.info("slack.taken_over", key=inbound.key, kind=inbound.kind)
        task = self._processor.begin(inbound)
        if task is None:
            return True
        alone_s = self._lease_s * (NO_ALONE if is_no else ALONE)
        done, _ = await asyncio.wait({task}, timeout=alone_s)
        # However long it takes, a no holds up nobody behind it.
        return bool(done) or is_no

    async def _set_aside(self, left: ports.Leftover, event: str, said: str) -> None:
        """Leave a payload alone for good, and tell its person."""
        inbound = left.inbound
        log.error(
            "slack.set_aside", key=inbound.key, kind=inbound.kind, deaths=left.deaths, why=event
        )
        entry = ports.AuditEntry(
            event=event,
            at=self._clock.now(),
            person=inbound.person,
            channel_id=inbound.place.channel_id,
            detail={"payload": inbound.key, "kind": inbound.kind, "deaths": left.deaths},
        )

        def work(tx: ports.Tx) -> None:
            tx.audit(entry)
            # With its row in one transaction: otherwise it could vanish unseen.
            tx.finish(inbound.key)

        await self._store.write(work)
        self._processor.tell(inbound, answers.Note(said, good=False))


def _what(inbound: ports.Inbound) -> str:
    """Return how its person knows a payload."""
    if typed := input_fields.text(inbound.input):
        return f'"{typed[:SHOWN_CHARS]}"'
    return NAMES.get(inbound.kind, "what you sent")
