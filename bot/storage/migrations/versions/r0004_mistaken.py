"""Mentions that were a mistake: their edits, and no others, may be read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the mark."""
    # False for all before: nobody noted then which were a mistake.
    op.add_column(
        "inbox", sa.Column("mistaken", sa.Boolean(), nullable=False, server_default=sa.false())
    )
