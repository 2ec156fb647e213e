"""What the gateway refuses before it looks at the content: size and pace."""

from collections import deque

from bot.sandbox.data_centre.api import refusals
from bot.sandbox.data_centre.api.exchange import HttpRequest

# A power call with fifty ids has two kilobytes, a token header of IAM up to a hundred.
MAX_BODY_BYTES = 1024 * 1024
MAX_HEADER_BYTES = 128 * 1024
MAX_HEADERS = 100
MAX_TARGET_CHARS = 8192


def check_size(request: HttpRequest) -> None:
    """Refuse what no honest client sends.

    Raises:
        Refusal: 413 for the body, 414 for the address, 431 for the headers.
    """
    if len(request.body) > MAX_BODY_BYTES:
        raise refusals.too_large("request body")
    if len(request.target) > MAX_TARGET_CHARS:
        raise refusals.too_large("request address", 414)
    header_bytes = sum(len(name) + len(value) for name, value in request.headers)
    if header_bytes > MAX_HEADER_BYTES or len(request.headers) > MAX_HEADERS:
        raise refusals.too_large("request header", 431)


class Throttle:
    """At most so many requests within any one second; None means no limit.

    CloudDC documents no figure; other APIs of the vendor document 10 a second.
    """

    def __init__(self, per_second: int | None = None) -> None:
        self.per_second = per_second
        self._recent: deque[float] = deque()

    def check(self, now: float) -> None:
        """Count one request.

        Raises:
            Refusal: 429 APIGW.0308 when the second is full; a refused request does not count.
        """
        if self.per_second is None:
            return
        while self._recent and self._recent[0] <= now - 1.0:
            self._recent.popleft()
        if len(self._recent) >= self.per_second:
            raise refusals.gateway_throttled(self.per_second)
        self._recent.append(now)
