"""Since when a step is owed, however often it is tried, and why its half before wasn't done."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Add the columns; what is owed by now is owed since it came to this state."""
    zero = sa.text("0")
    op.add_column(
        "step_servers", sa.Column("owed_since", sa.Double(), nullable=False, server_default=zero)
    )
    op.add_column("step_servers", sa.Column("missed", sa.Text(), nullable=False, server_default=""))
    # Counted from its next try, an old debt would look young.
    op.execute("UPDATE step_servers SET owed_since = since WHERE state = 'owed'")
