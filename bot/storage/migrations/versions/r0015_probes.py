"""Which probe a server that is proven and not well doesn't answer."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Add the column; it is empty for every other server."""
    # The card names it, so that nobody has to look the probe up in the policy.
    op.add_column("run_servers", sa.Column("probe", sa.Text(), nullable=False, server_default=""))
