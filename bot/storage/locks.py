"""Locks on servers: one request at a time acts on one, and an ended request holds none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from bot.power import lifecycle, ports
from bot.power.request import Action
from bot.storage import link, rows, schema

_locks = schema.server_locks.c
_requests = schema.requests.c
# Built once: before every power call the locks of its servers are read.
_HELD = (
    sa.select(_locks.server_id, _locks.request_id, _locks.action, _locks.since, _requests.requester)
    .join(schema.requests, _requests.id == _locks.request_id)
    .where(
        _locks.server_id.in_(sa.bindparam("of_servers", expanding=True)),
        _requests.state.in_(sorted(lifecycle.OPEN)),
    )
)
_FREEZE = sa.select(schema.switches.c.reason).where(schema.switches.c.name == "freeze")


class Locks(link.Link):
    """The part of a transaction that speaks of locks and of the freeze switch."""

    def lock_servers(
        self, request_id: str, server_ids: Sequence[str], *, action: Action, at: float
    ) -> dict[str, str]:
        """Take these servers' locks; return {server id: request id} of those that others hold."""
        held = {one: lock.request_id for one, lock in self._held(server_ids).items()}
        free = [server_id for server_id in dict.fromkeys(server_ids) if server_id not in held]
        for some in link.slices(free):
            # What is left here is of ended requests.
            ended = _locks.server_id.in_(link.in_few_lengths(some))
            self.change(sa.delete(schema.server_locks).where(ended))
            taken: list[dict[str, Any]] = [
                {"server_id": one, "request_id": request_id, "action": action.value, "since": at}
                for one in some
            ]
            self.change(sa.insert(schema.server_locks), taken)
        return {one: holder for one, holder in held.items() if holder != request_id}

    def unlock_servers(self, request_id: str) -> None:
        """Give back all locks of a request."""
        self.change(sa.delete(schema.server_locks).where(_locks.request_id == request_id))

    def lock_holders(self, server_ids: Sequence[str]) -> dict[str, ports.Lock]:
        """Return the locks that are held, by server id."""
        return self._held(server_ids)

    def frozen(self) -> str:
        """Return the reason of the freeze switch, or an empty text."""
        return self.query(_FREEZE).scalar() or ""

    def set_freeze(self, reason: str, *, user_id: str, at: float) -> None:
        """Turn the freeze switch on (with a reason) or off (with an empty one)."""
        set_to = {"reason": rows.storable(reason), "user_id": user_id, "at": at}
        statement = self.insert(schema.switches).on_conflict_do_update(
            index_elements=[schema.switches.c.name], set_=set_to
        )
        self.change(statement, {"name": "freeze", **set_to})

    def _held(self, server_ids: Sequence[str]) -> dict[str, ports.Lock]:
        """Return the locks of open requests among these servers."""
        found: dict[str, ports.Lock] = {}
        for some in link.slices(server_ids):
            for row in self.query(_HELD, {"of_servers": link.in_few_lengths(some)}):
                found[row.server_id] = ports.Lock(
                    row.request_id, row.action, row.since, row.requester
                )
        return found
