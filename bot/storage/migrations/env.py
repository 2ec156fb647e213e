"""Run by Alembic, on the connection and in the transaction that `migrating` has begun."""

from __future__ import annotations

from alembic import context

from bot.storage.migrations import schema

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=schema.metadata,
    transactional_ddl=True,
)
context.run_migrations()
