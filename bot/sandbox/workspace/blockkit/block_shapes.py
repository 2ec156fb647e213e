"""The shapes of blocks and views ("Reference: blocks", "Reference: views")."""

from typing import Final

from bot.sandbox.workspace.base import limits
from bot.sandbox.workspace.blockkit import element_shapes
from bot.sandbox.workspace.blockkit.rich_text_shapes import RICH_TEXT, RICH_TEXT_ONLY
from bot.sandbox.workspace.blockkit.shapes import (
    Check,
    any_text,
    array,
    boolean,
    by_type,
    kind,
    number,
    plain_text,
    record,
    rule,
    string,
    together,
)

_BLOCK_ID: Final = {"block_id": string(limits.BLOCK_ID, 1)}

_SECTION: Final = together(
    kind(
        {
            **_BLOCK_ID,
            "text": any_text(limits.SECTION_TEXT),
            "fields": array(any_text(limits.FIELD_TEXT), 1, limits.SECTION_FIELDS),
            "accessory": element_shapes.IN_SECTION,
            "expand": boolean,
        }
    ),
    rule(
        lambda block: "text" in block or "fields" in block, "missing required field: text or fields"
    ),
)
_CONTEXT: Final = kind(
    {
        **_BLOCK_ID,
        "elements": array(
            by_type(
                {
                    "image": element_shapes.IMAGE_ELEMENT,
                    "plain_text": any_text(limits.SECTION_TEXT),
                    "mrkdwn": any_text(limits.SECTION_TEXT),
                }
            ),
            1,
            limits.CONTEXT_ELEMENTS,
        ),
    },
    ["elements"],
)
_INPUT: Final = kind(
    {
        **_BLOCK_ID,
        "label": plain_text(limits.INPUT_LABEL),
        "element": element_shapes.IN_INPUT,
        "hint": plain_text(limits.INPUT_LABEL),
        "optional": boolean,
        "dispatch_action": boolean,
    },
    ["label", "element"],
)
_IMAGE: Final = together(
    kind(
        {**_BLOCK_ID, **element_shapes.IMAGE_FIELDS, "title": plain_text(limits.IMAGE_ALT_TEXT)},
        ["alt_text"],
    ),
    element_shapes.ONE_IMAGE,
)
_CELL: Final = by_type(
    {
        "raw_text": kind({"text": string(minimum=1)}, ["text"]),
        "raw_number": kind({"value": number, "text": string(minimum=1)}, ["value", "text"]),
        "rich_text": RICH_TEXT,
    }
)
_COLUMN: Final = record(
    {"align": string(one_of=("left", "center", "right")), "is_wrapped": boolean}
)
_TABLE: Final = kind(
    {
        **_BLOCK_ID,
        "rows": array(array(_CELL, 1, limits.TABLE_COLUMNS), 1, limits.TABLE_ROWS),
        "column_settings": array(_COLUMN, 0, limits.TABLE_COLUMNS),
    },
    ["rows"],
)
_TASK_FIELDS: Final[dict[str, Check]] = {
    **_BLOCK_ID,
    # Inside of a plan the type may be left out, but it can't be another one.
    "type": string(one_of=("task_card",)),
    "task_id": string(minimum=1),
    "title": string(minimum=1),
    "status": string(one_of=("pending", "in_progress", "complete", "error")),
    "details": RICH_TEXT_ONLY,
    "output": RICH_TEXT_ONLY,
    "sources": array(
        by_type(
            {
                "url": kind(
                    {"url": string(limits.IMAGE_URL, 1), "text": string(minimum=1)},
                    ["url", "text"],
                )
            }
        )
    ),
}
_TASK: Final = kind(_TASK_FIELDS, ["task_id", "title", "status"])
_PLAN: Final = kind({**_BLOCK_ID, "title": string(minimum=1), "tasks": array(_TASK)}, ["title"])
_ALERT: Final = kind(
    {
        **_BLOCK_ID,
        "text": any_text(limits.ALERT_TEXT),
        "level": string(one_of=("default", "info", "warning", "error", "success")),
    },
    ["text"],
)

_ANYWHERE: Final[dict[str, Check]] = {
    "section": _SECTION,
    "header": kind({**_BLOCK_ID, "text": plain_text(limits.HEADER_TEXT)}, ["text"]),
    "divider": kind(_BLOCK_ID),
    "context": _CONTEXT,
    "actions": kind(
        {
            **_BLOCK_ID,
            "elements": array(element_shapes.IN_ACTIONS, 1, limits.ACTIONS_ELEMENTS),
        },
        ["elements"],
    ),
    "input": _INPUT,
    "image": _IMAGE,
    "rich_text": RICH_TEXT,
}

# Tables and markdown show in messages only, an alert in modals only ("Reference: blocks").
IN_MESSAGE: Final[Check] = by_type(
    {
        **_ANYWHERE,
        "table": _TABLE,
        "markdown": kind({**_BLOCK_ID, "text": string(limits.MARKDOWN_TEXT, 1)}, ["text"]),
        "plan": _PLAN,
        "task_card": _TASK,
    }
)
_IN_MODAL: Final = by_type({**_ANYWHERE, "alert": _ALERT})
_IN_HOME: Final = by_type(_ANYWHERE)

_VIEW_FIELDS: Final[dict[str, Check]] = {
    "callback_id": string(limits.CALLBACK_ID),
    "private_metadata": string(limits.PRIVATE_METADATA),
    "external_id": string(limits.CALLBACK_ID),
}
MODAL: Final[Check] = kind(
    {
        **_VIEW_FIELDS,
        "title": plain_text(limits.VIEW_TITLE),
        "submit": plain_text(limits.VIEW_TITLE),
        "close": plain_text(limits.VIEW_TITLE),
        "blocks": array(_IN_MODAL, 1, limits.VIEW_BLOCKS),
        "clear_on_close": boolean,
        "notify_on_close": boolean,
        "submit_disabled": boolean,
    },
    ["title", "blocks"],
)
HOME: Final[Check] = kind(
    {**_VIEW_FIELDS, "blocks": array(_IN_HOME, 1, limits.VIEW_BLOCKS)}, ["blocks"]
)
VIEW: Final[Check] = by_type({"modal": MODAL, "home": HOME})
