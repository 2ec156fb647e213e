"""How a run begins: with its locks and rows, or with what another process has left of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import msgspec

from bot.power import errors, ports, request
from bot.power.approval import recheck
from bot.power.lifecycle import ServerState, State
from bot.power.messages import running
from bot.power.policy import freezes
from bot.power.run import (
    call_answers,
    ledger,
    lost_grants,
    never_ran,
    reasons,
    runs,
    sealing,
)
from bot.power.run.sealing import Flaw

# The reply of the last approval says that it starts; a start that is later is said on its own.
SAID_WITH_APPROVAL_S = 15.0


@dataclasses.dataclass(frozen=True, slots=True)
class Opened:
    """A run that goes on from here; with a loss it is only watched to its end."""

    request: ports.Request
    rows: list[ports.RunServer]
    lost: lost_grants.LostGrant | None = None


def open_run(tx: ports.Tx, request_id: str, *, epoch: int, now: float) -> Opened | None:
    """Start an approved request, or take over a running one; None when it has ended.

    Raises:
        LostLease: the fence has moved on.
    """
    found = tx.request(request_id)
    if found is None or found.state not in (State.APPROVED, State.RUNNING):
        return None
    # Claimed anew by another process, which starts it.
    if found.epoch != epoch:
        raise errors.LostLease
    if found.state is State.RUNNING:
        return _take_over(tx, found, epoch=epoch, now=now)
    # Here alone, in the transaction that would start it: no timer can be too late.
    if found.use_by and now >= found.use_by:
        _void(tx, found, epoch=epoch, now=now)
        return None
    return _start(tx, found, epoch=epoch, now=now)


def earlier_calls(
    tx: ports.Tx, found: ports.Request, *, now: float
) -> Mapping[str, ports.UnseenCall]:
    """Return the calls of requests before this one that may still be at work on its servers."""
    ids, since = found.order.server_ids, now - reasons.EARLIER_S
    return tx.unsettled(ids, since=since, but=found.id)


def _void(tx: ports.Tx, found: ports.Request, *, epoch: int, now: float) -> None:
    """End an approval that was not used in time."""
    reason = "approved, but not started in time"
    standing = tx.freezes(now=now)
    if standing:
        reason = f"{reason}: {freezes.holding(standing)}"
    elif found.waiting:
        reason = f"{reason}: {found.waiting.why}"
    ending = never_ran.Ending(State.VOID, now, reason, named=freezes.holders(standing))
    never_ran.end(tx, found, ending, epoch=epoch)


def _start(tx: ports.Tx, found: ports.Request, *, epoch: int, now: float) -> Opened:
    """Take the servers' locks and write the run's rows."""
    # The state and the fence in one update, so that one start wins of two.
    if not tx.transition(found.id, State.APPROVED, State.RUNNING, at=now, epoch=epoch):
        raise errors.LostLease
    ids = found.order.server_ids
    # All that are free, in one go: two requests can't wait for each other.
    others = tx.lock_servers(found.id, ids, action=found.order.action, at=now)
    holders = tx.lock_holders(sorted(others)) if others else {}
    rows = [
        _first_row(found, target, holders.get(target.server_id), now)
        for target in found.order.targets
    ]
    tx.start_run(found.id, rows)
    if now - max((one.at for one in found.approvals), default=0.0) > SAID_WITH_APPROVAL_S:
        started = running.Started(total=len(rows), waves=found.plan.waves)
        tx.say(found.id, "reply", started, key="started", at=now)
    tx.show_card(found.id, at=now)
    tx.show_overlapping(found.id, at=now)
    ledger.audit(tx, "request.running", found, now, server_ids=ids)
    return Opened(dataclasses.replace(found, state=State.RUNNING, changed_at=now), rows)


def _first_row(
    found: ports.Request, target: request.Target, lock: ports.Lock | None, now: float
) -> ports.RunServer:
    """Return a server's row at the start: queued, or what another request's lock makes of it."""
    row = ports.RunServer(target.server_id, target.name, apart=target.apart)
    if lock is None or lock.request_id == found.id:
        return row
    # The thread tells what happened; whose request it was stands on that request's own card.
    held = recheck.held_by(found.order.action, dataclasses.replace(lock, requester=""), now=now)
    busy = held.state is ServerState.BLOCKED
    said = f"busy with {lock.request_id}" if busy else held.reason
    return msgspec.structs.replace(
        row, state=held.state, detail=said, cause=held.cause, settled_at=now
    )


def _take_over(tx: ports.Tx, found: ports.Request, *, epoch: int, now: float) -> Opened:
    """Go on with a run that another process left: calls without an answer are unknown."""
    rows = tx.run_servers(found.id)
    lost = _restore_rows(tx, found, rows, epoch=epoch, now=now)
    rows = tx.run_servers(found.id) if lost else rows
    changed = [new for old in rows if (new := runs.adopted(old)) is not old]
    if changed:
        tx.update_servers(found.id, changed, epoch=epoch)
    # Never sent again by itself: its first byte may have left.
    for attempt in call_answers.interrupted(tx.attempts(found.id)):
        why = "interrupted between the call and its answer"
        tx.answer(dataclasses.replace(attempt, outcome=ports.Outcome.UNKNOWN, detail=why))
        ledger.audit(
            tx, "call.unknown", found, now, server_ids=attempt.server_ids, detail={"why": why}
        )
    if any(row.sent_at for row in rows):
        # Said once for each count: a process that dies again has brought nobody further.
        done = sum(bool(row.settled_at) for row in rows)
        taken = running.TakenOver(done=done, total=len(rows))
        tx.say(found.id, "reply", taken, key=f"taken_over:{done}", at=now)
    tx.show_card(found.id, at=now)
    return Opened(found, [runs.adopted(row) for row in rows], lost)


def _restore_rows(
    tx: ports.Tx, found: ports.Request, rows: list[ports.RunServer], *, epoch: int, now: float
) -> lost_grants.LostGrant | None:
    """Write the rows that a run should have and hasn't: a start writes one for each server.

    Somebody has taken them away, or has called a request running that never started. Without
    them it would end as if all were done.
    """
    have = {row.server_id for row in rows}
    missing = [target for target in found.order.targets if target.server_id not in have]
    if not missing:
        return None
    # The attempts are rows of their own, and tell what was sent all the same.
    sent = {id_ for attempt in tx.attempts(found.id) for id_ in attempt.server_ids}
    lost = lost_grants.LostGrant(
        lost_grants.Loss.SEAL, sealing.sentence([Flaw.LACKING]), flaws=(Flaw.LACKING.value,)
    )
    queued = [_first_row(found, target, None, now) for target in missing]
    tx.start_run(found.id, queued)
    settled = [
        msgspec.structs.replace(
            row,
            state=ServerState.UNKNOWN if row.server_id in sent else ServerState.NOT_SENT,
            detail=lost.sentence,
            settled_at=now,
        )
        for row in queued
    ]
    ledger.progress(tx, found, settled, epoch=epoch, now=now)
    lost_grants.note(tx, found, lost, now=now)
    return lost
