"""The stand-ins share no code with what they stand in for."""

from __future__ import annotations

import ast
import types
from pathlib import Path

import pytest

from bot.sandbox import data_centre, surroundings, workspace

STAND_INS = [data_centre, workspace, surroundings]


def modules(package: types.ModuleType) -> list[Path]:
    """Return all files of a stand-in, those of its folders too."""
    assert package.__file__ is not None
    return sorted(Path(package.__file__).parent.rglob("*.py"))


def imported_names(path: Path) -> set[str]:
    """Return every module that a file imports, by its full name."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            names.add(node.module or ".")
    return names


@pytest.mark.parametrize("package", STAND_INS, ids=lambda one: one.__name__.split(".")[-1])
def test_a_stand_in_imports_nothing_of_the_bot_or_slacks_libraries(
    package: types.ModuleType,
) -> None:
    """A misunderstanding shared by both sides would never show."""
    names = {name for path in modules(package) for name in imported_names(path)}

    ours = {name for name in names if name.split(".")[0] == "bot"}
    assert ours
    assert all(name.startswith(package.__name__) for name in ours), ours
    assert not {name for name in names if name.startswith("slack")}


def test_the_core_of_the_data_centre_needs_no_server_library() -> None:
    """Only what serves and controls knows aiohttp; the core does no IO."""
    users = {path.stem for path in modules(data_centre) if "aiohttp" in imported_names(path)}

    assert users == {"serve", "control"}


@pytest.mark.parametrize("package", STAND_INS, ids=lambda one: one.__name__.split(".")[-1])
def test_modules_of_a_stand_in_stay_small(package: types.ModuleType) -> None:
    """One idea a module, in less than 300 lines."""
    large = {path.name for path in modules(package) if len(path.read_text().splitlines()) >= 300}

    assert not large
