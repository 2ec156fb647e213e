"""The request's card: what, why, who, how far; and the buttons that its state allows.

Made from the stored record alone, so that the same record always gives the same card. What is
read first stands first: state, count and names, then what is unusual, then who is next.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from bot.power import lifecycle, plan, ports
from bot.power.lifecycle import State
from bot.slack import permalinks
from bot.slack.blockkit import blocks, naming
from bot.slack.render import buttons, card_people, headlines, plan_table, progress
from bot.slack.render.phrases import (
    about_freezes,
    about_plan,
    about_request,
    outcomes,
    server_health,
)

# Names that Details shows to one person; the card in the channel stays short.
DETAILS_CHARS = 1800
MOST_EARLIER = 5
EVENT_TYPE = "power_request"  # For programs ("Message metadata").
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
    # By now people of another company read its channel, too.
    if request.hushed and not private:
        return _hushed(request)
    held = freezes if request.state in HELD_BACK else ()
    first = blocks.header(headlines.header(request, servers, held))
    small = blocks.context(_small_print(request, private=private))
    row = _row(request, servers, private=private)
    below = [
        *_sections(card_people.lines(request, servers, called), _frozen(request, held)),
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
        return _with_table(message, body, request.plan) if private else _with(message, body)
    body = [first, *_sections(_after(request, servers)), *below]
    if private or request.state is not State.RUNNING:
        return _with(message, body)
    dark = outcomes.dark(servers, request.order.action)
    best = [
        first,
        *_sections(dark, about_request.why(request.plan)),
        progress.render(servers, request.order.action, stopping=bool(request.stopped_by)),
    ]
    return _with(message, [*best, *below], body)


def _with(
    message: blocks.Message, body: Sequence[blocks.Block], plainer: Sequence[blocks.Block] = ()
) -> blocks.Message:
    return dataclasses.replace(message, blocks=tuple(body), plainer=tuple(plainer))


def _with_table(
    message: blocks.Message, body: Sequence[blocks.Block], planned: plan.Plan
) -> blocks.Message:
    """Return a message with the whole plan, which is the news before a run.

    Slack takes tables in messages only since 2025, so there is the body alone, too.
    """
    table = plan_table.render(planned)
    if not table:
        return _with(message, body)
    steps = about_plan.explained(planned)
    small = [blocks.context(steps)] if steps else []
    return _with(message, [*body[:-1], *table, *small, body[-1]], body)


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
        f"{request.id}: nothing more about it will be posted here. Its requester will be told "
        "how it ends."
    )
    return blocks.Message(told, (blocks.section(told),), _metadata(request, private=False))


def linked(request: ports.Request, workspace_url: str) -> str:
    """Return a request's id, as a link to its card where there is one."""
    found = permalinks.card(request, workspace_url)
    return f"<{found}|{request.id}>" if found else request.id


# -- what it is about


def _before(request: ports.Request, names_limit: int, overlaps: Sequence[plan.Overlap]) -> str:
    """Return servers, reason and what is unusual, of a request whose servers are all untouched."""
    planned = request.plan
    found = [
        about_plan.servers(planned, names_limit),
        about_plan.set_aside(planned),
        about_request.why(request.plan),
    ]
    # What was wrong beforehand is in the way of how it ended.
    if request.state in lifecycle.OPEN:
        also = about_plan.overlaps(planned, overlaps)
        found += [also, *_unusual(planned), about_plan.lines(planned)]
    return _joined(found)


def _unusual(planned: plan.Plan) -> list[str]:
    """Return what an approver should know before all else of these servers."""
    return [
        *(about_request.earlier(one) for one in planned.earlier[:MOST_EARLIER]),
        server_health.lines(planned),
    ]


def _after(request: ports.Request, servers: Sequence[ports.RunServer]) -> str:
    """Return what became of the servers, or becomes of them, and what it was for."""
    action = request.order.action
    return _joined(
        [
            outcomes.dark(servers, action, headlines.NAMES_CHARS),
            outcomes.lines(servers, action),
            outcomes.unsure(servers, action),
            "" if request.state in outcomes.RUN_ENDS else about_request.why(request.plan),
        ]
    )


def _joined(lines: Sequence[str]) -> str:
    return "\n".join(line for line in lines if line)


def _frozen(request: ports.Request, freezes: Sequence[ports.Freeze]) -> str:
    """Return the freezes that hold a request back, and what that means for it."""
    return f"{about_freezes.lines(freezes)}\n{HELD_BACK[request.state]}" if freezes else ""


# -- small print and buttons


def _small_print(request: ports.Request, *, private: bool) -> str:
    """Return which request this is; details identify the plan as well."""
    told = about_request.small_print(request.order, request.id)
    return f"{told} · {about_request.proof(request.plan)}" if private else told


def _row(
    request: ports.Request, servers: Sequence[ports.RunServer], *, private: bool
) -> list[blocks.Block]:
    """Return the row of buttons, or nothing."""
    found = buttons.of_requester(request) if private else buttons.of_card(request, servers)
    return [blocks.button_row(found)] if found else []
