"""Alarms beside a plan: shown where they can be read, and said to be missing where they can't."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Sequence

import structlog

from bot.power import errors, ports

log = structlog.get_logger()

# A plan waits this long for its alarms, and not a moment longer.
PATIENCE_S = 2.0
# Credentials that may not read alarms are asked for them again after this time.
QUIET_S = 600.0
NOT_READ = "alarms could not be read"
NOT_ALLOWED = "alarms aren't shown: the credentials may not read them"
NOT_ALL = "there may be more alarms than are shown"


@dataclasses.dataclass(frozen=True, slots=True)
class Heard:
    """The alarms of some servers, and what is to be said of them (empty: nothing)."""

    alarms: tuple[ports.Alarm, ...] = ()
    note: str = ""


@dataclasses.dataclass
class Alarming:
    """Asks for alarms; a failure costs a plan nothing but a few words."""

    source: ports.AlarmSource | None
    clock: ports.Clock
    patience_s: float = PATIENCE_S
    _quiet_until: float = float("-inf")

    async def hear(self, server_ids: Sequence[str]) -> Heard:
        """Return the alarms that stand for these servers."""
        if self.source is None or not server_ids:
            return Heard()
        if self.clock.monotonic() < self._quiet_until:
            return Heard(note=NOT_ALLOWED)
        try:
            async with asyncio.timeout(self.patience_s):
                found = await self.source.alarms(server_ids)
        except (errors.CloudError, TimeoutError) as error:
            log.warning("alarms.not_read", why=type(error).__name__)
            if isinstance(error, errors.Refused) and error.status in (401, 403):
                self._quiet_until = self.clock.monotonic() + QUIET_S
                return Heard(note=NOT_ALLOWED)
            return Heard(note=NOT_READ)
        return Heard(found.standing, "" if found.complete else NOT_ALL)
