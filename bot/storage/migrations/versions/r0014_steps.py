"""Steps around waves: what was taken out, and a server's end as proven and not well."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

_SERVER_STATES = (
    "accepted", "blocked", "failed", "intended", "not proven", "not sent", "proven", "queued",
    "rejected", "skipped", "superseded", "timed out", "unknown", "unwell",
)  # fmt: skip
_STEP_STATES = ("done", "failed", "intended", "owed", "put_back", "putting_back", "settled")


def _time(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Double(), nullable=False, server_default=sa.text("0"))


def _text(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=False, server_default="")


def _count(name: str, least: int = 0) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer(), nullable=False, server_default=sa.text(str(least)))


def _request_id() -> sa.Column[Any]:
    return sa.Column("request_id", sa.Text(), sa.ForeignKey("requests.id"), nullable=False)


def _flag(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false())


def _listed(words: tuple[str, ...]) -> str:
    return ", ".join(f"'{word}'" for word in words)


def upgrade() -> None:
    """Make the tables, and let a server end as unwell."""
    _let_servers_be_unwell()
    _make_steps()
    _make_step_servers()


def _let_servers_be_unwell() -> None:
    states = f"state IN ({_listed(_SERVER_STATES)})"
    if op.get_bind().dialect.name == "sqlite":
        # SQLite can't change a check; what it tells of a table has none of them.
        with op.batch_alter_table("run_servers", recreate="always") as table:
            table.create_check_constraint("state", states)
    else:
        op.drop_constraint("state", "run_servers", type_="check")
        op.create_check_constraint("state", "run_servers", states)


def _make_steps() -> None:
    op.create_table(
        "steps",
        sa.Column("step_key", sa.Text(), primary_key=True),
        _request_id(),
        _count("wave"),
        _text("step"),
        _text("kind"),
        _text("spec"),  # The step as it was in the policy then.
        _count("number", 1),
        _count("parts", 1),
        _text("outside_id"),  # How the other side calls it.
        _time("until"),
        _count("halves"),
        _text("says"),
        _time("since"),
        _time("next_at"),
    )
    op.create_index("ix_steps_request_id", "steps", ["request_id"])
    op.create_index("ix_steps_next_at", "steps", ["next_at"])


def _make_step_servers() -> None:
    op.create_table(
        "step_servers",
        sa.Column("step_key", sa.Text(), sa.ForeignKey("steps.step_key"), primary_key=True),
        sa.Column("server_id", sa.Text(), primary_key=True),
        _request_id(),
        _count("position"),
        _text("subject"),
        sa.Column("state", sa.Text(), nullable=False),
        _flag("stands"),  # Something is out, or may be.
        _flag("due"),
        _time("since"),
        _text("detail"),
        sa.CheckConstraint(f"state IN ({_listed(_STEP_STATES)})", name="state"),
    )
    op.create_index("ix_step_servers_state", "step_servers", ["state"])
    op.create_index("ix_step_servers_server_id", "step_servers", ["server_id"])
    op.create_index("ix_step_servers_request_id", "step_servers", ["request_id"])
