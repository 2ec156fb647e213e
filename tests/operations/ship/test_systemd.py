"""The unit: systemd's own tools read it, and it gives the bot no right that it can do without."""

from __future__ import annotations

import pathlib
import re
import subprocess

import pytest

from bot import settings
from bot.operations.ship import layout
from tests.operations.ship import tools

HARDENED = (
    "NoNewPrivileges=yes",
    "ProtectSystem=strict",
    "ProtectHome=yes",
    "PrivateTmp=yes",
    "CapabilityBoundingSet=",
    "StateDirectory=powerbot",
    "User=powerbot",
)
# Exposure as `systemd-analyze security` counts it: 100 is everything, 20 well locked up.
MOST_EXPOSED = "20"


@pytest.fixture
def unit(tmp_path: pathlib.Path) -> pathlib.Path:
    """The unit as a file."""
    path = tmp_path / "powerbot.service"
    path.write_text(tools.shipped("systemd"))
    return path


def test_systemd_takes_the_unit(unit: pathlib.Path) -> None:
    """No word that it doesn't know, and a program that is there."""
    verified = subprocess.run(
        [tools.tool("systemd-analyze"), "verify", unit], capture_output=True, text=True, check=False
    )

    assert (verified.returncode, verified.stderr) == (0, "")


def test_systemd_calls_the_unit_locked_up(unit: pathlib.Path) -> None:
    """Its own count of what the process could do."""
    counted = subprocess.run(
        [
            *(tools.tool("systemd-analyze"), "security", "--no-pager", "--offline=true"),
            *(f"--threshold={MOST_EXPOSED}", unit),
        ],
        capture_output=True,
        text=True,
        check=False,
    )

    assert counted.returncode == 0, counted.stdout[-2000:]


def test_the_unit_is_hardened_and_starts_the_venvs_own_program(unit: pathlib.Path) -> None:
    """Each line stands alone; a stop has the time that the bot may need."""
    lines = unit.read_text().splitlines()

    for line in HARDENED:
        assert line in lines
    assert f"ExecStart={tools.BIN}/powerbot run" in lines
    assert f"TimeoutStopSec={layout.STOP_S}" in lines
    # Whoever types a command has the settings of the bot: its folder's `.env`, and these.
    typed = "sudo -u powerbot env $(systemctl show -P Environment powerbot)"
    assert f"#   {typed} {tools.BIN}/powerbot requests" in lines
    assert not [line for line in lines if line.startswith("EnvironmentFile")]
    # What can't work isn't tried for ever: the status of settings that can't be used.
    assert "RestartPreventExitStatus=2" in lines


@pytest.mark.parametrize(("url", "named"), [("postgresql://h/d", True), ("sqlite:////d", False)])
def test_the_unit_names_the_file_of_a_server_alone(url: str, named: bool) -> None:
    """Without a server the database is a file in the unit's own state folder."""
    made = tools.shipped("systemd", environment={"POWERBOT_DATABASE_URL": url})

    assert ("POWERBOT_DATABASE_URL_FILE" in made) is named
    assert "StateDirectory=powerbot" in made


def test_the_unit_names_settings_alone_and_no_secret() -> None:
    """A secret is a file, which is read again; what is set goes along, quoted."""
    text = tools.shipped(
        "systemd", environment={"SLACK_BOT_TOKEN": "xoxb-own", "POWERBOT_COMMAND": "/p%n"}
    )
    assigned = dict(re.findall(r'^Environment="(\w+)=(.*)"$', text, re.MULTILINE))
    known = {
        name for field in settings.Settings.model_fields.values() for name in settings.names(field)
    }

    assert "xoxb-own" not in text
    assert assigned["SLACK_BOT_TOKEN_FILE"] == "/etc/powerbot/secrets/SLACK_BOT_TOKEN"
    assert assigned["POWERBOT_COMMAND"] == "/p%%n"
    assert {name.removesuffix("_FILE") for name in assigned} <= {*known, "XDG_STATE_HOME"}
