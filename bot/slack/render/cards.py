"""The request's card: what, why, who, how far; and the buttons that its state allows.

Made from the stored record alone, so that the same record always gives the same card. What is
read first stands first: state, count and names, then what is unusual, then who is next.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from bot.power import causes, lifecycle, plan, ports
from bot.power.lifecycle import State
from bot.slack.blockkit import blocks, naming, text, words
from bot.slack.render import (
    around,
    buttons,
    conduct,
    frozen,
    headlines,
    outcomes,
    plan_table,
    risk,
    tasks,
    terms,
)

REASON_CHARS = 300
# "cancelled by" and a user id, before the reason.
ENDED_BY_CHARS = 50
REVIEWERS_CHARS = 60
# Names that Details shows to one person; the card in the channel stays short.
DETAILS_CHARS = 1800
MOST_EARLIER = 5
EVENT_TYPE = "power_request"
NOTHING_SENT = "Nothing was sent."
NOBODY: Mapping[str, Sequence[str]] = {}
# What a freeze means for a request in this state.
HELD_BACK = {
    State.PENDING: "It can't get its last approval while everything is frozen.",
    State.APPROVED: "It doesn't start while everything is frozen.",
    State.RUNNING: "No new call is sent while everything is frozen.",
}


def render(
    request: ports.Request,
    servers: Sequence[ports.RunServer] = (),
    *,
    private: bool = False,
    freezes: Sequence[ports.Freeze] = (),
    overlaps: Sequence[plan.Overlap] | None = None,
    called: Mapping[str, Sequence[str]] = NOBODY,
) -> blocks.Message:
    """Return the card as it stands now; `private` tells more, and has other buttons.

    `freezes` are those that stand, and hold back whatever isn't over. `overlaps` are other requests
    for its servers as they are now; without them those of the plan are told. `called` has, by
    group, who could approve when it was asked for.
    """
    if request.hushed and not private:
        return _hushed(request)
    held = freezes if request.state in HELD_BACK else ()
    first = blocks.header(headlines.header(request, servers, held))
    small = blocks.context(_small_print(request, private=private))
    row = _row(request, servers, private=private)
    below = [
        *_sections(_people(request, servers, called), _frozen(request, held)),
        *([*row, small] if private else [small, *row]),
    ]
    message = blocks.Message(
        headlines.notification(request, servers), metadata=_metadata(request, private=private)
    )
    if not servers:
        # Once it runs, private details have a row for each server instead.
        limit = DETAILS_CHARS if private else naming.LIST_CHARS
        also = request.plan.overlaps if overlaps is None else overlaps
        body = [first, *_sections(_before(request, limit, also)), *below]
        # Before a run the whole plan is the news; Slack takes tables in messages only since 2025.
        table = plan_table.render(request.plan) if private else ()
        steps = conduct.explained(request.plan) if table else ""
        best = [*body[:-1], *table, *([blocks.context(steps)] if steps else []), body[-1]]
        return _with(message, best, body) if table else _with(message, body)
    body = [first, *_sections(_after(request, servers)), *below]
    if private or request.state is not State.RUNNING:
        return _with(message, body)
    dark = outcomes.dark(servers, request.order.action)
    best = [
        first,
        *_sections(dark, terms.why(request.plan)),
        tasks.render(servers, request.order.action),
    ]
    return _with(message, [*best, *below], body)


def _with(
    message: blocks.Message, body: Sequence[blocks.Block], plainer: Sequence[blocks.Block] = ()
) -> blocks.Message:
    return dataclasses.replace(message, blocks=tuple(body), plainer=tuple(plainer))


def _sections(*paragraphs: str) -> list[blocks.Block]:
    """Return a block for each paragraph that says something."""
    return [blocks.section(one) for one in paragraphs if one]


def _metadata(request: ports.Request, *, private: bool) -> Mapping[str, Any] | None:
    """Return what tells programs which request a card in a channel is for, and its state."""
    if private:
        return None
    told = {"request_id": request.id}
    if not request.hushed:
        told["state"] = request.state.value
    return {"event_type": EVENT_TYPE, "event_payload": told}


def _hushed(request: ports.Request) -> blocks.Message:
    """Return what a channel keeps of a card that people of another company may read by now."""
    told = (
        f"{request.id}: there will be no more about it here. Its requester will be told how it "
        "ends."
    )
    return blocks.Message(told, (blocks.section(told),), _metadata(request, private=False))


def address(request: ports.Request, workspace_url: str) -> str:
    """Return the address of a request's card, or an empty text when it has none yet."""
    card = request.card
    if not workspace_url or card is None or not card.ts:
        return ""
    return f"{workspace_url.rstrip('/')}/archives/{card.channel_id}/p{card.ts.replace('.', '')}"


def linked(request: ports.Request, workspace_url: str) -> str:
    """Return a request's id, as a link to its card where there is one."""
    found = address(request, workspace_url)
    return f"<{found}|{request.id}>" if found else request.id


# -- what it is about


def _before(request: ports.Request, names_limit: int, overlaps: Sequence[plan.Overlap]) -> str:
    """Return servers, reason and what is unusual, of a request whose servers are all untouched."""
    planned = request.plan
    found = [
        conduct.servers(planned, names_limit),
        conduct.set_aside(planned),
        terms.why(request.plan),
    ]
    # What was wrong beforehand is in the way of how it ended.
    if request.state in lifecycle.OPEN:
        also = conduct.overlaps(planned, overlaps)
        found += [also, *_unusual(planned), conduct.lines(planned)]
    return _joined(found)


def _unusual(planned: plan.Plan) -> list[str]:
    """Return what an approver should know before all else of these servers."""
    return [*(terms.earlier(one) for one in planned.earlier[:MOST_EARLIER]), risk.lines(planned)]


def _after(request: ports.Request, servers: Sequence[ports.RunServer]) -> str:
    """Return what became of the servers, or becomes of them, and what it was for."""
    action = request.order.action
    return _joined(
        [
            outcomes.dark(servers, action, headlines.NAMES_CHARS),
            outcomes.lines(servers, action),
            outcomes.unsure(servers, action),
            terms.why(request.plan),
        ]
    )


def _joined(lines: Sequence[str]) -> str:
    return "\n".join(line for line in lines if line)


# -- who did what, and who is next


def _people(
    request: ports.Request,
    servers: Sequence[ports.RunServer],
    called: Mapping[str, Sequence[str]],
) -> str:
    """Return who asked, who approved, who ended it, and who is next."""
    state = request.state
    found = [
        terms.people(request),
        *terms.comments(request),
        _glass(request),
        _waits_for(request, called) if state is State.PENDING else "",
        _waiting(request.waiting, state) if request.waiting else "",
    ]
    if state is State.APPROVED and request.use_by:
        found.append(f"Starts on its own; void if it hasn't by {text.moment(request.use_by)}")
    found += [around.under_way(request), around.still_out(request)]
    if request.stopped_by:
        found.append(_stop(request))
    # What it means to have expired is said in its first line.
    if request.end_reason and state is not State.EXPIRED:
        found.append(_end_reason(request))
    if state in lifecycle.NEVER_RAN:
        found.append(_never_ran(request))
    if state in outcomes.RUN_ENDS:
        found.append(_next(request, servers))
    return _joined(found)


def _next(request: ports.Request, servers: Sequence[ports.RunServer]) -> str:
    """Return what is left to do of a run that has ended: its buttons are every requester's."""
    who, action = text.mention(request.order.requester.user_id), request.order.action
    anyone = f"{who}, or whoever else may request it,"
    if outcomes.dark(servers, action):
        return f"*Next:* {anyone} checks them, then presses Power back on."
    left = outcomes.untouched(servers, action)
    if outcomes.busy(servers):
        return f"{NOTHING_SENT} {who} can ask again."
    if left:
        return f"*Next:* {anyone} decides about the other {'one' if left == 1 else f'{left:,}'}."
    if outcomes.retryable(servers, action):
        return f"*Next:* {anyone} checks {outcomes.to_retry(servers, action)}, then retries."
    return ""


def _waits_for(request: ports.Request, called: Mapping[str, Sequence[str]]) -> str:
    """Return whose approval is missing, and when the request expires."""
    until = f" · expires {text.moment(request.expires_at)}" if request.expires_at else ""
    waits = terms.waits_for(request, called) if terms.missing(request) else ""
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
    asked = "Only the freeze's approvals were asked for; " if request.plan.terms.needs else ""
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
    end = "then it is void" if state is State.APPROVED else "then it gives up"
    since, until = text.moment(waited.since), text.moment(waited.until)
    why = text.plain(waited.why, REASON_CHARS)
    return f"⏸️ *Waiting for {name}* since {since}, until {until} at the latest, {end}: {why}"


def _frozen(request: ports.Request, freezes: Sequence[ports.Freeze]) -> str:
    """Return the freezes that hold a request back, and what that means for it."""
    return f"{frozen.lines(freezes)}\n{HELD_BACK[request.state]}" if freezes else ""


def _end_reason(request: ports.Request) -> str:
    """Return why it ended; where a person ended it, by name."""
    if not request.ended_by:
        said = frozen.spoken(request.end_reason, request.end_named, REASON_CHARS)
        return f"{said[:1].upper()}{said[1:]}"
    said = text.plain(request.end_reason, REASON_CHARS + ENDED_BY_CHARS)
    return text.named(f"{said[:1].upper()}{said[1:]}", [request.ended_by])


def _stop(request: ports.Request) -> str:
    """Return who pressed Stop, and why."""
    why = f": {text.plain(request.stop_reason, REASON_CHARS)}" if request.stop_reason else ""
    return f"⏹️ Stopped by {text.mention(request.stopped_by)}{why}"


# -- small print and buttons


def _small_print(request: ports.Request, *, private: bool) -> str:
    """Return which request this is; details identify the plan as well."""
    told = terms.small_print(request.order, request.id)
    return f"{told} · {terms.proof(request.plan)}" if private else told


def _row(
    request: ports.Request, servers: Sequence[ports.RunServer], *, private: bool
) -> list[blocks.Block]:
    """Return the row of buttons, or nothing."""
    found = buttons.of_requester(request) if private else buttons.of_card(request, servers)
    return [blocks.button_row(found)] if found else []
