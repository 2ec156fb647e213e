"""Commands that arrive too late to act on: nothing is done, and their author is told.

A mention is announced again and again while nobody takes it ("Events API": retries), and what was
stored waits for as long as the bot is down. Buttons aren't judged here: what they say is held
against the state of their request.
"""

from __future__ import annotations

import dataclasses
import math

from bot.power import errors, inputs, ports
from bot.power.command import command

LATE_S = 300.0  # Slack announces a mention for the last time after five minutes.
MINUTE_S, HOUR_S = 60.0, 3600.0
# Each takes something back, so it is obeyed however long it lay here.
TAKES_BACK = (command.Stop, command.Cancel, command.Freeze)
# A line that would be cut where it is shown is not offered.
LONGEST_LINE = 380


@dataclasses.dataclass(frozen=True, slots=True)
class LateCommand:
    """How old the words are, in seconds, and the line to send again (or empty)."""

    age_s: float
    line: str

    @property
    def sentence(self) -> str:
        """The sentence for whoever wrote the words."""
        again = "Send it again if you still want it."
        return f"Powerbot read this {_ago(self.age_s)} after it was sent and did nothing. {again}"


def judge(inbound: ports.Inbound, now: float) -> LateCommand | None:
    """Return how late a payload's words are; None when they are fresh, or no words."""
    if not isinstance(inbound.input, inputs.Line):
        return None
    written = _written_at(inbound)
    text = inbound.input.text.strip()
    # By the later clock: one that was set back must not make old words fresh.
    age_s = max(now, inbound.at) - written
    # A stop that came in time and lay here is still wanted; one that came late isn't.
    if age_s <= LATE_S or (inbound.at - written <= LATE_S and _takes_back(text)):
        return None
    line = f"{inbound.called} {text}"
    return LateCommand(age_s, line if len(line) <= LONGEST_LINE else "")


def _written_at(inbound: ports.Inbound) -> float:
    """Return when the words were written: a message's ts is an instant, a command has none."""
    was = inbound.input
    try:
        written = float((was.message_ts if isinstance(was, inputs.Mentioned) else "") or inbound.at)
    except ValueError:
        return inbound.at
    return written if math.isfinite(written) else inbound.at


def _takes_back(text: str) -> bool:
    """Whether the words only stop, cancel or freeze."""
    try:
        return isinstance(command.parse(text), TAKES_BACK)
    except errors.UserMistake:
        return False


def _ago(seconds: float) -> str:
    """Return a time in words, in its largest unit."""
    for unit_s, noun in ((24 * HOUR_S, "day"), (HOUR_S, "hour"), (MINUTE_S, "minute")):
        if seconds >= unit_s:
            whole = int(seconds // unit_s)
            return f"{whole} {noun}{'' if whole == 1 else 's'}"
    return f"{int(seconds)} seconds"
