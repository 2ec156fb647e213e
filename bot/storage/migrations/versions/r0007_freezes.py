"""Freezes get rows of their own, one for each holder, and what is told where requests are made."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def _time(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Double(), nullable=False, server_default=sa.text("0"))


def _text(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=False, server_default="")


def upgrade() -> None:
    """Make the tables, and carry the freeze of the one switch over."""
    op.create_table(
        "freezes",
        sa.Column("holder", sa.Text(), primary_key=True),
        _text("reason"),
        _time("since"),
        _time("until"),
    )
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "notices",
        sa.Column("id", number, primary_key=True),
        sa.Column("channel_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),  # What was said already isn't said again.
        _text("body"),
        sa.Column("waiting", sa.Boolean(), nullable=False, server_default=sa.true()),
        *(_time(name) for name in ("created_at", "due_at", "lease_until", "sent_at")),
        sa.Column("tries", sa.Integer(), nullable=False, server_default=sa.text("0")),
        _text("error"),
        sa.UniqueConstraint("channel_id", "key"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_notices_waiting", "notices", ["waiting", "due_at"])
    # The switch stays as it is: a replica of the version before still reads it.
    op.execute(
        "INSERT INTO freezes (holder, reason, since) "
        "SELECT user_id, reason, at FROM switches WHERE name = 'freeze' AND reason <> ''"
    )
