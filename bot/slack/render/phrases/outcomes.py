"""How a run stands or ended, in words: folded by outcome and reason, counts that add up."""

from __future__ import annotations

import collections
from collections.abc import Sequence

from bot.power import lifecycle, ports
from bot.power.causes import Late, Left
from bot.power.lifecycle import ServerState
from bot.power.request import Action
from bot.power.run import outcome, reasons, retry_and_undo
from bot.power.text import folding
from bot.slack.blockkit import naming, text, words

# How much of a card or a reply the outcomes may take; the rest is one press of Details away.
OUTCOMES_CHARS = 2600
NAMES_CHARS = 500  # Of one outcome.
DETAIL_CHARS = 160  # Of CloudDC's own words.
NEXT_CHARS = 80  # Of the names that are to be retried.

LOOSE_CHARS = 80  # Of the names behind each word on Home.
# Names in the first line of a card.
FIRST_LINE_CHARS = 60
# Servers that are named of an outcome that needs nobody; of more, their count says enough.
MOST_NAMED = 50
_EASY = frozenset(
    {
        ServerState.PROVEN,
        ServerState.SKIPPED,
        ServerState.NOT_SENT,
        ServerState.QUEUED,
        ServerState.INTENDED,
        ServerState.ACCEPTED,
    }
)
# What needs somebody, what moves, what is done.
READ_IN_ORDER = (
    *(state for state in outcome.TOLD_IN_ORDER if state not in _EASY),
    *(ServerState.PROVEN, ServerState.ACCEPTED, ServerState.INTENDED, ServerState.QUEUED),
    *(ServerState.NOT_SENT, ServerState.SKIPPED),
)
_UNPROVEN = lifecycle.ACCEPTED_ONLY | {ServerState.UNKNOWN}  # What people must look after.
# What became of the second half of a cycle.
NOT_CONFIRMED = "isn't confirmed"
CONFIRMED = "confirmed"
_POWER_ON = {
    ServerState.REJECTED: "was refused",
    ServerState.FAILED: "failed",
    ServerState.UNKNOWN: "got no answer",
    ServerState.NOT_SENT: "was not sent",
    ServerState.BLOCKED: "was not sent",
    ServerState.SUPERSEDED: "was overtaken",
}
# A page of twenty such rows stays below Slack's size of a message.
ROW_CHARS = 400
RUN_ENDS = frozenset(
    {
        lifecycle.State.SUCCEEDED,
        lifecycle.State.PARTIAL,
        lifecycle.State.FAILED,
        lifecycle.State.STOPPED,
    }
)


def told(
    servers: Sequence[ports.RunServer],
    action: Action,
    *,
    limit: int = OUTCOMES_CHARS,
    names_limit: int = NAMES_CHARS,
) -> str:
    """Return all outcomes in one line: `rebooted: web[01-18] · failed: web20 (their words)`."""
    parts = [_group(group, action, names_limit) for group in outcome.groups(servers)]
    return text.listed(parts, limit)


def _group(group: outcome.Group, action: Action, names_limit: int) -> str:
    """Return one outcome with its servers and the reason."""
    names = naming.folded(group.names, names_limit)
    reason = words.reason(group.state, group.cause, group.detail)
    told = "; ".join(part for part in (reason, words.late(group.late, action)) if part)
    detail = f" ({text.plain(told, DETAIL_CHARS)})" if told else ""
    word = words.HALF_DONE if group.half_done else words.long_word(group.state, action, group.probe)
    return f"{word}: {names}{detail}"


def lines(
    servers: Sequence[ports.RunServer], action: Action, *, limit: int = OUTCOMES_CHARS
) -> str:
    """Return a line for each outcome, what needs somebody first: `❌ *web11* failed: their words`.

    Those that a cycle leaves off are told by `dark`.
    """
    # Whose request kept the whole run from its servers is said once, above.
    found = outcome.groups([] if is_told(servers) else lit(servers, action))
    ordered = sorted(found, key=lambda group: READ_IN_ORDER.index(group.state))
    return text.fitting([_group_line(group, action) for group in ordered], limit)


def lit(servers: Sequence[ports.RunServer], action: Action) -> list[ports.RunServer]:
    """Return a run's servers without those that a cycle leaves off: `dark` tells of them."""
    left = {row.server_id for row in retry_and_undo.dark(action, servers)}
    return [row for row in servers if row.server_id not in left]


def _group_line(group: outcome.Group, action: Action) -> str:
    """Return one outcome; of the many that need nobody the count is enough."""
    many = group.state in _EASY and len(group.names) > MOST_NAMED
    names = f"{len(group.names):,}" if many else naming.folded(group.names, NAMES_CHARS)
    shown = names if group.state in _EASY else f"*{names}*"
    reason = words.reason(group.state, group.cause, group.detail)
    why = "; ".join(part for part in (reason, words.late(group.late, action)) if part)
    word = words.HALF_DONE if group.half_done else words.long_word(group.state, action, group.probe)
    if group.state is ServerState.PROVEN:
        word = CONFIRMED
    sign = "◐" if group.half_done else words.SERVER_SIGNS.get(group.state, words.IN_DOUBT)
    return f"{sign} {shown} {word}{': ' + text.plain(why, DETAIL_CHARS) if why else ''}"


def counted(servers: Sequence[ports.RunServer], action: Action) -> str:
    """Return how many are done and what the others are, like `18 of 19 rebooted · 1 failed`."""
    counts = collections.Counter((row.state, half_done(row)) for row in servers)
    found = [
        f"{counts[state, half]:,} {words.HALF_DONE if half else words.server_word(state, action)}"
        for state in outcome.TOLD_IN_ORDER
        for half in (True, False)
        if counts[state, half] and state is not ServerState.PROVEN
    ]
    return " · ".join([progress(servers, action), *found])


def half_done(row: ports.RunServer) -> bool:
    """Whether a cycle has switched a server off and not yet sent its power-on."""
    return row.state is ServerState.QUEUED and row.step > 0


def unsure(servers: Sequence[ports.RunServer], action: Action) -> str:
    """Return what to do about reboots of which nobody knows; no button may repeat them."""
    unknown = [row for row in servers if row.state is ServerState.UNKNOWN]
    if action is not Action.REBOOT or not unknown:
        return ""
    folded = naming.folded([row.label for row in unknown], NAMES_CHARS)
    return (
        f"Nobody can tell whether {folded} rebooted, so Powerbot won't retry it. Check first; to "
        "reboot again, make a separate request."
    )


def rows(servers: Sequence[ports.RunServer], action: Action) -> list[str]:
    """Return one line for each server, in the plan's order."""
    return [_row(one, action) for one in servers]


def _row(one: ports.RunServer, action: Action) -> str:
    """Return one server with its state, the reason and what its record said last."""
    seen = f"last seen {one.last_seen}" if one.last_seen and not reasons.tells_seen(one) else ""
    reason = words.reason(one.state, one.cause, one.detail)
    late = words.late(one.late, action)
    parts = [
        naming.single(one.label),
        words.long_word(one.state, action, one.probe),
        reason,
        seen,
        late,
    ]
    return text.plain(" · ".join(part for part in parts if part), ROW_CHARS)


def progress(servers: Sequence[ports.RunServer], action: Action) -> str:
    """Return how far a run is, like `6 of 19 rebooted`: what failed isn't done."""
    proven = sum(row.state is ServerState.PROVEN for row in servers)
    return f"{proven:,} of {len(servers):,} {words.DONE[action]}"


def stopping(servers: Sequence[ports.RunServer]) -> str:
    """Return what becomes of a run that is to stop: `3 will finish, 34 won't be touched`."""
    queued = [row for row in servers if row.state is ServerState.QUEUED]
    half = sum(map(half_done, queued))
    moving = sum(map(retry_and_undo.moving, servers)) - len(queued)
    parts = {
        "will finish": moving,
        "won't be touched": len(queued) - half,
        "won't be switched back on": half,
    }
    told = [f"{count:,} {what}" for what, count in parts.items() if count]
    return ", ".join(told) or "nothing is left to do"


def retryable(servers: Sequence[ports.RunServer], action: Action) -> bool:
    """Whether some server may be tried again by a new request."""
    return any(retry_and_undo.may_retry(action, row) for row in servers)


def busy(servers: Sequence[ports.RunServer]) -> tuple[ports.RunServer, ...]:
    """Return the servers for which another request kept a run from doing anything, if it did."""
    kept = outcome.held_back(servers)
    return tuple(row for row in servers if row.state is ServerState.BLOCKED) if kept else ()


def is_told(servers: Sequence[ports.RunServer]) -> bool:
    """Whether the first line tells all of a run that another request kept from its servers."""
    held = busy(servers)
    alike = len(held) == len(servers) and len({row.detail for row in held}) == 1
    whole = len(folding.fold([row.label for row in held], marked=True)) <= FIRST_LINE_CHARS
    return bool(held) and alike and whole


def left_dark(servers: Sequence[ports.RunServer], action: Action) -> bool:
    """Whether the run has left servers off: an off that is proven, a cycle that is half done."""
    return any(retry_and_undo.left_off(action, row) for row in servers)


def to_retry(servers: Sequence[ports.RunServer], action: Action) -> str:
    """Return the servers that failed and may be tried again, those untouched left out."""
    failed = [
        row.label
        for row in servers
        if retry_and_undo.may_retry(action, row) and row.state is not ServerState.NOT_SENT
    ]
    return naming.folded(failed, NEXT_CHARS)


def dark(servers: Sequence[ports.RunServer], action: Action, named: int = 0) -> str:
    """Return which servers a cycle leaves off, or may, in a line for each; mostly empty.

    A single line whose names take at most `named` characters has none: they were told above it.
    """
    found = retry_and_undo.dark(action, servers)
    off = [row.label for row in found if retry_and_undo.left(action, row) is Left.OFF]
    maybe = [row.label for row in found if retry_and_undo.left(action, row) is Left.MAY_BE_OFF]
    told = []
    if off:
        verb = "is" if len(off) == 1 else "are"
        why = _why_off(found, action)
        if not maybe and len(folding.fold(off, marked=True)) <= named:
            return f"{why[:1].upper()}{why[1:]}"
        told.append(f"🚨 *{naming.folded(off, NAMES_CHARS)} {verb} OFF:* {why}")
    if maybe:
        told.append(
            f"🚨 *{naming.folded(maybe, NAMES_CHARS)} may be OFF:* "
            "a power-off was sent, and the power-on isn't confirmed"
        )
    return "\n".join(told)


def _why_off(found: Sequence[ports.RunServer], action: Action) -> str:
    """Return what came between the two halves of a cycle, by the first server that is off."""
    row = next(one for one in found if retry_and_undo.left(action, one) is Left.OFF)
    reason = words.reason(row.state, row.cause, row.detail)
    told = "switched off by this power-cycle, and not seen to come back on"
    if not row.step or row.late is Late.WENT_OFF:
        return told
    why = f": {text.plain(reason, DETAIL_CHARS)}" if reason else ""
    on = _POWER_ON.get(row.state, NOT_CONFIRMED)
    return f"switched off by this power-cycle; the power-on {on}{why}"


def loose_ends(servers: Sequence[ports.RunServer], action: Action) -> str:
    """Return in a few words what people must still know of an ended run; mostly empty."""
    groups: dict[str, list[folding.Named]] = {}
    for row in retry_and_undo.dark(action, servers):
        groups.setdefault(f"🚨 {words.LEFT[retry_and_undo.left(action, row)]}", []).append(
            row.label
        )
    for row in servers:
        left = retry_and_undo.left(action, row) is not Left.NONE
        if row.state in _UNPROVEN and row.late is Late.NONE and not left:
            groups.setdefault(words.long_word(row.state, action), []).append(row.label)
    return " · ".join(
        f"{word}: {naming.folded(those, LOOSE_CHARS)}" for word, those in groups.items()
    )


def took_s(request: ports.Request, servers: Sequence[ports.RunServer], began_at: float) -> float:
    """Return how long the run took, from its beginning to its end; 0 when nothing was sent.

    Without `began_at`, of an end that an older version has queued, the first call has to do.
    """
    sent = [row.sent_at for row in servers if row.sent_at]
    ended_at = request.ended_at or request.changed_at
    return max(0.0, ended_at - (began_at or min(sent))) if sent else 0.0
