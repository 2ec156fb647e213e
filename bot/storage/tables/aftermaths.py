"""What is known of servers beyond their own run: calls that nobody saw happen, and later looks."""

from __future__ import annotations

from collections.abc import Sequence

from bot.power import lifecycle, ports
from bot.power.causes import Late
from bot.storage.engine import link
from bot.storage.tables import rows

_UNSETTLED = """
    SELECT called.server_id, called.request_id, called.method, attempts.intended_at,
           run_servers.state, run_servers.late
    FROM attempt_servers AS called
    JOIN attempts ON attempts.id = called.attempt_id
    JOIN run_servers ON run_servers.request_id = called.request_id
                    AND run_servers.server_id = called.server_id
    WHERE called.server_id IN :ids AND called.may_have_acted
      AND attempts.intended_at > :since AND called.request_id <> :but
    ORDER BY attempts.intended_at, attempts.number
"""
_TOUCHED = """
    SELECT called.server_id, called.request_id, called.method
    FROM attempt_servers AS called JOIN attempts ON attempts.id = called.attempt_id
    WHERE called.server_id IN :ids AND called.may_have_acted
      AND attempts.intended_at >= :since AND called.request_id <> :but
    ORDER BY attempts.intended_at, attempts.number
"""
# Whoever holds the lock of a server in a run is at work on it; an ended run holds none.
_BUSY = """
    SELECT run_servers.room, run_servers.rack, count(*) AS found,
           min(run_servers.rack_limit) AS least
    FROM run_servers
    JOIN server_locks ON server_locks.server_id = run_servers.server_id
                     AND server_locks.request_id = run_servers.request_id
    WHERE run_servers.rack IN :racks AND run_servers.rack_limit > 0
      AND run_servers.state IN :moving AND run_servers.settled_at = 0
    GROUP BY run_servers.room, run_servers.rack
"""
_MOVING = ["accepted", "intended", "unknown"]  # Its power may be rising.
_QUIET = sorted((lifecycle.ServerState.PROVEN, lifecycle.ServerState.SKIPPED))
_LOOSE = f"""
    SELECT request_id, {", ".join(rows.SERVER_COLUMNS)} FROM run_servers
    WHERE request_id IN :ids AND state NOT IN :quiet AND (step > 0 OR state IN :acted)
    ORDER BY request_id, position LIMIT :most
"""
# A power-off that failed may have left its server off as well.
_ACTED = sorted({*lifecycle.MAY_HAVE_ACTED, lifecycle.ServerState.FAILED})
MOST_LOOSE = 5000  # Servers in one answer.
_ONE = f"""
    SELECT {", ".join(rows.SERVER_COLUMNS)} FROM run_servers
    WHERE request_id = :request_id AND server_id = :server_id
"""
_LOOK_AGAIN = """
    INSERT INTO aftermaths (request_id, until, next_at) VALUES (:id, :until, :next_at)
    ON CONFLICT (request_id) DO UPDATE SET until = excluded.until, next_at = excluded.next_at
"""
MOST_LOOKS = 50  # Requests in one look; the writer's turn must stay short.


class Aftermaths(link.Link):
    """The part of a transaction that speaks of servers beyond one run."""

    def unsettled(
        self, server_ids: Sequence[str], *, since: float, but: str = ""
    ) -> dict[str, ports.UnseenCall]:
        """Return, by server id, the newest call to it, where nobody has seen that it happened."""
        found: dict[str, ports.UnseenCall] = {}
        for row in self.query(_UNSETTLED, ids=[*server_ids], since=since, but=but):
            state = lifecycle.ServerState(row.state)
            # Rows come oldest first, so the newest call decides.
            found.pop(row.server_id, None)
            if state in lifecycle.MAY_HAVE_ACTED and row.late == Late.NONE:
                found[row.server_id] = ports.UnseenCall(
                    row.server_id, row.request_id, ports.Method(row.method), row.intended_at, state
                )
        return found

    def touched(
        self, server_ids: Sequence[str], *, since: float, but: str
    ) -> dict[str, ports.Touch]:
        """Return, by server id, the newest that another request has sent to it since."""
        asked = {"ids": [*server_ids], "since": since, "but": but}
        return {
            row.server_id: ports.Touch(row.request_id, ports.Method(row.method))
            for row in self.query(_TOUCHED, **asked)
        }

    def busy_racks(self, racks: Sequence[str]) -> dict[tuple[str, str], ports.Busy]:
        """Return, by (room, rack), what is being powered on in racks of these names just now."""
        found = self.query(_BUSY, racks=[*dict.fromkeys(racks)], moving=_MOVING)
        return {(row.room, row.rack): ports.Busy(row.found, row.least) for row in found}

    def loose_servers(self, request_ids: Sequence[str]) -> dict[str, list[ports.RunServer]]:
        """Return, by request, the servers of these runs that were sent and aren't proven."""
        found: dict[str, list[ports.RunServer]] = {}
        asked = {"ids": [*request_ids], "quiet": _QUIET, "acted": _ACTED, "most": MOST_LOOSE}
        for request_id, *columns in self.query(_LOOSE, **asked):
            found.setdefault(request_id, []).append(rows.server_from(columns))
        return found

    def run_server(self, request_id: str, server_id: str) -> ports.RunServer | None:
        """Return one server of a run."""
        found = self.query(_ONE, request_id=request_id, server_id=server_id)
        return rows.server_from(found[0]) if found else None

    def look_again(self, request_id: str, *, until: float, next_at: float) -> None:
        """Have the servers of an ended run polled until then."""
        self.change(_LOOK_AGAIN, id=request_id, until=until, next_at=next_at)

    def looks_wait(self, *, now: float) -> bool:
        """Whether a poll of an ended run's servers is due."""
        due = "SELECT 1 FROM aftermaths WHERE next_at <= :now LIMIT 1"
        return bool(self.value(due, now=now))

    def due_looks(self, *, now: float, again_s: float) -> list[tuple[str, float]]:
        """Take over the looks that are due: (request id, until)."""
        due = """
            SELECT request_id, until FROM aftermaths WHERE next_at <= :now
            ORDER BY next_at LIMIT :most
        """
        found = [(row.request_id, row.until) for row in self.query(due, now=now, most=MOST_LOOKS)]
        for request_id, _ in found:
            later = "UPDATE aftermaths SET next_at = :next_at WHERE request_id = :id"
            self.change(later, id=request_id, next_at=now + again_s)
        return found

    def looked_enough(self, request_id: str) -> None:
        """Look no more at the servers of an ended run."""
        self.change("DELETE FROM aftermaths WHERE request_id = :id", id=request_id)
