"""`powerbot demo` and `simulate` where they can't listen: one sentence, never a traceback."""

from __future__ import annotations

import os
import pathlib
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest


@pytest.fixture
def taken() -> Iterator[int]:
    """A port at which somebody listens already."""
    with socket.create_server(("127.0.0.1", 0)) as there:
        yield int(there.getsockname()[1])


def powerbot(folder: pathlib.Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in an empty folder until it ends."""
    return subprocess.run(
        [sys.executable, "-m", "bot", *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("command", [("demo",), ("demo", "--tour"), ("simulate",)])
def test_a_port_that_is_taken_is_told_with_the_way_out(
    tmp_path: pathlib.Path, taken: int, command: tuple[str, ...]
) -> None:
    """The same sentence as from the bot, and what to type instead."""
    done = powerbot(tmp_path, *command, "--port", str(taken))

    assert done.returncode == 2
    assert done.stderr == (
        f"Port {taken} on 127.0.0.1 can't be used: Address already in use. "
        "Try --port 0, which picks a free one.\n"
    )


def test_a_demo_for_the_whole_network_is_refused(tmp_path: pathlib.Path) -> None:
    """Its page has no password: whoever reaches it may play everybody."""
    done = powerbot(tmp_path, "demo", "--host", "0.0.0.0")  # noqa: S104 -- what is refused

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("--host 0.0.0.0: the demo has no password")


def test_a_port_that_cannot_be_is_refused(tmp_path: pathlib.Path) -> None:
    """Wrong usage, and no error of the system's."""
    done = powerbot(tmp_path, "demo", "--port", "99999")

    assert done.returncode == 2
    assert "Traceback" not in done.stderr
