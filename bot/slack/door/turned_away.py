"""What is turned away before anybody's words are read: always counted, logged now and then.

Whoever can reach the address can send what he likes. Each check has one line a minute at most, so
that a flood fills no disk, and says how many there were since the line before.
"""

from __future__ import annotations

import collections
import enum
import logging
import time
from collections.abc import Callable

import structlog

log = structlog.get_logger()

SAY_EVERY_S = 60.0  # In seconds.
# Different things that one library's logger may be heard about.
MOST_KINDS = 50


class Check(enum.StrEnum):
    """What something failed at; the words stand in the log and in the metrics."""

    TIMESTAMP_MISSING = "timestamp_missing"
    TIMESTAMP_UNREADABLE = "timestamp_unreadable"
    TIMESTAMP_OLD = "timestamp_old"
    TIMESTAMP_AHEAD = "timestamp_ahead"
    SIGNATURE_MISSING = "signature_missing"
    SIGNATURE_DIFFERS = "signature_differs"
    HEADER_TWICE = "header_twice"  # Nobody could say which one counts.
    BODY_UNREADABLE = "body_unreadable"
    BODY_LARGE = "body_large"
    BODY_SLOW = "body_slow"
    HEAD_SLOW = "head_slow"
    HTTP_MALFORMED = "http_malformed"
    CROWDED = "crowded"  # There was no room for its connection.
    NO_DESCRIPTORS = "no_descriptors"
    PATH_UNKNOWN = "path_unknown"
    METHOD_WRONG = "method_wrong"
    FRAME_UNREADABLE = "frame_unreadable"  # Through a socket, not over HTTP.
    PAYLOAD_FAILED = "payload_failed"  # It was signed, and Bolt failed on it.
    APP_DIFFERS = "app_differs"
    TOO_MUCH = "too_much"  # One person has sent more than is admitted.


class TurnedAway:
    """The counts of one process."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        """`monotonic` tells when a minute is over."""
        self.counts: collections.Counter[Check] = collections.Counter()
        self._monotonic = monotonic
        self._said: dict[Check, tuple[float, int]] = {}

    def note(self, check: Check, **facts: str | int) -> None:
        """Count one; `facts` are bounded and none of the sender's words."""
        self.counts[check] += 1
        now = self._monotonic()
        said_at, said = self._said.get(check, (float("-inf"), 0))
        if now - said_at >= SAY_EVERY_S:
            count = self.counts[check]
            self._said[check] = (now, count)
            log.warning("door.refused", check=check.value, count=count - said, **facts)


class OneLine(logging.Filter):
    """Makes of a library's tracebacks one line of a kind a minute; nothing else is printed."""

    def __init__(
        self,
        turned_away: TurnedAway,
        checks: tuple[tuple[type[BaseException], Check], ...],
        event: str,
    ) -> None:
        """`checks` says which errors are the sender's; others are ours, and logged as `event`."""
        super().__init__()
        self._turned_away = turned_away
        self._checks = checks
        self._event = event
        self._said: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Say it in our own way, and keep the record from every handler."""
        error = record.exc_info[1] if record.exc_info else None
        check = next((one for kind, one in self._checks if isinstance(error, kind)), None)
        if check is not None:
            self._turned_away.note(check)
        elif record.levelno >= logging.WARNING:
            self._say(record, error)
        return False

    def _say(self, record: logging.LogRecord, error: BaseException | None) -> None:
        """Log one line of this kind, unless there was one a moment ago."""
        kind = f"{record.funcName}:{record.lineno}"
        now = time.monotonic()
        if now - self._said.get(kind, float("-inf")) < SAY_EVERY_S or len(self._said) > MOST_KINDS:
            return
        self._said[kind] = now
        level = logging.getLevelName(record.levelno).lower()
        say = log.error if record.levelno >= logging.ERROR else log.warning
        say(self._event, at=kind, level=level, error=type(error).__name__ if error else "")


def logger(name: str, filtering: OneLine, level: int = logging.WARNING) -> logging.Logger:
    """Return a logger for a library, which prints nothing by itself."""
    made = logging.Logger(name, level=level)
    made.addFilter(filtering)
    return made
