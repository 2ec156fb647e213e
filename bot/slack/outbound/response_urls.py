"""The newest response URL of each person: a way to them that needs no right of the bot's token.

Slack takes five messages through one, within half an hour ("Handling user interaction"). They are
kept in memory alone: whoever reads the record can't speak through them.
"""

from __future__ import annotations

import collections

from bot.power import ports

GOOD_S = 1700.0  # A little less than half an hour.
MOST_KEPT = 2000  # People.


class ResponseUrls:
    """Response URLs by user id, each with when it came (monotonic); the oldest give way."""

    def __init__(self, clock: ports.Clock) -> None:
        self._clock = clock
        self._kept: collections.OrderedDict[str, tuple[str, float]] = collections.OrderedDict()

    def keep(self, user_id: str, url: str) -> None:
        """Remember the URL of what somebody has just typed or pressed."""
        self._kept[user_id] = url, self._clock.monotonic()
        self._kept.move_to_end(user_id)
        if len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)

    def of(self, user_id: str) -> str:
        """Return a person's URL while it is good, else an empty text."""
        url, came_at = self._kept.get(user_id, ("", 0.0))
        return url if self._clock.monotonic() - came_at < GOOD_S else ""
