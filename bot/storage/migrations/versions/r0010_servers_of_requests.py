"""The servers of each request, its action and when it was asked for: limits are counted by them."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_INDEXES = {
    "ix_requests_requester_state": ["requester", "state", "ended_at"],
    "ix_requests_asked_at": ["requester", "asked_at"],
    "ix_requests_changed_at": ["changed_at"],  # Cool-downs.
    "ix_requests_ended_at": ["ended_at"],
    "ix_requests_unasked": ["asked_at", "state", "ended_at"],  # Plans to be forgotten.
}
_ASKED = """
    UPDATE requests SET asked_at = created_at
    WHERE state <> 'planned'
      AND (EXISTS (SELECT 1 FROM audit
                   WHERE audit.request_id = requests.id AND event = 'request.pending')
           OR state IN ('pending', 'approved', 'running', 'succeeded', 'partial', 'failed',
                        'stopped', 'denied', 'void'))
"""
_TOUCHED = "INSERT INTO request_servers (request_id, server_id) VALUES (:request_id, :server_id)"
_NAMED = """
    INSERT INTO known_servers (server_id, name) VALUES (:server_id, :name) ON CONFLICT DO NOTHING
"""


def upgrade() -> None:
    """Make tables, columns and indexes, and fill them from the stored plans."""
    op.add_column("requests", sa.Column("action", sa.Text(), nullable=False, server_default=""))
    zero = sa.text("0")
    op.add_column(
        "requests", sa.Column("asked_at", sa.Double(), nullable=False, server_default=zero)
    )
    op.create_table(
        "request_servers",
        sa.Column("request_id", sa.Text(), sa.ForeignKey("requests.id"), primary_key=True),
        sa.Column("server_id", sa.Text(), primary_key=True),
    )
    op.create_index("ix_request_servers_server_id", "request_servers", ["server_id"])
    op.create_table(
        "known_servers",
        sa.Column("server_id", sa.Text(), primary_key=True),
        sa.Column("name", sa.Text(), primary_key=True),
    )
    op.create_index("ix_known_servers_name", "known_servers", ["name"])
    for name, columns in _INDEXES.items():
        op.create_index(name, "requests", columns)
    op.execute(_ASKED)
    connection = op.get_bind()
    # One plan at a time: a large one has megabytes.
    for (id_,) in connection.execute(sa.text("SELECT request_id FROM plans")).all():
        _fill(connection, id_)


def _fill(connection: sa.Connection, id_: str) -> None:
    """Note what one stored plan is for; until this revision plans are written out whole."""
    stored = sa.text("SELECT plan FROM plans WHERE request_id = :id")
    order: dict[str, Any] = json.loads(connection.execute(stored, {"id": id_}).scalar_one())[
        "order"
    ]
    noted = sa.text("UPDATE requests SET action = :action WHERE id = :id RETURNING asked_at")
    asked_at = connection.execute(noted, {"action": order["action"], "id": id_}).scalar_one()
    targets = {one["server_id"]: one["name"] for one in order["targets"]}
    # A plan that nobody asked for counts towards no limit.
    if asked_at and targets:
        listed = [
            {"request_id": id_, "server_id": server_id, "name": name}
            for server_id, name in targets.items()
        ]
        connection.execute(sa.text(_TOUCHED), listed)
        connection.execute(sa.text(_NAMED), listed)
