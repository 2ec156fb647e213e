"""The small forms: the count to type before a large request, and the reason of a denial.

Sizes are those of "Views" in Slack's docs. A form's metadata is the request's id, alone.
"""

from __future__ import annotations

from typing import Any

from bot.power import answers
from bot.slack import actions, text, words
from bot.slack.actions import Field, Form

REASON_CHARS = 500
COUNT_CHARS = 6


def confirm_count(asked: answers.CountWanted) -> dict[str, Any]:
    """Return the form that wants the number of servers typed."""
    question = f"{words.title(asked.action, asked.count)}? Type {asked.count} to request it."
    return _form(
        Form.CONFIRM_COUNT,
        asked.request_id,
        ("Confirm", "Request"),
        _input(Field.COUNT, question, COUNT_CHARS),
    )


def deny_reason(asked: answers.ReasonWanted) -> dict[str, Any]:
    """Return the form that wants the reason of a denial."""
    question = f"Why is {asked.request_id} denied? The thread will show it."
    field = _input(Field.REASON, question, REASON_CHARS, multiline=True)
    return _form(Form.DENY, asked.request_id, ("Deny", "Deny"), field)


def _form(
    form: Form, request_id: str, title_and_submit: tuple[str, str], field: dict[str, Any]
) -> dict[str, Any]:
    """Return a form with one input."""
    title, submit = title_and_submit
    return {
        "type": "modal",
        "callback_id": actions.callback_id(form),
        "private_metadata": request_id,
        "title": _plain(title),
        "submit": _plain(submit),
        "close": _plain("Go back"),
        "blocks": [field],
    }


def _input(field: Field, question: str, longest: int, *, multiline: bool = False) -> dict[str, Any]:
    """Return an input with its label."""
    element = {
        "type": "plain_text_input",
        "action_id": field.value,
        "multiline": multiline,
        "min_length": 1,
        "max_length": longest,
        "focus_on_load": True,
    }
    return {
        "type": "input",
        "block_id": field.value,
        "label": _plain(text.cut(question, 2000)),
        "element": element,
    }


def _plain(shown: str) -> dict[str, Any]:
    """Return a plain_text object."""
    return {"type": "plain_text", "text": shown}
