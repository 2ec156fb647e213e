"""Each approval keeps the seal that it was given to; a request may be hushed in its channel."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add both columns; approvals of before have no seal."""
    op.add_column("approvals", sa.Column("seal", sa.Text(), nullable=False, server_default=""))
    op.add_column(
        "requests",
        # Strangers read the channel.
        sa.Column("hushed", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
