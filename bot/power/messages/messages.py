"""The unions: everything that a request's thread or a person is told, and what channels are."""

from __future__ import annotations

from typing import Literal

from bot.power.messages import base, decisions, running

FreezeEvent = Literal["freeze.on", "freeze.changed", "freeze.off", "freeze.ended"]
# Of a freeze that stands: these are announced with a button that lifts it.
STANDS: tuple[FreezeEvent, ...] = ("freeze.on", "freeze.changed")
OVER: tuple[FreezeEvent, ...] = ("freeze.off", "freeze.ended")


class FreezeTurned(base.Message):
    """A freeze of `holder` was made, changed, lifted or has ended, `by` somebody or by itself."""

    event: FreezeEvent
    by: str = ""
    holder: str = ""
    reason: str = ""
    since: float = 0.0
    until: float = 0.0  # Epoch seconds, 0 for no end.


class Unknown(base.Message):
    """Something that a newer version has queued."""

    event: str = ""
    reason: str = ""


Message = (
    decisions.AnyWaiting
    | decisions.AnyClosed
    | decisions.AnyGlass
    | running.Held
    | running.AnyRunning
    | running.Ended
    | running.AnyLate
    | running.CardRefused
    | Unknown
)
News = FreezeTurned | Unknown
