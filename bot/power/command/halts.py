"""A no: Stop, Cancel, Deny and freeze. It never waits for a look-up in Slack.

A yes lets something happen and is given by those alone who are entitled at that moment; a no only
keeps something from happening, so whoever is known from before is taken at their word.
"""

from __future__ import annotations

import dataclasses
import enum
import re
from typing import assert_never

from bot.power import errors, inputs, ports
from bot.power.command import command, command_line
from bot.power.text import typography

# Someone who was seen as a full member this long ago, or later, is known; in seconds.
KNOWN_FOR_S = 86400.0
# How long somebody unknown is looked up, in seconds; meanwhile no new call is sent.
LOOK_UP_S = 60.0
# What was done to a request by whoever counts as having acted on it.
ACTS = (
    "request.planned",
    "request.pending",
    "request.break_glass",
    "approval.given",
    "request.commented",
    "request.nudged",
    "request.stop_asked",
    "review.closed",
)
_TYPED = re.compile(r"\b(stop|cancel|freeze)\b", re.IGNORECASE)
# The verb is among the first few words of a line; nobody looks for one after them.
_NEAR_CHARS = 80
# Behind the colleagues who are spoken to, in the first so many characters.
_MOST_GREETED = 2000


class Halt(enum.StrEnum):
    """What somebody wants to keep from happening; the value is the word that people read."""

    STOP = "stop"
    CANCEL = "cancel"
    DENY = "deny"
    FREEZE = "freeze"


# The buttons that are a no of their own.
BUTTONS = {inputs.Do.STOP: Halt.STOP, inputs.Do.CANCEL: Halt.CANCEL, inputs.Do.DENY: Halt.DENY}


class Known(enum.StrEnum):
    """Why nobody has to be asked who this is; the value is the word in the audit."""

    # Known by the record alone.
    REQUESTER = "the requester"
    ACTED = "has acted on this request"
    NAMED = "named in the policy by user id"
    SEEN = "seen as a full member within 24 h"
    LOOKED_UP = "looked up now"
    NOT_ANSWERED = "not looked up: Slack gave no answer for 60 s"


@dataclasses.dataclass(frozen=True, slots=True)
class Said:
    """A no that somebody has said; `request_id` is empty for a freeze, which is for all."""

    no: Halt
    request_id: str = ""


def of(inbound: ports.Inbound) -> Said | None:
    """Return the no that a payload is, by whichever door it came, or None."""
    match inbound.input:
        case inputs.Typed() | inputs.Mentioned() | inputs.Repeated() as line:
            return _typed(line.text)
        case inputs.Pressed(request_id=id_) as pressed:
            return Said(BUTTONS[pressed.do], id_) if pressed.do in BUTTONS and id_ else None
        case inputs.FormSent(do=inputs.Form.DENY, request_id=id_):
            return Said(Halt.DENY, id_) if id_ else None
        case inputs.FormSent() | inputs.RequestFilled() | inputs.StepBegun():
            return None
        case inputs.ShortcutUsed() | inputs.HomeOpened() | inputs.Unknown():
            return None
        case _:
            assert_never(inbound.input)


def is_known(seen: ports.Seen | None, now: float) -> bool:
    """Whether what Slack last said lets a person say no; an old word lets nobody in."""
    # In absolute terms: a clock that was set back doesn't make an old word new.
    return seen is not None and seen.full and abs(now - seen.at) < KNOWN_FOR_S


def is_known_not_full(seen: ports.Seen | None, now: float) -> bool:
    """Whether Slack said within that time that somebody is no full, active member."""
    return seen is not None and not seen.full and abs(now - seen.at) < KNOWN_FOR_S


def _typed(text: str) -> Said | None:
    """Return the no that was typed, or None."""
    head = command_line.without_colleagues(text[:_MOST_GREETED]).lstrip()[:_NEAR_CHARS]
    # As the parser reads it: phones and other keyboards write the same letters in other widths.
    plain = head if head.isascii() else typography.plain(head)
    # A quick look first: parsing every line once more for each who asks would cost each command.
    if not _TYPED.search(plain):
        return None
    try:
        said = command.parse(text)
    # A no with a mistake in it is answered as a mistake; it holds nothing.
    except errors.UserMistake:
        return None
    match said:
        case command.Stop():
            return Said(Halt.STOP, said.request_id)
        case command.Cancel():
            return Said(Halt.CANCEL, said.request_id)
        case command.Freeze():
            return Said(Halt.FREEZE)
        case _:
            return None
