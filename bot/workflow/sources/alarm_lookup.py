"""Alarms beside a plan: shown where they can be read, and said to be missing where they can't."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Sequence

import structlog

from bot.power import errors, ports
from bot.power.plan import Alarmed, Plan, Unheard, Verdict

log = structlog.get_logger()

# A plan waits this long for its alarms, and not a moment longer.
PATIENCE_S = 2.0
# Credentials that may not read alarms are asked for them again after this time.
QUIET_S = 600.0
# A plan keeps no more pairs of an alarm and a server than these.
MOST_KEPT = 500
WORST_UNKNOWN = 5  # After 4, the mildest of CloudDC's levels (CloudDC API, ListAlarms page).
UNAUTHORIZED, FORBIDDEN = 401, 403


@dataclasses.dataclass(frozen=True, slots=True)
class Heard:
    """The alarms of some servers, and what is missing of them."""

    alarms: tuple[ports.Alarm, ...] = ()
    unheard: Unheard = Unheard.NOTHING

    def beside(self, plan: Plan) -> Plan:
        """Return a plan with the alarms of the servers that it acts on, the worst first."""
        acting = {line.server_id for line in plan.lines_with(Verdict.ACT)}
        standing = dict.fromkeys(one for one in self.alarms if one.server_id in acting)
        # Level 1 is the worst; 0 means that it wasn't readable.
        ordered = sorted(standing, key=lambda one: (one.level or WORST_UNKNOWN, one.name))
        groups: dict[tuple[int, str], list[str]] = {}
        for one in ordered[:MOST_KEPT]:
            groups.setdefault((one.level, one.name), []).append(one.server_id)
        alarms = tuple(
            Alarmed(name=name, level=level, server_ids=tuple(ids))
            for (level, name), ids in groups.items()
        )
        unheard = Unheard.NOT_ALL if len(ordered) > MOST_KEPT else self.unheard
        return plan.model_copy(update={"alarms": alarms, "unheard": unheard})


@dataclasses.dataclass
class AlarmLookup:
    """Asks for alarms; a failure costs a plan nothing but a few words."""

    source: ports.AlarmSource | None
    clock: ports.Clock
    patience_s: float = PATIENCE_S
    _quiet_until: float = float("-inf")
    _unsigned: int = 0  # Refusals by 401 in a row.

    async def hear(self, server_ids: Sequence[str]) -> Heard:
        """Return the alarms that stand for these servers."""
        if self.source is None or not server_ids:
            return Heard()
        if self.clock.monotonic() < self._quiet_until:
            return Heard(unheard=Unheard.NOT_ALLOWED)
        try:
            async with asyncio.timeout(self.patience_s):
                found = await self.source.alarms(server_ids)
        # Alarms are advice, for which no plan is refused.
        except (errors.CloudError, TimeoutError) as error:
            log.warning("alarms.not_read", why=type(error).__name__)
            if self._may_not(error):
                self._quiet_until = self.clock.monotonic() + QUIET_S
                return Heard(unheard=Unheard.NOT_ALLOWED)
            return Heard(unheard=Unheard.NOT_READ)
        self._unsigned = 0
        return Heard(found.standing, Unheard.NOTHING if found.complete else Unheard.NOT_ALL)

    def _may_not(self, error: BaseException) -> bool:
        """Whether the credentials may not read alarms; a single 401 may be a moment's."""
        status = error.status if isinstance(error, errors.Refused) else 0
        self._unsigned = self._unsigned + 1 if status == UNAUTHORIZED else 0
        return status == FORBIDDEN or self._unsigned > 1
