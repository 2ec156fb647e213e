"""The validator: whether Slack would take these blocks or this view, and if not, why.

It knows every rule that Slack states about size and shape, and the few that it keeps to itself.
"""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from bot.sandbox.workspace.base import limits
from bot.sandbox.workspace.base.json_types import Json
from bot.sandbox.workspace.base.refusal import RefusedError, invalid_blocks
from bot.sandbox.workspace.blockkit import block_shapes, element_shapes, elements
from bot.sandbox.workspace.blockkit.shapes import Report, array


def check_message(blocks: Any) -> None:
    """Check the blocks of a message.

    Raises:
        RefusedError: invalid_blocks with a pointer for each mistake, or msg_blocks_too_long.
    """
    report = Report()
    array(block_shapes.IN_MESSAGE, 0, limits.MESSAGE_BLOCKS)(blocks, "/blocks", report)
    _refuse_if_wrong(report)
    _check_together(blocks, "/blocks", report)
    _check_singles(blocks, report)
    _refuse_if_wrong(report)
    if _characters(blocks) > limits.MESSAGE_BLOCKS_CHARACTERS:
        raise RefusedError("msg_blocks_too_long")


def check_view(view: Any, kind: str) -> None:
    """Check a modal or home view; `kind` is the type that the method takes.

    Raises:
        RefusedError: invalid_arguments with a pointer for each mistake, or view_too_large.
    """
    report = Report()
    block_shapes.VIEW(view, "/view", report)
    if not report.errors:
        if view["type"] != kind:
            report.add(f"must be one of: {kind}", "/view/type")
        _check_together(view["blocks"], "/view/blocks", report)
        _check_inputs(view, report)
    if report.errors:
        raise RefusedError("invalid_arguments", [f"[ERROR] {error}" for error in report.errors])
    if len(json.dumps(view).encode()) > limits.VIEW_BYTES:
        raise RefusedError("view_too_large")


def check_suggestions(answer: Any) -> list[str]:
    """List what is wrong with the options that an app sent for a typeahead select."""
    report = Report()
    element_shapes.SUGGESTIONS(answer, "", report)
    return report.errors


def _refuse_if_wrong(report: Report) -> None:
    if report.errors:
        raise invalid_blocks(report.errors)


def _check_together(blocks: Sequence[Json], at: str, report: Report) -> None:
    """Check what no block can know about itself: whether its ids are its own."""
    ids = Counter(block["block_id"] for block in blocks if "block_id" in block)
    for block_id in (one for one, count in ids.items() if count > 1):
        report.add(f"`block_id` must be unique: {block_id}", at)
    for index, block in enumerate(blocks):
        actions = Counter(
            one.element["action_id"]
            for one in elements.placed([block])
            if "action_id" in one.element
        )
        for action_id in (one for one, count in actions.items() if count > 1):
            report.add(f"`action_id` must be unique in its block: {action_id}", f"{at}/{index}")
    focused = [one for one in elements.placed(blocks) if one.element.get("focus_on_load")]
    if len(focused) > 1:
        report.add("only one element may have focus_on_load", at)


def _check_singles(blocks: Sequence[Json], report: Report) -> None:
    kinds = Counter(block["type"] for block in blocks)
    for kind in ("table", "plan"):
        if kinds[kind] > 1:
            report.add(f"only one {kind} is allowed in a message", "/blocks")
    if kinds["plan"] and kinds["task_card"]:
        report.add("plan and task_card are not allowed together", "/blocks")
    markdown = sum(len(block["text"]) for block in blocks if block["type"] == "markdown")
    if markdown > limits.MARKDOWN_TEXT:
        report.add(f"markdown blocks must be less than {limits.MARKDOWN_TEXT + 1}", "/blocks")
    for index, block in enumerate(blocks):
        if block["type"] == "table" and _characters(block["rows"]) > limits.TABLE_CHARACTERS:
            report.add("table is too large", f"/blocks/{index}/rows")


def _check_inputs(view: Json, report: Report) -> None:
    has_input = any(block["type"] == "input" for block in view["blocks"])
    if view["type"] == "modal" and has_input and "submit" not in view:
        report.add("submit is needed when the view has input blocks", "/view")


def _characters(value: Any) -> int:
    return sum(len(one) for one in elements.strings(value))
