"""The first line of a card, and the one sentence that a phone shows of it: state, count, names."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bot.power import lifecycle, ports
from bot.power.causes import Left, Service
from bot.power.lifecycle import ServerState, State
from bot.power.run import outcome, retry_and_undo
from bot.power.text import folding
from bot.slack.blockkit import naming, text, words
from bot.slack.render.phrases import about_plan, about_request, outcomes

NAMES_CHARS = outcomes.FIRST_LINE_CHARS
FALLBACK_CHARS = 200  # Of names, or of a reason, in a notification.
OUTCOMES_CHARS = 600
BAR = 10  # Signs.
# Servers of one outcome that are named in a first line; more are counted.
MOST_NAMED = 2
SERVICES = {Service.CLOUD: "CloudDC", Service.SLACK: "Slack"}
# A power-on that didn't do, in two words; whatever else came between is told below.
_POWER_ON = {
    ServerState.REJECTED: "power-on refused",
    ServerState.FAILED: "power-on failed",
}
_NOT_ON = "not switched back on"
# Outcomes that nobody has to look after.
_QUIET = frozenset({ServerState.PROVEN, ServerState.SKIPPED, ServerState.NOT_SENT})

Fold = Callable[[Sequence[folding.Named], int], str]


def header(
    request: ports.Request,
    servers: Sequence[ports.RunServer] = (),
    freezes: Sequence[ports.Freeze] = (),
) -> str:
    """Return the card's first line, literal."""
    told = _line(request, servers, freezes, naming.folded_literal)
    moving = request.state is State.RUNNING and servers
    return f"{told} {_bar(servers)}" if moving and not request.stopped_by else told


def notification(request: ports.Request, servers: Sequence[ports.RunServer] = ()) -> str:
    """Return the card in words that stand alone, as mrkdwn."""
    if request.state is State.PENDING:
        needed = about_request.quorum(request)
        return f"{wish(request)}. {needed[0].upper()}{needed[1:]}. [{request.id}]"
    line, action = _line(request, servers, (), naming.folded), request.order.action
    if not servers:
        return f"{line} ({about_plan.names(request.plan, FALLBACK_CHARS)}) [{request.id}]"
    if request.held_back:
        return f"{line}. Nothing was sent. [{request.id}]"
    below = (outcomes.dark(servers, action), outcomes.lines(servers, action, limit=OUTCOMES_CHARS))
    return "\n".join([f"{line} [{request.id}]", *(part for part in below if part)])


def ended(request: ports.Request, servers: Sequence[ports.RunServer] = ()) -> str:
    """Return how a request has ended, as mrkdwn."""
    return f"*{_line(request, servers, (), naming.folded)}*"


def wish(request: ports.Request) -> str:
    """Return who wants what done to which servers, and why, as mrkdwn without its full stop."""
    order = request.order
    names = about_plan.names(request.plan, FALLBACK_CHARS)
    why = text.plain(about_request.reason(request.plan), FALLBACK_CHARS)
    who = text.mention(order.requester.user_id)
    return (
        f"{who} wants to {small(about_request.title(order))} ({names}){': ' + why if why else ''}"
    )


def _line(
    request: ports.Request,
    servers: Sequence[ports.RunServer],
    freezes: Sequence[ports.Freeze],
    fold: Fold,
) -> str:
    """Return state, count and exceptions; `fold` makes names safe for where the line goes."""
    state, title = request.state, about_request.title(request.order)
    if state in outcomes.RUN_ENDS and servers:
        return _ended(request, servers, fold)
    if state is State.RUNNING:
        return _running(request, servers, freezes)
    sign = words.ACTION_SIGNS[request.order.action]
    if state is State.PENDING:
        left = sum(need.count for need in about_request.missing(request))
        more = "more " if request.approvals else ""
        needs = f" · needs {text.count(left, f'{more}approval')}" if left else ""
        return f"{sign} {title}{needs}"
    if state is State.APPROVED:
        waits = f"waiting for {SERVICES[request.waiting.service]}" if request.waiting else ""
        # Of both the freeze is named, since people can end it.
        waits = "held by a freeze" if freezes else waits
        if about_request.alone(request):
            return f"🔨 Break glass: {small(title)} · {waits or 'about to start'}"
        return f"{words.SIGNS[state]} {title} · approved, {waits or 'about to start'}"
    if state is State.PLANNED:
        return f"{words.SIGNS[state]} {title} · {words.MEANINGS[state]}"
    return f"{words.sign(request)} {request.told_as.capitalize()}: {small(title)}"


def _running(
    request: ports.Request,
    servers: Sequence[ports.RunServer],
    freezes: Sequence[ports.Freeze],
) -> str:
    """Return what is being done, and how far it is."""
    order = request.order
    if request.stopped_by:
        return f"{words.SIGNS[State.STOPPED]} Stopping: {outcomes.stopping(servers)}"
    doing = f"{words.DOING[order.action]} {text.count(len(order.targets), 'server')}"
    sign = words.ACTION_SIGNS[order.action]
    if order.options.break_glass:
        sign, doing = "🔨", f"Break glass: {small(doing)}"
    held = f" · waiting for {SERVICES[request.waiting.service]}" if request.waiting else ""
    if freezes:
        sign, held = "🧊", " · held by a freeze"
    counts = outcome.tally(servers)
    done, failed = counts.counts.get(ServerState.PROVEN, 0), counts.failures
    trouble = f", {failed:,} not" if failed else ""
    return f"{sign} {doing}{held} · {done:,} of {len(order.targets):,} done{trouble}"


def _bar(servers: Sequence[ports.RunServer]) -> str:
    """Return how far it is, to be seen from afar."""
    done = sum(row.state is ServerState.PROVEN for row in servers)
    # Rounded down: it is full only when all are done.
    full = BAR * done // len(servers)
    return "▓" * full + "░" * (BAR - full)


def _ended(request: ports.Request, servers: Sequence[ports.RunServer], fold: Fold) -> str:
    """Return the outcome of a run; servers that it leaves off come before all else."""
    action = request.order.action
    found = retry_and_undo.dark(action, servers)
    if found:
        return _dark(request, found, fold)
    if request.held_back:
        return _held_back(request, servers, fold)
    sign, total = words.SIGNS[request.state], len(servers)
    counts = outcome.tally(servers).counts
    done, word = counts.get(ServerState.PROVEN, 0), words.DONE[action]
    others = _others(request, servers, fold)
    if total == 1:
        return f"{sign} {fold([servers[0].label], NAMES_CHARS)} {_alone(request, servers[0])}"
    if request.state is State.SUCCEEDED:
        return " · ".join([f"{sign} {text.count(done, 'server')} {word}", *others])
    # What CloudDC has accepted, or what got no answer, may have happened.
    unsure = any(row.state in lifecycle.MAY_HAVE_ACTED for row in servers)
    none = word if request.state is State.FAILED and not unsure else "confirmed"
    first = f"{done:,} of {total:,} {word}" if done else f"None of {total:,} {none}"
    stopped = "Stopped: " if request.state is State.STOPPED else ""
    return " · ".join([f"{sign} {stopped}{first if not stopped else small(first)}", *others])


def _held_back(request: ports.Request, servers: Sequence[ports.RunServer], fold: Fold) -> str:
    """Return who was in the way of a run of which nothing was sent."""
    held = outcomes.busy(servers)
    names, verb = fold([row.label for row in held], NAMES_CHARS), "is" if len(held) == 1 else "are"
    whose = {row.detail for row in held}
    why = text.literal(held[0].detail) if len(whose) == 1 else "busy with other requests"
    return f"{words.sign(request)} {request.told_as.capitalize()}: {names} {verb} {why}"


def _alone(request: ports.Request, row: ports.RunServer) -> str:
    """Return what became of the only server of a run."""
    done, word = words.DONE[request.order.action], _word(request, row)
    if row.state in (ServerState.PROVEN, ServerState.UNWELL):
        return word
    # Of what may have happened, "not rebooted" could be untrue.
    return word if row.state in lifecycle.MAY_HAVE_ACTED else f"not {done} · {word}"


def _others(request: ports.Request, servers: Sequence[ports.RunServer], fold: Fold) -> list[str]:
    """Return what became of those that aren't done: few of them by name, more by their count."""
    found: dict[str, list[ports.RunServer]] = {}
    for state in outcome.TOLD_IN_ORDER:
        for row in servers if state is not ServerState.PROVEN else ():
            if row.state is state:
                found.setdefault(_word(request, row), []).append(row)
    return [
        f"{fold([row.label for row in rows], NAMES_CHARS)} {word}"
        if len(rows) <= MOST_NAMED and rows[0].state not in _QUIET
        else f"{len(rows):,} {word}"
        for word, rows in found.items()
    ]


def _word(request: ports.Request, row: ports.RunServer) -> str:
    return words.long_word(row.state, request.order.action, row.probe)


def _dark(request: ports.Request, found: Sequence[ports.RunServer], fold: Fold) -> str:
    """Return which servers a cycle leaves off, and what of the power-on is known."""
    action = request.order.action
    off = [row for row in found if retry_and_undo.left(action, row) is Left.OFF]
    shown = off or list(found)
    verb = "is" if len(shown) == 1 else "are"
    stands = f"{verb} {words.LEFT[Left.OFF]}" if off else words.LEFT[Left.MAY_BE_OFF]
    names = fold([row.label for row in shown], NAMES_CHARS)
    if not off:
        return f"🚨 {names} {stands}"
    why = _POWER_ON.get(shown[0].state, _NOT_ON) if shown[0].step else _NOT_ON
    return f"🚨 {names} {stands} · {why}"


def small(title: str) -> str:
    """Return a title as it stands within a sentence."""
    return f"{title[:1].lower()}{title[1:]}"
