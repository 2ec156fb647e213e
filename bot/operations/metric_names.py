"""The names of all figures: what is served, what is alarmed on and what is drawn read them here."""

from __future__ import annotations

import enum

PREFIX = "powerbot_"


class Figure(enum.StrEnum):
    """A figure's name, without the prefix and without what its kind adds (`_total`, `_bucket`)."""

    APPROVAL_WAIT_SECONDS = "approval_wait_seconds"
    AUDIT_ROWS = "audit_rows"
    BUILD_INFO = "build_info"
    CLOUD_CALLS = "cloud_calls"
    CLOUD_CALL_SECONDS = "cloud_call_seconds"
    CLOUD_PAUSED_SECONDS = "cloud_paused_seconds"  # After a refused key.
    CLOUD_RATE_WAIT_SECONDS = "cloud_rate_wait_seconds"
    DATABASE_UP = "database_up"
    DRIVING = "driving"  # Runs in this process's hands.
    FREEZES = "freezes"
    INBOX_AGE_SECONDS = "inbox_age_seconds"
    INBOX_PAYLOADS = "inbox_payloads"
    LIST_MISSING_SERVERS = "list_missing_servers"  # Counted by CloudDC, not listed.
    LOOP_LAG_SECONDS = "loop_lag_seconds"
    OUTBOX_AGE_SECONDS = "outbox_age_seconds"
    OUTBOX_MESSAGES = "outbox_messages"
    OUTBOX_REFUSED = "outbox_refused"  # Slack takes them from nobody.
    PENDING_AGE_SECONDS = "pending_age_seconds"
    POLICY_INFO = "policy_info"
    POLICY_VALID = "policy_valid"
    REFUSALS = "refusals"
    REFUSED_REQUESTS = "refused_requests"  # Turned away before they were read.
    REQUESTS = "requests"
    REVIEWS_CLOSED = "reviews_closed"
    REVIEWS_OPEN = "reviews_open"
    REVIEW_OVERDUE_SECONDS = "review_overdue_seconds"
    SECRET_FILES_UNUSABLE = "secret_files_unusable"  # noqa: S105 -- a figure
    SLACK_REFUSALS = "slack_refusals"
    SOCKETS = "sockets"
    SOCKET_AGE_SECONDS = "socket_age_seconds"
    SOCKET_HEARD_SECONDS = "socket_heard_seconds"
    SOCKET_OTHERS = "socket_others"
    STEPS = "steps"  # Events of requests, not only steps around waves.
    STEPS_OUT = "steps_out"
    STEPS_OWED = "steps_owed"  # Those that should be back by now.
    UNKNOWN_CALLS = "unknown_calls"  # A counter of calls without an answer.
    UNKNOWN_OUTCOMES = "unknown_outcomes"  # Servers that still stand so.

    @property
    def series(self) -> str:
        """The whole name of a gauge; a counter and a histogram have more behind it."""
        return PREFIX + self.value

    @property
    def total(self) -> str:
        """The name of a counter's series."""
        return f"{self.series}_total"

    @property
    def bucket(self) -> str:
        """The name of a histogram's buckets."""
        return f"{self.series}_bucket"
