"""Durations as people write them, in settings, options and the policy alike: `500ms`, `1.5s`."""

from __future__ import annotations

import re

UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
# Digits are ASCII's own: what another script's look like is for its readers to judge.
WRITTEN = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)(ms|s|m|h)", re.IGNORECASE | re.ASCII)


def seconds(text: str) -> float | None:
    """Return how long a text says, in seconds; None for one that is no duration."""
    match = WRITTEN.fullmatch(text)
    return float(match[1]) * UNITS_S[match[2].lower()] if match else None
