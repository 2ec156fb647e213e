"""Tools of others that read what is shipped, and what is shipped."""

from __future__ import annotations

import functools
import os
import pathlib
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping

import pytest

from bot import cli

PROJECT = pathlib.Path(__file__).parent.parent.parent.parent
BIN = pathlib.Path(sys.executable).parent
COMMANDS = frozenset(
    str(one.name or getattr(one.callback, "__name__", "")) for one in cli.app.registered_commands
)
# Figures that Prometheus makes by itself.
OF_PROMETHEUS = frozenset({"up"})
# Names in PromQL that are no series: functions, operators and what stands in braces or brackets.
NO_SERIES = re.compile(r"\{[^}]*\}|\[[^\]]*\]|\b(?:by|without) \([^)]*\)")
WORD = re.compile(r"\b[a-z_][a-z0-9_]*\b(?!\s*\()")
OPERATORS = frozenset({"or", "and", "unless", "by", "without"})


def tool(name: str) -> str:
    """Return the path of a tool; where it isn't installed the test is skipped, and fails in CI."""
    found = shutil.which(name)
    if found is None and os.environ.get("CI"):
        pytest.fail(f"{name} is missing; .ci/run installs it")
    if found is None:
        pytest.skip(f"{name} isn't installed")
    return found


def shipped(*words: str, environment: Mapping[str, str] | None = None) -> str:
    """Return what the command prints, as somebody with these settings alone sees it."""
    return _printed(words, tuple(sorted((environment or {}).items())))


@functools.cache
def _printed(words: tuple[str, ...], environment: tuple[tuple[str, str], ...]) -> str:
    """Return what the command prints; it prints the same however often it is asked."""
    done = subprocess.run(
        [BIN / "powerbot", "ship", *words],
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", **dict(environment)},
        capture_output=True,
        text=True,
        check=True,
        cwd="/",
    )
    assert done.stderr == ""
    return done.stdout


def series(expr: str) -> set[str]:
    """Return the names of the series that an expression reads."""
    return set(WORD.findall(NO_SERIES.sub("", expr))) - OPERATORS
