"""What earlier requests mean for the next one: the database is asked for the rows that count.

Never for the newest so many, to be looked through afterwards: whoever makes many rows that don't
count would push those out that do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bot.power import lifecycle, plan, request
from bot.power.lifecycle import ServerState, State
from bot.power.request import Action
from bot.storage.engine import link
from bot.storage.tables import rows

# Rows of servers that are in other requests too, of which so many are told.
MOST_OVERLAPPING = 1000
_RAN = sorted(lifecycle.ENDED - lifecycle.NEVER_RAN)
_WAITING = sorted(lifecycle.OPEN - {State.PLANNED})  # A plan alone claims nothing.
_UNDER_WAY = [State.APPROVED.value, State.RUNNING.value]
_UNSENT = sorted(lifecycle.UNSENT)
_REBOOTED = [ServerState.PROVEN.value, ServerState.UNKNOWN.value]  # Unknown may have happened.
# After a cycle a server has started anew as well.
_REBOOTS = [Action.REBOOT.value, Action.CYCLE.value]
# SQLite takes the tables of a CROSS JOIN in this order (its docs, "The SQLite Query Optimizer
# Overview"): the few requests first, then the servers of each.
_BOTH = "FROM requests CROSS JOIN request_servers"
_COUNT_OPEN = "SELECT count(*) FROM requests WHERE requester = :person AND state IN :waiting"
_COUNT_ASKED = "SELECT count(*) FROM requests WHERE requester = :person AND asked_at > :since"
# Where an instant finds fewer rows than a state or an order does, those are made expressions:
# without statistics SQLite takes the index of what is equal, or in order (the same page).
_SENT = "(run_servers.step > 0 OR run_servers.state NOT IN :unsent)"
_RECENT = f"""
    SELECT server_id FROM request_servers WHERE request_id IN (
        SELECT id FROM requests WHERE requester = :person AND state IN :waiting
    )
    UNION
    SELECT server_id FROM run_servers WHERE {_SENT} AND request_id IN (
        SELECT id FROM requests WHERE requester = :person AND state IN :ran AND ended_at > :since
        UNION
        SELECT id FROM requests
        WHERE requester = :person AND asked_at > :since AND state || '' IN :ran
    )
"""
_LEAVING = f"""
    SELECT DISTINCT server_id {_BOTH}
    WHERE request_id = requests.id AND state = :approved AND action <> :on
"""
_OVERLAPPING = f"""
    SELECT requests.id, action, state, server_id {_BOTH}
    WHERE request_id = requests.id AND state IN :waiting AND requests.id <> :but
      AND server_id IN :ids
    ORDER BY asked_at + 0.0, requests.id, server_id LIMIT :limit
"""
_LAST_REBOOTS = f"""
    SELECT request_servers.server_id, max(changed_at) AS at {_BOTH}
    WHERE request_id = requests.id AND changed_at > :since
      AND action IN :reboots AND requests.state || '' IN :counting
      AND (requests.state IN :under_way OR EXISTS (
          SELECT 1 FROM run_servers
          WHERE run_servers.request_id = requests.id
            AND run_servers.server_id = request_servers.server_id AND {_SENT}
      ))
    GROUP BY request_servers.server_id
"""
_REBOOTED_ONCE = """
    SELECT run_servers.server_id, run_servers.state, requests.id
    FROM requests CROSS JOIN run_servers
    WHERE run_servers.request_id = requests.id AND requests.ended_at > :since
      AND requests.action = :reboot AND requests.state || '' IN :ran
      AND run_servers.server_id IN :ids AND run_servers.state IN :rebooted
    ORDER BY requests.created_at + 0.0 DESC, requests.id
"""
_TOUCHING = """
    SELECT id FROM requests
    WHERE state IN :states AND asked_at > 0
      AND id IN (SELECT request_id FROM request_servers WHERE server_id IN :server_ids)
    ORDER BY created_at DESC, id LIMIT :limit
"""
_NEWEST = """
    SELECT id FROM requests WHERE state IN :states AND asked_at > 0
    ORDER BY created_at DESC, id LIMIT :limit
"""
_KNOWN = """
    SELECT DISTINCT server_id, name FROM known_servers
    WHERE server_id IN :words OR name IN :words ORDER BY name, server_id
"""
_NAMED = """
    INSERT INTO known_servers (server_id, name) VALUES (:server_id, :name) ON CONFLICT DO NOTHING
"""


class EarlierRequests(link.Link):
    """The part of a transaction that reads what matters for a new request."""

    def count_open(self, user_id: str) -> int:
        """Return how many requests of a person wait or run."""
        return int(self.value(_COUNT_OPEN, person=user_id, waiting=_WAITING))

    def count_asked(self, user_id: str, *, since: float) -> int:
        """Return how many requests a person has asked for since an instant."""
        return int(self.value(_COUNT_ASKED, person=user_id, since=since))

    def recent_servers(self, user_id: str, *, since: float) -> frozenset[str]:
        """Return the servers of a person's open requests, and what ended ones sent since then."""
        asked = {"waiting": _WAITING, "ran": _RAN, "unsent": _UNSENT}
        found = self.query(_RECENT, person=user_id, since=since, **asked)
        return frozenset(row.server_id for row in found)

    def leaving(self) -> frozenset[str]:
        """Return the servers that approved requests will turn off or reboot."""
        found = self.query(_LEAVING, approved=State.APPROVED.value, on=Action.ON.value)
        return frozenset(row.server_id for row in found)

    def overlapping(self, server_ids: Iterable[str], *, but: str = "") -> list[plan.Overlap]:
        """Return the requests that wait or run for some of these servers, the oldest first."""
        asked = {"ids": [*server_ids], "but": but, "waiting": _WAITING, "limit": MOST_OVERLAPPING}
        found: dict[tuple[str, str, str], list[str]] = {}
        for row in self.query(_OVERLAPPING, **asked):
            found.setdefault((row.id, row.action, row.state), []).append(row.server_id)
        return [
            plan.Overlap(request_id=id_, action=Action(action), state=state, server_ids=tuple(ids))
            for (id_, action, state), ids in found.items()
        ]

    def last_reboots(self, *, since: float) -> dict[str, float]:
        """Return when servers were last rebooted or cycled, as far as that was since then."""
        asked = {"reboots": _REBOOTS, "counting": [*_UNDER_WAY, *_RAN], "unsent": _UNSENT}
        found = self.query(_LAST_REBOOTS, since=since, under_way=_UNDER_WAY, **asked)
        return {row.server_id: row.at for row in found}

    def rebooted(
        self, server_ids: Sequence[str], *, since: float
    ) -> list[tuple[str, ServerState, str]]:
        """Return the reboots of these servers that happened or may have, the newest first.

        Of each the server, what became of it, and the request, whose run ended since then.
        """
        found = self.query(
            _REBOOTED_ONCE,
            since=since,
            reboot=Action.REBOOT.value,
            ran=_RAN,
            ids=[*server_ids],
            rebooted=_REBOOTED,
        )
        return [(row.server_id, ServerState(row.state), row.id) for row in found]

    def touching(
        self, server_ids: Iterable[str], *, states: Iterable[State], limit: int
    ) -> list[str]:
        """Return the ids of requests that were asked for these servers, the newest first."""
        found = self.query(
            _TOUCHING,
            server_ids=[*server_ids],
            states=sorted(state.value for state in states),
            limit=limit,
        )
        return [row.id for row in found]

    def newest(self, *, states: Iterable[State], limit: int) -> list[str]:
        """Return the ids of the newest requests in these states."""
        found = self.query(_NEWEST, states=sorted(one.value for one in states), limit=limit)
        return [row.id for row in found]

    def known_servers(self, words: Sequence[str]) -> list[tuple[str, str]]:
        """Return id and name of every server that a request was for, by its id or its name then.

        The record keeps them when the servers are gone, and when the requests are forgotten.
        """
        found = self.query(_KNOWN, words=[rows.storable(word) for word in words])
        return [(row.server_id, row.name) for row in found]

    def _note_targets(self, request_id: str, targets: Sequence[request.Target]) -> None:
        """Note the servers of a request that is asked for."""
        listed = {
            one.server_id: {"server_id": one.server_id, "name": rows.storable(one.name)}
            for one in targets
        }
        touched = [{"request_id": request_id, "server_id": one} for one in listed]
        self.insert_each("request_servers", touched)
        self.change_each(_NAMED, [*listed.values()])
