"""The small forms: the count to type before a large request, and the reason of a denial.

A form's metadata is the request's id, alone.
"""

from __future__ import annotations

from bot.power import answers
from bot.slack import views, words
from bot.slack.action_ids import Field, Form

REASON_CHARS = 500
COUNT_CHARS = 6


def confirm_count(asked: answers.CountWanted) -> views.View:
    """Return the form that wants the number of servers typed."""
    question = f"{words.title(asked.action, asked.count)}? Type {asked.count} to request it."
    return _form(
        Form.CONFIRM_COUNT,
        asked.request_id,
        ("Confirm", "Request"),
        _input(Field.COUNT, question, COUNT_CHARS),
    )


def deny_reason(asked: answers.ReasonWanted) -> views.View:
    """Return the form that wants the reason of a denial."""
    question = f"Why is {asked.request_id} denied? The thread will show it."
    field = _input(Field.REASON, question, REASON_CHARS, multiline=True)
    return _form(Form.DENY, asked.request_id, ("Deny", "Deny"), field)


def comment(asked: answers.CommentWanted) -> views.View:
    """Return the form for words on one's own decision."""
    question = f"Your words on {asked.request_id}. The thread will show them."
    field = _input(Field.COMMENT, question, REASON_CHARS, multiline=True)
    return _form(Form.COMMENT, asked.request_id, ("Comment", "Comment"), field)


def verdict(asked: answers.VerdictWanted) -> views.View:
    """Return the form that closes the review of break glass."""
    question = f"Was it right to break the glass for {asked.request_id}? The thread will show it."
    field = _input(Field.COMMENT, question, REASON_CHARS, multiline=True)
    return _form(Form.VERDICT, asked.request_id, ("Review", "Close the review"), field)


def _form(
    form: Form, request_id: str, title_and_submit: tuple[str, str], field: views.View
) -> views.View:
    """Return a form with one input."""
    title, submit = title_and_submit
    return views.modal(
        title, [field], close="Go back", submit=submit, callback=form, metadata=request_id
    )


def _input(field: Field, question: str, longest: int, *, multiline: bool = False) -> views.View:
    """Return an input with its label."""
    element = views.text_input(longest, multiline=multiline)
    return views.field(field, question, {**element, "min_length": 1, "focus_on_load": True})
