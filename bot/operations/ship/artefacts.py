"""The artefacts that `powerbot ship` prints, by the word that selects each."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping

from bot.operations.ship import alarms, compose, container, dashboard, kubernetes, layout, systemd


class Artefact(enum.StrEnum):
    """What may be printed."""

    CONTAINER = "container"
    COMPOSE = "compose"  # With PostgreSQL and Prometheus.
    SYSTEMD = "systemd"
    KUBERNETES = "kubernetes"
    ALERTS = "alerts"  # Rules for Prometheus.
    DASHBOARD = "dashboard"  # For Grafana.


_MADE: Mapping[Artefact, Callable[[layout.ShipOrder], str]] = {
    Artefact.CONTAINER: container.text,
    Artefact.COMPOSE: compose.text,
    Artefact.SYSTEMD: systemd.text,
    Artefact.KUBERNETES: kubernetes.text,
    Artefact.ALERTS: lambda order: alarms.alert_rules(
        layout.variable("metrics_token"), order.docs or alarms.RUNBOOK
    ),
    Artefact.DASHBOARD: lambda _: dashboard.text(),
}


def text(artefact: Artefact, order: layout.ShipOrder) -> str:
    """Return an artefact, ready to be written to a file."""
    return _MADE[artefact](order)
