"""Private answers that are neither plan nor form: mistakes, notes, lists, help."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from bot.power import answers as facts, ports
from bot.slack import actions, blocks, cards, fleet, naming, plans, terms, text, words

WORDS_CHARS = 600
LONGEST_CHARS = 11_000
MOST_ROWS = 20

Said = (
    facts.Mistake
    | facts.Note
    | facts.PlanShown
    | facts.FleetShown
    | facts.RequestShown
    | facts.RequestsShown
    | facts.HistoryShown
    | facts.HelpShown
)


def render(answer: Said, *, page: int = 1, line: str = "") -> blocks.Message:
    """Return an answer as a message; `page` and `line` are those of a list of servers."""
    match answer:
        case facts.Mistake():
            return _paragraphs(_mistake(answer))
        case facts.Note():
            return _noted(answer)
        case facts.PlanShown():
            return plans.render(answer)
        case facts.FleetShown():
            return fleet.render(answer, page=page, line=line)
        case facts.RequestShown():
            return cards.render(answer.request, answer.servers, private=True)
        case facts.RequestsShown():
            return _paragraphs(_requests(answer))
        case facts.HistoryShown():
            return _paragraphs(_history(answer))
        case facts.HelpShown():
            return _help(answer)
        case _:
            assert_never(answer)


def _paragraphs(told: str) -> blocks.Message:
    """Return a message of one text; whole lines are left out where it grows too long."""
    lines = told.split("\n")
    shown = text.fitting(lines, LONGEST_CHARS)
    return blocks.Message(shown, tuple(blocks.paragraphs(shown)))


def _mistake(mistake: facts.Mistake) -> str:
    """Return the token, what is wrong with it, and a line to copy."""
    token = text.code(mistake.token, 100)
    problem = text.plain(mistake.problem, WORDS_CHARS)
    first = f"{token}: {problem}" if token else problem
    if not mistake.suggestion:
        return first
    return f"{first}\nTry: {text.code(mistake.suggestion, 400)}"


def _note(note: facts.Note) -> str:
    """Return a note; one that refuses says so with a sign as well."""
    told = text.named(text.plain(note.text, WORDS_CHARS), note.people)
    return told if note.good else f"🚫 {told}"


def _noted(note: facts.Note) -> blocks.Message:
    """Return a note, with the button for what may follow it."""
    message = _paragraphs(_note(note))
    offers = {actions.Do.COMMENT: note.comment_on, actions.Do.NUDGE: note.nudge_for}
    buttons = [blocks.Button(do, request_id) for do, request_id in offers.items() if request_id]
    if not buttons:
        return message
    return blocks.Message(message.text, (*message.blocks, blocks.button_row(buttons)))


def _requests(shown: facts.RequestsShown) -> str:
    """Return open requests, what waits for the asker first."""
    if not shown.waiting_for_me and not shown.others:
        return "No request is open."
    parts = []
    if shown.waiting_for_me:
        parts.append("*Waiting for you:*\n" + _request_lines(shown.waiting_for_me))
    if shown.others:
        parts.append("*Other open requests:*\n" + _request_lines(shown.others))
    return "\n".join(parts)


def _request_lines(requests: Sequence[ports.Request]) -> str:
    """Return one line for each request, and how many more there are."""
    lines = [_request_line(found) for found in requests[:MOST_ROWS]]
    more = len(requests) - MOST_ROWS
    return "\n".join([*lines, f"and {more} more"] if more > 0 else lines)


def _request_line(found: ports.Request) -> str:
    """Return a request in one line."""
    order = found.order
    names = naming.folded(naming.target_names(order), 120)
    who = text.mention(order.requester.user_id)
    sign = words.SIGNS[found.state]
    return f"{sign} {found.id} {found.state.value}: {terms.title(order)} ({names}) by {who}"


def _history(shown: facts.HistoryShown) -> str:
    """Return past changes, newest first."""
    title = f"*{text.plain(shown.title, 200)}*"
    if not shown.rows:
        return f"{title}\nNo change is known."
    lines = [_history_line(row) for row in shown.rows[:MOST_ROWS]]
    more = len(shown.rows) - MOST_ROWS
    return "\n".join([title, *lines, *([f"and {more} more"] if more > 0 else [])])


def _history_line(row: facts.HistoryRow) -> str:
    """Return one past change in one line."""
    parts = [
        text.moment(row.at),
        text.plain(row.request_id, 20),
        f"{text.plain(row.action, 20)}: {text.plain(row.outcome, 100)}",
        f"by {text.mention(row.requester)}",
        f"approved by {text.mentions(row.approvers, 5)}" if row.approvers else "",
        text.plain(row.reason, 150),
    ]
    return " · ".join(part for part in parts if part)


def _help(shown: facts.HelpShown) -> blocks.Message:
    """Return help; its words are ours, so only the three characters are escaped."""
    return _paragraphs(text.escape(shown.text))
