"""The small forms: the count to type before a large request, and the reason of a denial.

A form's metadata is the request's id, alone.
"""

from __future__ import annotations

from bot.power.inputs import Form, Judgement
from bot.slack.action_ids import Field
from bot.slack.blockkit import views, words
from bot.workflow import answers

REASON_CHARS = 500  # As much as a typed reason may have.
COUNT_CHARS = 6  # Digits.


def confirm_count(asked: answers.CountWanted) -> views.View:
    """Return the form that wants the number of servers typed."""
    what = words.title(asked.action, asked.count)
    question = f"{what}? Type {asked.count} to request it."
    labels = ("Confirm", "Request")
    if asked.at_once:
        question = f"{what} without approval? Type {asked.count} to begin at once."
        labels = ("Break glass", words.at_once(asked.action))
    return _form(
        Form.CONFIRM_COUNT,
        asked.request_id,
        labels,
        _input(Field.COUNT, question, COUNT_CHARS),
    )


def deny_reason(asked: answers.ReasonWanted) -> views.View:
    """Return the form that wants the reason of a denial."""
    question = f"Why are you denying {asked.request_id}? Its card and thread will show this."
    field = _input(Field.REASON, question, REASON_CHARS, multiline=True, optional=not asked.needed)
    return _form(Form.DENY, asked.request_id, ("Deny", "Deny"), field)


def comment(asked: answers.CommentWanted) -> views.View:
    """Return the form for words on one's own decision."""
    question = f"Comment on {asked.request_id}. Its thread will show it."
    field = _input(Field.COMMENT, question, REASON_CHARS, multiline=True)
    return _form(Form.COMMENT, asked.request_id, ("Comment", "Comment"), field)


def verdict(asked: answers.VerdictWanted) -> views.View:
    """Return the form that closes the review of break glass."""
    options = [
        {"text": views.plain(words.JUDGEMENTS[one]), "value": one.value} for one in Judgement
    ]
    choice = {"type": "radio_buttons", "options": options}
    question = f"Was break glass justified for {asked.request_id}?"
    said = _input(
        Field.COMMENT, "Why? The card and thread will show this.", REASON_CHARS, multiline=True
    )
    return _form(
        Form.VERDICT,
        asked.request_id,
        ("Review", "Close the review"),
        views.field(Field.JUDGEMENT, question, choice),
        said,
    )


def _form(
    form: Form, request_id: str, title_and_submit: tuple[str, str], *fields: views.View
) -> views.View:
    """Return a form with its inputs."""
    title, submit = title_and_submit
    # Not "Cancel": on a card that takes the request back.
    return views.modal(
        title, fields, close="Go back", submit=submit, callback=form, metadata=request_id
    )


def _input(
    field: Field, question: str, longest: int, *, multiline: bool = False, optional: bool = False
) -> views.View:
    """Return an input with its label."""
    element = {**views.text_input(longest, multiline=multiline), "focus_on_load": True}
    # Slack itself holds an empty field back, and nothing is sent here.
    least = {} if optional else {"min_length": 1}
    return views.field(field, question, {**element, **least}, optional=optional)
