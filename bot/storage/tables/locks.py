"""Locks on servers: one request at a time acts on one, and an ended request holds none."""

from __future__ import annotations

from collections.abc import Sequence

from bot.power import lifecycle, ports
from bot.power.request import Action
from bot.storage.engine import link

_OPEN = sorted(lifecycle.OPEN)


class Locks(link.Link):
    """The part of a transaction that speaks of locks."""

    def lock_servers(
        self, request_id: str, server_ids: Sequence[str], *, action: Action, at: float
    ) -> dict[str, str]:
        """Take these servers' locks; return {server id: request id} of those that others hold."""
        held = {one: lock.request_id for one, lock in self._held(server_ids).items()}
        free = [server_id for server_id in dict.fromkeys(server_ids) if server_id not in held]
        if free:
            # What is left here is of ended requests.
            self.change("DELETE FROM server_locks WHERE server_id IN :ids", ids=free)
            taken = {"request_id": request_id, "action": action.value, "since": at}
            self.insert_each("server_locks", [{"server_id": one, **taken} for one in free])
        # A lock of one's own, from a try before, is in nobody's way.
        return {one: holder for one, holder in held.items() if holder != request_id}

    def unlock_servers(self, request_id: str) -> None:
        """Release all locks of a request."""
        self.change("DELETE FROM server_locks WHERE request_id = :id", id=request_id)

    def lock_holders(self, server_ids: Sequence[str]) -> dict[str, ports.Lock]:
        """Return the locks that are held, by server id."""
        return self._held(server_ids)

    def _held(self, server_ids: Sequence[str]) -> dict[str, ports.Lock]:
        """Return the locks of open requests among these servers."""
        # Only of open requests: a release that was lost holds nobody up.
        held = self.query(
            """
            SELECT server_id, request_id, server_locks.action, since, requester
            FROM server_locks JOIN requests ON requests.id = request_id
            WHERE server_id IN :ids AND state IN :open
            """,
            ids=[*server_ids],
            open=_OPEN,
        )
        return {
            row.server_id: ports.Lock(row.request_id, row.action, row.since, row.requester)
            for row in held
        }
