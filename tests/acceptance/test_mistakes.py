"""Wrong input gets one clear sentence, and nothing is stored or sent."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import pytest

from bot.sandbox import demo
from tests.acceptance.conftest import DANA, OPS, Stage


async def test_wrong_words_are_answered_to_the_typist_alone(stage: Stage) -> None:
    """A typo, an unknown server and rubbish are each answered in private, and nothing is sent."""
    public = len(stage.slack.messages(OPS, DANA)) - len(stage.slack.ephemerals(DANA))
    await stage.slack.command(DANA, OPS, "/power rebot web01")
    await stage.told(DANA, "/power reboot web01")
    await stage.slack.command(DANA, OPS, "/power reboot web99")
    await stage.told(DANA, "web99")
    rubbish = " ".join(f"x{n}$" for n in range(51))
    await stage.slack.command(DANA, OPS, f"/power reboot {rubbish}")
    await stage.told(DANA, "x0$")

    after = len(stage.slack.messages(OPS, DANA)) - len(stage.slack.ephemerals(DANA))

    assert after == public
    assert stage.power_calls() == []


def powerbot(*arguments: str, folder: pathlib.Path, **settings: str) -> tuple[int, str]:
    """Run the command in an empty folder with these settings; return status and stderr."""
    kept = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
    done = subprocess.run(
        [sys.executable, "-m", "bot", *arguments],
        env={**kept, **settings, "PYTHONPATH": os.getcwd()},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, (done.stdout + done.stderr).strip()


def test_a_missing_token_is_one_line_and_status_two(tmp_path: pathlib.Path) -> None:
    """`powerbot run` without settings names the setting and shows no traceback."""
    status, said = powerbot("run", folder=tmp_path)

    assert status == 2
    assert said.startswith("SLACK_BOT_TOKEN is not set")
    assert "\n" not in said


def test_a_bad_setting_is_named_and_not_shown(tmp_path: pathlib.Path) -> None:
    """A setting that can't be read is named with what to write instead."""
    status, said = powerbot("run", folder=tmp_path, POWERBOT_SETTLE="soon")

    assert status == 2
    assert said == "POWERBOT_SETTLE: write a duration above zero, such as 500ms, 2s, 10m or 1h."


def test_an_unknown_key_in_the_policy_is_named_with_its_line(tmp_path: pathlib.Path) -> None:
    """The policy file is refused as a whole, with the key and its line."""
    policy = demo.POLICY.replace("confirm_above = 10", "confirm_abov = 10")
    (tmp_path / "policy.toml").write_text(policy)
    line = policy.splitlines().index("confirm_abov = 10") + 1

    status, said = powerbot("policy", "check", "policy.toml", folder=tmp_path)

    assert status == 1
    assert "confirm_abov" in said
    assert f"Line {line}," in said


def test_the_demos_own_policy_can_be_used(tmp_path: pathlib.Path) -> None:
    """What the demo ships passes the check that it teaches."""
    (tmp_path / "policy.toml").write_text(demo.POLICY)

    assert powerbot("policy", "check", "policy.toml", folder=tmp_path)[0] == 0


@pytest.mark.parametrize(
    "command",
    ["rum", "run --transport pigeon", "manifest --transport pigeon", "simulate --duration soon"],
)
def test_wrong_usage_has_status_two(command: str, tmp_path: pathlib.Path) -> None:
    """Wrong arguments end with 2 and no traceback."""
    status, said = powerbot(*command.split(), folder=tmp_path)

    assert status == 2
    assert "Traceback" not in said


def test_the_manifest_in_the_repository_is_the_commands_output(tmp_path: pathlib.Path) -> None:
    """`app_manifest.yml` hasn't drifted from what the bot needs."""
    status, said = powerbot("manifest", folder=tmp_path)

    assert status == 0
    assert said == pathlib.Path("app_manifest.yml").read_text().strip()


@pytest.mark.parametrize(
    ("name", "word", "says"),
    [
        ("POWERBOT_LOG_LEVEL", "INFO", "SLACK_BOT_TOKEN is not set"),
        ("POWERBOT_LOG", " JSON ", "SLACK_BOT_TOKEN is not set"),
        ("POWERBOT_LOG", "xml", "POWERBOT_LOG: write text or json."),
        ("POWERBOT_LOG_LEVEL", "loud", "POWERBOT_LOG_LEVEL: write debug, info, warning or error."),
        ("POWERBOT_SETTLE", "1M", "SLACK_BOT_TOKEN is not set"),
    ],
)
def test_words_of_settings_are_taken_in_any_case(
    name: str, word: str, says: str, tmp_path: pathlib.Path
) -> None:
    """And whoever writes another word is told which there are."""
    status, said = powerbot("run", folder=tmp_path, **{name: word})

    assert status == 2
    assert said.startswith(says)


def test_an_explanation_prints_no_escape_sequence(tmp_path: pathlib.Path) -> None:
    """What was typed is shown, and the terminal obeys none of it."""
    (tmp_path / "policy.toml").write_text(demo.POLICY)
    for words in ("reboot web01 because \x1b[2Jgone", "reboot \x1b]0;x\x07", "\x1b[31mstatus"):
        arguments = ("--user", "U0DANA", "--channel", "C0OPS", "--offline", "--", words)
        _, said = powerbot("policy", "explain", *arguments, folder=tmp_path)

        assert said
        assert "\x1b" not in said
        assert "\x07" not in said
