"""Runs: the servers of a request and the calls that were made for them, behind the fence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc

from bot.power import errors, ports
from bot.storage import link, precompiled, rows, schema

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
        changed = [{"request_id": request_id, **rows.server_row(server)} for server in servers]
        if _REPLACE.run_many(self, changed).rowcount != len(changed):
            raise LookupError(f"the run of {request_id} doesn't have all of these servers")

    def intend(self, attempt: ports.Attempt, *, epoch: int) -> None:
        """Store an attempt before it is sent.

        Raises:
            LostLease: the fence has moved on.
            IllegalTransition: a server's reboot was sent already, or may have been.
        """
        self.hold_fence(attempt.request_id, epoch)
        row = {
            "id": attempt.id,
            "request_id": attempt.request_id,
            "method": attempt.method.value,
            "server_ids": rows.packed(attempt.server_ids),
            "wave": attempt.wave,
            "step": attempt.step,
            "epoch": epoch,
            "code_version": self.code_version,
            "intended_at": attempt.intended_at,
        }
        _INTEND.run(self, row)
        self._note_servers(attempt)

    def answer(self, attempt: ports.Attempt) -> None:
        """Store the outcome of an attempt."""
        self.must_write()
        came = {
            "id": attempt.id,
            "outcome": attempt.outcome,
            "detail": rows.storable(attempt.detail),
            "cloud_request_id": rows.storable(attempt.cloud_request_id),
        }
        _ANSWER.run(self, came)
        acted = attempt.outcome not in _DID_NOTHING
        _ACTED.run(self, {"attempt_id": attempt.id, "may_have_acted": acted})

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


def _replacing(_tx: link.Link) -> sa.Executable:
    """Return the update that gives a server of a run its newest row."""
    mine = (_servers[name] == sa.bindparam(name) for name in ("request_id", "server_id"))
    columns = (column.name for column in _SERVER_COLUMNS if not column.primary_key)
    return sa.update(schema.run_servers).where(*mine).values({n: sa.bindparam(n) for n in columns})


def _intending(_tx: link.Link) -> sa.Executable:
    """Return the insert of an attempt, numbered after those that the request has."""
    before = sa.select(sa.func.coalesce(sa.func.max(_attempts.number), 0))
    number = before.where(_attempts.request_id == sa.bindparam("request_id")).scalar_subquery() + 1
    names = ("id", "request_id", "method", "server_ids", "wave", "step", "epoch", "code_version")
    given: dict[str, Any] = {name: sa.bindparam(name) for name in (*names, "intended_at")}
    return sa.insert(schema.attempts).values(**given, number=number)


def _answering(_tx: link.Link) -> sa.Executable:
    """Return the update that notes what came of an attempt."""
    came: dict[str, Any] = {
        name: sa.bindparam(name) for name in ("outcome", "detail", "cloud_request_id")
    }
    return sa.update(schema.attempts).where(_attempts.id == sa.bindparam("id")).values(came)


def _acting(_tx: link.Link) -> sa.Executable:
    """Return the update that notes whether an attempt may have acted on its servers."""
    called = sa.update(schema.attempt_servers).where(
        _called.attempt_id == sa.bindparam("attempt_id")
    )
    return called.values(may_have_acted=sa.bindparam("may_have_acted"))


_REPLACE = precompiled.Precompiled(_replacing)
_INTEND = precompiled.Precompiled(_intending)
_ANSWER = precompiled.Precompiled(_answering)
_ACTED = precompiled.Precompiled(_acting)
