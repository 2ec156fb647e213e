"""What a run writes down on its way: each function here is the work of one transaction."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence

from bot.power import causes, errors, ports, request, summary
from bot.power.causes import Left
from bot.power.lifecycle import State
from bot.power.messages import running
from bot.power.policy import freezes
from bot.power.run import call_answers, outcome, retry_and_undo, waves
from bot.power.run.blockers import Blocker, BlockerKind


@dataclasses.dataclass(frozen=True, slots=True)
class OtherRequests:
    """What other requests do at this moment.

    `not_ours` are the servers of a call whose lock this request doesn't hold, `leaving` those
    that others are switching off or rebooting.
    """

    not_ours: tuple[str, ...]
    leaving: frozenset[str]


def bar(tx: ports.Tx, request_id: str, now: float) -> Blocker | None:
    """Return why no call may leave for this request now, or None."""
    return _barred(tx, tx.request(request_id), now)


def _barred(tx: ports.Tx, found: ports.Request | None, now: float) -> Blocker | None:
    if found is None or found.state is not State.RUNNING:
        return Blocker(BlockerKind.ENDED, "the request has ended")
    if found.stopped_by:
        return Blocker(BlockerKind.STOPPED, "stopped before its call")
    if standing := tx.freezes(now=now):
        return Blocker(BlockerKind.FREEZE, freezes.holding(standing), tuple(standing))
    user_id, verb = tx.held_for(found.id)
    if user_id:
        said = f"held while {user_id}'s right to {verb} is looked up"
        return Blocker(BlockerKind.RIGHT_LOOKED_UP, said, of=f"{user_id}:{verb}")
    return None


def standing(
    tx: ports.Tx, request_id: str, server_ids: Sequence[str], others: Collection[str]
) -> OtherRequests:
    """Read what the store has against a call for these servers.

    `others` are ids of servers that must not all be switched off: who is doing so is told too.
    """
    ours = tx.lock_holders(server_ids)
    theirs = tx.lock_holders(sorted(others)) if others else {}
    return OtherRequests(
        not_ours=tuple(
            one for one in server_ids if one not in ours or ours[one].request_id != request_id
        ),
        leaving=frozenset(
            server_id
            for server_id, lock in theirs.items()
            if lock.request_id != request_id and lock.action != request.Action.ON.value
        ),
    )


def intend(
    tx: ports.Tx, attempt: ports.Attempt, rows: Sequence[ports.RunServer], *, epoch: int
) -> Blocker | None:
    """Write down a call that is about to leave, unless something bars it.

    Raises:
        LostLease: the fence has moved on.
    """
    found = tx.request(attempt.request_id)
    if (barred := _barred(tx, found, attempt.intended_at)) is not None:
        return barred
    # A restored backup or a hand in the database may have given them away.
    if standing(tx, attempt.request_id, attempt.server_ids, ()).not_ours:
        return Blocker(BlockerKind.LOCKS_GONE, "the locks of its servers are gone")
    # Asked in the transaction of the intent: of two processes, the second one sees the first.
    named = [row.stood[1] for row in rows if row.rack_limit]
    full = waves.without_room(rows, tx.busy_racks(named)) if named else frozenset[str]()
    if full:
        return Blocker(
            BlockerKind.RACKS_FULL,
            "its rack already has as many servers powering on as the policy allows",
            full=full,
        )
    # Only now may a byte leave: whoever dies here leaves a call that counts as unknown.
    tx.intend(attempt, epoch=epoch)
    tx.update_servers(attempt.request_id, rows, epoch=epoch)
    if found is not None:
        detail = {"attempt": attempt.id, "method": attempt.method.value, "wave": attempt.wave}
        now = attempt.intended_at
        ids, names = attempt.server_ids, [row.name for row in rows]
        audit(tx, "call.intended", found, now, server_ids=ids, names=names, detail=detail)
    return None


def answered(
    tx: ports.Tx, found: ports.Request, after: call_answers.Answered, *, epoch: int, now: float
) -> None:
    """Write down what came of a call.

    Raises:
        LostLease: the fence has moved on.
    """
    tx.update_servers(found.id, after.rows, epoch=epoch)
    tx.answer(after.attempt)
    _say_dark(tx, found, after.rows, now=now)
    tx.show_card(found.id, at=now)
    _audit_answer(tx, _CALLS[after.attempt.outcome], found, after, now)


def late_answer(
    tx: ports.Tx, found: ports.Request, after: call_answers.Answered, *, now: float
) -> None:
    """Leave the answer of a call in the audit when another process has taken the run over."""
    # Without the fence: the rows are another process's, the answer is a fact.
    _audit_answer(tx, "call.late_answer", found, after, now)


_CALLS = {one: f"call.{one.name.lower()}" for one in ports.Outcome}


def _audit_answer(
    tx: ports.Tx, event: str, found: ports.Request, after: call_answers.Answered, now: float
) -> None:
    """Append one row for an answer, with the vendor's words and id."""
    attempt = after.attempt
    detail = {
        "attempt": attempt.id,
        "outcome": attempt.outcome.value,
        "why": attempt.detail,
        "cloud_request_id": attempt.cloud_request_id,
    }
    ids, names = attempt.server_ids, [row.name for row in after.rows]
    audit(tx, event, found, now, server_ids=ids, names=names, detail=detail)


def progress(
    tx: ports.Tx,
    found: ports.Request,
    rows: Sequence[ports.RunServer],
    *,
    epoch: int,
    now: float,
) -> None:
    """Write down rows that have changed, and the ends among them in the audit.

    Raises:
        LostLease: the fence has moved on.
    """
    tx.update_servers(found.id, rows, epoch=epoch)
    _say_dark(tx, found, rows, now=now)
    tx.show_card(found.id, at=now)
    ends: dict[str, list[ports.RunServer]] = {}
    for row in rows:
        if row.settled_at:
            ends.setdefault(row.state.value, []).append(row)
    for state, ended in ends.items():
        ids, names = [row.server_id for row in ended], [row.name for row in ended]
        detail = {"state": state}
        audit(tx, "servers.settled", found, now, server_ids=ids, names=names, detail=detail)


def _say_dark(
    tx: ports.Tx, found: ports.Request, rows: Sequence[ports.RunServer], *, now: float
) -> None:
    """Cry out, at once and once for each, over servers that a cycle leaves off, or may."""
    dark = retry_and_undo.dark(found.order.action, rows)
    if not dark:
        return
    off = [row for row in dark if retry_and_undo.left(found.order.action, row) is Left.OFF]
    said = running.LeftDark(
        names=[row.name for row in dark],
        off=[row.name for row in off],
        why=dark[0].detail,
        state=dark[0].state,
        cause=dark[0].cause,
        mention=concerned(found),
    )
    # Keyed by a server, which a cycle can leave off only once.
    tx.say(found.id, "reply", said, key=f"dark:{dark[0].server_id}", at=now)
    tx.say(found.id, "direct", said, key=f"dark:{dark[0].server_id}:direct", at=now)
    ids = [row.server_id for row in dark]
    left = {row.server_id: retry_and_undo.left(found.order.action, row).value for row in dark}
    names, detail = [row.name for row in dark], {"left": left}
    audit(tx, "servers.left_dark", found, now, server_ids=ids, names=names, detail=detail)


def concerned(found: ports.Request) -> list[str]:
    """Return whom bad news of a request is for: who asked for it, and who has agreed."""
    # Whoever said yes answers for it as well.
    agreed = (one.person.user_id for one in found.approvals)
    return list(dict.fromkeys([found.order.requester.user_id, *agreed]))


def hold(tx: ports.Tx, found: ports.Request, barred: Blocker, *, now: float) -> None:
    """Tell the thread, once for each bar, that something holds the run back."""
    said = running.Held(reason=barred.reason, freezes=barred.freezes)
    tx.say(found.id, "reply", said, key=f"held:{barred.code}", at=now)


def wait(tx: ports.Tx, found: ports.Request, waited: causes.Wait | None, *, now: float) -> None:
    """Note what a request waits for, or that it waits no more, and show it on the card."""
    if tx.wait(found.id, waited):
        tx.show_card(found.id, at=now)


def close_run(
    tx: ports.Tx,
    found: ports.Request,
    rows: Sequence[ports.RunServer],
    *,
    halted: Blocker | None,
    epoch: int,
    now: float,
) -> None:
    """Give the request its end state, its locks back, and everybody the news.

    Raises:
        LostLease: the fence has moved on.
    """
    # Read in this transaction, for Stop may have been pressed since the last call.
    current = tx.request(found.id)
    by_hand = current is not None and bool(current.stopped_by)
    itself = halted is not None and halted.kind is BlockerKind.FAILURES
    state = outcome.end_state(rows, stopped=by_hand or (halted is not None and not itself))
    # Who pressed Stop is told by name elsewhere; the reason would only repeat it.
    reason = "" if halted is None or (by_hand and not itself) else halted.reason
    named = freezes.holders(halted.freezes) if halted else ()
    if not tx.transition(
        found.id, State.RUNNING, state, at=now, reason=reason, named=named, epoch=epoch
    ):
        # Somebody else has ended it, so this process has nothing more to say.
        raise errors.LostLease
    # With the end: a crash in between would keep the servers locked for ever.
    tx.unlock_servers(found.id)
    counts = {word.value: n for word, n in outcome.tally(rows).counts.items()}
    held_back = state is State.FAILED and outcome.held_back(rows)
    ended = dataclasses.replace(found, state=state, held_back=held_back)
    told = {"counts": counts, "outcome": ended.told_as}
    head = audit(tx, f"request.{state.value}", found, now, detail=told)
    _tell_the_end(tx, found, state, head, now)


def _tell_the_end(
    tx: ports.Tx, found: ports.Request, state: State, head: tuple[int, str], now: float
) -> None:
    """Tell everybody how a run has ended; `head` is the number and hash of its audit row."""
    # The row's own time has changed with each state since, so the audit tells.
    began = tx.audit_rows(request_id=found.id, event="request.running", limit=1)
    said = running.Ended(
        state=state,
        seq=head[0],
        head=head[1],
        seal=found.order.short_seal,
        began_at=float(began[0]["at"]) if began else 0.0,
    )
    tx.say(found.id, "reply", said, key="ended", at=now)
    tx.say(found.id, "direct", said, key="ended:direct", at=now)
    tx.show_card(found.id, at=now)
    tx.show_overlapping(found.id, at=now)


def audit(
    tx: ports.Tx,
    event: str,
    found: ports.Request,
    now: float,
    *,
    server_ids: Sequence[str] = (),
    names: Sequence[str] = (),
    detail: Mapping[str, object] | None = None,
    person: request.Person | None = None,
) -> tuple[int, str]:
    """Append one row that speaks of a request, or of those of its servers with these names.

    `person` is who did it, where it was a person.
    Returns the number and hash of the log's new head.
    """
    return tx.audit(
        ports.AuditEntry(
            event=event,
            at=now,
            request_id=found.id,
            person=person,
            channel_id=found.order.place.channel_id,
            server_ids=server_ids,
            detail=detail or {},
            said=summary.names(names) if names else summary.line(found),
        )
    )
