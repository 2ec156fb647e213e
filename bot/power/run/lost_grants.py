"""What takes a granted request away: its seal, its requester's right, its servers, its channel.

Found at the last approval, before a run and before each wave; each has a row of its own in the
audit, whichever end the request then comes to.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Collection

from bot.power import ports, request
from bot.power.lifecycle import State
from bot.power.messages import running
from bot.power.run import ledger, never_ran


class Loss(enum.StrEnum):
    """Why nothing more is done for a request; the value is the event in the audit."""

    SEAL = "seal.broken"  # The record was changed behind Powerbot's back.
    RIGHT = "requester.lost_right"
    SERVERS = "servers.changed"  # They aren't the ones that people said yes to.
    CHANNEL = "channel.shared"  # Another company reads it now.


@dataclasses.dataclass(frozen=True, slots=True)
class LostGrant:
    """What is lost, the sentence that ends the request, and what the audit says beside it."""

    reason: Loss
    sentence: str
    flaws: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Ruling:
    """Whether a request still stands as it was granted, and the groups its requester is in."""

    groups: Collection[str] = frozenset()
    lost: LostGrant | None = None


# What a request becomes of which nothing was sent yet; one that runs is halted, and stops.
ENDS = {State.PENDING: State.REFUSED, State.APPROVED: State.VOID}


def note(tx: ports.Tx, found: ports.Request, lost: LostGrant, *, now: float) -> None:
    """Write down what was lost; in a shared channel nothing more is said from then on."""
    detail = {"why": lost.sentence, "state": found.state.value, "flaws": list(lost.flaws)}
    ledger.audit(
        tx, lost.reason.value, found, now, server_ids=found.order.server_ids, detail=detail
    )
    if lost.reason is Loss.CHANNEL:
        tx.hush(found.id)
    if lost.reason is Loss.SEAL:
        # Said apart from the end: a request that a backup brought back has had its end already.
        said = running.SealBroken(reason=lost.sentence)
        tx.say(found.id, "reply", said, key="seal_broken", at=now)
        tx.say(found.id, "direct", said, key="seal_broken:direct", at=now)


def end(
    tx: ports.Tx,
    found: ports.Request,
    lost: LostGrant,
    *,
    now: float,
    click_of: request.Person | None = None,
) -> bool:
    """End a request that hasn't begun to run; False when another change won.

    `click_of` is whose approval was the occasion to look.
    """
    if found.state not in ENDS:
        return False
    detail = {"click_of": click_of.user_id} if click_of else {}
    ending = never_ran.Ending(ENDS[found.state], now, lost.sentence, detail=detail)
    if not never_ran.end(tx, found, ending):
        return False
    note(tx, found, lost, now=now)
    return True
