"""What holds for all tests: none fails because the machine is slow, and a failure says why."""

from __future__ import annotations

import logging
import os
import pathlib
from collections.abc import Generator, Iterator

import hypothesis
import pytest
import structlog

from tests.support import databases

hypothesis.settings.register_profile(
    "patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("patient")

MOST_WORKERS = 6
LAST_LINES = 80


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Share a whole run out to a few processes; a part of it begins sooner without any.

    Many tests wait for processes and browsers, so there are two workers more than processors.
    """
    whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    return min(MOST_WORKERS, (os.cpu_count() or 1) + 2) if whole else 0


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show, with a failure, the last that the processes of the test have written to their logs."""
    report = yield
    folder = getattr(item, "funcargs", {}).get("tmp_path")
    if report.failed and isinstance(folder, pathlib.Path):
        report.sections += [
            (f"end of {log.name}", _end(log)) for log in sorted(folder.rglob("*.log"))
        ]
    return report


@pytest.fixture(autouse=True)
def _usual_logging() -> Iterator[None]:
    """Give the next test the logging that it expects, whatever command ran in this process."""
    usual, root = structlog.get_config(), logging.getLogger()
    kept, level = root.handlers[:], root.level
    yield
    structlog.configure(**usual)
    root.handlers[:] = kept
    root.setLevel(level)


@pytest.fixture(scope="session")
def postgres() -> Iterator[databases.Postgres]:
    """The PostgreSQL server of this test run."""
    with databases.postgres() as server:
        yield server


def _end(log: pathlib.Path) -> str:
    """Return the last lines of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-LAST_LINES:])
