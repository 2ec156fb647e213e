"""The command line itself: its version, its help, and words that it doesn't know."""

from __future__ import annotations

import os
import subprocess
import tomllib

import pytest

import bot
from tests.operations.ship import tools


def said(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the program."""
    return subprocess.run(
        [tools.BIN / "powerbot", *words],
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )


def test_the_program_says_its_version() -> None:
    """It is the one that the package has."""
    project = tomllib.loads((tools.PROJECT / "pyproject.toml").read_text())["project"]

    asked = said("--version")

    assert project["version"] == bot.VERSION
    assert (asked.returncode, asked.stdout) == (0, f"powerbot {bot.VERSION}\n")


def test_the_bare_program_helps_and_ends_with_2() -> None:
    """Nothing was done, so a script must not take it for a success."""
    asked = said()

    assert asked.returncode == 2
    assert "Usage: powerbot" in asked.stdout
    assert "ship" in asked.stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ("ship", "docker"),
            "ship docker: write container, compose, systemd, kubernetes, alerts or dashboard.",
        ),
        (("ship", "compose", "--transport", "rtm"), "--transport rtm: write socket or http."),
        (("manifest", "--transport", "rtm"), "--transport rtm: write socket or http."),
        (("simulate", "--generation", "x"), "--generation x: write new or old."),
    ],
)
def test_a_word_that_it_does_not_know_is_answered_with_those_that_it_does(
    words: tuple[str, ...], sentence: str
) -> None:
    """One line, and the status of a wrong usage."""
    asked = said(*words)

    assert (asked.returncode, asked.stdout, asked.stderr) == (2, "", f"{sentence}\n")
