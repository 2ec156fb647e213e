"""A plan as it is stored: ids, and what differs between servers; equal values are stored once.

Ten thousand servers in a plan differ in little but their ids and names. Written out one by one
(version 1) they took 3 MB; column by column they take about a seventh.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any, TypeVar

from bot.power import plan, request

T = TypeVar("T", plan.PlanLine, request.Target)

Column = dict[str, Any]  # By "runs", by "words" and "each", or by "each" alone.


def packed(made: plan.Plan) -> str:
    """Return a plan as text."""
    whole = made.model_dump(mode="json", exclude={"lines": True, "order": {"targets"}})
    places = {line.server_id: place for place, line in enumerate(made.lines)}
    targets = made.order.targets
    # A target without a line has no place that could stand for it.
    at = [places.get(target.server_id, -1) for target in targets]
    whole["lines"] = _columns(made.lines)
    whole["targets"] = _of_lines(made, at) if -1 not in at else _columns(targets)
    return json.dumps(whole, separators=(",", ":"))


def unpacked(text: str) -> plan.Plan:
    """Return the plan that a text is."""
    whole = json.loads(text)
    lines = _rows(whole["lines"])
    targets = whole.pop("targets")
    if "at" in targets:
        # What isn't stored for the targets is what their lines have.
        own = {name for name in _names(request.Target)} - set(targets["columns"])
        at = _spread(targets["at"])
        listed = [
            {name: lines[place][name] for name in own if name in lines[place]} for place in at
        ]
        _fill(listed, targets["columns"])
    else:
        listed = _rows(targets)
    whole["lines"], whole["order"]["targets"] = lines, listed
    # Another version may have written it, so its shape is checked.
    return plan.Plan.model_validate(whole)


def _of_lines(made: plan.Plan, at: Sequence[int]) -> dict[str, Any]:
    """Return the targets as places among the lines, with the columns that differ from theirs."""
    shared = set(_names(plan.PlanLine))
    columns = {
        name: _column([getattr(one, name) for one in made.order.targets])
        for name in _names(request.Target)
        if name not in shared
        or any(
            getattr(one, name) != getattr(made.lines[place], name)
            for one, place in zip(made.order.targets, at, strict=True)
        )
    }
    # Targets mostly stand in the order of the lines, so few ranges name all.
    return {"at": _ranges(at), "columns": columns}


def _names(kind: type[plan.PlanLine] | type[request.Target]) -> list[str]:
    """Return the fields of a line or a target."""
    return [field.name for field in dataclasses.fields(kind)]


def _columns(listed: Sequence[T]) -> dict[str, Any]:
    """Return rows column by column."""
    if not listed:
        return {"count": 0, "columns": {}}
    names = _names(type(listed[0]))
    columns = {name: _column([getattr(one, name) for one in listed]) for name in names}
    return {"count": len(listed), "columns": columns}


def _column(values: Sequence[Any]) -> Column:
    """Return a column: one value for all, runs of equal values, or each."""
    runs: list[list[Any]] = []
    for value in values:
        if runs and runs[-1][0] == value:
            runs[-1][1] += 1
        else:
            runs.append([value, 1])
    # A run is two values in JSON, so it must stand for two at least.
    if len(runs) * 2 <= len(values) or len(runs) == 1:
        return {"runs": runs}
    # A place in a list is shorter than most words, if each comes twice at least.
    words = list(dict.fromkeys(values))
    if len(words) * 2 <= len(values):
        number = {word: place for place, word in enumerate(words)}
        return {"words": words, "each": [number[value] for value in values]}
    return {"each": list(values)}


def _values(column: Column) -> list[Any]:
    """Return the values of a column, one for each row."""
    if "runs" in column:
        return [value for value, count in column["runs"] for _ in range(count)]
    if "words" in column:
        words = column["words"]
        return [words[place] for place in column["each"]]
    return list(column["each"])


def _rows(stored: dict[str, Any]) -> list[dict[str, Any]]:
    """Return columns as rows."""
    listed: list[dict[str, Any]] = [{} for _ in range(stored["count"])]
    _fill(listed, stored["columns"])
    return listed


def _fill(listed: Sequence[dict[str, Any]], columns: dict[str, Column]) -> None:
    """Give each row its values of these columns."""
    for name, column in columns.items():
        for row, value in zip(listed, _values(column), strict=True):
            row[name] = value


def _ranges(places: Sequence[int]) -> list[list[int]]:
    """Return places as runs of neighbours: the first, and how many."""
    runs: list[list[int]] = []
    for place in places:
        if runs and runs[-1][0] + runs[-1][1] == place:
            runs[-1][1] += 1
        else:
            runs.append([place, 1])
    return runs


def _spread(runs: Sequence[Sequence[int]]) -> list[int]:
    """Return the places that runs are."""
    return [first + more for first, count in runs for more in range(count)]
