"""What people send through Slack, one frozen model for each kind; `type` tells them apart.

They are stored as JSON until they are processed. The other names are those that rows had before
there was a `type`, so that processes of both versions read each other's rows during an update.
"""

from __future__ import annotations

import enum
from typing import ClassVar, Literal

import pydantic


class Do(enum.StrEnum):
    """What a button asks for."""

    REQUEST = "request"
    APPROVE = "approve"
    DENY = "deny"
    CANCEL = "cancel"
    STOP = "stop"
    RETRY = "retry"  # Retry failed: what was never sent or failed, planned anew.
    UNDO = "undo"  # Switch on what a request has switched off.
    AGAIN = "again"  # Plan again, whole: for a plan or request that ran out.
    BACK_ON = "back_on"  # Switch on what a cycle has left off.
    DETAILS = "details"
    PAGE = "page"  # Another page of a long table.
    SHARE = "share"  # Show a private answer to the channel.
    NUDGE = "nudge"  # Call the missing approvers once more.
    COMMENT = "comment"  # Words for one's own decision.
    VERDICT = "verdict"  # The review of break glass.
    UNFREEZE = "unfreeze"
    PUT_BACK = "put_back"  # What steps have left out.
    NEW = "new_request"  # Open an empty form.
    CHANGE = "change"  # Open the form filled in with a plan.


class Form(enum.StrEnum):
    """Which form was sent."""

    CONFIRM_COUNT = "confirm_count"  # The number of servers, typed.
    DENY = "deny"
    COMMENT = "comment"
    VERDICT = "verdict"
    REQUEST = "request_form"
    REVIEW = "review"  # The plan in the request form's own window.


class Judgement(enum.StrEnum):
    """What a review of break glass finds."""

    JUSTIFIED = "justified"
    NOT_JUSTIFIED = "not_justified"


class Kind(enum.StrEnum):
    """The listener that took an input, as limits, logs and the audit name it."""

    COMMAND = "command"
    MENTION = "mention"
    BUTTON = "button"
    FORM = "form"
    SHORTCUT = "shortcut"
    STEP = "step"
    HOME = "home"
    UNKNOWN = "unknown"


class _Input(pydantic.BaseModel):
    """What every input has: `called` is what a line to copy begins with, empty for the default."""

    # A newer version's field must not keep an older process from reading the row.
    model_config = pydantic.ConfigDict(frozen=True, extra="ignore")

    kind: ClassVar[Kind]

    called: str = ""

    @property
    def name(self) -> str:
        """What the audit calls it."""
        return self.kind


class Typed(_Input):
    """A slash command; `length` is that of a text too long to be kept.

    `view` is the external id of the form that a bare command opens.
    """

    kind = Kind.COMMAND
    type: Literal["typed"] = "typed"
    text: str = ""
    length: int = 0  # Characters; 0 where the text is kept.
    trigger_id: str = ""
    view: str = ""


class Mentioned(_Input):
    """A message that mentions the bot; `edit_of` is the key of the one that it is an edit of."""

    kind = Kind.MENTION
    type: Literal["mentioned"] = "mentioned"
    text: str = ""
    length: int = 0
    message_ts: str = ""
    edit_of: str = ""


class Repeated(_Input):
    """Another page, or Share: the line that was typed, once more."""

    kind = Kind.COMMAND
    type: Literal["repeated"] = "repeated"
    do: Literal[Do.PAGE, Do.SHARE]
    page: int = 1  # From 1.
    text: str = ""
    ephemeral: bool = False
    trigger_id: str = ""

    @property
    def name(self) -> str:
        """What the audit calls it: its button."""
        return self.do


class Pressed(_Input):
    """A button of a card, a plan, a private message or the Home tab.

    `view` is the external id of the form that it opens at once, empty for most.
    """

    kind = Kind.BUTTON
    type: Literal["pressed"] = "pressed"
    do: Do
    request_id: str = ""
    message_ts: str = ""
    ephemeral: bool = False
    home: bool = False
    trigger_id: str = ""
    view: str = ""

    @property
    def name(self) -> str:
        """What the audit calls it: its button."""
        return self.do


class FormSent(_Input):
    """A form with one input, about one request; its kind of form says which input it has.

    That of a review has a `judgement` too, which forms of earlier versions hadn't.

    `ephemeral` is whether the answer takes the place of the plan under which it was opened.
    """

    kind = Kind.FORM
    type: Literal["form_sent"] = "form_sent"
    do: Literal[Form.CONFIRM_COUNT, Form.DENY, Form.COMMENT, Form.VERDICT, Form.REVIEW]
    request_id: str = ""
    count: str = ""  # As it was typed: it is compared, not reckoned with.
    reason: str = ""
    comment: str = ""
    judgement: Judgement | None = None
    view: str = ""
    ephemeral: bool = False

    @property
    def name(self) -> str:
        """What the audit calls it: its form."""
        return self.do


class RequestFilled(_Input):
    """The request form: its values by field, without the channel, which is the input's place.

    `lone` is whether the thread that it was opened from may have no replies, `replaces` the plan
    that it was filled in with.
    """

    kind = Kind.FORM
    type: Literal["request_filled"] = "request_filled"
    do: Literal[Form.REQUEST] = Form.REQUEST
    filled: dict[str, str] = pydantic.Field(default_factory=dict)
    chose_channel: bool = False  # Whether the form had a field for it.
    replaces: str = ""
    lone: bool = False
    view: str = ""

    @property
    def name(self) -> str:
        """What the audit calls it: its form."""
        return self.do


class StepBegun(_Input):
    """A step of a workflow; its inputs are those of the request form."""

    kind = Kind.STEP
    type: Literal["step_begun"] = "step_begun"
    filled: dict[str, str] = pydantic.Field(default_factory=dict)


class ShortcutUsed(_Input):
    """A shortcut; `words` are those of the message that it was used on, `more` if cut short."""

    kind = Kind.SHORTCUT
    type: Literal["shortcut_used"] = "shortcut_used"
    words: str = ""
    more: bool = False
    lone: bool = False
    trigger_id: str = ""
    view: str = ""


class HomeOpened(_Input):
    """The app's Home tab; `hash` is the version of what stands there."""

    kind = Kind.HOME
    type: Literal["home_opened"] = "home_opened"
    home: Literal[True] = True  # Tells these rows apart for a version that knows no `type`.
    hash: str = ""


class Unknown(_Input):
    """What another version stored and this one can't read: a button that it doesn't have."""

    kind = Kind.UNKNOWN
    type: Literal["unknown"] = "unknown"


# A line of words to obey, and a form with the fields of a request.
Line = Typed | Mentioned | Repeated
Filled = RequestFilled | StepBegun
Input = Line | Filled | Pressed | FormSent | ShortcutUsed | HomeOpened | Unknown
