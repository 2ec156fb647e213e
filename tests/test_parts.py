"""What is joined stays small: few parts to a class, and none that is put in later."""

from __future__ import annotations

import ast
import pathlib
from collections.abc import Iterator

import bot

MOST = 6
CODE = pathlib.Path(bot.__file__).parent
WIRING = ("app.py", "cloud.py", "serving.py")


def modules() -> Iterator[pathlib.Path]:
    """Yield the modules of the bot itself."""
    for path in sorted(CODE.rglob("*.py")):
        if "sandbox" not in path.relative_to(CODE).parts:
            yield path


def constructor(found: ast.ClassDef) -> list[str]:
    """Return what a class with behaviour is made of; nothing for a value or a record.

    A dataclass that has no methods, or is frozen and waits for nothing, is a value or a record,
    however many facts it has.
    """
    methods = [one for one in found.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]
    for one in methods:
        if one.name == "__init__":
            return [arg.arg for arg in (*one.args.args[1:], *one.args.kwonlyargs)]
    decorators = [ast.unparse(one) for one in found.decorator_list]
    made = next((one for one in decorators if one.startswith("dataclasses.dataclass")), None)
    waits = any(isinstance(one, ast.AsyncFunctionDef) for one in methods)
    if made is None or not methods or ("frozen=True" in made and not waits):
        return []
    fields = [one for one in found.body if isinstance(one, ast.AnnAssign)]
    return [
        ast.unparse(one.target)
        for one in fields
        if one.value is None or "init=False" not in ast.unparse(one.value)
    ]


def crowded(text: str) -> list[tuple[str, list[str]]]:
    """Return the classes of a module that are made of too many parts."""
    classes = [one for one in ast.walk(ast.parse(text)) if isinstance(one, ast.ClassDef)]
    parts = [(one.name, constructor(one)) for one in classes]
    return [(name, of) for name, of in parts if len(of) > MOST]


def holes(text: str) -> list[int]:
    """Return the lines on which an empty list or dictionary waits for what comes later."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Assign | ast.AnnAssign)
        and node.value is not None
        and ast.unparse(node.value) in ("[]", "{}", "list()", "dict()", "[None]")
    ]


def test_no_class_with_behaviour_is_made_of_more_than_six_parts() -> None:
    """More of them is a class that does several things, or a record that isn't there yet."""
    found = {str(path): crowded(path.read_text()) for path in modules()}

    assert {path: names for path, names in found.items() if names} == {}


def test_nothing_that_is_joined_waits_in_a_list() -> None:
    """What is needed first is made first."""
    found = {name: holes((CODE / name).read_text()) for name in WIRING}

    assert found == {name: [] for name in WIRING}


def test_a_constructor_of_seven_and_a_hole_are_found() -> None:
    """In each of the three ways that a class is written here; a value isn't one."""
    seven = "; ".join(f"p{number}: int" for number in range(7))
    plain = f"class A:\n def __init__(self, {seven.replace(';', ',')}): ..."
    changing = f"@dataclasses.dataclass\nclass B:\n {seven}\n def go(self): ..."
    waiting = f"@dataclasses.dataclass(frozen=True)\nclass C:\n {seven}\n async def go(self): ..."
    value = f"@dataclasses.dataclass(frozen=True)\nclass D:\n {seven}\n def name(self): ..."
    text = "\n".join((plain, changing, waiting, value))

    assert [name for name, _ in crowded(text)] == ["A", "B", "C"]
    assert holes("def join():\n later: list[int] = []\n other = [1]") == [2]
