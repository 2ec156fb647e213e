"""The card's lines about people: who asked, approved, stopped or ended it, and who is next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.power import causes, lifecycle, ports
from bot.power.lifecycle import ServerState, State
from bot.power.run import retry_and_undo
from bot.slack.blockkit import text, words
from bot.slack.render import buttons, headlines
from bot.slack.render.phrases import about_freezes, about_request, about_steps, outcomes

REASON_CHARS = 300  # The thread has the whole.
# "cancelled by" and a user id, before the reason.
ENDED_BY_CHARS = 50
REVIEWERS_CHARS = 60
NOTHING_SENT = "Nothing was sent."


def lines(
    request: ports.Request,
    servers: Sequence[ports.RunServer],
    called: Mapping[str, Sequence[str]],
) -> str:
    """Return who asked, who approved, who ended it, and who is next."""
    state = request.state
    found = [
        about_request.people(request),
        *about_request.comments(request),
        _glass(request),
        _waits_for(request, called) if state is State.PENDING else "",
        _waiting(request.waiting, state) if request.waiting else "",
    ]
    # Until when, and for what it waits, has been said then.
    if state is State.APPROVED and request.use_by and not request.waiting:
        found.append(f"Starts on its own; void if it hasn't by {text.moment(request.use_by)}")
    found += [about_steps.under_way(request), about_steps.still_out(request)]
    if request.stopped_by:
        found.append(_stop(request))
    # What it means to have expired is said in its first line.
    if request.end_reason and state is not State.EXPIRED:
        found.append(_end_reason(request))
    if state in lifecycle.NEVER_RAN:
        found.append(_never_ran(request))
    if state in outcomes.RUN_ENDS:
        found.append(_next(request, servers))
    return "\n".join(line for line in found if line)


def _next(request: ports.Request, servers: Sequence[ports.RunServer]) -> str:
    """Return what is left to do of a run that has ended: its buttons are every requester's."""
    who, action = text.mention(request.order.requester.user_id), request.order.action
    anyone = f"{who}, or anybody else who can request it,"
    if dark := retry_and_undo.dark(action, servers):
        if any(row.state is ServerState.REJECTED and row.step for row in dark):
            return (
                "*Next:* an operator sees to what refused the power-on; then "
                f"{anyone} presses Power back on."
            )
        those = "it" if len(dark) == 1 else "them"
        return f"*Next:* {anyone} checks {those}, then presses Power back on."
    left = retry_and_undo.untouched(action, servers)
    if request.held_back:
        return f"{NOTHING_SENT} {who} can ask again."
    if left:
        rest = "one" if left == 1 else f"{left:,}"
        return f"*Next:* {anyone} decides whether to do the other {rest}."
    if outcomes.retryable(servers, action):
        return f"*Next:* {anyone} checks {outcomes.to_retry(servers, action)}, then retries."
    return ""


def _waits_for(request: ports.Request, called: Mapping[str, Sequence[str]]) -> str:
    """Return whose approval is missing, and when the request expires."""
    until = f" · expires {text.moment(request.expires_at)}" if request.expires_at else ""
    waits = about_request.waits_for(request, called) if about_request.missing(request) else ""
    return f"*Waiting for {waits}*{until}" if waits else ""


def _never_ran(request: ports.Request) -> str:
    """Return what is left to do about a request that sent nothing."""
    who = text.mention(request.order.requester.user_id)
    late = "Nobody answered in time. " if request.state is State.EXPIRED else ""
    again = f" {who} can ask again." if request.state in buttons.ASKED_AGAIN else ""
    return f"{late}{NOTHING_SENT}{again}"


def _glass(request: ports.Request) -> str:
    """Return that nobody approved it first, and the state of its review."""
    if not request.order.options.break_glass:
        return ""
    review = request.review
    asked = "only the freeze's approvals were needed; " if request.plan.terms.needs else ""
    if review is not None and review.closed_at:
        by, said = text.mention(review.closed_by), text.plain(review.comment, REASON_CHARS)
        judged = f"*{words.JUDGEMENTS[review.judgement].lower()}*, " if review.judgement else ""
        return f"🔨 *Break glass:* {asked}{judged}reviewed by {by}: {said}"
    due = f" by {text.moment(review.due_at)}" if review is not None else ""
    groups = [text.plain(one, REVIEWERS_CHARS) for one in review.groups] if review else []
    who = f"somebody else in {' or '.join(groups)}" if groups else "somebody else"
    return f"🔨 *Break glass:* {asked}{who} must review it{due}."


def _waiting(waited: causes.Wait, state: State) -> str:
    """Return what the request waits for, since when, and what happens if that lasts too long."""
    name = headlines.SERVICES[waited.service]
    begins = state is State.APPROVED
    end = "then it is void" if begins else "then it gives up"
    since, until = text.moment(waited.since), text.moment(waited.until)
    why = text.plain(waited.why, REASON_CHARS)
    line = f"⏸️ *Waiting for {name}* since {since}, until {until} at the latest, {end}: {why}"
    return f"{line}\nStarts on its own as soon as it can" if begins else line


def _end_reason(request: ports.Request) -> str:
    """Return why it ended; where a person ended it, by name."""
    if not request.ended_by:
        said = about_freezes.spoken(request.end_reason, request.end_named, REASON_CHARS)
        return f"{said[:1].upper()}{said[1:]}"
    # It begins with who and by which word; the reason keeps its room.
    said = text.plain(request.end_reason, REASON_CHARS + ENDED_BY_CHARS)
    # The stored sentence has an id where people read a name.
    return text.named(f"{said[:1].upper()}{said[1:]}", [request.ended_by])


def _stop(request: ports.Request) -> str:
    """Return who pressed Stop, and why."""
    why = f": {text.plain(request.stop_reason, REASON_CHARS)}" if request.stop_reason else ""
    return f"⏹️ Stopped by {text.mention(request.stopped_by)}{why}"
