"""What is said of a mistake in the policy file: its line, its table, its key, and what to type.

pydantic says where a mistake is (`loc`) and of which kind; the sentences are ours. The line is
found by a second look at the text, which `tomllib` has read by then: each statement is read again
to learn its keys.
"""

from __future__ import annotations

import difflib
import json
import re
import tomllib
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pydantic
import pydantic_core

from bot.power import errors
from bot.power.policy.table_base import keys

NAME = re.compile(r"[A-Za-z0-9_-]{1,60}")
MISTAKE = "mistake"
SHOWN = 40  # Characters of a value that a sentence quotes.


def shown(value: object) -> str:
    """Return a value of the file as a sentence quotes it."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def closest(word: str, known: Iterable[str]) -> str:
    """Return a question that names the nearest known word, or an empty text."""
    # Cut, since matching takes time that grows with the square of the length.
    near = difflib.get_close_matches(word[:SHOWN], list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""


def wrong(problem: str, *below: str | int) -> pydantic_core.PydanticCustomError:
    """Return what a validator raises: the sentence, and the key within its value that is meant."""
    context = {"problem": problem, "below": below}
    return pydantic_core.PydanticCustomError(MISTAKE, "{problem}", context)


def missing(example: str) -> str:
    """Return what is said of a key that may not be left out; `example` is `key = value`."""
    return f"this key is missing; write {example}"


class Mistakes:
    """Words the mistakes of one text, which was read as TOML and is checked by `model`."""

    def __init__(
        self, text: str, parsed: Mapping[str, Any], model: type[pydantic.BaseModel]
    ) -> None:
        self._text, self._parsed, self._model = text, parsed, model

    def first(self, found: pydantic.ValidationError) -> errors.PolicyError:
        """Return the first mistake: a key that is unknown tells more than one that it isn't."""
        every = found.errors(include_url=False)
        # A step with a mistake in its name is missing from the rules that name it.
        tables = sorted((_table(one["loc"]) for one in every), key=lambda loc: loc[:1] != ("step",))
        order = [(), *dict.fromkeys(tables)]
        return self._worded(
            min(every, key=lambda one: (order.index(_table(one["loc"])), not _is_extra(one)))
        )

    def at(self, loc: Path, problem: str) -> errors.PolicyError:
        """Return the error for a key, or a key within its value."""
        line = line_of(self._text, loc)
        depth = len(_table(loc))
        where = [f"Line {line}"] if line else []
        where += [self._label(loc[:depth])] if depth else []
        names = map(str, loc[depth:])
        where.append(".".join(name if NAME.fullmatch(name) else shown(name) for name in names))
        end = "" if problem.endswith((".", "?")) else "."
        return errors.PolicyError(f"{', '.join(where)}: {problem}{end}")

    def _label(self, table: Path) -> str:
        """Return a table as people know it: one of several by its name, or its number."""
        if len(table) == 1:
            return f"[{table[0]}]"
        key, index = table
        name = self._parsed[str(key)][index].get("name", int(index) + 1)
        return f"[[{key}]] {shown(name)}"

    def _worded(self, one: pydantic_core.ErrorDetails) -> errors.PolicyError:
        loc = one["loc"]
        if one["type"] == MISTAKE:
            below = one["ctx"]["below"]
            return self.at((*loc, *below), one["ctx"]["problem"])
        if _is_extra(one):
            known = keys(self._table_model(loc))
            hint = closest(str(loc[-1]), known) or f"; the keys here are {', '.join(known)}"
            return self.at(loc, f"this key is unknown{hint}")
        if one["type"] == "missing":
            fields = self._table_model(loc).model_fields.values()
            examples = next(field.examples for field in fields if field.alias == loc[-1])
            return self.at(loc, missing(f"{loc[-1]} = {(examples or ['…'])[0]}"))
        key = str(loc[0])
        said = f"tables that begin with [[{key}]]" if self._repeats(key) else ""
        said = said or f"a table that begins with [{key}]"
        return self.at((key,), f"write {said}, not {shown(self._parsed[key])}")

    def _table_model(self, loc: Path) -> type[pydantic.BaseModel]:
        """Return the model of the table that has this key."""
        if len(loc) == 1:
            return self._model
        annotation: Any = self._model.model_fields[str(loc[0])].annotation
        inner = typing.get_args(annotation)
        found: type[pydantic.BaseModel] = inner[0] if inner else annotation
        return found

    def _repeats(self, key: str) -> bool:
        """Whether a table may stand in the file several times."""
        return bool(typing.get_args(self._model.model_fields[key].annotation))


def _table(loc: Path) -> Path:
    """Return the path of the table in which a key stands; that of the top one is empty."""
    depth = 2 if len(loc) > 1 and isinstance(loc[1], int) else 1
    return loc[:depth] if len(loc) > depth else ()


def _is_extra(one: pydantic_core.ErrorDetails) -> bool:
    return one["type"] == "extra_forbidden"


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


def line_of(text: str, path: Path) -> int:
    """Return the number of the line on which a key (or else its table) stands, or 0."""
    lines: dict[Path, int] = {}
    for line, known in _known_paths(text):
        lines.setdefault(known, line)
    # A key that is missing is shown at its table.
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
            table = _table_path(tomllib.loads(statement), seen)
            yield line, table
            if isinstance(table[-1], int):
                yield line, table[:-1]
        else:
            for below in _below(tomllib.loads(statement)):
                yield line, table + below


def _table_path(header: Mapping[str, object], seen: dict[Path, int]) -> Path:
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
