"""The bot, a PostgreSQL and a Prometheus for one machine ("Compose file reference")."""

from __future__ import annotations

from typing import Any

from bot.operations.ship import alarms, container, documents, layout

POSTGRES_IMAGE = "postgres:17"
PROMETHEUS_IMAGE = "prom/prometheus:v3.5.0"
RULES = "/etc/prometheus/alerts.yml"
PASSWORD = "POSTGRES_PASSWORD"  # noqa: S105 -- the name of a file
HEAD = """\
# Made by `powerbot ship compose`. These belong beside it:
#   Containerfile     powerbot ship container > Containerfile
#   alerts.yml        powerbot ship alerts > alerts.yml
#   policy/policy.toml
#   secrets/          a file for each of: {files}
# The database's address is postgresql://powerbot:PASSWORD@database/powerbot, with the password from
# secrets/{password}. User {user} reads them (chown {user} secrets/*), and Prometheus, as a
# user of its own, the token for the metrics (chmod 444 secrets/{token}).
# Fill in the empty values below, then: docker compose up -d --build
"""


def text(order: layout.ShipOrder) -> str:
    """Return the compose file."""
    files = [*map(layout.variable, layout.secrets(order)), PASSWORD]
    token = layout.variable("metrics_token")
    names = ", ".join(files)
    head = HEAD.format(files=names, password=PASSWORD, user=layout.USER, token=token)
    return head + documents.dumped(build(order))


def build(order: layout.ShipOrder) -> dict[str, Any]:
    """Return the compose file's content."""
    secrets = [*map(layout.variable, layout.secrets(order)), PASSWORD]
    return {
        "name": "powerbot",
        "services": {
            "migrate": _migrate(order),
            "bot": _bot(order),
            "database": _database(),
            "prometheus": _prometheus(order),
        },
        "configs": {
            "prometheus": {
                "content": documents.dumped(scraping(order)),  # One file less to keep beside it.
            },
            "alerts": {"file": "./alerts.yml"},
        },
        "secrets": {name: {"file": f"./secrets/{name}"} for name in secrets},
        "volumes": {"database": {}, "prometheus": {}},
    }


def scraping(order: layout.ShipOrder) -> dict[str, Any]:
    """Return Prometheus' configuration."""
    token = layout.variable("metrics_token")
    return {
        "global": {"scrape_interval": "15s", "evaluation_interval": "15s"},
        "rule_files": [RULES],
        "scrape_configs": [
            {
                "job_name": alarms.JOB,
                # In a file, so that the configuration may be shown to anybody.
                "authorization": {"credentials_file": f"/run/secrets/{token}"},
                "static_configs": [{"targets": [f"bot:{order.port}"]}],
            }
        ],
    }


def _bot(order: layout.ShipOrder) -> dict[str, Any]:
    """Return the bot."""
    service = {
        **_ours(order, "run"),
        "depends_on": {
            "database": {"condition": "service_healthy"},
            # On PostgreSQL `run` migrates nothing: several may start at once.
            "migrate": {"condition": "service_completed_successfully"},
        },
        "restart": "unless-stopped",
        "stop_grace_period": f"{layout.STOP_S}s",
        "healthcheck": {
            "test": ["CMD", *container.health()],
            "interval": f"{container.HEALTH_S}s",
            "timeout": "5s",
            "start_period": "30s",
        },
    }
    if order.transport == "http":
        # A proxy with TLS on this machine stands before it.
        service["ports"] = [f"127.0.0.1:{order.port}:{order.port}"]
    return service


def _migrate(order: layout.ShipOrder) -> dict[str, Any]:
    """Return what brings the database to the newest schema before the bot starts."""
    before = {"depends_on": {"database": {"condition": "service_healthy"}}}
    # Five tries: a database that has just come up may still refuse.
    return {**_ours(order, "migrate"), **before, "restart": "on-failure:5"}


def _ours(order: layout.ShipOrder, command: str) -> dict[str, Any]:
    """Return what every container of ours has: no rights, and a root that can't be written."""
    return {
        "build": {"context": ".", "dockerfile": "Containerfile"},
        "image": "powerbot",
        "command": order.programme.line(command),
        "environment": {
            # Compose would put its own variables in the place of a `$`.
            name: value.replace("$", "$$")
            for name, value in layout.environment(order, "/run/secrets").items()
        },
        "secrets": [layout.variable(one) for one in layout.secrets(order)],
        "volumes": [f"./policy:{layout.CONFIG}:ro"],
        "user": f"{layout.USER}:{layout.USER}",
        "read_only": True,
        # All that can be written to; the record is in PostgreSQL.
        "tmpfs": ["/tmp", f"{layout.STATE}:uid={layout.USER},mode=0700"],  # noqa: S108
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
    }


def _database() -> dict[str, Any]:
    """Return the PostgreSQL."""
    return {
        "image": POSTGRES_IMAGE,
        "environment": {
            "POSTGRES_USER": "powerbot",
            "POSTGRES_DB": "powerbot",
            "POSTGRES_PASSWORD_FILE": f"/run/secrets/{PASSWORD}",
        },
        "secrets": [PASSWORD],
        "volumes": ["database:/var/lib/postgresql/data"],
        "restart": "unless-stopped",
        "healthcheck": {
            "test": ["CMD", "pg_isready", "-U", "powerbot", "-d", "powerbot"],
            "interval": "5s",
            "timeout": "5s",
            "retries": 12,
        },
    }


def _prometheus(order: layout.ShipOrder) -> dict[str, Any]:
    """Return the Prometheus, which nobody but this machine reaches."""
    return {
        "image": PROMETHEUS_IMAGE,
        "configs": [
            {"source": "prometheus", "target": "/etc/prometheus/prometheus.yml"},
            {"source": "alerts", "target": RULES},
        ],
        "secrets": [layout.variable("metrics_token")],
        "volumes": ["prometheus:/prometheus"],
        "ports": ["127.0.0.1:9090:9090"],
        "restart": "unless-stopped",
    }
