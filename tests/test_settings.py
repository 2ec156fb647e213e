"""Settings: what is taken, and what no child of the process inherits."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from bot import settings

SECRETS = {
    "SLACK_BOT_TOKEN": "xoxb-1",
    "SLACK_APP_TOKEN": "xapp-1",
    "SLACK_SIGNING_SECRET": "s1",
    "HUAWEICLOUD_SDK_AK": "a1",
    "HW_ACCESS_KEY": "a2",
    "HUAWEICLOUD_SDK_SK": "k1",
    "HW_SECRET_KEY": "k2",
    "HUAWEICLOUD_SDK_SECURITY_TOKEN": "t1",
    "HW_SECURITY_TOKEN": "t2",
    "CLOUDDC_AUTH_TOKEN": "t3",
    "hw_auth_token": "t4",
    "HW_USER_PASSWORD": "p1",
    "POWERBOT_DATABASE_URL": "postgresql://u:p2@h/d",
    "DATABASE_URL": "postgresql://u:p3@h/d",
    "POWERBOT_METRICS_TOKEN": "m1",
}


def test_no_child_inherits_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every one is gone before any child begins, in whatever case it was written."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("CLOUDDC_REGION", "cn-east-3")
    given = settings.load(env_file=None)
    settings.forget_secrets()

    printing = [sys.executable, "-c", "import os; print(sorted(os.environ))"]
    child = subprocess.run(printing, capture_output=True, text=True, check=True).stdout

    assert [name for name in SECRETS if name in child] == []
    assert "CLOUDDC_REGION" in child
    assert given.secret_key.get_secret_value() == "k1"
    assert given.metrics_token.get_secret_value() == "m1"


def test_every_field_that_is_secret_is_among_those_that_are_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A new secret can't be left out."""
    named = {
        name
        for field in settings.Settings.model_fields.values()
        if "Secret" in str(field.annotation)
        for name in getattr(field.validation_alias, "choices", [])
    }
    assert len(named) > 5
    for name in named:
        monkeypatch.setenv(name, "x")
    settings.forget_secrets()

    assert named.isdisjoint(os.environ)


@pytest.mark.parametrize("command", ["power", "/power off", "/", "", " /power", "//power"])
def test_a_command_that_slack_would_not_take_is_refused(
    monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """The sentence names the setting; an empty one is one that isn't set."""
    monkeypatch.setenv("POWERBOT_COMMAND", command)

    if command:
        with pytest.raises(settings.SettingsError, match=r"POWERBOT_COMMAND.*such as /power"):
            settings.load(env_file=None)
    else:
        assert settings.load(env_file=None).command == "/power"


def test_a_bot_may_listen_to_another_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two bots live in one workspace."""
    monkeypatch.setenv("POWERBOT_COMMAND", "/power-staging")

    assert settings.load(env_file=None).command == "/power-staging"
