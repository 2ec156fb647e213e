"""The stand-in shares no code with what it stands in for."""

import ast
from pathlib import Path

from bot.sandbox import workspace

PACKAGE = Path(workspace.__file__).parent


def imported_names(path: Path) -> set[str]:
    """Every module that a file imports, by its full name."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            names.add(node.module or ".")
    return names


def test_the_workspace_imports_nothing_of_the_bot_or_slacks_libraries() -> None:
    """A misunderstanding shared by both sides would never show."""
    names = {name for path in PACKAGE.glob("*.py") for name in imported_names(path)}

    ours = {name for name in names if name.split(".")[0] == "bot"}
    assert ours
    assert all(name.startswith("bot.sandbox.workspace") for name in ours)
    assert not {name for name in names if name.startswith("slack")}


def test_modules_stay_small() -> None:
    """One idea a module, in less than 300 lines."""
    assert all(len(path.read_text().splitlines()) < 300 for path in PACKAGE.glob("*.py"))
