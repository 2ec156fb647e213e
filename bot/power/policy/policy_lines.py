"""The second look at the policy file's text: on which line a key stands.

Only asked for texts that `tomllib` has read; it reads each statement again to learn its keys.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence

Path = tuple[str | int, ...]

# Texts and comments hide brackets and line ends; everything else is one character at a time.
TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}'
    r"|'''.*?'{3,5}"
    r'|"(?:\\.|[^"\\])*"'
    r"|'[^']*'"
    r"|#[^\n]*"
    r"|.",
    re.DOTALL,
)
STEPS = {"[": 1, "{": 1, "]": -1, "}": -1}


def find(text: str, path: Path) -> int:
    """Return the number of the line on which a key (or else its table) stands, or 0."""
    lines: dict[Path, int] = {}
    for line, known in _known_paths(text):
        lines.setdefault(known, line)
    while path:
        if path in lines:
            return lines[path]
        path = path[:-1]
    return 0


def _known_paths(text: str) -> Iterator[tuple[int, Path]]:
    """Yield every key of the text with its line, tables of an array by their number."""
    table: Path = ()
    seen: dict[Path, int] = {}
    for line, statement in _statements(text):
        if statement.startswith("["):
            table = _table(tomllib.loads(statement), seen)
            yield line, table
            if isinstance(table[-1], int):
                yield line, table[:-1]
        else:
            for below in _below(tomllib.loads(statement)):
                yield line, table + below


def _table(header: Mapping[str, object], seen: dict[Path, int]) -> Path:
    """Return the path of a table, counting the tables of each array in `seen`."""
    path: Path = ()
    value: object = header
    while isinstance(value, Mapping) and value:
        key, value = next(iter(value.items()))
        path = (*path, key)
        if isinstance(value, list):
            seen[path] = seen.get(path, -1) + 1
            value = value[0]
        if path in seen:
            path = (*path, seen[path])
    return path


def _below(value: object) -> Iterator[Path]:
    """Yield the path of every key within a value."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield (key,)
            yield from ((key, *rest) for rest in _below(inner))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for index, inner in enumerate(value):
            yield from ((index, *rest) for rest in _below(inner))


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Yield each header and each key with its value, with the line on which it begins."""
    depth, line, begun = 0, 1, 0
    parts: list[str] = []
    for match in TOKEN.finditer(text.replace("\r\n", "\n")):
        piece = match[0]
        depth += STEPS.get(piece, 0)
        if piece == "\n" and depth == 0:
            if parts:
                yield begun, "".join(parts)
            parts = []
        elif parts or not (piece.isspace() or piece.startswith("#")):
            begun = begun if parts else line
            parts.append(piece)
        line += piece.count("\n")
    if parts:
        yield begun, "".join(parts)
