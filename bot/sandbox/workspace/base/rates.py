"""Rate limits by the clock: a bucket for each method, and for each channel where Slack says so."""

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bot.sandbox.workspace.base import limits

_BUCKETS: Final = 2000


@dataclass(slots=True)
class _Bucket:
    level: float
    at: float


class RateLimiter:
    """Counts calls; `factor` above 1 is more generous than Slack, below 1 stricter."""

    def __init__(self, clock: Callable[[], float], factor: float = 1.0) -> None:
        if factor <= 0:
            raise ValueError("the rate factor must be greater than 0")
        self._clock = clock
        self._factor = factor
        self._buckets: OrderedDict[tuple[str, str], _Bucket] = OrderedDict()

    def take(self, method: str, channel: str = "") -> int:
        """Take one call; the answer is 0, or the seconds to wait before the next."""
        rate = limits.METHOD_RATES.get(method)
        if rate is None:
            return 0
        burst = max(1.0, rate.burst * self._factor)
        per_s = rate.per_minute * self._factor / 60
        bucket = self._bucket((method, channel if rate.per_channel else ""), burst)
        now = self._clock()
        # A clock that was set back must not empty the bucket.
        bucket.level = min(burst, bucket.level + max(0.0, now - bucket.at) * per_s)
        bucket.at = now
        if bucket.level >= 1:
            bucket.level -= 1
            return 0
        return max(1, math.ceil((1 - bucket.level) / per_s))

    def _bucket(self, key: tuple[str, str], burst: float) -> _Bucket:
        bucket = self._buckets.setdefault(key, _Bucket(burst, self._clock()))
        self._buckets.move_to_end(key)
        if len(self._buckets) > _BUCKETS:
            self._buckets.popitem(last=False)
        return bucket
