"""Where a freeze is announced and whether it is over, and which plan a plan was changed into.

What older rows say of it is read out of them once, here.
"""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"

_ABOUT = sa.text(
    "UPDATE notices SET event = :event, holder = :holder, since = :since WHERE id = :id"
)
_CHANGED = """
    SELECT request_id, detail FROM audit
    WHERE event = 'request.cancelled' AND detail LIKE '%"changed_into":%'
"""
_INTO = sa.text("UPDATE requests SET changed_into = :into WHERE id = :id")


def upgrade() -> None:
    """Add the columns and fill them; where older messages stand is not known."""
    _extend_notices()
    _extend_requests()


def _extend_notices() -> None:
    for name in ("event", "holder", "ts", "ended_by"):
        op.add_column("notices", sa.Column(name, sa.Text(), nullable=False, server_default=""))
    zero = sa.text("0")
    for name in ("since", "ended_at"):
        op.add_column("notices", sa.Column(name, sa.Double(), nullable=False, server_default=zero))
    # Apart from `waiting`: a replica of the version before would post what is to be edited.
    op.add_column(
        "notices", sa.Column("closing", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.create_index("ix_notices_holder_since", "notices", ["holder", "since"])
    op.create_index("ix_notices_closing", "notices", ["closing", "due_at"])
    connection = op.get_bind()
    told = [
        {
            "id": id_,
            "event": str(body.get("event", "")),
            "holder": str(body.get("holder", "")),
            "since": float(body.get("since", 0.0)),
        }
        for id_, text in connection.execute(sa.text("SELECT id, body FROM notices")).all()
        if (body := json.loads(text or "{}"))
    ]
    if told:
        connection.execute(_ABOUT, told)


def _extend_requests() -> None:
    column = sa.Column("changed_into", sa.Text(), nullable=False, server_default="")
    op.add_column("requests", column)
    connection = op.get_bind()
    changed = [
        {"id": id_, "into": str(json.loads(detail).get("changed_into", ""))}
        for id_, detail in connection.execute(sa.text(_CHANGED)).all()
    ]
    if changed:
        connection.execute(_INTO, changed)
