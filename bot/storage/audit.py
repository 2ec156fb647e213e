"""The append-only log: one hash chain over everything that was attempted.

Each row's hash covers all of its columns and the hash before it; the newest number and hash
stand in `audit_head` too, changed in the same transaction.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from bot.power import ports
from bot.storage import link, precompiled, rows, schema

_audit = schema.audit.c
_head = schema.audit_head.c
# What the first row names as the hash before it.
NO_HASH = "0" * 64


class Audit(link.Link):
    """The part of a transaction that speaks of the audit log."""

    def audit(self, entry: ports.AuditEntry) -> str:
        """Append to the hash chain and return the new head."""
        self.must_write()
        seq, before = self._locked_head()
        row = _row(entry, self.code_version) | {"seq": seq + 1, "prev_hash": before}
        row["hash"] = row_hash(row)
        _APPEND.run(self, row)
        _MOVE_HEAD.run(self, {"seq": row["seq"], "hash": row["hash"]})
        self.appended.append(entry)
        return str(row["hash"])

    def audit_head(self) -> tuple[int, str]:
        """Return the newest row's number and hash."""
        row = self.query(sa.select(_head.seq, _head.hash).where(_head.id == 1)).one()
        return row.seq, row.hash

    def audit_rows(
        self, *, request_id: str = "", server_id: str = "", event: str = "", limit: int = 100
    ) -> list[Mapping[str, Any]]:
        """Return audit rows, newest first; an empty condition means any."""
        found = _speaking_of(request_id=request_id, server_id=server_id)
        if event:
            found = found.where(_audit.event == event)
        newest = found.order_by(_audit.seq.desc()).limit(limit)
        return [rows.audit_from(row) for row in self.query(newest)]

    def _locked_head(self) -> tuple[int, str]:
        """Return the head, which nobody else moves until the end of this transaction."""
        seq, newest = _LOCK_HEAD.run(self, {}).fetchone()
        return seq, newest


def _appending(_tx: link.Link) -> sa.Executable:
    """Return the insert of a row of the log."""
    return sa.insert(schema.audit).values({one.name: sa.bindparam(one.name) for one in _audit})


def _moving_head(_tx: link.Link) -> sa.Executable:
    """Return the update that notes which row is the newest."""
    newest: dict[str, Any] = {"seq": sa.bindparam("seq"), "hash": sa.bindparam("hash")}
    return sa.update(schema.audit_head).where(_head.id == 1).values(newest)


def _locking_head(_tx: link.Link) -> sa.Executable:
    """Return the query for the newest row's number and hash, and their lock."""
    return sa.select(_head.seq, _head.hash).where(_head.id == 1).with_for_update()


_APPEND = precompiled.Precompiled(_appending)
_MOVE_HEAD = precompiled.Precompiled(_moving_head)
_LOCK_HEAD = precompiled.Precompiled(_locking_head)


def row_hash(row: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a row's canonical JSON, all columns but the hash itself.

    The hash before is one of those columns. A value that no honest row has still gets a hash,
    which then isn't the stored one.
    """
    covered = {name: value for name, value in row.items() if name != "hash"}
    canonical = json.dumps(
        covered, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=repr
    )
    return hashlib.sha256(canonical.encode()).hexdigest()


def export(
    connection: sa.Connection, *, request_id: str = "", server_id: str = "", since: float = 0.0
) -> Iterator[Mapping[str, Any]]:
    """Yield audit rows, oldest first, without holding all of them; an empty condition means any."""
    found = _speaking_of(request_id=request_id, server_id=server_id)
    if since:
        found = found.where(_audit.at >= since)
    oldest = found.order_by(_audit.seq).execution_options(yield_per=1000)
    for row in connection.execute(oldest):
        yield rows.audit_from(row)


def _row(entry: ports.AuditEntry, code_version: str) -> dict[str, Any]:
    """Return the columns that an entry fills."""
    person = entry.person
    return {
        "at": float(entry.at),
        "event": rows.storable(entry.event),
        "request_id": rows.storable(entry.request_id),
        "user_id": rows.storable(person.user_id) if person else "",
        "team_id": rows.storable(person.team_id) if person else "",
        "channel_id": rows.storable(entry.channel_id),
        "server_ids": rows.packed(list(entry.server_ids)),
        "detail": rows.packed(dict(entry.detail)),
        "code_version": code_version,
    }


def _speaking_of(*, request_id: str, server_id: str) -> sa.Select[Any]:
    """Return the query of rows that name a request and a server."""
    found = sa.select(schema.audit)
    if request_id:
        found = found.where(_audit.request_id == request_id)
    if server_id:
        # The list is JSON text, so an id stands in it with its quotes.
        found = found.where(_audit.server_ids.contains(rows.packed(server_id), autoescape=True))
    return found
