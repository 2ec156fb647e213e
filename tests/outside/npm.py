"""Packages from npm, installed into a folder of the test run: nothing of them is kept here."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess

import pytest

# Types and tools for tests alone. Their scripts are never run.
VERSIONS = {
    "@slack/bolt": "5.1.0",
    "@slack/types": "3.2.0",
    "axe-core": "4.14.1",
    "typescript": "7.0.2",
}
INSTALL_S = 300


def install(folder: pathlib.Path, *packages: str) -> pathlib.Path:
    """Install packages and return the folder that holds them.

    In CI a missing npm is a failure, elsewhere it skips the test, as no network does.
    """
    in_ci = bool(os.environ.get("CI"))
    npm = shutil.which("npm")
    if npm is None and in_ci:
        pytest.fail("npm is missing; .ci/run installs it")
    if npm is None:
        pytest.skip("npm isn't installed")
    wanted = [f"{name}@{VERSIONS[name]}" for name in packages]
    done = subprocess.run(
        [
            npm,
            "install",
            "--no-audit",
            "--no-fund",
            "--ignore-scripts",
            "--prefix",
            folder,
            *wanted,
        ],
        capture_output=True,
        text=True,
        timeout=INSTALL_S,
        check=False,
    )
    if done.returncode and in_ci:
        pytest.fail(f"npm could not install: {done.stderr[-500:]}")
    if done.returncode:
        pytest.skip("npm could not install; is there a network?")
    return folder / "node_modules"
