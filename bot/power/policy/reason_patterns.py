"""Whether a reason has what a rule wants, however its signs were typed."""

from __future__ import annotations

from bot.power.policy import patterns
from bot.power.text import typography


def has(pattern: str, reason: str, incident: str) -> bool:
    """Whether a rule's pattern is found in the reason or the incident.

    A ticket that was copied from a web page has hyphens of other kinds, and one from an East
    Asian keyboard wide digits: both are the ticket that they read as.
    """
    return patterns.found(pattern, reason, typography.plain(reason), incident)
