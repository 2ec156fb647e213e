"""A Grafana dashboard ("Dashboard JSON model" in Grafana's docs), drawn from our own figures."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from bot.operations.metric_names import Figure
from bot.operations.ship import alarms

WIDTH, COLUMNS, HEIGHT = 24, 3, 8  # The grid is 24 wide ("Dashboard JSON model").
SOURCE = {"type": "prometheus", "uid": "${source}"}  # The variable below.
LATELY = "$__rate_interval"  # Four scrapes at least ("Global variables").


@dataclasses.dataclass(frozen=True, slots=True)
class Panel:
    """One panel: what it is called, in which unit it is, and its expressions by their legends."""

    title: str
    unit: str  # Grafana's word: short, s or ops.
    lines: tuple[tuple[str, str], ...]


def _rate(series: str, *by: str) -> str:
    """Return a counter's rate a second, by labels."""
    grouped = f"sum by ({', '.join(by)})" if by else "sum"
    return f"{grouped} (rate({series}[{LATELY}]))"


def _percentile(share: float, figure: Figure, *by: str) -> str:
    """Return a histogram's percentile."""
    # A quantile needs the buckets' own label ("histogram_quantile").
    labels = ", ".join(("le", *by))
    rate = f"sum by ({labels}) (rate({figure.bucket}[{LATELY}]))"
    return f"histogram_quantile({share}, {rate})"


PANELS = (
    # max: all replicas count the same rows of one database.
    Panel(
        "Requests by state", "short", ((f"max by (state) ({Figure.REQUESTS.series})", "{{state}}"),)
    ),
    Panel(
        "Waiting for an approval",
        "s",
        (
            (f"max({Figure.PENDING_AGE_SECONDS.series})", "oldest request"),
            (_percentile(0.5, Figure.APPROVAL_WAIT_SECONDS), "median time to a decision"),
        ),
    ),
    Panel(
        "Runs in progress",
        "short",
        (
            (f"sum({Figure.DRIVING.series})", "requests"),  # Each replica has its own.
            (f"max({Figure.UNKNOWN_OUTCOMES.series})", "servers whose outcome is unknown"),
            (f"sum(increase({Figure.UNKNOWN_CALLS.total}[1h]))", "unanswered calls, 1 h"),
        ),
    ),
    Panel(
        "What is happening",
        "ops",
        ((_rate(Figure.STEPS.total, "event"), "{{event}}"),),
    ),
    Panel(
        "What Powerbot refuses", "ops", ((_rate(Figure.REFUSALS.total, "reason"), "{{reason}}"),)
    ),
    Panel(
        "Refused unread",
        "ops",
        ((_rate(Figure.REFUSED_REQUESTS.total, "check"), "{{check}}"),),
    ),
    Panel(
        "Calls to CloudDC",
        "ops",
        ((_rate(Figure.CLOUD_CALLS.total, "operation", "result"), "{{operation}} {{result}}"),),
    ),
    Panel(
        "Duration of calls to CloudDC (95th percentile)",
        "s",
        ((_percentile(0.95, Figure.CLOUD_CALL_SECONDS, "operation"), "{{operation}}"),),
    ),
    Panel(
        "Waiting for CloudDC",
        "s",
        (
            (f"max({Figure.CLOUD_PAUSED_SECONDS.series})", "key refused, paused for"),
            (f"max({Figure.CLOUD_RATE_WAIT_SECONDS.series})", "waiting for a turn"),
        ),
    ),
    Panel(
        "Waiting messages and clicks",
        "s",
        (
            (f"max({Figure.OUTBOX_AGE_SECONDS.series})", "oldest message to Slack"),
            (f"max({Figure.INBOX_AGE_SECONDS.series})", "oldest click"),
        ),
    ),
    Panel(
        "How many are waiting",
        "short",
        (
            (f"max({Figure.OUTBOX_MESSAGES.series})", "messages"),
            (f"max({Figure.OUTBOX_REFUSED.series})", "messages that Slack refuses"),
            (f"max({Figure.INBOX_PAYLOADS.series})", "clicks"),
        ),
    ),
    Panel(
        "What Slack refuses",
        "ops",
        ((_rate(Figure.SLACK_REFUSALS.total, "reason"), "{{reason}}"),),
    ),
    Panel(
        "Connections to Slack",
        "short",
        (
            (f"sum({Figure.SOCKETS.series})", "ours"),
            (f"max({Figure.SOCKET_OTHERS.series})", "of other processes, as seen from one of ours"),
        ),
    ),
    Panel(
        "Time since Slack last spoke",
        "s",
        (
            (f"max({Figure.SOCKET_HEARD_SECONDS.series})", "since Slack last spoke"),
            (f"max({Figure.SOCKET_AGE_SECONDS.series})", "oldest connection"),
        ),
    ),
    Panel(
        "Event loop delay (99th percentile)",
        "s",
        ((_percentile(0.99, Figure.LOOP_LAG_SECONDS), "late"),),
    ),
    Panel(
        "Health",
        "short",
        (
            (f'sum(up{{job="{alarms.JOB}"}})', "processes"),
            (f"min({Figure.DATABASE_UP.series})", "database"),  # One that can't reach it is enough.
            (f"min({Figure.POLICY_VALID.series})", "policy"),
            (f"sum({Figure.SECRET_FILES_UNUSABLE.series})", "secret files that can't be used"),
            (f"count by (version) ({Figure.BUILD_INFO.series})", "version {{version}}"),
            (f"count by (version) ({Figure.POLICY_INFO.series})", "policy {{version}}"),
        ),
    ),
    Panel(
        "Freezes, and break glass to be reviewed",
        "short",
        (
            (f"max by (by) ({Figure.FREEZES.series})", "freezes by {{by}}"),
            (f"max({Figure.REVIEWS_OPEN.series})", "reviews open"),
            (f"max by (judgement) ({Figure.REVIEWS_CLOSED.series})", "{{judgement}}"),
            (f"max({Figure.REVIEW_OVERDUE_SECONDS.series}) / 3600", "hours overdue"),
        ),
    ),
    Panel(
        "Servers that are still out",
        "short",
        (
            (f"max({Figure.STEPS_OUT.series})", "servers and steps"),
            (f"max({Figure.STEPS_OWED.series})", "of them owed"),
        ),
    ),
    Panel(
        "Servers that CloudDC counts but doesn't list",
        "short",
        ((f"max({Figure.LIST_MISSING_SERVERS.series})", "servers"),),
    ),
    Panel(
        "Rows of the audit log",
        "short",
        ((f"max({Figure.AUDIT_ROWS.series})", "newest row"),),
    ),
)


def text() -> str:
    """Return the dashboard as JSON."""
    return json.dumps(build(), indent=2, ensure_ascii=False) + "\n"


def build() -> dict[str, Any]:
    """Return the dashboard; which Prometheus it asks is chosen in Grafana."""
    return {
        "title": "Powerbot",
        "uid": "powerbot",
        "tags": ["powerbot"],
        "schemaVersion": 39,
        "refresh": "30s",  # Prometheus scrapes twice in it.
        "time": {"from": "now-6h", "to": "now"},
        "templating": {
            "list": [{"name": "source", "type": "datasource", "query": "prometheus"}],
        },
        "panels": [_panel(number, one) for number, one in enumerate(PANELS)],
    }


def _panel(number: int, panel: Panel) -> dict[str, Any]:
    """Return one panel at its place."""
    width = WIDTH // COLUMNS
    place = {"x": number % COLUMNS * width, "y": number // COLUMNS * HEIGHT}
    return {
        "id": number + 1,
        "title": panel.title,
        "type": "timeseries",
        "datasource": SOURCE,
        "gridPos": {**place, "w": width, "h": HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": [
            # Queries are called A, B, C, as Grafana itself does.
            {"refId": chr(ord("A") + nth), "datasource": SOURCE, "expr": expr, "legendFormat": name}
            for nth, (expr, name) in enumerate(panel.lines)
        ],
    }
