"""Whose no takes effect at once, and what holds while somebody else is looked up.

A yes is for those whom Slack knows at that moment; a no never waits for Slack. Whoever is known
from before is taken at their word. Of everybody else no new call leaves until the look-up has
answered; when it doesn't, the no is taken, for to stop is safe.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator

import structlog

from bot.power import errors, ports, request
from bot.power.approval import may_approve
from bot.power.command import halts
from bot.power.command.halts import Known, Said
from bot.power.messages import running
from bot.workflow import audit_trail
from bot.workflow.context import Context

log = structlog.get_logger()

# How long to wait before Slack is asked again who somebody is, in seconds.
AGAIN_S = 2.0
# A look-up that has answered by then is no news for anybody, in seconds.
SOON_S = 1.0
# A hold outlives the look-up a little, so that no call leaves between the answer and its effect.
HOLD_S = halts.LOOK_UP_S + 30.0
UNANSWERED = "Slack didn't say within 60 s who you are, and a no doesn't wait for Slack."
NOBODY = may_approve.Decision(False)
WAS_NOT_FULL = (
    "Slack didn't say within 60 s who you are, and in the last day it said that you aren't a "
    "full member, so nothing was done."
)


@dataclasses.dataclass(frozen=True, slots=True)
class Admitted:
    """Whether a no is taken: why this person counts as known, or the refusal."""

    known: Known | None
    decision: may_approve.Decision = NOBODY

    @property
    def said(self) -> str:
        """What the answer says of how it was decided, where that isn't plain."""
        return UNANSWERED if self.known is Known.NOT_ANSWERED else ""


NOT_FULL = Admitted(None, may_approve.refused(may_approve.Refusal.NOT_CHECKED, WAS_NOT_FULL))


@contextlib.asynccontextmanager
async def admitted(
    context: Context, inbound: ports.Inbound, said: Said, request: ports.Request | None
) -> AsyncIterator[Admitted]:
    """Decide about a no; until the block has ended, no new call leaves that it is against.

    Raises:
        StoreUnavailable: the record could not be read or written.
    """
    known = await _known(context, inbound.person, request)
    if known is not None:
        await _note(context, inbound, said, request, known)
        yield Admitted(known)
        return
    await _hold(context, inbound, said)
    try:
        made = await _soon(context, inbound.person)
        if made is None:
            await _tell(context, inbound, said, request)
            made = await _looked_up(context, inbound.person)
        if made.known is not None:
            await _note(context, inbound, said, request, made.known)
        yield made
    finally:
        # A process that is being stopped leaves the hold: the next one decides.
        current = asyncio.current_task()
        if current is None or not current.cancelling():
            await context.store.write(lambda tx: tx.let_go(said.request_id, inbound.person.user_id))


async def _known(
    context: Context, person: request.Person, request: ports.Request | None
) -> Known | None:
    """Return why a person is known without asking Slack, or None."""
    # Their own: Cancel and Stop by its requester hurt nobody, whoever they are by now.
    if request is not None and request.order.requester.user_id == person.user_id:
        return Known.REQUESTER
    if any(person.user_id in listed for listed in context.policy().people.values()):
        return Known.NAMED
    id_, now = request.id if request else "", context.clock.now()

    def read(tx: ports.Tx) -> Known | None:
        # They were looked up when they did, and a no does no harm.
        if id_ and tx.acted(id_, person.user_id, halts.ACTS):
            return Known.ACTED
        return Known.SEEN if halts.is_known(tx.seen(person.user_id), now) else None

    return await context.store.read(read)


async def _hold(context: Context, inbound: ports.Inbound, said: Said) -> None:
    """Let nothing leave while the person is looked up."""
    user_id, verb = inbound.person.user_id, said.no.value
    await context.store.write(lambda tx: tx.hold(said.request_id, user_id, verb=verb, for_s=HOLD_S))


async def _tell(
    context: Context, inbound: ports.Inbound, said: Said, request: ports.Request | None
) -> None:
    """Say in the thread what holds the request, where Slack takes its time."""
    user_id, now = inbound.person.user_id, context.clock.now()

    def work(tx: ports.Tx) -> None:
        detail = {"did": said.no.value}
        audit_trail.row(tx, inbound, "person.being_looked_up", request, now, detail)
        if request is not None:
            told = running.LookingUp(user=user_id, verb=said.no.value)
            tx.say(request.id, "reply", told, key=f"looking_up:{inbound.key}", at=now)

    await context.store.write(work)


async def _soon(context: Context, person: request.Person) -> Admitted | None:
    """Ask Slack who this is; None when it doesn't say so within a moment."""
    try:
        async with asyncio.timeout(SOON_S):
            decision = await context.people.may_read(person)
    except (errors.SlackUnavailable, TimeoutError):
        return None
    return Admitted(Known.LOOKED_UP if decision.allowed else None, decision)


async def _looked_up(context: Context, person: request.Person) -> Admitted:
    """Ask Slack again until it answers, for a minute at most."""
    until = context.clock.monotonic() + halts.LOOK_UP_S
    while (left_s := until - context.clock.monotonic()) > 0.0:
        try:
            async with asyncio.timeout(left_s):
                decision = await context.people.may_read(person)
        except (errors.SlackUnavailable, TimeoutError):
            await context.clock.sleep(min(AGAIN_S, max(0.0, until - context.clock.monotonic())))
            continue
        return Admitted(Known.LOOKED_UP if decision.allowed else None, decision)
    log.warning("no.not_looked_up", user=person.user_id)
    # Who was seen as a guest lately is no full member for want of an answer.
    seen, now = await context.store.read(lambda tx: tx.seen(person.user_id)), context.clock.now()
    return NOT_FULL if halts.is_known_not_full(seen, now) else Admitted(Known.NOT_ANSWERED)


async def _note(
    context: Context,
    inbound: ports.Inbound,
    said: Said,
    request: ports.Request | None,
    known: Known,
) -> None:
    """Leave in the audit what a person was known by, where it isn't plain from the record."""
    if known not in (Known.SEEN, Known.NOT_ANSWERED):
        return
    now = context.clock.now()

    def work(tx: ports.Tx) -> None:
        detail = {"did": said.no.value, "known": known.value}
        audit_trail.row(tx, inbound, "person.known", request, now, detail)
        if known is Known.NOT_ANSWERED and request is not None:
            told = running.NotLookedUp(user=inbound.person.user_id, verb=said.no.value)
            tx.say(request.id, "reply", told, key=f"not_looked_up:{inbound.key}", at=now)

    await context.store.write(work)
