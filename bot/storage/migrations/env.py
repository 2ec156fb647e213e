"""Run by Alembic, on the connection and in the transaction that `migrating` has begun."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context

# How the constraints are called that a migration gives no name, or half of one.
NAMES = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=sa.MetaData(naming_convention=NAMES),
    transactional_ddl=True,
)
context.run_migrations()
