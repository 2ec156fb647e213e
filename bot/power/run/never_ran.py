"""How a request that never ran ends: one change, one audit row, and a message to everybody.

The thread's last word carries the audit's head, so that the thread proves the log later.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from bot.power import ports, request, summary
from bot.power.lifecycle import State
from bot.power.messages import decisions


@dataclasses.dataclass(frozen=True, slots=True)
class Ending:
    """An end state with its reason; `said` is what the person wrote, for the thread.

    `person` is who did it (None: time or the policy did), `named` are the user ids in the reason,
    `detail` is for the audit row.
    """

    state: State
    at: float
    reason: str = ""
    said: str = ""
    person: request.Person | None = None
    detail: Mapping[str, str] = dataclasses.field(default_factory=dict)
    named: tuple[str, ...] = ()


def end(tx: ports.Tx, found: ports.Request, ending: Ending, *, epoch: int | None = None) -> bool:
    """End a request from the state it was found in; False when another change won.

    Raises:
        IllegalTransition: its state can't end like this.
    """
    by = ending.person.user_id if ending.person else ""
    # First of all: without it, none of what follows has happened.
    if not tx.transition(
        found.id,
        found.state,
        ending.state,
        at=ending.at,
        reason=ending.reason,
        by=by,
        named=ending.named,
        epoch=epoch,
    ):
        return False
    _tell_the_end(tx, found, ending)
    return True


def _tell_the_end(tx: ports.Tx, found: ports.Request, ending: Ending) -> None:
    """Audit an end, and tell everybody whom it concerns."""
    at = ending.at
    entry = ports.AuditEntry(
        f"request.{ending.state.value}",
        at,
        request_id=found.id,
        person=ending.person,
        channel_id=found.order.place.channel_id,
        # By them `why SERVER` finds requests that came to nothing, too.
        server_ids=found.order.server_ids,
        detail={"why": ending.said or ending.reason, **ending.detail},
        said=summary.line(found),
    )
    # Before the thread's last word, which carries this row's number and hash.
    seq, head = tx.audit(entry)
    user = {"user": ending.person.user_id} if ending.person else {}
    why = ending.said if ending.person else ending.reason
    seal = found.order.short_seal
    said = decisions.closed(ending.state, reason=why, seq=seq, head=head, seal=seal, **user)
    tx.say(found.id, "reply", said, key="ended", at=at)
    # Whoever ended it knows; a plan that nobody requested ends without a word.
    by_requester = ending.person and ending.person.user_id == found.order.requester.user_id
    if found.state is not State.PLANNED and not by_requester:
        tx.say(found.id, "direct", said, key="ended:direct", at=at)
    tx.show_card(found.id, at=at)
    tx.show_overlapping(found.id, at=at)


def tell_step(tx: ports.Tx, found: ports.Request, state: State, at: float) -> None:
    """Let a workflow's step know that its plan came to nothing; nobody else is told.

    A plan that was never asked for has no card and no thread.
    """
    if found.source.startswith(ports.STEP):
        tx.say(found.id, "reply", decisions.closed(state), key="ended", at=at)
