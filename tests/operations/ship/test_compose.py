"""The compose file: names that fit each other, and a Prometheus that real promtool takes."""

from __future__ import annotations

import pathlib
import subprocess
from typing import Any

import yaml

from bot import settings
from bot.operations.ship import alarms, compose, layout
from tests.operations.ship import tools


def made(*words: str, **environment: str) -> dict[str, Any]:
    """Return the compose file that is printed."""
    found: dict[str, Any] = yaml.safe_load(
        tools.shipped("compose", *words, environment=environment)
    )
    return found


def test_bot_database_and_prometheus_are_there_and_know_each_other() -> None:
    """The bot starts after the schema is newest, and that after the database answers."""
    services = made()["services"]

    assert set(services) == {"migrate", "bot", "database", "prometheus"}
    assert services["bot"]["depends_on"] == {
        "database": {"condition": "service_healthy"},
        "migrate": {"condition": "service_completed_successfully"},
    }
    assert services["migrate"]["command"] == ["/app/.venv/bin/powerbot", "migrate"]
    assert services["bot"]["command"] == ["/app/.venv/bin/powerbot", "run"]


def test_our_containers_have_no_rights_and_write_nowhere() -> None:
    """A read-only root, one user, no capability; and no more time to stop than is needed."""
    services = made()["services"]

    for name in ("bot", "migrate"):
        service = services[name]
        assert service["read_only"]
        assert service["user"] == f"{layout.USER}:{layout.USER}"
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
    assert services["bot"]["stop_grace_period"] == f"{layout.STOP_S}s"


def test_every_secret_is_a_file_and_no_value_is_printed() -> None:
    """What the settings hold when it is printed stands nowhere in it."""
    secret = {
        "SLACK_BOT_TOKEN": "xoxb-own",
        "HUAWEICLOUD_SDK_AK": "OWNACCESSKEY",
        "HUAWEICLOUD_SDK_SK": "own-secret-key",
        "POWERBOT_METRICS_TOKEN": "own-metrics-token",
        "POWERBOT_DATABASE_URL": "postgresql://u:own-password@h/d",
    }
    text = tools.shipped("compose", environment=secret)
    found = yaml.safe_load(text)
    bot = found["services"]["bot"]

    assert not any(value in text for value in secret.values())
    for name in secret:
        assert bot["environment"][f"{name}_FILE"] == f"/run/secrets/{name}"
        assert name in bot["secrets"]
    for service in found["services"].values():
        assert set(service.get("secrets", [])) <= set(found["secrets"])


def test_what_is_set_is_carried_over_with_its_unit() -> None:
    """A duration keeps its unit, a rate has none, and the default isn't repeated."""
    bot = made(
        POWERBOT_SETTLE="90s", POWERBOT_RATE="7", POWERBOT_COMMAND="/power-staging", PORT="3000"
    )["services"]["bot"]["environment"]

    assert bot["POWERBOT_SETTLE"] == "90s"
    assert bot["POWERBOT_RATE"] == "7.0"
    assert bot["POWERBOT_COMMAND"] == "/power-staging"
    assert "POWERBOT_CARD_PACE" not in bot


def test_what_is_printed_can_be_read_back_as_settings() -> None:
    """Every name is one that the bot reads, and every value one that it takes."""
    bot = made(CLOUDDC_REGION="cn-east-3", POWERBOT_LABEL="staging")["services"]["bot"]
    values = {key: value for key, value in bot["environment"].items() if value}
    known = {
        name for field in settings.Settings.model_fields.values() for name in settings.names(field)
    }
    secret = {name for name in values if name.endswith("_FILE")}

    read = settings.Settings.model_validate(values)

    assert {name.removesuffix("_FILE") for name in values} <= known
    assert {name.removesuffix("_FILE") for name in secret} == set(bot["secrets"])
    assert (read.port, read.label, read.clouddc_region) == (3000, "staging", "cn-east-3")


def test_real_promtool_takes_prometheus_configuration(tmp_path: pathlib.Path) -> None:
    """The job is the alarms' job, with the token that /metrics wants."""
    content = made()["configs"]["prometheus"]["content"]
    (tmp_path / "alerts.yml").write_text(alarms.alert_rules("POWERBOT_METRICS_TOKEN"))
    (tmp_path / "token").write_text("t")
    local = content.replace(compose.RULES, str(tmp_path / "alerts.yml"))
    local = local.replace("/run/secrets/POWERBOT_METRICS_TOKEN", str(tmp_path / "token"))
    (tmp_path / "prometheus.yml").write_text(local)

    checked = subprocess.run(
        [tools.tool("promtool"), "check", "config", tmp_path / "prometheus.yml"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == 0, checked.stderr
    assert "rules found" in checked.stdout


def test_over_http_the_port_is_open_to_this_machine_alone() -> None:
    """A proxy with TLS stands before it, and the signing secret is among the secrets."""
    by_http = made("--transport", "HTTP")["services"]["bot"]
    by_socket = made()["services"]["bot"]
    chosen = made(SLACK_SIGNING_SECRET="own")["services"]["bot"]

    assert by_http["ports"] == ["127.0.0.1:3000:3000"]
    assert "SLACK_SIGNING_SECRET" in by_http["secrets"]
    assert "ports" not in by_socket
    assert "SLACK_APP_TOKEN" in by_socket["secrets"]
    assert chosen == by_http
