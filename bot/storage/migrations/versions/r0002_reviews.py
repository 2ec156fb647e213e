"""The reviews that break glass owes."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def _time(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Double(), nullable=False, server_default=sa.text("0"))


def _text(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=False, server_default="")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "reviews",
        sa.Column("request_id", sa.Text(), sa.ForeignKey("requests.id"), primary_key=True),
        sa.Column("breaker", sa.Text(), nullable=False),  # Who may not review it.
        _text("groups"),
        # remind_at 0: nobody is reminded any more.
        *(_time(name) for name in ("opened_at", "due_at", "remind_at")),
        sa.Column("reminders", sa.Integer(), nullable=False, server_default=sa.text("0")),
        _time("closed_at"),
        _text("closed_by"),
        _text("comment"),
    )
    op.create_index("ix_reviews_open", "reviews", ["closed_at", "remind_at"])
    op.create_index("ix_reviews_breaker", "reviews", ["breaker", "closed_at"])
