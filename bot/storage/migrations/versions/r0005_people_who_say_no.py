"""Who was seen as a full member, and whose no is being looked up."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the two tables."""
    op.create_table(
        "sightings",
        sa.Column("user_id", sa.Text(), primary_key=True),
        sa.Column("is_full", sa.Boolean(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
    )
    op.create_index("ix_sightings_at", "sightings", ["at"])
    op.create_table(
        "look_ups",
        sa.Column("request_id", sa.Text(), primary_key=True),
        sa.Column("user_id", sa.Text(), primary_key=True),  # One look-up each.
        sa.Column("verb", sa.Text(), nullable=False),
        sa.Column("until", sa.Double(), nullable=False),  # A hold outlives no dead process.
    )
