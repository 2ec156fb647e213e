"""Whose no takes effect at once, and what holds while somebody else is looked up.

A yes is for those whom Slack knows at that moment; a no never waits for Slack. Whoever is known
from before is taken at their word. Of everybody else no new call leaves until the look-up has
answered; when it doesn't, the no is taken, for to stop is safe.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Callable

import structlog

from bot.power import errors, ports, request
from bot.power.approval import approval
from bot.power.command import noes
from bot.power.command.noes import Known, Said
from bot.power.policy import policy
from bot.workflow.rights import auditing, people

log = structlog.get_logger()

# How long to wait before Slack is asked again who somebody is, in seconds.
AGAIN_S = 2.0
# A look-up that has answered by then is no news for anybody, in seconds.
SOON_S = 1.0
# A hold outlives the look-up a little, so that no call leaves between the answer and its effect.
HOLD_S = noes.LOOK_UP_S + 30.0
UNANSWERED = "Slack could not say who you are for 60 s, and a no doesn't wait for Slack."
NOBODY = approval.Decision(False)
WAS_NOT_FULL = (
    "Slack could not say who you are for 60 s, and within the last day it said that you aren't "
    "a full member, so nothing was done."
)


@dataclasses.dataclass(frozen=True, slots=True)
class Admitted:
    """Whether a no is taken: why this person counts as known, or the refusal."""

    known: Known | None
    decision: approval.Decision = NOBODY

    @property
    def said(self) -> str:
        """What the answer says of how it was decided, where that isn't plain."""
        return UNANSWERED if self.known is Known.NOT_ANSWERED else ""


NOT_FULL = Admitted(None, approval.refused(approval.Refusal.NOT_CHECKED, WAS_NOT_FULL))


@dataclasses.dataclass(frozen=True)
class Standing:
    """Tells who is known without a look-up, and looks up who isn't."""

    store: ports.RequestStore
    people: people.People
    policy: Callable[[], policy.Policy]
    attempts: auditing.Attempts
    clock: ports.Clock

    @contextlib.asynccontextmanager
    async def admitted(
        self, inbound: ports.Inbound, said: Said, found: ports.Request | None
    ) -> AsyncIterator[Admitted]:
        """Decide about a no; until the block has ended, no new call leaves that it is against.

        Raises:
            StoreUnavailable: the record could not be read or written.
        """
        known = await self._known(inbound.person, found)
        if known is not None:
            await self._note(inbound, said, found, known)
            yield Admitted(known)
            return
        await self._hold(inbound, said)
        try:
            made = await self._soon(inbound.person)
            if made is None:
                await self._tell(inbound, said, found)
                made = await self._looked_up(inbound.person)
            if made.known is not None:
                await self._note(inbound, said, found, made.known)
            yield made
        finally:
            # A process that is being stopped leaves the hold: the next one decides.
            current = asyncio.current_task()
            if current is None or not current.cancelling():
                await self.store.write(
                    lambda tx: tx.let_go(said.request_id, inbound.person.user_id)
                )

    async def _known(self, person: request.Person, found: ports.Request | None) -> Known | None:
        """Return why a person is known without asking Slack, or None."""
        if found is not None and found.order.requester.user_id == person.user_id:
            return Known.REQUESTER
        if any(person.user_id in listed for listed in self.policy().people.values()):
            return Known.NAMED
        id_, now = found.id if found else "", self.clock.now()

        def read(tx: ports.Tx) -> Known | None:
            if id_ and tx.acted(id_, person.user_id, noes.ACTS):
                return Known.ACTED
            return Known.SEEN if noes.is_known(tx.seen(person.user_id), now) else None

        return await self.store.read(read)

    async def _hold(self, inbound: ports.Inbound, said: Said) -> None:
        """Let nothing leave while the person is looked up."""
        user_id, verb = inbound.person.user_id, said.no.value
        await self.store.write(
            lambda tx: tx.hold(said.request_id, user_id, verb=verb, for_s=HOLD_S)
        )

    async def _tell(self, inbound: ports.Inbound, said: Said, found: ports.Request | None) -> None:
        """Say in the thread what holds the request, where Slack takes its time."""
        user_id, now = inbound.person.user_id, self.clock.now()

        def work(tx: ports.Tx) -> None:
            detail = {"did": said.no.value}
            auditing.row(tx, inbound, "person.being_looked_up", found, now, detail)
            if found is not None:
                body = {"event": "looking_up", "user": user_id, "verb": said.no.value}
                tx.say(found.id, "reply", body, key=f"looking_up:{inbound.key}", at=now)

        await self.store.write(work)

    async def _soon(self, person: request.Person) -> Admitted | None:
        """Ask Slack who this is; None when it doesn't say so within a moment."""
        try:
            async with asyncio.timeout(SOON_S):
                decision = await self.people.may_read(person)
        except (errors.SlackUnavailable, TimeoutError):
            return None
        return Admitted(Known.LOOKED_UP if decision.allowed else None, decision)

    async def _looked_up(self, person: request.Person) -> Admitted:
        """Ask Slack again until it answers, for a minute at most."""
        until = self.clock.monotonic() + noes.LOOK_UP_S
        while (left_s := until - self.clock.monotonic()) > 0.0:
            try:
                async with asyncio.timeout(left_s):
                    decision = await self.people.may_read(person)
            except (errors.SlackUnavailable, TimeoutError):
                await self.clock.sleep(min(AGAIN_S, max(0.0, until - self.clock.monotonic())))
                continue
            return Admitted(Known.LOOKED_UP if decision.allowed else None, decision)
        log.warning("no.not_looked_up", user=person.user_id)
        seen, now = await self.store.read(lambda tx: tx.seen(person.user_id)), self.clock.now()
        return NOT_FULL if noes.is_known_not_full(seen, now) else Admitted(Known.NOT_ANSWERED)

    async def _note(
        self, inbound: ports.Inbound, said: Said, found: ports.Request | None, known: Known
    ) -> None:
        """Leave in the audit what a person was known by, where it isn't plain from the record."""
        if known not in (Known.SEEN, Known.NOT_ANSWERED):
            return
        now = self.clock.now()

        def work(tx: ports.Tx) -> None:
            detail = {"did": said.no.value, "known": known.value}
            auditing.row(tx, inbound, "person.known", found, now, detail)
            if known is Known.NOT_ANSWERED and found is not None:
                body = {
                    "event": "not_looked_up",
                    "user": inbound.person.user_id,
                    "verb": said.no.value,
                }
                tx.say(found.id, "reply", body, key=f"not_looked_up:{inbound.key}", at=now)

        await self.store.write(work)
