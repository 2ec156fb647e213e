"""What is read of an input whatever its kind is; what a kind hasn't is empty."""

from __future__ import annotations

from typing import assert_never

from bot.power.inputs import (
    Do,
    FormSent,
    HomeOpened,
    Input,
    Line,
    Mentioned,
    Pressed,
    Repeated,
    RequestFilled,
    ShortcutUsed,
    StepBegun,
    Typed,
    Unknown,
)


def request_id(given: Input) -> str:
    """Return the id of the request, or of the freeze, that an input is about, or an empty text."""
    match given:
        case Pressed() | FormSent():
            return given.request_id
        case Typed() | Mentioned() | Repeated() | RequestFilled() | StepBegun():
            return ""
        case ShortcutUsed() | HomeOpened() | Unknown():
            return ""
        case _:
            assert_never(given)


def trigger_id(given: Input) -> str:
    """Return what lets a form be opened for three seconds, or an empty text."""
    match given:
        case Typed() | Repeated() | Pressed() | ShortcutUsed():
            return given.trigger_id
        case Mentioned() | FormSent() | RequestFilled() | StepBegun() | HomeOpened() | Unknown():
            return ""
        case _:
            assert_never(given)


def view(given: Input) -> str:
    """Return the external id of the form that waits for the answer, or an empty text."""
    match given:
        case Typed() | Pressed() | FormSent() | RequestFilled() | ShortcutUsed():
            return given.view
        case Mentioned() | Repeated() | StepBegun() | HomeOpened() | Unknown():
            return ""
        case _:
            assert_never(given)


def text(given: Input) -> str:
    """Return the line of words that an input is, or an empty text."""
    return given.text if isinstance(given, Line) else ""


def is_shared(given: Input) -> bool:
    """Whether Share was pressed, so that a whole channel sees the answer."""
    return isinstance(given, Repeated) and given.do is Do.SHARE


def is_ephemeral(given: Input) -> bool:
    """Whether the button stands in a private message, whose place the answer may take."""
    match given:
        case Repeated() | Pressed() | FormSent():
            return given.ephemeral
        case Typed() | Mentioned() | RequestFilled() | StepBegun():
            return False
        case ShortcutUsed() | HomeOpened() | Unknown():
            return False
        case _:
            assert_never(given)


def is_alone(given: Input) -> bool:
    """Whether the thread of its place may have no replies, so that Slack shows nothing in it."""
    match given:
        case RequestFilled() | ShortcutUsed():
            # A message that was just pressed on may be the first of its thread.
            return given.lone
        case Typed() | Mentioned() | Repeated() | Pressed() | FormSent():
            return False
        case StepBegun() | HomeOpened() | Unknown():
            return False
        case _:
            assert_never(given)
