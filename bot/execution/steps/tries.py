"""One half of one step, tried until it is done, refused, or its time is over."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

import structlog

from bot.execution.context import Context
from bot.execution.steps import halves
from bot.power import errors
from bot.power.steps import protocol, wave_parts
from bot.power.steps.protocol import Each, TryResult

log = structlog.get_logger()

T = TypeVar("T")

# The longest that one try may take; a kind that takes longer is given up on, and may have acted.
TRY_S = 10.0
# The least time that a try gets once it is begun, however little is left of `within`.
LEAST_TRY_S = 2.0
PATIENCE_S = 5.0  # A kind keeps its own time; one that doesn't gets so much more.
# How long to wait between two tries, at first and at most.
WAIT_S = 0.5
MOST_WAIT_S = 5.0
NO_ANSWER = "no answer"


def missed(each: Each) -> str:
    """Return why a half wasn't done, as far as that is known; empty where it was."""
    return "" if each.word is TryResult.DONE else each.detail or NO_ANSWER


Save = Callable[[Mapping[str, Each], wave_parts.Part, bool], Awaitable[None]]


async def carry_out(context: Context, half: halves.Half, save: Save) -> None:
    """Try until every server is decided, and save what is, as soon as it is.

    `save` takes what came of servers by id, the part, and whether it was stopped in between; for
    servers that were never decided the word is `again`, and `stands` says whether something may
    stand.

    Raises:
        LostLease: the right to write has ended.
    """
    ids = [one.id for one in half.servers]
    pending = _Undecided(
        dict(zip(ids, half.servers, strict=True)), {*ids} if half.unsure else set()
    )
    tried, stopped = 0, False
    while pending.servers:
        # At least one try, however late: its servers would else be failed unasked.
        if tried and context.clock.monotonic() >= half.until:
            break
        if half.stopped is not None and await half.stopped():
            stopped = True
            break
        servers = tuple(pending.servers.values())
        answer = await _try(context, half, servers, tried, bool(pending.standing))
        tried += 1
        decided = pending.take(answer)
        before = half.part
        half.part = halves.named(
            half.part, answer, halves.says(half, pending.servers, pending.words)
        )
        # Saved at once, since a crash must not forget the outside's own id.
        if decided or half.part != before:
            await save(decided, half.part, False)
        if pending.servers:
            left_s = max(0.0, half.until - context.clock.monotonic())
            wait_s = min(left_s, max(_wait_s(tried), answer.again_s))
            await rest(context, wait_s, half.stopped)
    if pending.servers:
        await save(pending.left(tried), half.part, stopped)


@dataclasses.dataclass
class _Undecided:
    """The servers of a half that aren't decided yet, and what was last said of each.

    `standing` are those for which a try may have acted.
    """

    servers: dict[str, protocol.Subject]
    standing: set[str]
    words: dict[str, str] = dataclasses.field(default_factory=dict)

    def take(self, answer: protocol.Answer) -> dict[str, Each]:
        """Take what an answer says; return what it decides, by server."""
        decided = {}
        for id_, each in answer.each.items():
            if id_ not in self.servers:
                continue
            self.words[id_] = each.detail
            if each.word is TryResult.AGAIN:
                # One try that may have acted is enough, whatever later ones say.
                self.standing |= {id_} if each.stands else set()
            else:
                decided[id_] = each
                del self.servers[id_]
        return decided

    def left(self, tried: int) -> dict[str, Each]:
        """Return the last word on those that were never decided."""
        # What was stopped before it was asked had no chance to answer.
        otherwise = NO_ANSWER if tried else ""
        return {
            id_: Each(TryResult.AGAIN, self.words.get(id_) or otherwise, id_ in self.standing)
            for id_ in self.servers
        }


def _wait_s(tried: int) -> float:
    """Return how long to wait after so many tries, each time twice as long."""
    # The exponent is bounded too, or hundreds of tries would overflow the product.
    return min(MOST_WAIT_S, WAIT_S * 2.0 ** min(tried - 1, 8))


async def rest(
    context: Context, wait_s: float, stopped: Callable[[], Awaitable[bool]] | None
) -> None:
    """Wait before the next try, but ask again and again whether there is to be one."""
    until = context.clock.monotonic() + wait_s
    # A long Retry-After is slept through in pieces, so that Stop is heard within one.
    while (left_s := until - context.clock.monotonic()) > 0:
        await context.clock.sleep(min(left_s, MOST_WAIT_S))
        if left_s > MOST_WAIT_S and stopped is not None and await stopped():
            return


async def once(
    context: Context, half: halves.Half, servers: tuple[protocol.Subject, ...]
) -> protocol.Answer:
    """Look once, as a probe does.

    Raises:
        LostLease: the right to write has ended.
    """
    return await _try(context, half, servers, 0, False)


async def look(context: Context, half: halves.Half, save: Save) -> None:
    """Look for what an earlier try has left, until that is known or its time is over.

    Servers for which it can't be looked for, or wasn't found out, may stand.

    Raises:
        LostLease: the right to write has ended.
    """
    kind, servers = context.step_clients[half.part.step.kind], half.servers
    tried = 0
    while True:
        if half.stopped is not None:
            await half.stopped()
        if half.left_s() <= 0:
            raise errors.LostLease
        step, now = halves.step_now(context, half.part), context.clock.now()
        asked = halves.asked_of(half, step, servers, tried, now, min(TRY_S, half.left_s()))
        found = await bounded(asked, functools.partial(kind.find, asked))
        tried += 1
        late = context.clock.monotonic() >= half.until
        if found is None or late or all(one.id in found.each for one in servers):
            unknown = {one.id: Each(TryResult.AGAIN, "", stands=True) for one in servers}
            known = found.each if found is not None else {}
            part = halves.named(half.part, found, "") if found is not None else half.part
            # A word that isn't final yet is looked for again until the time is over.
            settled = {id_: one for id_, one in known.items() if one.word is not TryResult.AGAIN}
            if found is None or late or len(settled) == len(servers):
                await save(unknown | settled, part, False)
                return
        await context.clock.sleep(_wait_s(tried))


async def _try(
    context: Context,
    half: halves.Half,
    servers: tuple[protocol.Subject, ...],
    tried: int,
    unsure: bool,
) -> protocol.Answer:
    """Make one try; whatever goes wrong with it, it may have acted.

    Raises:
        LostLease: the right to write has ended.
    """
    left_s = half.left_s()
    if left_s <= 0:
        raise errors.LostLease
    step = halves.step_now(context, half.part)
    within_s = min(TRY_S, left_s)
    # A probe's look has no deadline of its own: the run decides when it ends.
    if half.until:
        within_s = min(within_s, max(LEAST_TRY_S, half.until - context.clock.monotonic()))
    asked = halves.asked_of(half, step, servers, tried, context.clock.now(), within_s)
    kind = context.step_clients.get(half.part.step.kind)
    # A part of a newer version that was rolled back: its kind is unknown here.
    if kind is None:
        return protocol.refused(
            servers, f"this version of Powerbot has no {half.part.step.kind} steps"
        )
    # After a lost answer a second silence or cordon must not be made beside the first.
    if half.before and unsure:
        found = await bounded(asked, lambda: kind.find(asked))
        if found is not None and not _nothing(found, servers):
            return found
    ask = kind.before if half.before else kind.after
    return await bounded(asked, lambda: ask(asked))


async def bounded(asked: protocol.Try, ask: Callable[[], Awaitable[T]]) -> T | protocol.Answer:
    """Ask a kind for as long as it may take; whatever goes wrong, it may have acted."""
    try:
        async with asyncio.timeout(asked.within_s + PATIENCE_S):
            return await ask()
    except TimeoutError:
        return protocol.again(asked.servers, NO_ANSWER, stands=True)
    except Exception:  # A kind's own mistake must not end the run: it may have acted, too.
        log.exception("step.broken", request=asked.request_id, step=asked.step.name)
        said = "something went wrong inside Powerbot; its log says more"
        return protocol.again(asked.servers, said, stands=True)


def _nothing(found: protocol.Answer, servers: tuple[protocol.Subject, ...]) -> bool:
    """Whether a look has shown that nothing was left of an earlier try."""
    refused = {id_ for id_, each in found.each.items() if each.word is TryResult.REFUSED}
    return refused.issuperset(one.id for one in servers)
