"""Why a server stands where it stands, what was seen of it late, and the rack that it stood in."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def _time(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Double(), nullable=False, server_default=sa.text("0"))


def _text(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=False, server_default="")


def upgrade() -> None:
    """Add the columns, and the table of what is still looked at."""
    rack_limit = sa.Column("rack_limit", sa.Integer(), nullable=False, server_default=sa.text("0"))
    # All of them empty for runs of before, of which nobody noted this.
    for column in (_text("cause"), _text("seen_power"), _text("room"), rack_limit, _text("late")):
        op.add_column("run_servers", column)
    op.add_column("run_servers", _time("late_at"))
    # A rack's limit counts what moves in it, whichever request moves it.
    op.create_index("ix_run_servers_rack", "run_servers", ["rack", "state"])
    op.create_table(
        "aftermaths",
        sa.Column("request_id", sa.Text(), sa.ForeignKey("requests.id"), primary_key=True),
        _time("until"),
        _time("next_at"),
    )
    op.create_index("ix_aftermaths_next_at", "aftermaths", ["next_at"])
