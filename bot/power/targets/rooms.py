"""Racks of one name in several rooms, told apart: a rack's name is only its room's own."""

from __future__ import annotations

from collections.abc import Sequence

from bot.power import errors, server
from bot.power.targets.terms import TermSet
from bot.power.text import nearest, typography

ROOMS = frozenset({"room", "dc"})
MOST_SHOWN = 3


def refuse_unclear(
    members: TermSet, rows: Sequence[server.Server], snapshot: server.Snapshot
) -> None:
    """Refuse a rack that stands in several rooms, where no room is named.

    Raises:
        UserMistake: the servers of one rack's name are in more than one room.

    """
    racks = [clause for clause in members.clauses if clause[0].kind == "rack"]
    if not racks or any(clause[0].kind in ROOMS for clause in members.clauses):
        return
    found = server.Snapshot({row.id: row for row in rows}, snapshot.started_at).shared_racks
    if not found:
        return
    rack, here = min(found.items())
    kinds = [clause[0].kind for clause in members.clauses]
    # A kind that narrows itself was typed with &, which is lost here.
    typed = " ".join(term.typed for term in members.terms) if len(set(kinds)) == len(kinds) else "…"
    lines = [f"{typed} {_room(room)}" for room in here[:MOST_SHOWN] if room]
    shown = ", ".join(room or "no room" for room in here[:MOST_SHOWN])
    more = f" and {len(here) - MOST_SHOWN} more" if len(here) > MOST_SHOWN else ""
    raise errors.UserMistake(
        f"Several rooms have a rack {rack} ({shown}{more}); say which one: {' or '.join(lines)}.",
        token=typography.shown(racks[0][0].text),
    )


def _room(room: str) -> str:
    """Return a room as a term."""
    return f"dc:{room}" if nearest.PLAIN.fullmatch(room) else f'dc:"{room}"'
