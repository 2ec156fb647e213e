"""The ids that buttons and forms carry: made by the builders, understood by the listeners.

A button's value and a form's metadata hold a request's id, nothing that must be trusted.
"""

from __future__ import annotations

import enum
import re

from bot.power import inputs

PREFIX = "pb:"
# What follows the dot only keeps the ids of one message apart ("Actions block": unique ids).
OURS = re.compile(r"^pb:[a-z_]+(\.[a-z0-9_]+)?$")
ANY = re.compile(r".*", re.DOTALL)  # What no listener takes, its person sees as an error.


class ShortcutId(enum.StrEnum):
    """The callback ids of the shortcuts that the manifest registers."""

    REQUEST = "power_request"
    FROM_MESSAGE = "power_from_message"


class Field(enum.StrEnum):
    """The inputs of the forms; block and element carry the same name."""

    COUNT = "count"
    REASON = "reason"
    COMMENT = "comment"
    JUDGEMENT = "judgement"


# The first eight words are part of the contract, to the letter.
LABELS: dict[inputs.Do, str] = {
    inputs.Do.REQUEST: "Request",
    inputs.Do.APPROVE: "Approve",
    inputs.Do.DENY: "Deny",
    inputs.Do.CANCEL: "Cancel",
    inputs.Do.STOP: "Stop",
    inputs.Do.RETRY: "Retry failed",
    inputs.Do.UNDO: "Undo",
    inputs.Do.AGAIN: "Ask again",
    inputs.Do.BACK_ON: "Power back on",
    inputs.Do.DETAILS: "Details",
    inputs.Do.NUDGE: "Nudge",
    inputs.Do.COMMENT: "Comment",
    inputs.Do.VERDICT: "Review",
    inputs.Do.UNFREEZE: "Unfreeze",
    inputs.Do.PUT_BACK: "Put back",
    inputs.Do.NEW: "New request",
    inputs.Do.CHANGE: "Change…",
}
FIELDS: dict[inputs.Form, Field] = {
    inputs.Form.CONFIRM_COUNT: Field.COUNT,
    inputs.Form.DENY: Field.REASON,
    inputs.Form.COMMENT: Field.COMMENT,
    inputs.Form.VERDICT: Field.COMMENT,
    inputs.Form.REVIEW: Field.COUNT,
}


def action_id(do: inputs.Do, apart: str = "") -> str:
    """Return the action id of a button."""
    return f"{PREFIX}{do.value}.{apart}" if apart else PREFIX + do.value


def read_action_id(action_id: str) -> inputs.Do | None:
    """Return what an action id asks for, or None when it is none of ours."""
    if not OURS.match(action_id):
        return None
    word = action_id.removeprefix(PREFIX).split(".")[0]
    # Old messages keep their buttons, and a newer version may have made others.
    return inputs.Do(word) if word in set(inputs.Do) else None


def callback_id(form: inputs.Form) -> str:
    """Return the callback id of a form."""
    return PREFIX + form.value


def read_callback_id(callback_id: str) -> inputs.Form | None:
    """Return which form a callback id names, or None when it is none of ours."""
    word = callback_id.removeprefix(PREFIX)
    ours = callback_id.startswith(PREFIX) and word in set(inputs.Form)
    return inputs.Form(word) if ours else None
