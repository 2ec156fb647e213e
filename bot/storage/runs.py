"""Runs: the servers of a request and the calls that were made for them, behind the fence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc

from bot.power import errors, ports
from bot.storage import link, rows, schema

_servers = schema.run_servers.c
_attempts = schema.attempts.c
_called = schema.attempt_servers.c
_SERVER_COLUMNS = tuple(
    column for column in _servers if column.name not in ("request_id", "position")
)
_ATTEMPT_COLUMNS = tuple(
    column for column in _attempts if column.name not in ("number", "epoch", "code_version")
)
# What proves that a call did nothing, so that a reboot may be sent after all.
_DID_NOTHING = frozenset({"not sent", "refused"})


class Runs(link.Link):
    """The part of a transaction that speaks of runs."""

    def start_run(self, request_id: str, servers: Sequence[ports.RunServer]) -> None:
        """Store the servers of a run."""
        listed: list[dict[str, Any]] = [
            {"request_id": request_id, "position": position, **rows.server_row(server)}
            for position, server in enumerate(servers)
        ]
        if listed:
            self.change(sa.insert(schema.run_servers), listed)

    def run_servers(self, request_id: str) -> list[ports.RunServer]:
        """Return the servers of a run in the plan's order."""
        found = sa.select(*_SERVER_COLUMNS).where(_servers.request_id == request_id)
        return [rows.server_from(row) for row in self.query(found.order_by(_servers.position))]

    def update_servers(
        self, request_id: str, servers: Sequence[ports.RunServer], *, epoch: int
    ) -> None:
        """Replace the rows of these servers.

        Raises:
            LostLease: the fence has moved on.
            LookupError: one of the servers isn't in the run.
        """
        self.hold_fence(request_id, epoch)
        if not servers:
            return
        replaced = (
            sa.update(schema.run_servers)
            .where(_servers.request_id == request_id)
            .where(_servers.server_id == sa.bindparam("of_server"))
        )
        changed = [rows.server_row(server) for server in servers]
        parameters = [{"of_server": row.pop("server_id"), **row} for row in changed]
        if self.change(replaced, parameters).rowcount != len(parameters):
            raise LookupError(f"the run of {request_id} doesn't have all of these servers")

    def intend(self, attempt: ports.Attempt, *, epoch: int) -> None:
        """Store an attempt before it is sent.

        Raises:
            LostLease: the fence has moved on.
            IllegalTransition: a server's reboot was sent already, or may have been.
        """
        self.hold_fence(attempt.request_id, epoch)
        before = sa.select(sa.func.coalesce(sa.func.max(_attempts.number), 0))
        row = {
            "id": attempt.id,
            "request_id": attempt.request_id,
            "number": before.where(_attempts.request_id == attempt.request_id).scalar_subquery()
            + 1,
            "method": attempt.method.value,
            "server_ids": rows.packed(attempt.server_ids),
            "wave": attempt.wave,
            "step": attempt.step,
            "epoch": epoch,
            "code_version": self.code_version,
            "intended_at": attempt.intended_at,
        }
        self.change(sa.insert(schema.attempts).values(row))
        self._note_servers(attempt)

    def answer(self, attempt: ports.Attempt) -> None:
        """Store the outcome of an attempt."""
        noted = sa.update(schema.attempts).where(_attempts.id == attempt.id)
        self.change(
            noted.values(
                outcome=attempt.outcome,
                detail=rows.storable(attempt.detail),
                cloud_request_id=rows.storable(attempt.cloud_request_id),
            )
        )
        acted = attempt.outcome not in _DID_NOTHING
        called = sa.update(schema.attempt_servers).where(_called.attempt_id == attempt.id)
        self.change(called.values(may_have_acted=acted))

    def attempts(self, request_id: str) -> list[ports.Attempt]:
        """Return a request's attempts, oldest first."""
        found = sa.select(*_ATTEMPT_COLUMNS).where(_attempts.request_id == request_id)
        return [rows.attempt_from(row) for row in self.query(found.order_by(_attempts.number))]

    def _note_servers(self, attempt: ports.Attempt) -> None:
        """Note each server of a call; the table's index knows the reboots that were sent."""
        listed = [
            {
                "attempt_id": attempt.id,
                "server_id": server_id,
                "request_id": attempt.request_id,
                "method": attempt.method.value,
            }
            for server_id in attempt.server_ids
        ]
        try:
            self.change(sa.insert(schema.attempt_servers), listed)
        except exc.IntegrityError as error:
            raise errors.IllegalTransition(
                f"{attempt.request_id}: a {attempt.method.value} of one of these servers was "
                "sent already, or may have been."
            ) from error
