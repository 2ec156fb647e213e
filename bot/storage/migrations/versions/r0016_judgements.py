"""Whether a review found that break glass was justified."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Add the column; it is empty while a review is open, and of reviews of before."""
    # Not set by reviews of before: who wrote them was never asked.
    column = sa.Column("judgement", sa.Text(), nullable=False, server_default="")
    op.add_column("reviews", column)
