"""By which secret a payload was stored, so that nobody else's is taken for Slack's."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Add the column; who opens the database with the secret marks what is there already."""
    op.add_column("inbox", sa.Column("mark", sa.Text(), nullable=False, server_default=""))
