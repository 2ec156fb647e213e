"""Notes whom Slack shows as a full member, so that their no needs no look-up for a day."""

from __future__ import annotations

import dataclasses

import structlog

from bot.power import errors, ports

log = structlog.get_logger()

# The same word about the same person is written down this often, and no more; in seconds.
NOTED_FOR_S = 3600.0
# People of whom this process remembers what it wrote down; the others are written down again.
MOST_REMEMBERED = 5000


@dataclasses.dataclass(frozen=True)
class Sightings:
    """Writes down what a look-up says of a person."""

    store: ports.RequestStore
    clock: ports.Clock
    _noted: dict[str, tuple[bool, float]] = dataclasses.field(default_factory=dict)

    async def note(self, user_id: str, *, full: bool) -> None:
        """Write a sighting down; one that can't be written costs nobody anything."""
        now = self.clock.now()
        before = self._noted.get(user_id)
        if before is not None and before[0] == full and abs(now - before[1]) < NOTED_FOR_S:
            return
        try:
            await self.store.write(lambda tx: tx.see(user_id, full=full, at=now))
        except errors.StoreUnavailable as error:
            log.warning("sighting.not_noted", why=type(error).__name__)
            return
        if len(self._noted) >= MOST_REMEMBERED:
            self._noted.clear()
        self._noted[user_id] = (full, now)
