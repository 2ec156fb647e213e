"""Messages that Slack takes from nobody as things are: nothing is behind because of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add the mark."""
    # Without it one odd message would look like an outage of Slack for good.
    op.add_column(
        "outbox", sa.Column("refused", sa.Boolean(), nullable=False, server_default=sa.false())
    )
