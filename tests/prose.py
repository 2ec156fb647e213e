"""Finds code that decides by a sentence: that compares, searches or cuts words meant for people.

What is decided is a value. A sentence may be reworded by anybody at any time, and one that is
stored outlives the version that wrote it. Whether there is a sentence at all may be asked.
"""

from __future__ import annotations

import ast
import dataclasses
import pathlib
from collections.abc import Collection, Iterator, Mapping

# What asks something of a text, or takes it apart.
ASKING = frozenset(
    {
        *("startswith", "endswith", "removeprefix", "removesuffix", "partition", "rpartition"),
        *("split", "rsplit", "find", "rfind", "index", "rindex", "replace"),
    }
)
MATCHING = frozenset({"match", "fullmatch", "search", "findall", "finditer", "split", "sub"})
# What gives a text back that says the same.
DRESSING = frozenset({"str", "lower", "casefold", "strip", "rstrip", "lstrip", "plain", "literal"})
# Names under which records carry words for people.
PROSE = frozenset(
    {
        *("detail", "reason", "end_reason", "stop_reason", "sentence", "said", "says"),
        *("problem", "refusal", "user_message", "why", "mend", "summary", "evidence", "msg"),
    }
)
# An audit row's detail is a mapping.
KEYS = PROSE - {"detail"}
# Two words one after another make a sentence of a text, and no code, name or separator has them.
LEAST_WORDS = 2


@dataclasses.dataclass(frozen=True, slots=True)
class Find:
    """Where a sentence decides: the file, the function and the code."""

    path: str
    line: int
    place: str
    code: str


def in_files(root: pathlib.Path, paths: Collection[pathlib.Path]) -> list[Find]:
    """Return every find in these modules, which may ask for each other's constants."""
    texts = {path: path.read_text(encoding="utf-8") for path in paths}
    constants = {f"{path.stem}.{name}" for path, text in texts.items() for name in _sentences(text)}
    return [
        found
        for path, text in texts.items()
        for found in in_text(text, str(path.relative_to(root)), constants)
    ]


def in_text(text: str, path: str = "", constants: Collection[str] = ()) -> Iterator[Find]:
    """Yield every find in a module; `constants` are sentences of others, like `settling.REPEAT`."""
    tree = ast.parse(text)
    looking = _Looking(frozenset(_sentences(text)), frozenset(constants))
    places = _places(tree)
    for node in ast.walk(tree):
        if looking.decides(node):
            assert isinstance(node, ast.expr | ast.pattern)
            yield Find(path, node.lineno, places.get(node, ""), ast.unparse(node))


def _sentences(text: str) -> set[str]:
    """Return the names of a module's constants that are sentences."""
    return {
        target.id
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign) and _is_sentence(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _places(tree: ast.Module) -> Mapping[ast.AST, str]:
    """Return, for each node, the innermost function that it stands in."""
    found: dict[ast.AST, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found |= dict.fromkeys(ast.walk(node), node.name)
    return found


def _is_sentence(node: ast.expr) -> bool:
    """Whether an expression is words for people, written out."""
    match node:
        case ast.Constant(value=str() as text):
            words = [word.strip(".,;:!?") for word in text.split()]
            return sum(word.isalpha() for word in words) >= LEAST_WORDS
        case ast.JoinedStr(values=parts):
            written = [part.value for part in parts if isinstance(part, ast.Constant)]
            return _is_sentence(ast.Constant(" ".join(map(str, written))))
        case ast.Tuple(elts=several) | ast.List(elts=several) | ast.Set(elts=several):
            return any(map(_is_sentence, several))
        case _:
            return False


def _is_a_stop(node: ast.expr) -> bool:
    """Whether an expression is what a sentence ends with, such as a full stop."""
    match node:
        case ast.Constant(value=str() as text):
            return not any(map(str.isalnum, text))
        case ast.Tuple(elts=several):
            return all(map(_is_a_stop, several))
        case _:
            return False


def _is_member(node: ast.expr) -> bool:
    """Whether an expression is a member of an enum, such as `Refusal.GUEST`, or some of them."""
    match node:
        case ast.Attribute(value=ast.Name(id=owner) | ast.Attribute(attr=owner), attr=name):
            return owner[:1].isupper() and name.isupper()
        case ast.Tuple(elts=several) | ast.Set(elts=several):
            return all(map(_is_member, several))
        case _:
            return False


@dataclasses.dataclass(frozen=True)
class _Looking:
    """Looks through one module, with the constants that are sentences: its own, and others'."""

    own: frozenset[str]
    others: frozenset[str]

    def decides(self, node: ast.AST) -> bool:
        """Whether a node asks a question of a sentence."""
        match node:
            case ast.Compare(left=left, ops=ops, comparators=compared):
                sides = [left, *compared]
                return any(map(self._compares, sides, ops, compared))
            case ast.Call(func=ast.Attribute(value=owner, attr=name), args=[*_, last] as given):
                stops = name == "endswith" and all(map(_is_a_stop, given))
                asks = name in ASKING and self._is_prose(owner) and not stops
                sought = name in ASKING and any(map(_is_sentence, given))
                return asks or sought or (name in MATCHING and self._is_prose(last))
            case ast.MatchValue(value=value):
                return _is_sentence(value)
            case _:
                return False

    def _compares(self, one: ast.expr, operator: ast.cmpop, other: ast.expr) -> bool:
        """Whether one comparison is of words."""
        if not isinstance(operator, ast.Eq | ast.NotEq | ast.In | ast.NotIn):
            return False
        sides = (one, other)
        empty = any(isinstance(side, ast.Constant) and side.value == "" for side in sides)
        return not (empty or any(map(_is_member, sides))) and any(map(self._is_prose, sides))

    def _is_prose(self, node: ast.expr) -> bool:
        """Whether an expression is a sentence, or a field or a variable that holds one."""
        match node:
            case ast.Name(id=name):
                return name in self.own or name in PROSE
            case ast.Attribute(value=ast.Name(id=module), attr=name):
                return name in PROSE or f"{module}.{name}" in self.others
            case ast.Attribute(attr=name):
                return name in PROSE
            case ast.Subscript(slice=ast.Constant(value=str() as key)):
                return key in KEYS
            case ast.Call(func=ast.Attribute(attr="get"), args=[ast.Constant(value=key), *_]):
                return key in KEYS
            case ast.Call(func=ast.Name(id=name), args=[inner, *_]) if name in DRESSING:
                return self._is_prose(inner) or ast.unparse(inner) in ("error", "exception")
            case ast.Call(func=ast.Attribute(value=owner, attr=name)) if name in DRESSING:
                return any(map(self._is_prose, [owner, *node.args]))
            case _:
                return _is_sentence(node)
