"""The stand-in shares no code with what it stands in for."""

import ast
from pathlib import Path

from bot.sandbox import data_centre

PACKAGE = Path(data_centre.__file__).parent


def imported_names(path: Path) -> set[str]:
    """Every module that a file imports, by its full name."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            names.add(node.module or ".")
    return names


def test_data_centre_imports_nothing_of_the_bot() -> None:
    """A misunderstanding shared by both sides would never show."""
    ours = {
        name
        for path in PACKAGE.glob("*.py")
        for name in imported_names(path)
        if name.split(".")[0] == "bot"
    }

    assert ours
    assert all(name.startswith("bot.sandbox.data_centre") for name in ours)


def test_core_needs_no_server_library() -> None:
    """Only what serves and controls knows aiohttp; the core does no IO."""
    users = {path.stem for path in PACKAGE.glob("*.py") if "aiohttp" in imported_names(path)}

    assert users == {"serve", "control"}


def test_modules_stay_small() -> None:
    """One idea a module, in less than 300 lines."""
    assert all(len(path.read_text().splitlines()) < 300 for path in PACKAGE.glob("*.py"))
