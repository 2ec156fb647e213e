"""Prometheus' alert rules ("Alerting rules" in Prometheus' docs)."""

from __future__ import annotations

from typing import Any

from bot.operations.ship import alarms, documents, runbook

HEAD = """\
# Made by `powerbot ship alerts`. Check it with `promtool check rules alerts.yml`.
# The bot's job in scrape_configs is called "{job}"; /metrics needs the token in {token}.
"""


def text(token: str, page: str = runbook.PAGE) -> str:
    """Return the rules; `token` is the setting for the metrics, `page` where OPERATING.md is."""
    made = {"groups": [{"name": "powerbot", "rules": [rule(one, page) for one in alarms.ALARMS]}]}
    dumped = documents.dumped(made)
    return HEAD.format(job=alarms.JOB, token=token) + dumped


def rule(alarm: alarms.Alarm, page: str = runbook.PAGE) -> dict[str, Any]:
    """Return one rule."""
    return {
        "alert": alarm.name,
        "expr": alarm.expr,
        "for": alarm.lasts,
        "labels": {"severity": alarm.severity},
        "annotations": {
            "summary": alarm.summary,
            "runbook_url": runbook.url(alarm.heading, page),
        },
    }
