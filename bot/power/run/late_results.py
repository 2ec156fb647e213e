"""What shows of a server after its run has ended: done after all, off after all, on after all.

An end state never reopens; what is seen late stands beside it, and is said where the end was said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from bot.power import lifecycle, ports, server
from bot.power.causes import Late, Left
from bot.power.messages import running
from bot.power.request import Action
from bot.power.run import evidence, ledger, retry_and_undo, runs
from bot.power.server import Power

# How long, and how often, the servers of an ended run are still polled, in seconds.
LOOK_FOR_S = 3600.0
LOOK_EVERY_S = 30.0
LOOK_FIRST_S = 5.0


def wanted(action: Action, row: ports.RunServer) -> bool:
    """Whether something may still show of a server whose run has ended."""
    # The last thing that can show: nothing follows it.
    if row.late in (Late.DONE, Late.CAME_ON):
        return False
    open_still = row.state in lifecycle.MAY_HAVE_ACTED or row.late is Late.WENT_OFF
    return open_still or retry_and_undo.left(action, row) is not Left.NONE


def begin(tx: ports.Tx, found: ports.Request, rows: Sequence[ports.RunServer], now: float) -> None:
    """Have an ended run's servers polled, where something may still show."""
    if any(wanted(found.order.action, row) for row in rows):
        until, next_at = now + LOOK_FOR_S, now + LOOK_FIRST_S
        tx.look_again(found.id, until=until, next_at=next_at)


def seen(
    action: Action,
    row: ports.RunServer,
    record: server.Server | None,
    *,
    now: float,
    touched: bool = False,
) -> ports.RunServer:
    """Return the row after one poll of its server; unchanged rows compare equal.

    Of one that another request has `touched` since, nothing is this request's doing any more, but
    that it is on again.
    """
    if record is None or (touched and action is not Action.CYCLE):
        return row
    found = evidence.judge(runs.method(action, row.step), row, record)
    late = _cycle(row, record, found) if action is Action.CYCLE else _plain(row, found)
    # The other request may have switched it off on purpose.
    if touched and late is Late.WENT_OFF:
        return row
    after = msgspec.structs.replace(
        row,
        seen_processing=found.seen_processing,
        last_seen=found.last_seen,
        seen_power=record.power.value,
    )
    return after if late is row.late else msgspec.structs.replace(after, late=late)


def _plain(row: ports.RunServer, found: evidence.Evidence) -> Late:
    """Judge a server that got one call."""
    return Late.DONE if found.finding is evidence.Finding.PROVEN else row.late


def _cycle(row: ports.RunServer, record: server.Server, found: evidence.Evidence) -> Late:
    """Judge a server that a cycle has switched off, or may have."""
    if record.power is Power.OFF:
        # Off is news only where the run's end didn't say so.
        known = (
            retry_and_undo.left(Action.CYCLE, msgspec.structs.replace(row, late=Late.NONE))
            is Left.OFF
        )
        return row.late if known else Late.WENT_OFF
    was_off = row.step > 0 or row.late is Late.WENT_OFF
    by_an_on = found.finding is evidence.Finding.SUPERSEDED and record.power is Power.ON
    back = record.power is Power.ON and (was_off or by_an_on)
    return Late.CAME_ON if back else row.late


def noted(
    tx: ports.Tx, request_id: str, records: Mapping[str, server.Server], *, now: float, until: float
) -> None:
    """Write down what a look has shown, and say what is new; look no more when all is known.

    Where the time is over, what is still open is told once, so that nobody waits for more.
    """
    found = tx.request(request_id)
    if found is None:
        tx.looked_enough(request_id)
        return
    action, rows = found.order.action, tx.run_servers(request_id)
    watched = [row for row in rows if wanted(action, row)]
    ids = [row.server_id for row in watched]
    others = tx.touched(ids, since=found.ended_at, but=found.id)

    def look(row: ports.RunServer) -> ports.RunServer:
        touched = row.server_id in others
        return seen(action, row, records.get(row.server_id), now=now, touched=touched)

    after = [look(row) for row in watched]
    changed = [new for old, new in zip(watched, after, strict=True) if new != old]
    if changed:
        tx.update_servers(request_id, changed, epoch=found.epoch)
    _say(
        tx,
        found,
        [new for old, new in zip(watched, after, strict=True) if new.late != old.late],
        now,
    )
    left = [row for row in after if wanted(action, row)]
    if not left or now >= until:
        tx.looked_enough(request_id)
        _say_the_end(tx, found, left, now)


def _say(tx: ports.Tx, found: ports.Request, rows: Sequence[ports.RunServer], now: float) -> None:
    """Say what has shown late: in the thread, to the requester, on the card and in the audit."""
    # Bad news first.
    for late in (Late.WENT_OFF, Late.CAME_ON, Late.DONE):
        those = [row for row in rows if row.late is late]
        if not those:
            continue
        names = [row.name for row in those]
        said = running.SeenLate(late=late, names=names, mention=ledger.concerned(found))
        # By the first server, so that the next look's news has a key of its own.
        key = f"late:{late.value}:{those[0].server_id}"
        tx.say(found.id, "reply", said, key=key, at=now)
        tx.say(found.id, "direct", said, key=f"{key}:direct", at=now)
        ids = [row.server_id for row in those]
        detail = {"late": late.value}
        ledger.audit(tx, "servers.late", found, now, server_ids=ids, names=names, detail=detail)
    if rows:
        tx.show_card(found.id, at=now)


def _say_the_end(
    tx: ports.Tx, found: ports.Request, left: Sequence[ports.RunServer], now: float
) -> None:
    """Say for which servers nobody looks any more, where that matters: they may be off."""
    dark = retry_and_undo.dark(found.order.action, left)
    if not dark:
        return
    names = [row.name for row in dark]
    said = running.LookedEnough(names=names, mention=ledger.concerned(found))
    tx.say(found.id, "reply", said, key="looked_enough", at=now)
    tx.say(found.id, "direct", said, key="looked_enough:direct", at=now)
    ids = [row.server_id for row in dark]
    ledger.audit(tx, "servers.looked_enough", found, now, server_ids=ids, names=names)
