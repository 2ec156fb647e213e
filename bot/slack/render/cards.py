"""The request's card: what, why, who, how far; and the buttons that its state allows.

Made from the stored record alone, so that the same record always gives the same card.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.power import lifecycle, plan, ports, waiting
from bot.power.inputs import Do
from bot.power.lifecycle import State
from bot.power.request import Action
from bot.slack import action_ids
from bot.slack.blockkit import blocks, naming, text, words
from bot.slack.render import around, conduct, frozen, outcomes, plan_table, risk, tasks, terms

REASON_CHARS = 300
# "cancelled by" and a user id, before the reason.
ENDED_BY_CHARS = 50
FALLBACK_CHARS = 200
# Names that Details shows to one person; the card in the channel stays short.
DETAILS_CHARS = 1800
MOST_EARLIER = 5
DIALOG_ILL_CHARS = 60
EVENT_TYPE = "power_request"
# Ends after which the same may still be needed, and nothing of it was sent.
ASKED_AGAIN = frozenset({State.EXPIRED, State.DENIED, State.VOID})
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
) -> blocks.Message:
    """Return the card as it stands now; `private` tells more, and has other buttons.

    `freezes` are those that stand, and hold back whatever isn't over.
    """
    if request.hushed and not private:
        return _hushed(request)
    order = request.order
    # Once it runs, private details have a row for each server instead.
    whole = private and not servers
    dark = outcomes.dark(servers, order.action)
    # Who decides reads what an approval is given to; afterwards it is in the way.
    how = conduct.lines(request.plan) if request.state in lifecycle.OPEN else ""
    body = [
        blocks.header(terms.title(order)),
        *([blocks.section(dark)] if dark else []),
        blocks.section(_what(request, DETAILS_CHARS if whole else naming.LIST_CHARS)),
        *([blocks.section(how)] if how else []),
        blocks.section(_state(request, servers)),
    ]
    if freezes and request.state in HELD_BACK:
        body.append(blocks.section(f"{frozen.lines(freezes)}\n{HELD_BACK[request.state]}"))
    if servers:
        body.append(blocks.section(_servers(request, servers, brief=private)))
    body.append(blocks.context(terms.small_print(order, request.id)))
    buttons = _private_buttons(request) if private else _buttons(request, servers)
    if buttons:
        body.append(blocks.button_row(buttons))
    told = _fallback(request, servers)
    if not private:
        metadata = {"event_type": EVENT_TYPE, "event_payload": {"request_id": request.id}}
        live = request.state is State.RUNNING and servers
        best = [*body[:-1], tasks.render(servers, order.action), body[-1]] if live else body
        return blocks.Message(told, tuple(best), metadata, plainer=tuple(body) if live else ())
    # Before a run the whole plan is the news; Slack takes tables in messages only since 2025.
    table = () if servers else plan_table.render(request.plan)
    return blocks.Message(told, (*body, *table), plainer=tuple(body) if table else ())


def _hushed(request: ports.Request) -> blocks.Message:
    """Return what a channel keeps of a card that people of another company may read by now."""
    told = f"{request.id}: nothing more is said of it here. Its requester is told how it ends."
    metadata = {"event_type": EVENT_TYPE, "event_payload": {"request_id": request.id}}
    return blocks.Message(told, (blocks.section(told),), metadata)


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


def _what(request: ports.Request, names_limit: int) -> str:
    """Return servers, reason and requester."""
    order = request.order
    lines = [
        conduct.names(request.plan, names_limit),
        _set_aside(request.plan),
        *(terms.earlier(one) for one in request.plan.earlier[:MOST_EARLIER]),
        # What was wrong beforehand is in the way of what became of it.
        risk.lines(request.plan) if request.state in lifecycle.OPEN else "",
        terms.why(order),
        f"*Who:* {text.mention(order.requester.user_id)}",
    ]
    if order.options.break_glass:
        lines.append(f"🔨 *Break glass:* nobody was asked first; {_review(request.review)}.")
    return "\n".join(line for line in lines if line)


def _review(review: ports.Review | None) -> str:
    """Return how the review that break glass owes stands."""
    if review is None:
        return "somebody else must review it"
    if not review.closed_at:
        return f"somebody else must review it until {text.moment(review.due_at)}"
    words = text.plain(review.comment, REASON_CHARS)
    return f"reviewed by {text.mention(review.closed_by)}: {words}"


def _set_aside(planned: plan.Plan) -> str:
    """Return how many named servers the plan leaves out."""
    skipped = len(planned.lines_with(plan.Verdict.SKIP))
    blocked = len(planned.lines_with(plan.Verdict.BLOCKED))
    parts = [f"{skipped} skipped" if skipped else "", f"{blocked} blocked" if blocked else ""]
    told = " · ".join(part for part in parts if part)
    return f"Left out by the plan: {told}" if told else ""


def _state(request: ports.Request, servers: Sequence[ports.RunServer]) -> str:
    """Return the state in words and sign, with what belongs to it."""
    state = request.state
    lines = [f"{words.SIGNS[state]} *{state.value.capitalize()}*: {words.MEANINGS[state]}"]
    if state is State.RUNNING and request.stopped_by:
        lines = [f"{words.SIGNS[State.STOPPED]} *Stopping*: {outcomes.stopping(servers)}"]
    if state is State.PENDING:
        lines += _while_pending(request)
    else:
        lines.append(terms.approved_by(request))
    if state is State.APPROVED and request.use_by:
        lines.append(f"Void if not started by {text.moment(request.use_by)}")
    lines += [around.under_way(request), around.still_out(request)]
    if request.waiting:
        lines.append(_waiting(request.waiting, state))
    if request.stopped_by:
        lines.append(_stop(request))
    # What it means to have expired is said already.
    if request.end_reason and state is not State.EXPIRED:
        lines.append(_end_reason(request))
    return "\n".join(line for line in lines if line)


def _waiting(waited: waiting.Wait, state: State) -> str:
    """Return what the request waits for, since when, and what happens if that lasts too long."""
    name = {waiting.Service.CLOUD: "CloudDC", waiting.Service.SLACK: "Slack"}[waited.service]
    end = "then it is void" if state is State.APPROVED else "then it gives up"
    since, until = text.moment(waited.since), text.moment(waited.until)
    why = text.plain(waited.why, REASON_CHARS)
    return f"⏸️ *Waiting for {name}* since {since}, until {until} at most, {end}: {why}"


def _while_pending(request: ports.Request) -> list[str]:
    """Return the approvals so far and the deadline."""
    lines = [terms.quorum(request), terms.approved_by(request)]
    if request.expires_at:
        lines.append(f"Expires {text.moment(request.expires_at)}")
    return lines


def _end_reason(request: ports.Request) -> str:
    """Return why it ended; where a person ended it, by name."""
    if not request.ended_by:
        return frozen.spoken(request.end_reason, request.end_named, REASON_CHARS)
    said = text.plain(request.end_reason, REASON_CHARS + ENDED_BY_CHARS)
    return text.named(f"{said[:1].upper()}{said[1:]}", [request.ended_by])


def _servers(
    request: ports.Request, servers: Sequence[ports.RunServer], *, brief: bool = False
) -> str:
    """Return what became of the servers: names by outcome, and counts that add up."""
    action = request.order.action
    counted = outcomes.counted(servers, action)
    if brief:
        return counted
    told = outcomes.told(servers, action)
    return f"{counted}\n{told}" if request.state is State.RUNNING else f"{told}\n{counted}"


def _stop(request: ports.Request) -> str:
    """Return who pressed Stop, and why."""
    why = f": {text.plain(request.stop_reason, REASON_CHARS)}" if request.stop_reason else ""
    return f"Stop was pressed by {text.mention(request.stopped_by)}{why}"


def _fallback(request: ports.Request, servers: Sequence[ports.RunServer]) -> str:
    """Return the card in one line that stands alone."""
    order = request.order
    names = conduct.names(request.plan, FALLBACK_CHARS)
    line = f"{request.id} {request.state.value}: {terms.title(order)} ({names})"
    if request.state is State.PENDING:
        return _wish(request, names)
    parts = (outcomes.dark(servers, order.action), outcomes.told(servers, order.action, limit=600))
    told = "\n".join(part for part in parts if part)
    return f"{line}. {told}" if told else line


def _wish(request: ports.Request, names: str) -> str:
    """Return who wants what done to which servers, why, and what that needs."""
    order = request.order
    what = terms.title(order)
    why = text.plain(order.reason, FALLBACK_CHARS)
    asked = (
        f"{text.mention(order.requester.user_id)} wants to {what[0].lower()}{what[1:]} ({names})"
    )
    return f"{asked}{': ' + why if why else ''}. {terms.quorum(request)} [{request.id}]"


# -- buttons


def _buttons(
    request: ports.Request, servers: Sequence[ports.RunServer]
) -> tuple[blocks.Button, ...]:
    """Return the buttons that make sense in this state; the state decides again at the click."""
    if request.state in (State.PLANNED, State.PENDING):
        deny = button(request, Do.DENY)
        details = button(request, Do.DETAILS)
        return (approve_button(request), deny, button(request, Do.CANCEL), details)
    if request.state is State.APPROVED:
        return (button(request, Do.CANCEL), stop_button(request), button(request, Do.DETAILS))
    if request.state is State.RUNNING:
        stop = () if request.stopped_by else (stop_button(request),)
        return (*stop, button(request, Do.DETAILS))
    return _end_buttons(request, servers)


def _private_buttons(request: ports.Request) -> tuple[blocks.Button, ...]:
    """Return what the requester may do where nobody else sees the card."""
    return (button(request, Do.NUDGE),) if request.state is State.PENDING else ()


def _end_buttons(
    request: ports.Request, servers: Sequence[ports.RunServer]
) -> tuple[blocks.Button, ...]:
    """Return what may follow an end."""
    found = [button(request, Do.DETAILS)]
    if request.state in ASKED_AGAIN:
        found.append(button(request, Do.AGAIN))
    if request.state in outcomes.RUN_ENDS:
        action = request.order.action
        if outcomes.retryable(servers, action):
            found.append(_retry(request, outcomes.untouched(servers, action)))
        if outcomes.left_dark(servers, action):
            cycle = action is Action.CYCLE
            back_on = button(request, Do.BACK_ON, style="primary")
            found.append(back_on if cycle else button(request, Do.UNDO))
        if around.has_out(request):
            found.append(put_back_button(request))
        if request.review is not None and not request.review.closed_at:
            found.append(button(request, Do.VERDICT))
    return tuple(found)


def _retry(request: ports.Request, untouched: int) -> blocks.Button:
    """Return Retry, under its own name where nothing was sent to any of the servers."""
    if not untouched:
        return button(request, Do.RETRY)
    label = "Do the other one" if untouched == 1 else f"Do the other {untouched:,}"
    spoken = f"{label} of {request.id}: {terms.title(request.order)}"
    return blocks.Button(Do.RETRY, request.id, label=label, spoken=spoken)


def button(request: ports.Request, do: Do, *, style: str = "") -> blocks.Button:
    """Return one button for this request."""
    spoken = f"{action_ids.LABELS[do]} {request.id}: {terms.title(request.order)}"
    return blocks.Button(do, request.id, style=style, spoken=spoken)


def approve_button(request: ports.Request) -> blocks.Button:
    """Return Approve, which asks once more and names what would happen."""
    order = request.order
    region = text.literal(order.scope.region, 60)
    asked, how = f"{terms.title(order)} in {region}: ", _how(request.plan)
    names = conduct.names_literal(
        request.plan, blocks.CONFIRM_CHARS - len(asked) - len(how) - naming.MORE_CHARS
    )
    dialog = blocks.confirm(f"Approve {request.id}?", asked + names + how, "Approve")
    spoken = f"Approve {request.id}: {terms.title(order)}"
    # Red is for what takes many servers down; to deny is safe.
    grave = order.action in (Action.OFF, Action.CYCLE) and request.plan.terms.confirm_count
    style = "danger" if grave else "primary"
    return blocks.Button(Do.APPROVE, request.id, style=style, confirm=dialog, spoken=spoken)


def _how(planned: plan.Plan) -> str:
    """Return what else an approval is given to: servers that aren't well, and the waves."""
    ill = naming.folded_literal(risk.ill_names(planned), DIALOG_ILL_CHARS)
    unwell = f". ⚠️ With alarms or poor health: {ill}" if ill else ""
    waves = f". {conduct.sizes(planned)}" if len(planned.waves) > 1 else ""
    return f"{unwell}{waves}." if unwell or waves else ""


def put_back_button(request: ports.Request) -> blocks.Button:
    """Return Put back, which asks once more: a server that isn't well gets its work back."""
    asked = "What is still out is put back at once, whatever the state of its servers."
    dialog = blocks.confirm(f"Put back {request.id}?", asked, "Put back")
    return blocks.Button(Do.PUT_BACK, request.id, confirm=dialog)


def stop_button(request: ports.Request) -> blocks.Button:
    """Return Stop, which asks once more."""
    asked = "No new call is sent after it. What was sent already can't be taken back."
    dialog = blocks.confirm(f"Stop {request.id}?", asked, "Stop")
    return blocks.Button(Do.STOP, request.id, style="danger", confirm=dialog)
