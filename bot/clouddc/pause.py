"""After refused credentials nothing is sent for a while, so that the key isn't locked.

More than five wrong signatures in a row lock a key for five minutes, in which good requests are
refused as well (API gateway, error page); IAM does the like to a user who logs in wrongly.
"""

from __future__ import annotations

import structlog

from bot.power import errors, ports

log = structlog.get_logger()

PAUSE_S = 300.0
# How many calls may be under way together: all of them may be refused, and one more that asks
# again, before the sixth wrong signature would lock the key.
MOST_UNDER_WAY = 4
# Codes of the service itself: its 401 comes after the gateway has taken the credentials.
SERVICE_CODES = "iMetal."


class Pause:
    """Remembers a refusal of the credentials for five minutes."""

    def __init__(self, clock: ports.Clock) -> None:
        self._clock = clock
        self._refused: errors.Unauthorized | None = None
        self._until = 0.0

    @property
    def left_s(self) -> float:
        """Seconds until calls are let through again, 0 when they are now."""
        return max(0.0, self._until - self._clock.monotonic()) if self._refused else 0.0

    def check(self) -> None:
        """Let a call pass, or refuse it without sending anything.

        Raises:
            Unauthorized: the credentials were refused lately (KeyLocked: the key is locked).
        """
        left_s = self.left_s
        if self._refused is None or not left_s:
            self._refused = None
            return
        raise type(self._refused)(
            f"CloudDC has refused the credentials; nothing is sent for {left_s / 60:.0f} minutes "
            "so that the key isn't locked",
            code=self._refused.code,
            request_id=self._refused.request_id,
            retry_after_s=left_s,
        )

    def lift(self) -> None:
        """Let calls through again: there are other credentials."""
        self._refused = None

    def note(self, error: errors.CloudError) -> None:
        """Begin a pause if an answer says that the credentials are wrong."""
        if isinstance(error, errors.Unauthorized) and not error.code.startswith(SERVICE_CODES):
            self._refused = error
            self._until = self._clock.monotonic() + PAUSE_S
            log.error("clouddc.paused", code=error.code, cloud_request=error.request_id)
