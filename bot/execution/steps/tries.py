"""One half of one step, tried until it is done, refused, or its time is over."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

import structlog

from bot.execution.context import Context
from bot.power import errors, ports
from bot.power.run import runs
from bot.power.steps import definition, protocol, wave_parts
from bot.power.steps.protocol import Each, TryResult

log = structlog.get_logger()

T = TypeVar("T")

# The longest that one try may take; a kind that takes longer is given up on, and may have acted.
TRY_S = 10.0
# The least time that a try gets once it is begun, however little is left of `within`.
LEAST_TRY_S = 2.0
PATIENCE_S = 5.0
# How long to wait between two tries, at first and at most.
WAIT_S = 0.5
MOST_WAIT_S = 5.0
NO_ANSWER = "no answer"


def missed(each: Each) -> str:
    """Return why a half wasn't done, as far as that is known; empty where it was."""
    return "" if each.word is TryResult.DONE else each.detail or NO_ANSWER


@dataclasses.dataclass
class Half:
    """One half of a part on its way.

    `until` is its deadline by the monotonic clock. `unsure`: an earlier try may have acted, so it
    is looked for first. `stopped` is asked before each try, and again and again while the next one
    is waited for, whether no further one may be made; `left_s` for how long the right to write
    lasts.
    """

    part: wave_parts.Part
    request: ports.Request
    servers: tuple[protocol.Subject, ...]
    key: str
    until: float
    before: bool
    unsure: bool = False
    well: frozenset[str] = frozenset()
    staying: tuple[protocol.Subject, ...] = ()
    others: frozenset[str] = frozenset()
    stopped: Callable[[], Awaitable[bool]] | None = None
    left_s: Callable[[], float] = lambda: TRY_S


Save = Callable[[Mapping[str, Each], wave_parts.Part, bool], Awaitable[None]]


async def carry_out(context: Context, half: Half, save: Save) -> None:
    """Try until every server is decided, and save what is, as soon as it is.

    `save` takes what came of servers by id, the part, and whether it was stopped in between; for
    servers that were never decided the word is `again`, and `stands` says whether something may
    stand.

    Raises:
        LostLease: the right to write has ended.
    """
    pending = {one.id: one for one in half.servers}
    standing = set(pending) if half.unsure else set()
    words: dict[str, str] = {}
    tried, stopped = 0, False
    while pending:
        if tried and context.clock.monotonic() >= half.until:
            break
        if half.stopped is not None and await half.stopped():
            stopped = True
            break
        answer = await _try(context, half, tuple(pending.values()), tried, bool(standing))
        tried += 1
        decided = {}
        for id_, each in answer.each.items():
            if id_ not in pending:
                continue
            words[id_] = each.detail
            if each.word is TryResult.AGAIN:
                standing |= {id_} if each.stands else set()
            else:
                decided[id_] = each
                del pending[id_]
        before = half.part
        half.part = _named(half.part, answer, _says(half, pending, words))
        if decided or half.part != before:
            await save(decided, half.part, False)
        if pending:
            wait_s = min(MOST_WAIT_S, WAIT_S * 2 ** min(tried - 1, 8))
            left_s = max(0.0, half.until - context.clock.monotonic())
            await rest(context, min(left_s, max(wait_s, answer.again_s)), half.stopped)
    if pending:
        # What was stopped before it was asked had no chance to answer.
        otherwise = NO_ANSWER if tried else ""
        left = {
            id_: Each(TryResult.AGAIN, words.get(id_) or otherwise, id_ in standing)
            for id_ in pending
        }
        await save(left, half.part, stopped)


async def rest(
    context: Context, wait_s: float, stopped: Callable[[], Awaitable[bool]] | None
) -> None:
    """Wait before the next try, but ask again and again whether there is to be one."""
    until = context.clock.monotonic() + wait_s
    while (left_s := until - context.clock.monotonic()) > 0:
        await context.clock.sleep(min(left_s, MOST_WAIT_S))
        if left_s > MOST_WAIT_S and stopped is not None and await stopped():
            return


async def once(
    context: Context, half: Half, servers: tuple[protocol.Subject, ...]
) -> protocol.Answer:
    """Look once, as a probe does.

    Raises:
        LostLease: the right to write has ended.
    """
    return await _try(context, half, servers, 0, False)


async def look(context: Context, half: Half, save: Save) -> None:
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
        step, now = step_now(context, half.part), context.clock.now()
        asked = asked_of(half, step, servers, tried, now, min(TRY_S, half.left_s()))
        found = await bounded(asked, functools.partial(kind.find, asked))
        tried += 1
        late = context.clock.monotonic() >= half.until
        if found is None or late or all(one.id in found.each for one in servers):
            unknown = {one.id: Each(TryResult.AGAIN, "", stands=True) for one in servers}
            known = found.each if found is not None else {}
            part = _named(half.part, found, "") if found is not None else half.part
            settled = {id_: one for id_, one in known.items() if one.word is not TryResult.AGAIN}
            if found is None or late or len(settled) == len(servers):
                await save(unknown | settled, part, False)
                return
        await context.clock.sleep(min(MOST_WAIT_S, WAIT_S * 2 ** min(tried - 1, 8)))


async def _try(
    context: Context,
    half: Half,
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
    step = step_now(context, half.part)
    within_s = min(TRY_S, left_s)
    if half.until:
        within_s = min(within_s, max(LEAST_TRY_S, half.until - context.clock.monotonic()))
    asked = asked_of(half, step, servers, tried, context.clock.now(), within_s)
    kind = context.step_clients.get(half.part.step.kind)
    if kind is None:
        return protocol.refused(
            servers, f"this version of Powerbot has no {half.part.step.kind} steps"
        )
    if half.before and unsure:
        found = await bounded(asked, lambda: kind.find(asked))
        if found is not None and not _nothing(found, servers):
            return found
    ask = kind.before if half.before else kind.after
    return await bounded(asked, lambda: ask(asked, lambda said: None))


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


async def others_of(
    context: Context, run: runs.Run | None, part: wave_parts.Part
) -> frozenset[str]:
    """Return what the other parts of a part's request are called outside.

    A wave whose servers were all set aside gives its number, and so its words outside, to the next.
    """
    if run is not None and run.id == part.request_id:
        found = list(run.taken.values())
    else:
        found = await context.store.read(lambda tx: tx.parts(part.request_id))
    return frozenset(one.outside_id for one in found if one.outside_id and one.key != part.key)


def _nothing(found: protocol.Answer, servers: tuple[protocol.Subject, ...]) -> bool:
    """Whether a look has shown that nothing was left of an earlier try."""
    refused = {id_ for id_, each in found.each.items() if each.word is TryResult.REFUSED}
    return refused.issuperset(one.id for one in servers)


def asked_of(
    half: Half,
    step: definition.Step,
    servers: tuple[protocol.Subject, ...],
    tried: int,
    now: float,
    within_s: float,
) -> protocol.Try:
    """Return what a kind is asked in one try."""
    part, order = half.part, half.request.order
    return protocol.Try(
        step=step,
        request_id=part.request_id,
        wave=part.wave,
        action=order.action.value,
        reason=order.reason,
        requester=order.requester.user_id,
        servers=servers,
        key=half.key,
        within_s=within_s,
        now=now,
        part=part.number,
        parts=part.parts,
        well=tuple(one for one in servers if one.id in half.well),
        staying=half.staying,
        outside_id=part.outside_id,
        others=half.others,
        tried=tried,
    )


def _named(part: wave_parts.Part, answer: protocol.Answer, says: str) -> wave_parts.Part:
    """Return a part with what an answer says of it as a whole."""
    return dataclasses.replace(
        part,
        outside_id=answer.outside_id or part.outside_id,
        until=answer.until or part.until,
        says=says,
    )


def _says(half: Half, pending: Mapping[str, protocol.Subject], words: Mapping[str, str]) -> str:
    """Return what the card shows, such as "draining web07: 3 pods left"; nothing when it is over.

    Only the first server is named: the others follow.
    """
    if not pending:
        return ""
    first = next(iter(pending.values()))
    kind = half.part.kind
    doing = (kind.doing if half.before else kind.undoing).format(step=half.part.step.name)
    more = f" and {len(pending) - 1} more" if len(pending) > 1 else ""
    said = words.get(first.id, "")
    return f"{doing} {first.name}{more}{f': {said}' if said else ''}".strip()


def step_now(context: Context, part: wave_parts.Part) -> definition.Step:
    """Return a part's step with the addresses and credentials that the policy has for it now.

    What it says of the servers stays: what was taken out by it is put back by it.
    """
    now = context.rules.policy().step(part.step.name)
    if now is None or now.kind != part.step.kind:
        return part.step
    fresh = {"urls": now.urls, "auth": now.auth, "secret": now.secret, "ca": now.ca}
    return part.step.model_copy(update=fresh)
