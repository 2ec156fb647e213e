"""The record as people read it: open requests, past changes, and what was done to one server."""

from __future__ import annotations

from collections.abc import Sequence

from bot.power import ports, server_history
from bot.power.lifecycle import ServerState, State
from bot.power.request import Action
from bot.power.run import retry_and_undo
from bot.power.text import times
from bot.slack.blockkit import blocks, naming, paging, text, words
from bot.slack.render import cards, server_lists
from bot.slack.render.phrases import about_freezes, about_request, outcomes
from bot.workflow import answers

# Rows with a date, a link and names that stay below Slack's size of a message.
REQUEST_ROWS = 25
DEED_ROWS = 15  # They are longer.
NAMES_CHARS = 60  # A row has about two lines on a phone.
REASON_CHARS = 60
WHY_CHARS = 150


def requests(
    shown: answers.RequestsShown, turn: paging.Turn = paging.FIRST, workspace_url: str = ""
) -> blocks.Message:
    """Return open requests, what waits for the asker first."""
    waiting, others = shown.waiting_for_me, shown.others
    if not waiting and not others:
        nothing = (*about_freezes.section(shown.freezes), blocks.section("No request is open."))
        return blocks.Message("No request is open.", nothing)
    found = text.count(len(waiting) + len(others), "open request")
    yours = f", {len(waiting)} waiting for you" if waiting else ""
    heading = f"*{found}{yours}*"
    rows = [f"👉 {_open(one, workspace_url)}" for one in waiting]
    rows += [_open(one, workspace_url) for one in others]
    standing = about_freezes.section(shown.freezes)
    body = (*standing, blocks.section(heading), *paging.body(rows, turn, REQUEST_ROWS))
    return blocks.Message("\n".join([heading, *rows[:3]]), body)


def _open(found: ports.Request, workspace_url: str) -> str:
    """Return an open request, or one that owes a review, in one line."""
    # What has ended is listed for its review alone.
    if found.review is not None and found.ended_at:
        due = text.moment(found.review.due_at)
        return f"{_about(found, workspace_url)} · break glass, to be reviewed by {due}"
    until = f"until {text.moment(found.expires_at)}" if found.expires_at else ""
    waits = about_request.quorum(found) if found.state is State.PENDING else ""
    parts = [_about(found, workspace_url), waits, until if waits else ""]
    return " · ".join(part for part in parts if part)


def _about(found: ports.Request, workspace_url: str) -> str:
    """Return what a request is: sign, id, state, what it asks for, by whom."""
    order = found.order
    names = naming.folded(naming.target_names(order), NAMES_CHARS)
    who = text.mention(order.requester.user_id)
    sign = words.sign(found)
    link = cards.linked(found, workspace_url)
    return f"{sign} {link} {found.told_as}: {about_request.title(order)} ({names}) by {who}"


def history(
    shown: answers.HistoryShown, turn: paging.Turn = paging.FIRST, workspace_url: str = ""
) -> blocks.Message:
    """Return past changes, newest first."""
    title = text.plain(shown.title, 200)
    heading = f"*{title}:* {text.count(len(shown.requests), 'past change')}"
    if not shown.requests:
        heading = f"*{title}*\nNo changes are known."
    heading += f"\n{server_lists.outdated(shown.outdated)}" if shown.outdated else ""
    rows = [_past(one, shown.loose.get(one.id, ()), workspace_url) for one in shown.requests]
    body = [blocks.section(heading), *paging.body(rows, turn, REQUEST_ROWS)]
    if shown.more:
        body.append(blocks.context(f"Looked through the newest {shown.looked_at} requests only"))
    return blocks.Message("\n".join([heading, *rows[:3]]), tuple(body))


def _past(found: ports.Request, loose: Sequence[ports.RunServer], workspace_url: str) -> str:
    """Return one past change in one line; `loose` are its servers that aren't proven."""
    agreed = [one.person.user_id for one in found.approvals]
    parts = [
        text.moment(found.ended_at or found.changed_at),
        _about(found, workspace_url),
        outcomes.loose_ends(loose, found.order.action),
        f"approved by {text.mentions(agreed, 3)}" if agreed else "",
        text.plain(about_request.reason(found.plan), REASON_CHARS),
    ]
    return " · ".join(part for part in parts if part)


def why(
    shown: answers.WhyShown, turn: paging.Turn = paging.FIRST, workspace_url: str = ""
) -> blocks.Message:
    """Return a server as it is, and who did what to it, newest first."""
    now = f"*{_seen(shown)}:* {server_lists.row(shown.row, shown.snapshot)}"
    now += f"\n{server_lists.outdated(shown.outdated)}" if shown.outdated else ""
    known = [
        f"id {text.plain(shown.row.id, 60)}",
        server_lists.age(shown.snapshot, shown.now),
        "from the audit log",
    ]
    rows = [_deed(one, workspace_url) for one in shown.told]
    nothing = "Powerbot has changed nothing about it."
    body = (
        blocks.section(now if rows else f"{now}\n{nothing}"),
        *paging.body(rows, turn, DEED_ROWS),
        blocks.context(" · ".join(known)),
    )
    return blocks.Message("\n".join([now, *(rows[:2] or [nothing])]), body)


def _seen(shown: answers.WhyShown) -> str:
    """Return when the server was as it is shown."""
    if not shown.outdated:
        return "Now"
    return f"{times.duration(shown.outdated.age_s)} ago"


def _deed(one: server_history.Deed, workspace_url: str) -> str:
    """Return what one request did to the server: what, when, who, with whose approval, why."""
    found, order = one.request, one.request.order
    agreed = ", ".join(
        f"{text.mention(yes.user_id)} ({text.plain(yes.group, 40)})" for yes in one.approvals[:10]
    )
    approved = f"approved by {agreed}" if agreed else "approved by nobody"
    if one.break_glass and not agreed:
        approved = "🔨 break glass, without asking anybody first"
    parts = [
        f"{_fate(one)} by {cards.linked(found, workspace_url)}",
        text.moment(one.at),
        f"asked by {text.mention(one.asked_by)}",
        approved,
        text.plain(order.options.incident, 40),
        text.plain(about_request.reason(found.plan), WHY_CHARS),
        # By these numbers the export has the rows.
        f"audit #{one.first} to #{one.last}" if one.last else "",
    ]
    return " · ".join(part for part in parts if part)


def _fate(one: server_history.Deed) -> str:
    """Return what became of the server, in the action's words."""
    action: Action = one.request.order.action
    if one.fate is ServerState.PROVEN:
        return f"*{words.DONE[action].capitalize()}*"
    # A request that never ran, or hasn't yet, has done nothing to the server.
    fate = one.fate.value if one.fate else one.request.told_as
    if one.row is not None and one.fate:
        fate = words.long_word(one.row.state, action)
    return f"*{words.VERBS[action].capitalize()}: {fate}*{_since(one)}"


def _since(one: server_history.Deed) -> str:
    """Return how the server was left, and what was seen of it later; mostly empty."""
    # Before its end nobody can say how it is left.
    if one.row is None or retry_and_undo.moving(one.row):
        return ""
    action: Action = one.request.order.action
    left = retry_and_undo.left(action, one.row)
    parts = [f"🚨 *{words.LEFT[left]}*" if left else "", words.late(one.row.late, action)]
    return "".join(f" · {part}" for part in parts if part)
