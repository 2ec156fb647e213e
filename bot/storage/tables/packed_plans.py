"""A plan as it is stored: ids, and what differs between servers; equal values are stored once.

Ten thousand servers in a plan differ in little but their ids and names. Written out one by one
(version 1) they took 3 MB; column by column they take about a seventh.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

from bot.power import plan, request

Column = dict[str, Any]  # By "runs", by "words" and "each", or by "each" alone.

_OF_A_TARGET = tuple(field.name for field in dataclasses.fields(request.Target))
# What is known of a line only where it is a target: stored beside the places of those.
_WHERE_ACTED_ON = ("operation_before", "sn")
_OF_A_LINE = tuple(
    field.name for field in dataclasses.fields(plan.PlanLine) if field.name not in _WHERE_ACTED_ON
)


def packed(made: plan.Plan) -> str:
    """Return a plan as text."""
    whole = made.model_dump(mode="json", exclude={"lines": True, "order": {"targets"}})
    whole["lines"] = _columns(made.lines, _OF_A_LINE)
    whole["targets"] = _targets(made)
    return json.dumps(whole, separators=(",", ":"))


def unpacked(text: str) -> plan.Plan:
    """Return the plan that a text is."""
    whole = json.loads(text)
    lines = whole["lines"] = _rows(whole["lines"])
    targets = whole.pop("targets")
    at = _spread(targets["at"]) if "at" in targets else None
    if at is not None:
        _fill([lines[place] for place in at], targets["columns"])
    whole["order"]["targets"] = _rows(targets) if at is None else []
    # Another version may have written it, so its shape is checked.
    found = plan.Plan.model_validate(whole)
    return found if at is None else _acting_on(found, at)


def _acting_on(found: plan.Plan, at: Sequence[int]) -> plan.Plan:
    """Return the plan with its lines at these places as its targets."""
    targets = tuple(found.lines[place] for place in at)
    order = found.order.model_copy(update={"targets": targets})
    return found.model_copy(update={"order": order})


def _targets(made: plan.Plan) -> dict[str, Any]:
    """Return the targets as their places among the lines; column by column if others are there."""
    places = {line.server_id: place for place, line in enumerate(made.lines)}
    targets = made.order.targets
    at = [places[one.server_id] for one in targets if one.server_id in places]
    if [made.lines[place] for place in at] != list(targets):
        return _columns(targets, _OF_A_TARGET)
    # Targets mostly stand in the order of the lines, so few ranges name all.
    return {"at": _ranges(at), "columns": _by_name(targets, _WHERE_ACTED_ON)}


def _columns(listed: Sequence[request.Target], names: Sequence[str]) -> dict[str, Any]:
    """Return rows column by column."""
    return {"count": len(listed), "columns": _by_name(listed, names)}


def _by_name(listed: Sequence[request.Target], names: Sequence[str]) -> dict[str, Column]:
    """Return the columns of these names."""
    return {name: _column([getattr(one, name) for one in listed]) for name in names}


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
