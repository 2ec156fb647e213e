"""Private answers that are neither plan nor form: mistakes, notes, lists, help."""

from __future__ import annotations

import dataclasses
from typing import assert_never

from bot.power import errors, inputs
from bot.slack.blockkit import blocks, paging, text
from bot.slack.render import cards, plans, request_lists, server_lists
from bot.slack.render.phrases import about_freezes, about_steps, outcomes
from bot.workflow import answers

WORDS_CHARS = 600  # Of one sentence with foreign words in it.
LONGEST_CHARS = 11_000  # Below `blocks.MESSAGE_CHARS`.

Said = (
    answers.Mistake
    | answers.Note
    | answers.PlanShown
    | answers.FleetShown
    | answers.RequestShown
    | answers.RequestsShown
    | answers.OwedShown
    | answers.HistoryShown
    | answers.WhyShown
    | answers.HelpShown
)


def render(  # noqa: C901 -- one line for each answer
    answer: Said, turn: paging.Turn = paging.FIRST, workspace_url: str = ""
) -> blocks.Message:
    """Return an answer as a message; `turn` says which page of a long one, and for whom."""
    match answer:
        case answers.Mistake():
            return _paragraphs(_mistake(answer))
        case answers.Note():
            return _noted(answer)
        case answers.PlanShown():
            return plans.render(answer)
        case answers.FleetShown():
            return server_lists.render(answer, turn)
        case answers.RequestShown():
            return _one(answer, turn)
        case answers.RequestsShown():
            return request_lists.requests(answer, turn, workspace_url)
        case answers.OwedShown():
            return about_steps.owed(answer, turn)
        case answers.HistoryShown():
            return request_lists.history(answer, turn, workspace_url)
        case answers.WhyShown():
            return request_lists.why(answer, turn, workspace_url)
        case answers.HelpShown():
            return _help(answer)
        case _:
            assert_never(answer)


def servers_in(answer: Said) -> int:
    """Return of how many servers an answer shows the names: a plan may have thousands."""
    match answer:
        case answers.PlanShown():
            return len(answer.plan.lines)
        case answers.FleetShown():
            return len(answer.servers)
        case answers.RequestShown():
            return len(answer.request.plan.lines)
        case _:
            return 0


def _one(shown: answers.RequestShown, turn: paging.Turn) -> blocks.Message:
    """Return one request as its card tells it, with Share instead of the card's buttons."""
    card = cards.render(shown.request, shown.servers, private=True, freezes=shown.freezes)
    # Whatever led here, `show` is what its pages are asked for by.
    asked = dataclasses.replace(turn, line=f"show {shown.request.id}")
    rows = outcomes.rows(shown.servers, shown.request.order.action)
    # Behind the servers, so that no page of them moves.
    rows += about_steps.lines(shown.request.taken_out)
    below = paging.body(rows, asked, server_lists.PAGE_ROWS)
    plainer = (*card.plainer, *below) if card.plainer else ()
    return dataclasses.replace(card, blocks=(*card.blocks, *below), plainer=plainer)


def _paragraphs(told: str) -> blocks.Message:
    """Return a message of one text; whole lines are left out where it grows too long."""
    lines = told.split("\n")
    shown = text.fitting(lines, LONGEST_CHARS)
    return blocks.Message(shown, tuple(blocks.paragraphs(shown)))


def _mistake(mistake: answers.Mistake) -> str:
    """Return the token, once, what is wrong with it, and a line to copy."""
    token = text.code(errors.lead(mistake.token, mistake.problem), 100)
    problem = text.plain(mistake.problem, WORDS_CHARS)
    first = f"{token}: {problem}" if token else problem
    if not mistake.suggestion:
        return first
    return f"{first}\nTry: {text.code(mistake.suggestion, 400)}"


def _note(note: answers.Note) -> str:
    """Return a note; one that refuses says so with a sign as well."""
    told = about_freezes.spoken(note.text, note.people, WORDS_CHARS)
    return told if note.good else f"🚫 {told}"


def _noted(note: answers.Note) -> blocks.Message:
    """Return a note, with the button for what may follow it."""
    message = _paragraphs(_note(note))
    offers = {inputs.Do.COMMENT: note.comment_on, inputs.Do.NUDGE: note.nudge_for}
    buttons = [blocks.Button(do, request_id) for do, request_id in offers.items() if request_id]
    # A plan that has expired is made anew: its servers have moved on.
    if note.plan_again:
        buttons.append(blocks.Button(inputs.Do.AGAIN, note.plan_again, label="Plan again"))
    if not buttons:
        return message
    return blocks.Message(message.text, (*message.blocks, blocks.button_row(buttons)))


def _help(shown: answers.HelpShown) -> blocks.Message:
    """Return help; its words are ours, so only the three characters are escaped."""
    message = _paragraphs(text.escape(shown.text))
    form = blocks.Button(inputs.Do.NEW, "form", label="Open the form")
    return dataclasses.replace(message, blocks=(*message.blocks, blocks.button_row([form])))
