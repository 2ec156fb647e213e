"""The Containerfile: what it installs, as whom it runs, and how it is asked whether it lives."""

from __future__ import annotations

import fnmatch
import json
import re
import subprocess

from bot import settings
from bot.operations.ship import container, layout
from tests.operations.ship import tools


def lines() -> list[str]:
    """Return the instructions that are printed."""
    return [line for line in tools.shipped("container").splitlines() if not line.startswith("#")]


def last_stage() -> list[str]:
    """Return the instructions of the image that runs."""
    found = lines()
    begins = max(index for index, line in enumerate(found) if line.startswith("FROM "))
    return found[begins:]


def copied() -> set[str]:
    """Return what is taken from the repository."""
    taken = [line.split()[1:-1] for line in lines() if re.match(r"COPY (?!--from)", line)]
    return {path.removeprefix("./") for paths in taken for path in paths}


def test_the_image_runs_as_somebody_without_rights_and_listens_outside() -> None:
    """One fixed user, the venv's own program, an address that probes reach, and SIGTERM."""
    found = last_stage()
    (environment,) = [line for line in found if line.startswith("ENV ")]

    assert f"USER {layout.USER}:{layout.USER}" in found
    assert layout.USER == 10001
    assert 'CMD ["/app/.venv/bin/powerbot", "run"]' in found
    assert "STOPSIGNAL SIGTERM" in found
    assert "POWERBOT_HOST=0.0.0.0" in environment
    assert any(line.startswith("FROM python:") and line.endswith("-slim") for line in found)
    assert found.index(f"USER {layout.USER}:{layout.USER}") < found.index(f"VOLUME {layout.STATE}")


def test_everything_that_is_downloaded_has_a_hash() -> None:
    """What a registry gives is what was pinned; the rest is built from the repository."""
    installs = [line for line in lines() if " pip install" in line]

    assert len(installs) == 3
    for line in installs:
        assert "--require-hashes" in line or "--no-index" in line, line
    assert "--no-build-isolation" in next(line for line in lines() if " pip wheel" in line)


def test_what_is_copied_is_there_and_nothing_else_reaches_the_build() -> None:
    """A filled .env, the policy and .git stay outside of every image."""
    ignored = (tools.PROJECT / ".dockerignore").read_text().splitlines()
    let_in = {line.removeprefix("!") for line in ignored if line.startswith("!")}

    assert ignored[1] == "*"
    assert copied() == let_in
    for path in copied():
        assert (tools.PROJECT / path).exists(), path
    for path in (".env", "policy.toml", ".git", ".venv", "powerbot.db"):
        assert not any(fnmatch.fnmatch(path, one) for one in let_in)


def test_the_health_check_is_python_that_asks_the_bots_own_port() -> None:
    """The image has no curl, and the port is the setting's."""
    (check,) = [line for line in last_stage() if line.startswith("HEALTHCHECK ")]
    command = json.loads(check.partition(" CMD ")[2])

    compile(command[2], "probe", "exec")
    assert command == container.health()
    assert "os.environ['PORT']" in command[2]
    refused = subprocess.run(
        [tools.BIN / "python", *command[1:]], env={"PORT": "1"}, capture_output=True, check=False
    )
    assert refused.returncode != 0


def test_every_variable_in_the_image_is_a_setting() -> None:
    """No name can drift from what the bot reads."""
    known = {
        name for field in settings.Settings.model_fields.values() for name in settings.names(field)
    }
    (environment,) = [line for line in last_stage() if line.startswith("ENV ")]
    named = {one.partition("=")[0] for one in environment.split()[1:]}

    own = {"HOME", "XDG_STATE_HOME", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"}
    assert own <= named
    assert named - own <= known


def test_another_port_is_told_to_everybody() -> None:
    """What listens, what is exposed and what is asked are one number."""
    made = tools.shipped("container", environment={"PORT": "8123"})

    assert "PORT=8123 " in made
    assert "EXPOSE 8123" in made
