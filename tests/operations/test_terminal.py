"""What the command prints: one line that steers no terminal, whoever wrote what stands in it."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

from bot import cli
from bot.operations.check import check, findings
from bot.sandbox import demo

# A bell, a title, and what turns the line around; the terminal would obey each.
STEERS = "x\x07\x9b2J\u202ey"


@pytest.fixture
def folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A working directory with the settings of a demo."""
    monkeypatch.chdir(tmp_path)
    for name, value in demo.environment("", "", tmp_path).items():
        monkeypatch.setenv(name, value)
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    """Run the command in this process until it ends."""
    monkeypatch.setattr(sys, "argv", ["powerbot", *arguments])
    with pytest.raises(SystemExit):
        cli.main()


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "arguments",
    [
        ("policy", "init", f"no/{STEERS}"),
        ("policy", "check", STEERS, "--offline"),
        ("audit", "export", "--format", STEERS),
        ("audit", "export", "--since", STEERS),
        ("unfreeze", STEERS),
        ("ship", STEERS),
    ],
)
def test_a_refusal_steers_no_terminal(
    arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It quotes what was typed, which may have been copied from anywhere."""
    run(monkeypatch, *arguments)

    printed = "".join(capsys.readouterr())
    assert "x2Jy" in printed
    assert printed.removesuffix("\n").isprintable()


@pytest.mark.usefixtures("folder")
def test_findings_steer_no_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """They name people, channels and servers as others have called them."""

    async def found(*_: object, **__: object) -> list[findings.CheckResult]:
        return [findings.bad("policy", f"no server is {STEERS}", "rename it")]

    monkeypatch.setattr(check, "run", found)

    run(monkeypatch, "check")

    assert capsys.readouterr().out == "FAIL policy: no server is x2Jy Fix: rename it\n"


@pytest.mark.skipif(not pathlib.Path("/dev/full").exists(), reason="it is a device of Linux")
def test_output_that_cannot_be_written_is_one_line() -> None:
    """No traceback where a log's disk is full."""
    with pathlib.Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "bot", "policy", "reference"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert done.returncode == 1
    assert done.stderr.startswith("There is no space left")
    assert done.stderr.count("\n") == 1
