"""Freezes: each holder has one at most, and lets go of that one alone."""

from __future__ import annotations

from bot.power import ports
from bot.storage.engine import link
from bot.storage.tables import rows

_STANDING = """
    SELECT holder, reason, since, until FROM freezes
    WHERE until = 0 OR until > :now ORDER BY since, holder
"""
_ENDED = """
    SELECT holder, reason, since, until FROM freezes
    WHERE until > 0 AND until <= :now ORDER BY until, holder
"""
# Whoever freezes again has changed their mind about why, or for how long.
_REPLACE = """
    ON CONFLICT (holder) DO UPDATE
    SET reason = excluded.reason, since = excluded.since, until = excluded.until
"""
# Its end may have been moved since it was read.
_LET_GO = "DELETE FROM freezes WHERE holder = :holder AND since = :since AND until = :until"


class Freezes(link.Link):
    """The part of a transaction that speaks of freezes."""

    def freezes(self, *, now: float) -> list[ports.Freeze]:
        """Return the freezes that stand at this instant, the oldest first."""
        return [ports.Freeze(*row) for row in self.query(_STANDING, now=now)]

    def freeze(self, made: ports.Freeze) -> None:
        """Store a freeze; one that its holder has already is replaced."""
        row = {
            "holder": rows.storable(made.holder),
            "reason": rows.storable(made.reason),
            "since": made.since,
            "until": made.until,
        }
        self.insert("freezes", row, _REPLACE)

    def unfreeze(self, held: ports.Freeze) -> bool:
        """Let go of exactly this freeze; False when it is gone, or is another by now."""
        given = {"holder": held.holder, "since": held.since, "until": held.until}
        return self.change(_LET_GO, given) == 1

    def ended_freezes(self, *, now: float) -> list[ports.Freeze]:
        """Return the freezes whose end has come and that nobody has let go of yet."""
        return [ports.Freeze(*row) for row in self.query(_ENDED, now=now)]
