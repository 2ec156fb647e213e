"""The tables, one for both databases; `migrations/` must arrive at exactly these.

Times are seconds since the epoch as doubles, 0 for "not yet"; nested values are JSON text.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from bot.power import lifecycle
from bot.power.around import states

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

# SQLite numbers rows by itself only for a column that is an INTEGER to the letter.
BigNumber = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _text(name: str) -> sa.Column[str]:
    """Return a text that is empty until it is known."""
    return sa.Column(name, sa.Text, nullable=False, server_default="")


def _time(name: str) -> sa.Column[float]:
    """Return an instant that is 0 until it is reached."""
    return sa.Column(name, sa.Double, nullable=False, server_default=sa.text("0"))


def _count(name: str) -> sa.Column[int]:
    """Return a number that counts from 0."""
    return sa.Column(name, sa.Integer, nullable=False, server_default=sa.text("0"))


def _one_of(column: str, words: Iterable[enum.StrEnum | str]) -> sa.CheckConstraint:
    """Return the check that a column holds one of these words."""
    listed = ", ".join(f"'{word}'" for word in sorted(words))
    return sa.CheckConstraint(f"{column} IN ({listed})", name=column)


def _request_id(**options: Any) -> sa.Column[str]:
    """Return the column that names the request a row belongs to."""
    return sa.Column("request_id", sa.Text, sa.ForeignKey("requests.id"), nullable=False, **options)


requests = sa.Table(
    "requests",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("source_key", sa.Text, nullable=False, unique=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("plan_version", sa.Integer, nullable=False),
    sa.Column("plan_digest", sa.Text, nullable=False),
    sa.Column("requester", sa.Text, nullable=False),
    _time("created_at"),
    _time("changed_at"),
    _time("ended_at"),
    _time("expires_at"),
    _time("use_by"),
    _count("version"),
    _count("epoch"),
    _time("lease_until"),
    # Empty when nothing is due by itself: only a person's click moves the request on.
    sa.Column("next_at", sa.Double),
    _text("card_channel"),
    _text("card_ts"),
    _text("stopped_by"),
    _text("stop_reason"),
    _time("stopped_at"),
    _text("end_reason"),
    sa.Column("hushed", sa.Boolean, nullable=False, server_default=sa.false()),
    _text("action"),
    # 0 for a plan that nobody has asked for.
    _time("asked_at"),
    _text("waiting"),
    _text("ended_by"),
    _one_of("state", lifecycle.State),
    sa.Index("ix_requests_next_at", "next_at"),
    sa.Index("ix_requests_created_at", "created_at"),
    sa.Index("ix_requests_requester", "requester", "created_at"),
    sa.Index("ix_requests_state", "state"),
    sa.Index("ix_requests_requester_state", "requester", "state", "ended_at"),
    sa.Index("ix_requests_asked_at", "requester", "asked_at"),
    sa.Index("ix_requests_changed_at", "changed_at"),
    sa.Index("ix_requests_ended_at", "ended_at"),
    sa.Index("ix_requests_unasked", "asked_at", "state", "ended_at"),
)

# The servers of every request that was asked for: what was done to one is found by it.
request_servers = sa.Table(
    "request_servers",
    metadata,
    _request_id(primary_key=True),
    sa.Column("server_id", sa.Text, primary_key=True),
    sa.Index("ix_request_servers_server_id", "server_id"),
)

# Every name that a server of a request had; it outlives the server, and the request.
known_servers = sa.Table(
    "known_servers",
    metadata,
    sa.Column("server_id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Index("ix_known_servers_name", "name"),
)

# Apart from their requests: SQLite walks over a plan of two megabytes to whatever stands behind it,
# and writes it anew with every change of its row.
plans = sa.Table(
    "plans",
    metadata,
    _request_id(primary_key=True),
    sa.Column("plan", sa.Text, nullable=False),
)

approvals = sa.Table(
    "approvals",
    metadata,
    _request_id(primary_key=True),
    sa.Column("user_id", sa.Text, primary_key=True),
    _text("team_id"),
    _text("group_name"),
    _time("at"),
    _text("comment"),
    _text("evidence"),
    # Empty where a version of before took the approval.
    _text("seal"),
)

run_servers = sa.Table(
    "run_servers",
    metadata,
    _request_id(primary_key=True),
    sa.Column("server_id", sa.Text, primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
    _text("name"),
    _text("rack"),
    sa.Column("state", sa.Text, nullable=False),
    _count("step"),
    sa.Column("wave", sa.Integer, nullable=False, server_default=sa.text("-1")),
    _text("detail"),
    _text("baseline_power"),
    _text("baseline_operation"),
    sa.Column("seen_processing", sa.Boolean, nullable=False, server_default=sa.false()),
    _text("last_seen"),
    _time("sent_at"),
    _time("settled_at"),
    _count("sends"),
    _text("cause"),
    _text("seen_power"),
    _text("room"),
    _count("rack_limit"),
    _text("late"),
    _time("late_at"),
    _text("apart"),
    _one_of("state", lifecycle.ServerState),
    sa.Index("ix_run_servers_rack", "rack", "state"),
)

# Steps around waves: what was taken out is a row until it is back, or settled.
steps = sa.Table(
    "steps",
    metadata,
    sa.Column("step_key", sa.Text, primary_key=True),
    _request_id(),
    _count("wave"),
    _text("step"),
    _text("kind"),
    _text("spec"),
    sa.Column("number", sa.Integer, nullable=False, server_default=sa.text("1")),
    sa.Column("parts", sa.Integer, nullable=False, server_default=sa.text("1")),
    _text("outside_id"),
    _time("until"),
    _count("halves"),
    _text("says"),
    _time("since"),
    _time("next_at"),
    sa.Index("ix_steps_request_id", "request_id"),
    sa.Index("ix_steps_next_at", "next_at"),
)

step_servers = sa.Table(
    "step_servers",
    metadata,
    sa.Column("step_key", sa.Text, sa.ForeignKey("steps.step_key"), primary_key=True),
    sa.Column("server_id", sa.Text, primary_key=True),
    _request_id(),
    _count("position"),
    _text("subject"),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("stands", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("due", sa.Boolean, nullable=False, server_default=sa.false()),
    _time("since"),
    _text("detail"),
    _one_of("state", states.State),
    sa.Index("ix_step_servers_state", "state"),
    sa.Index("ix_step_servers_server_id", "server_id"),
    sa.Index("ix_step_servers_request_id", "request_id"),
)

# Ended runs whose servers are still looked at: a success, or a harm, may show late.
aftermaths = sa.Table(
    "aftermaths",
    metadata,
    _request_id(primary_key=True),
    _time("until"),
    _time("next_at"),
    sa.Index("ix_aftermaths_next_at", "next_at"),
)

attempts = sa.Table(
    "attempts",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    _request_id(),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("method", sa.Text, nullable=False),
    sa.Column("server_ids", sa.Text, nullable=False),
    sa.Column("wave", sa.Integer, nullable=False),
    sa.Column("step", sa.Integer, nullable=False),
    sa.Column("epoch", sa.Integer, nullable=False),
    _text("code_version"),
    _time("intended_at"),
    _text("outcome"),
    _text("detail"),
    _text("cloud_request_id"),
    sa.UniqueConstraint("request_id", "number"),
    _one_of("outcome", ("", "accepted", "not sent", "refused", "unknown")),
)

attempt_servers = sa.Table(
    "attempt_servers",
    metadata,
    sa.Column("attempt_id", sa.Text, sa.ForeignKey("attempts.id"), primary_key=True),
    sa.Column("server_id", sa.Text, primary_key=True),
    _request_id(),
    sa.Column("method", sa.Text, nullable=False),
    # False once it is proven that the call did nothing: not sent, or refused before acting.
    sa.Column("may_have_acted", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Index("ix_attempt_servers_server_id", "server_id"),
)
# A reboot is sent at most once per request and server; the database itself refuses another.
# PostgreSQL is told so in words: an option with its name would load its dialect in every process.
_ONE_REBOOT = "method = 'rebooting' AND may_have_acted"
sa.Index(
    "uq_attempt_servers_one_reboot",
    attempt_servers.c.request_id,
    attempt_servers.c.server_id,
    unique=True,
    sqlite_where=sa.text(_ONE_REBOOT),
).ddl_if(dialect="sqlite")


def _refuse_another_reboot(_table: object, connection: sa.Connection, **_options: object) -> None:
    """Make the index above, where the table was made in PostgreSQL."""
    if connection.dialect.name == "postgresql":
        columns = "attempt_servers (request_id, server_id)"
        made = f"CREATE UNIQUE INDEX uq_attempt_servers_one_reboot ON {columns} WHERE {_ONE_REBOOT}"
        connection.execute(sa.text(made))


sa.event.listen(attempt_servers, "after_create", _refuse_another_reboot)

server_locks = sa.Table(
    "server_locks",
    metadata,
    sa.Column("server_id", sa.Text, primary_key=True),
    _request_id(),
    sa.Column("action", sa.Text, nullable=False),
    _time("since"),
    sa.Index("ix_server_locks_request_id", "request_id"),
)

inbox = sa.Table(
    "inbox",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    _text("user_id"),
    _text("team_id"),
    _text("channel_id"),
    _text("thread_ts"),
    _text("body"),
    _text("response_url"),
    _time("at"),
    _time("lease_until"),
    _time("done_at"),
    _count("tries"),
    # Of a mention: an edit of it may be read.
    sa.Column("mistaken", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Index("ix_inbox_done_at", "done_at", "at"),
)

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("id", BigNumber, primary_key=True),
    _request_id(),
    sa.Column("kind", sa.Text, nullable=False),
    # A card has the empty key: there is one for each request.
    sa.Column("key", sa.Text, nullable=False),
    _text("body"),
    sa.Column("waiting", sa.Boolean, nullable=False, server_default=sa.true()),
    _count("version"),
    _count("shown_version"),
    _time("created_at"),
    _time("due_at"),
    _time("lease_until"),
    _time("sent_at"),
    _count("tries"),
    _text("error"),
    # Slack takes it from nobody as things are: it waits, and nothing is behind because of it.
    sa.Column("refused", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.UniqueConstraint("request_id", "key"),
    _one_of("kind", ("card", "reply", "direct")),
    sa.Index("ix_outbox_waiting", "waiting", "due_at"),
    sqlite_autoincrement=True,
)

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("event", sa.Text, nullable=False),
    sa.Column("request_id", sa.Text, nullable=False),
    sa.Column("user_id", sa.Text, nullable=False),
    sa.Column("team_id", sa.Text, nullable=False),
    sa.Column("channel_id", sa.Text, nullable=False),
    sa.Column("server_ids", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("code_version", sa.Text, nullable=False),
    sa.Column("prev_hash", sa.Text, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
    sa.Index("ix_audit_request_id", "request_id"),
)

audit_head = sa.Table(
    "audit_head",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("seq", sa.Integer, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
    sa.CheckConstraint("id = 1", name="one_row"),
)

reviews = sa.Table(
    "reviews",
    metadata,
    _request_id(primary_key=True),
    sa.Column("breaker", sa.Text, nullable=False),
    _text("groups"),
    _time("opened_at"),
    _time("due_at"),
    # 0 once nobody is reminded any more; an open review still bars the next break glass.
    _time("remind_at"),
    _count("reminders"),
    _time("closed_at"),
    _text("closed_by"),
    _text("comment"),
    sa.Index("ix_reviews_open", "closed_at", "remind_at"),
    sa.Index("ix_reviews_breaker", "breaker", "closed_at"),
)

# The one slot of versions before `freezes`; nothing here reads or writes it any more.
switches = sa.Table(
    "switches",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    _text("reason"),
    _text("user_id"),
    _time("at"),
)

sightings = sa.Table(
    "sightings",
    metadata,
    sa.Column("user_id", sa.Text, primary_key=True),
    sa.Column("is_full", sa.Boolean, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Index("ix_sightings_at", "at"),
)

look_ups = sa.Table(
    "look_ups",
    metadata,
    # Empty for a freeze, which is against every request.
    sa.Column("request_id", sa.Text, primary_key=True),
    sa.Column("user_id", sa.Text, primary_key=True),
    sa.Column("verb", sa.Text, nullable=False),
    sa.Column("until", sa.Double, nullable=False),
)

freezes = sa.Table(
    "freezes",
    metadata,
    # A user id, or `host:USER`: each holds one freeze at most.
    sa.Column("holder", sa.Text, primary_key=True),
    _text("reason"),
    _time("since"),
    # 0 for a freeze that lasts until it is lifted.
    _time("until"),
)

# What is told where requests are made, and belongs to no request.
notices = sa.Table(
    "notices",
    metadata,
    sa.Column("id", BigNumber, primary_key=True),
    sa.Column("channel_id", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    _text("body"),
    sa.Column("waiting", sa.Boolean, nullable=False, server_default=sa.true()),
    _time("created_at"),
    _time("due_at"),
    _time("lease_until"),
    _time("sent_at"),
    _count("tries"),
    _text("error"),
    sa.UniqueConstraint("channel_id", "key"),
    sa.Index("ix_notices_waiting", "waiting", "due_at"),
    sqlite_autoincrement=True,
)

meta = sa.Table(
    "meta",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
