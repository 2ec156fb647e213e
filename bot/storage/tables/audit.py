"""The append-only log: one hash chain over everything that was attempted.

Each row's hash covers all of its columns and the hash before it; the newest number and hash
stand in `audit_head` too, changed in the same transaction.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Mapping, Sequence
from typing import Any

from bot.power import ports
from bot.storage.engine import connections, link
from bot.storage.tables import rows

# What the first row names as the hash before it.
NO_HASH = "0" * 64
_HEAD = "SELECT seq, hash FROM audit_head WHERE id = 1"


class Audit(link.Link):
    """The part of a transaction that speaks of the audit log."""

    def audit(self, entry: ports.AuditEntry) -> tuple[int, str]:
        """Append to the hash chain; return the number and hash of the new head."""
        self.must_write()
        seq, before = self._locked_head()
        row = _row(entry, self.code_version) | {"seq": seq + 1, "prev_hash": before}
        # Last of all columns, for it covers the others.
        row["hash"] = row_hash(row)
        self.insert("audit", row)
        newest = "UPDATE audit_head SET seq = :seq, hash = :hash WHERE id = 1"
        self.change(newest, seq=row["seq"], hash=row["hash"])
        # Logged after the commit: a step that was rolled back never happened.
        self.appended.append(entry)
        return row["seq"], row["hash"]

    def audit_head(self) -> tuple[int, str]:
        """Return the newest row's number and hash."""
        row = self.query(_HEAD)[0]
        return row.seq, row.hash

    def proof_rows(self, request_id: str, events: Sequence[str]) -> list[Mapping[str, Any]]:
        """Return a request's audit rows of these events, oldest first, each held to its hash."""
        wanted = "SELECT * FROM audit WHERE request_id = :id AND event IN :events ORDER BY seq"
        found = self.query(wanted, id=request_id, events=[*events])
        return [
            {**rows.audit_from(row), "intact": row_hash(row._asdict()) == row.hash} for row in found
        ]

    def audit_rows(
        self, *, request_id: str = "", server_id: str = "", event: str = "", limit: int = 100
    ) -> list[Mapping[str, Any]]:
        """Return audit rows, newest first; an empty condition means any."""
        found, values = _speaking_of(request_id=request_id, server_id=server_id, event=event)
        newest = f"{found} ORDER BY seq DESC LIMIT :limit"
        return [rows.audit_from(row) for row in self.query(newest, **values, limit=limit)]

    def _locked_head(self) -> tuple[int, str]:
        """Return the head, which nobody else moves until the end of this transaction."""
        row = self.query(f"{_HEAD} FOR UPDATE")[0]
        return row.seq, row.hash


def row_hash(row: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a row's canonical JSON, all columns but the hash itself.

    The hash before is one of those columns. A value that no honest row has still gets a hash,
    which then isn't the stored one.
    """
    covered = {name: value for name, value in row.items() if name != "hash"}
    # In order and in ASCII, so that every version makes the same text of a row.
    canonical = json.dumps(
        covered, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=repr
    )
    return hashlib.sha256(canonical.encode()).hexdigest()


def export(
    connection: connections.Connection,
    *,
    request_id: str = "",
    server_ids: Sequence[str] = (),
    since: float = 0.0,
) -> Generator[Mapping[str, Any]]:
    """Yield audit rows, oldest first, without holding all of them; an empty condition means any.

    With `server_ids` only rows that name one of these servers.
    """
    # The database finds one id by itself; of several each row is looked at.
    alone = server_ids[0] if len(server_ids) == 1 else ""
    found, values = _speaking_of(request_id=request_id, server_id=alone, since=since)
    wanted = set(server_ids)
    for row in connection.stream(f"{found} ORDER BY seq", **values):
        told = rows.audit_from(row)
        if not wanted or not wanted.isdisjoint(told["server_ids"]):
            yield told


def columns(connection: connections.Connection) -> tuple[str, ...]:
    """Return the names of the columns that a row of `export` has, in its order."""
    nothing = connection.execute("SELECT * FROM audit LIMIT 0")
    return tuple(column[0] for column in nothing.description)


def named_servers(connection: connections.Connection, word: str) -> list[str]:
    """Return the ids of all servers that have or had this name, or have this id."""
    named = "SELECT DISTINCT server_id FROM known_servers WHERE name = :word OR server_id = :word"
    found = connection.rows(f"{named} ORDER BY server_id", word=word)
    return [row.server_id for row in found]


def known_names(connection: connections.Connection) -> Mapping[str, str]:
    """Return the name of each server that was ever asked for, by its id.

    One that had several names has them all, as in `web01 or db07`.
    """
    names: dict[str, str] = {}
    for row in connection.stream("SELECT server_id, name FROM known_servers ORDER BY name"):
        before = names.get(row.server_id)
        names[row.server_id] = f"{before} or {row.name}" if before else row.name
    return names


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


def _speaking_of(
    *, request_id: str = "", server_id: str = "", event: str = "", since: float = 0.0
) -> tuple[str, dict[str, Any]]:
    """Return the query of rows that meet these conditions, and its values; empty means any."""
    # The list of servers is JSON text, so an id stands in it with its quotes.
    named = rows.packed(server_id).replace("/", "//").replace("%", "/%").replace("_", "/_")
    conditions = {
        "request_id = :request_id": request_id,
        "server_ids LIKE :named ESCAPE '/'": server_id,
        "event = :event": event,
        "at >= :since": since,
    }
    wanted = [condition for condition, value in conditions.items() if value]
    where = f" WHERE {' AND '.join(wanted)}" if wanted else ""
    values = {"request_id": request_id, "named": f"%{named}%", "event": event, "since": since}
    return f"SELECT * FROM audit{where}", values
