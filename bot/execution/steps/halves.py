"""One half of one part of a step: what its kind is asked, and what an answer makes of it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Awaitable, Callable, Mapping

from bot.execution.context import Context
from bot.power import ports
from bot.power.run import runs
from bot.power.steps import definition, protocol, wave_parts


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
    key: str  # What receivers tell repeated tries by; the same for all tries of a half.
    until: float
    before: bool
    unsure: bool = False
    well: frozenset[str] = frozenset()
    staying: tuple[protocol.Subject, ...] = ()
    others: frozenset[str] = frozenset()
    stopped: Callable[[], Awaitable[bool]] | None = None
    left_s: Callable[[], float] = lambda: math.inf  # Seconds; unbounded where nothing is written.


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


def step_now(context: Context, part: wave_parts.Part) -> definition.Step:
    """Return a part's step with the addresses and credentials that the policy has for it now.

    What it says of the servers stays: what was taken out by it is put back by it.
    """
    now = context.rules.policy().step(part.step.name)
    # A step that was taken out of the policy is still put back, as it was.
    if now is None or now.kind != part.step.kind:
        return part.step
    # Addresses move and tokens are exchanged while something is out.
    fresh = {"urls": now.urls, "auth": now.auth, "secret": now.secret, "ca": now.ca}
    return part.step.model_copy(update=fresh)


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


def named(part: wave_parts.Part, answer: protocol.Answer, says: str) -> wave_parts.Part:
    """Return a part with what an answer says of it as a whole."""
    return dataclasses.replace(
        part,
        # An answer that names none has changed none.
        outside_id=answer.outside_id or part.outside_id,
        until=answer.until or part.until,
        says=says,
    )


def says(half: Half, pending: Mapping[str, protocol.Subject], words: Mapping[str, str]) -> str:
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
