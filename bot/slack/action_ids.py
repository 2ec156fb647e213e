"""The ids that buttons and forms carry: made by the builders, understood by the listeners.

A button's value and a form's metadata hold a request's id, nothing that must be trusted.
"""

from __future__ import annotations

import enum
import re

PREFIX = "pb:"
# What follows the dot only keeps the ids of one message apart ("Actions block": unique ids).
OURS = re.compile(r"^pb:[a-z_]+(\.[a-z0-9_]+)?$")
ANY = re.compile(r".*", re.DOTALL)


class Do(enum.StrEnum):
    """What a button asks for."""

    REQUEST = "request"
    APPROVE = "approve"
    DENY = "deny"
    CANCEL = "cancel"
    STOP = "stop"
    RETRY = "retry"
    UNDO = "undo"
    AGAIN = "again"
    BACK_ON = "back_on"
    DETAILS = "details"
    PAGE = "page"
    SHARE = "share"
    NUDGE = "nudge"
    COMMENT = "comment"
    VERDICT = "verdict"
    UNFREEZE = "unfreeze"


class Form(enum.StrEnum):
    """Which form was filled in; the value is its callback id without the prefix."""

    CONFIRM_COUNT = "confirm_count"
    DENY = "deny"
    COMMENT = "comment"
    VERDICT = "verdict"
    REQUEST = "request_form"
    REVIEW = "review"


class Shortcut(enum.StrEnum):
    """The callback ids of the shortcuts that the manifest registers."""

    REQUEST = "power_request"
    FROM_MESSAGE = "power_from_message"


class Field(enum.StrEnum):
    """The inputs of the forms; block and element carry the same name."""

    COUNT = "count"
    REASON = "reason"
    COMMENT = "comment"


# The first eight words are part of the contract, to the letter.
LABELS: dict[Do, str] = {
    Do.REQUEST: "Request",
    Do.APPROVE: "Approve",
    Do.DENY: "Deny",
    Do.CANCEL: "Cancel",
    Do.STOP: "Stop",
    Do.RETRY: "Retry failed",
    Do.UNDO: "Undo",
    Do.AGAIN: "Ask again",
    Do.BACK_ON: "Power back on",
    Do.DETAILS: "Details",
    Do.NUDGE: "Nudge",
    Do.COMMENT: "Comment",
    Do.VERDICT: "Review",
    Do.UNFREEZE: "Unfreeze",
}
FIELDS: dict[Form, Field] = {
    Form.CONFIRM_COUNT: Field.COUNT,
    Form.DENY: Field.REASON,
    Form.COMMENT: Field.COMMENT,
    Form.VERDICT: Field.COMMENT,
    Form.REVIEW: Field.COUNT,
}


def action_id(do: Do, apart: str = "") -> str:
    """Return the action id of a button."""
    return f"{PREFIX}{do.value}.{apart}" if apart else PREFIX + do.value


def read_action_id(action_id: str) -> Do | None:
    """Return what an action id asks for, or None when it is none of ours."""
    if not OURS.match(action_id):
        return None
    word = action_id.removeprefix(PREFIX).split(".")[0]
    return Do(word) if word in set(Do) else None


def callback_id(form: Form) -> str:
    """Return the callback id of a form."""
    return PREFIX + form.value


def read_callback_id(callback_id: str) -> Form | None:
    """Return which form a callback id names, or None when it is none of ours."""
    word = callback_id.removeprefix(PREFIX)
    ours = callback_id.startswith(PREFIX) and word in set(Form)
    return Form(word) if ours else None
