"""What an approved or running request waits for, beside people: a service that can't be asked."""

from __future__ import annotations

import dataclasses
import enum


class Service(enum.StrEnum):
    """Whose answer is missing."""

    CLOUD = "cloud"
    SLACK = "slack"


@dataclasses.dataclass(frozen=True, slots=True)
class Wait:
    """A request waits for `service` since then; it gives up at `until` (both epoch seconds).

    `why` says what could not be asked, without a full stop.
    """

    service: Service
    why: str
    since: float
    until: float
