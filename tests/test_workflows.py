"""The workflows of the repository's host: read, linted, and made of what is here.

They run nowhere but there, so this is all that can be held before their first push.
"""

from __future__ import annotations

import pathlib
import re
import tomllib
from typing import Any

import pytest
import yaml

PROJECT = pathlib.Path(__file__).parent.parent
FILES = sorted((PROJECT / ".github" / "workflows").iterdir())
PINNED_ACTION = re.compile(r"[\w-]+/[\w-]+@[0-9a-f]{40}")
PINNED_TOOL = re.compile(r"[a-z0-9-]+==[0-9][0-9.]*")
# A registry is each machine's own to choose.
REGISTRY = re.compile(r"://|--(?:extra-)?index|--find-links|PIP_INDEX|UV_INDEX", re.IGNORECASE)
KNOWN = {
    "top": {"name", "on", "permissions", "concurrency", "jobs"},
    "job": {
        *("runs-on", "container", "timeout-minutes", "strategy", "steps", "continue-on-error"),
    },
    "step": {"uses", "with", "run"},
}


def read(path: pathlib.Path) -> dict[str, Any]:
    """Return a workflow; YAML 1.1 reads its key `on` as true."""
    found: dict[Any, Any] = yaml.safe_load(path.read_text())
    return {("on" if key is True else str(key)): value for key, value in found.items()}


def steps(path: pathlib.Path) -> list[dict[str, Any]]:
    """Return all steps of a workflow."""
    return [step for job in read(path)["jobs"].values() for step in job["steps"]]


def test_there_are_checks_advice_on_pins_and_a_bill_of_materials() -> None:
    """And nothing else that would run by itself."""
    assert [path.name for path in FILES] == ["checks.yml", "pins.yml", "release.yml"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_workflow_has_no_key_that_is_not_known_and_no_right_to_write(path: pathlib.Path) -> None:
    """A slip in a key is silently something else."""
    found = read(path)

    assert set(found) <= KNOWN["top"]
    assert {"name", "on", "permissions", "jobs"} <= set(found)
    assert found["permissions"] == {"contents": "read"}
    for job in found["jobs"].values():
        assert set(job) <= KNOWN["job"]
        assert job["timeout-minutes"] <= 60
        for step in job["steps"]:
            assert set(step) <= KNOWN["step"]
            assert ("uses" in step) != ("run" in step)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_whatever_a_workflow_runs_is_pinned(path: pathlib.Path) -> None:
    """An action by its commit, a tool by its version, with the action's version beside it."""
    for step in steps(path):
        if "uses" in step:
            assert PINNED_ACTION.fullmatch(step["uses"]), step
            assert re.search(
                rf"{re.escape(step['uses'])} # v\d+\.\d+\.\d+$", path.read_text(), re.M
            )
        elif "pip install" in step["run"]:
            words = step["run"].partition("pip install -q ")[2].split()
            assert words
            assert all(PINNED_TOOL.fullmatch(word) for word in words)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_workflow_names_no_registry_and_takes_no_words_of_strangers(path: pathlib.Path) -> None:
    """What somebody writes into a title or a branch's name is never part of a command."""
    text = path.read_text()

    assert not REGISTRY.search(text)
    for step in steps(path):
        assert "${{" not in str(step.get("run", ""))
    assert "pull_request_target" not in text


def test_the_checks_run_on_every_python_that_the_package_takes() -> None:
    """And they are `.ci/run`, nothing of their own."""
    (job,) = read(PROJECT / ".github/workflows/checks.yml")["jobs"].values()
    least = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["requires-python"]

    assert job["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13", "3.14"]
    assert least == f">={job['strategy']['matrix']['python'][0]}"
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/run"]


def test_every_file_that_a_workflow_names_is_there() -> None:
    """The pins that are looked at are those that are installed."""
    named = set()
    for path in FILES:
        runs = " ".join(str(step.get("run", "")) for step in steps(path))
        named |= set(re.findall(r"(?<=\s)(\.[\w./-]+|pyproject\.toml)(?=\s|$)", f" {runs} "))

    assert {".ci/run", ".requirements.txt", ".requirements-build.txt", "pyproject.toml"} == named
    for one in named:
        assert (PROJECT / one).exists(), one


def test_it_is_said_that_they_have_not_run_yet() -> None:
    """Nobody should trust a green light that was never lit."""
    told = (PROJECT / ".github" / "CONTRIBUTING.md").read_text()

    assert ".github/workflows/" in told
    assert "haven't run there yet" in told
