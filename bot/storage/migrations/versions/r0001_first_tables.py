"""The first tables, and the triggers that keep the audit log append-only."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# Held by checks, so that no version stores a word that another can't read.
STATES = (
    "'approved', 'cancelled', 'denied', 'expired', 'failed', 'partial', 'pending', 'planned', "
    "'refused', 'running', 'stopped', 'succeeded', 'void'"
)
SERVER_STATES = (
    "'accepted', 'blocked', 'failed', 'intended', 'not proven', 'not sent', 'proven', 'queued', "
    "'rejected', 'skipped', 'superseded', 'timed out', 'unknown'"
)
REFUSAL = "the audit log is append-only"
# A row that replaces another would be a silent change, so an insert is looked at too.
SQLITE_TRIGGERS = (
    f"""CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
        BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END""",
    f"""CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
        BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END""",
    f"""CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit
        WHEN EXISTS (SELECT 1 FROM audit WHERE seq = NEW.seq)
        BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END""",
)
POSTGRESQL_TRIGGERS = (
    f"""CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION '{REFUSAL}'; END $$""",
    """CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON audit
       FOR EACH ROW EXECUTE FUNCTION audit_is_append_only()""",
    """CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit
       FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()""",
)


def upgrade() -> None:
    """Make all tables."""
    _make_requests()
    _make_approvals()
    _make_run_servers()
    _make_attempts()
    _make_attempt_servers()
    _make_locks_and_switches()
    _make_inbox()
    _make_outbox()
    _make_audit()


def _text(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=False, server_default="")


def _time(name: str) -> sa.Column[Any]:  # Seconds since the epoch, 0 for never.
    return sa.Column(name, sa.Double(), nullable=False, server_default=sa.text("0"))


def _count(name: str, default: str = "0") -> sa.Column[Any]:
    return sa.Column(name, sa.Integer(), nullable=False, server_default=sa.text(default))


def _given(name: str, kind: Any = sa.Text, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, kind(), nullable=False, **options)


def _request_id(**options: Any) -> sa.Column[Any]:
    return sa.Column("request_id", sa.Text(), sa.ForeignKey("requests.id"), **options)


def _make_requests() -> None:
    op.create_table(
        "requests",
        sa.Column("id", sa.Text(), primary_key=True),
        _given("source_key", unique=True),  # A payload that comes twice makes one request.
        _given("state"),
        _given("plan_version", sa.Integer),  # Which reader understands the plan.
        _given("plan"),
        _given("plan_digest"),
        _given("requester"),
        *(_time(f"{name}_at") for name in ("created", "changed", "ended", "expires")),
        _time("use_by"),
        _count("version"),
        _count("epoch"),  # The fence, which every claim raises.
        _time("lease_until"),
        sa.Column("next_at", sa.Double()),  # NULL: nobody need look.
        *(_text(name) for name in ("card_channel", "card_ts", "stopped_by", "stop_reason")),
        _time("stopped_at"),
        _text("end_reason"),
        sa.CheckConstraint(f"state IN ({STATES})", name="state"),
    )
    op.create_index("ix_requests_next_at", "requests", ["next_at"])
    op.create_index("ix_requests_created_at", "requests", ["created_at"])
    op.create_index("ix_requests_requester", "requests", ["requester", "created_at"])
    op.create_index("ix_requests_state", "requests", ["state"])


def _make_approvals() -> None:
    op.create_table(
        "approvals",
        _request_id(primary_key=True),
        sa.Column("user_id", sa.Text(), primary_key=True),
        _text("team_id"),
        _text("group_name"),
        _time("at"),
        _text("comment"),
        _text("evidence"),
    )


def _make_run_servers() -> None:
    op.create_table(
        "run_servers",
        _request_id(primary_key=True),
        sa.Column("server_id", sa.Text(), primary_key=True),
        _given("position", sa.Integer),
        _text("name"),
        _text("rack"),
        _given("state"),
        _count("step"),
        _count("wave", "-1"),  # -1: in no wave yet.
        _text("detail"),
        _text("baseline_power"),
        _text("baseline_operation"),
        # A trace of the operation.
        _given("seen_processing", sa.Boolean, server_default=sa.false()),
        _text("last_seen"),
        _time("sent_at"),
        _time("settled_at"),
        _count("sends"),
        sa.CheckConstraint(f"state IN ({SERVER_STATES})", name="state"),
    )


def _make_attempts() -> None:
    outcomes = "'', 'accepted', 'not sent', 'refused', 'unknown'"
    op.create_table(
        "attempts",
        sa.Column("id", sa.Text(), primary_key=True),
        _request_id(nullable=False),
        _given("number", sa.Integer),
        _given("method"),
        _given("server_ids"),
        *(_given(name, sa.Integer) for name in ("wave", "step", "epoch")),
        _text("code_version"),
        _time("intended_at"),
        *(_text(name) for name in ("outcome", "detail", "cloud_request_id")),
        sa.UniqueConstraint("request_id", "number"),
        sa.CheckConstraint(f"outcome IN ({outcomes})", name="outcome"),
    )


def _make_attempt_servers() -> None:
    op.create_table(
        "attempt_servers",
        sa.Column("attempt_id", sa.Text(), sa.ForeignKey("attempts.id"), primary_key=True),
        sa.Column("server_id", sa.Text(), primary_key=True),
        _request_id(nullable=False),
        _given("method"),
        # Until an answer denies it.
        _given("may_have_acted", sa.Boolean, server_default=sa.true()),
    )
    op.create_index("ix_attempt_servers_server_id", "attempt_servers", ["server_id"])
    sent = sa.text("method = 'rebooting' AND may_have_acted")
    op.create_index(
        # The database itself refuses a second reboot of one server in one request.
        "uq_attempt_servers_one_reboot",
        "attempt_servers",
        ["request_id", "server_id"],
        unique=True,
        sqlite_where=sent,
        postgresql_where=sent,
    )


def _make_locks_and_switches() -> None:
    op.create_table(
        "server_locks",
        sa.Column("server_id", sa.Text(), primary_key=True),
        _request_id(nullable=False),
        _given("action"),
        _time("since"),
    )
    op.create_index("ix_server_locks_request_id", "server_locks", ["request_id"])
    op.create_table(
        "switches",
        sa.Column("name", sa.Text(), primary_key=True),
        _text("reason"),
        _text("user_id"),
        _time("at"),
    )
    op.create_table("meta", sa.Column("name", sa.Text(), primary_key=True), _given("value"))


def _make_inbox() -> None:
    texts = ("user_id", "team_id", "channel_id", "thread_ts", "body", "response_url")
    op.create_table(
        "inbox",
        sa.Column("key", sa.Text(), primary_key=True),
        _given("kind"),
        *(_text(name) for name in texts),
        *(_time(name) for name in ("at", "lease_until", "done_at")),
        _count("tries"),
    )
    op.create_index("ix_inbox_done_at", "inbox", ["done_at", "at"])


def _make_outbox() -> None:
    # Only an INTEGER key numbers itself in SQLite ("SQLite Autoincrement").
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "outbox",
        sa.Column("id", number, primary_key=True),
        _request_id(nullable=False),
        _given("kind"),
        _given("key"),
        _text("body"),
        _given("waiting", sa.Boolean, server_default=sa.true()),
        _count("version"),
        _count("shown_version"),  # The news that Slack has already.
        *(_time(name) for name in ("created_at", "due_at", "lease_until", "sent_at")),
        _count("tries"),
        _text("error"),
        sa.UniqueConstraint("request_id", "key"),
        sa.CheckConstraint("kind IN ('card', 'direct', 'reply')", name="kind"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_outbox_waiting", "outbox", ["waiting", "due_at"])


def _make_audit() -> None:
    texts = ("event", "request_id", "user_id", "team_id", "channel_id", "server_ids", "detail")
    op.create_table(
        "audit",
        # Numbered by hand: a sequence leaves gaps where a transaction was rolled back.
        sa.Column("seq", sa.Integer(), primary_key=True, autoincrement=False),
        _given("at", sa.Double),
        *(_given(name) for name in (*texts, "code_version", "prev_hash", "hash")),
    )
    op.create_index("ix_audit_request_id", "audit", ["request_id"])
    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        _given("seq", sa.Integer),
        _given("hash"),
        # A second head would let two chains grow.
        sa.CheckConstraint("id = 1", name="one_row"),
    )
    op.execute(f"INSERT INTO audit_head (id, seq, hash) VALUES (1, 0, '{'0' * 64}')")
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    for trigger in SQLITE_TRIGGERS if on_sqlite else POSTGRESQL_TRIGGERS:
        op.execute(trigger)
