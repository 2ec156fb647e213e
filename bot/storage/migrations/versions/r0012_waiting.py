"""What an approved or running request waits for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add the column; it is empty where nothing is waited for."""
    # JSON of a `causes.Wait`: a card is drawn without asking the run.
    column = sa.Column("waiting", sa.Text(), nullable=False, server_default="")
    op.add_column("requests", column)
