"""How fast we may talk to Slack: edits of one card, edits in all, posts into one channel.

"Rate limits" in Slack's docs: chat.update is tier 3 (50 a minute and more, for the whole app),
chat.postMessage about one a second in a channel with short bursts.
"""

from __future__ import annotations

import collections
import dataclasses

from bot.power import ports

MINUTE_S = 60.0
# Edits in each minute that are reserved for end states.
KEPT_FOR_ENDS = 5
BURST = 3.0  # Posts that a quiet channel takes at once.
# How long nothing is sent after Slack gave no answer; each time in a row it is twice as long.
AWAY_FIRST_S = 2.0
AWAY_LONGEST_S = 30.0
# How long after its turn a post that had to wait goes first, in seconds.
PLACE_KEPT_S = 2.0
MOST_CARDS = 2000
MOST_CHANNELS = 1000


@dataclasses.dataclass
class _Bucket:
    """Posts that a channel may still take, as of `at`, and until when the more urgent wait."""

    posts: float
    at: float
    awaited: dict[ports.Urgency, float] = dataclasses.field(default_factory=dict)


class Pace:
    """Answers how long to wait, in seconds, before the next edit or post; 0 means now."""

    def __init__(
        self, pace_s: float = 3.0, updates_per_minute: int = 40, *, posts_per_s: float = 1.0
    ) -> None:
        """`pace_s` is the time between two edits of a card, `posts_per_s` what a channel takes."""
        self._pace_s = pace_s
        self._posts_per_s = posts_per_s
        self._away = 0
        self._most = max(1, updates_per_minute)
        self._edits: collections.deque[float] = collections.deque()
        self._edited_at: collections.OrderedDict[str, float] = collections.OrderedDict()
        self._channels: collections.OrderedDict[str, _Bucket] = collections.OrderedDict()
        self._blocked_until = 0.0

    def edit_wait_s(self, request_id: str, now: float, *, ended: bool) -> float:
        """Return how long a card's edit must wait; an end state waits for nobody's pace."""
        while self._edits and now - self._edits[0] >= MINUTE_S:
            self._edits.popleft()
        waits = [0.0, self._blocked_until - now]
        most = self._most if ended else max(1, self._most - KEPT_FOR_ENDS)
        if len(self._edits) >= most:
            # Then the oldest of so many is a minute old.
            waits.append(self._edits[-most] + MINUTE_S - now)
        last = self._edited_at.get(request_id)
        if last is not None and not ended:
            waits.append(last + self._pace_s - now)
        return max(waits)

    def edited(self, request_id: str, now: float) -> None:
        """Count an edit made at this moment against its pace."""
        self._edits.append(now)
        self.shown(request_id, now)

    def shown(self, request_id: str, now: float) -> None:
        """Note that a card shows something new, edited or posted."""
        self._edited_at[request_id] = now
        self._edited_at.move_to_end(request_id)
        if len(self._edited_at) > MOST_CARDS:
            self._edited_at.popitem(last=False)

    def post_wait_s(
        self, channel: str, now: float, urgency: ports.Urgency = ports.Urgency.REST
    ) -> float:
        """Return how long a post into this channel must wait; one that waits keeps its place.

        While a more urgent one waits, what is less urgent leaves a post for it.
        """
        bucket = self._bucket(channel, now)
        ahead = any(until > now for rank, until in bucket.awaited.items() if rank < urgency)
        missing = (2.0 if ahead else 1.0) - bucket.posts
        wait_s = max(0.0, missing / self._posts_per_s, self._blocked_until - now)
        if wait_s > 0:
            bucket.awaited[urgency] = now + wait_s + PLACE_KEPT_S
        return wait_s

    def posted(self, channel: str, now: float, urgency: ports.Urgency = ports.Urgency.REST) -> None:
        """Count a post made at this moment against its channel's pace."""
        bucket = self._bucket(channel, now)
        bucket.posts -= 1.0
        bucket.awaited.pop(urgency, None)

    def hold(self, until: float) -> None:
        """Note that Slack has asked for silence until then."""
        self._blocked_until = max(self._blocked_until, until)

    def no_answer(self, now: float) -> float:
        """Note that Slack can't be reached; return how long nobody may try.

        All that failed together count once.
        """
        if now >= self._blocked_until:
            self.hold(now + min(AWAY_FIRST_S * 2.0**self._away, AWAY_LONGEST_S))
            self._away += 1
        return self._blocked_until - now

    def answered(self) -> None:
        """Note that Slack has taken something."""
        self._away = 0

    def _bucket(self, channel: str, now: float) -> _Bucket:
        """Return a channel's bucket, filled up for the time that has passed."""
        bucket = self._channels.setdefault(channel, _Bucket(BURST, now))
        bucket.posts = min(BURST, bucket.posts + (now - bucket.at) * self._posts_per_s)
        bucket.at = now
        self._channels.move_to_end(channel)
        if len(self._channels) > MOST_CHANNELS:
            self._channels.popitem(last=False)
        return bucket
