"""Servers of one name are told apart in a run, too."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Make the column; of runs before it nothing is known."""
    # A card of an older run names such servers alike, as it did then.
    op.add_column("run_servers", sa.Column("apart", sa.Text(), nullable=False, server_default=""))
