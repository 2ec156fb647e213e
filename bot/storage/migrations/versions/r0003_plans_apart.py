"""Plans get a table of their own: a large one beside a request slowed every look at it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the table, and move the plans into it."""
    op.create_table(
        "plans",
        sa.Column("request_id", sa.Text(), sa.ForeignKey("requests.id"), primary_key=True),
        sa.Column("plan", sa.Text(), nullable=False),
    )
    op.execute("INSERT INTO plans (request_id, plan) SELECT id, plan FROM requests")
    # Last, once every plan has its row.
    op.drop_column("requests", "plan")
