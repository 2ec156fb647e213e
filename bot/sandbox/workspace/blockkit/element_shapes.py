"""The shapes of interactive elements, and which may stand where ("Reference: block elements")."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from bot.sandbox.workspace.base import limits
from bot.sandbox.workspace.base.json_types import Json
from bot.sandbox.workspace.blockkit.shapes import (
    Check,
    any_text,
    array,
    boolean,
    by_type,
    integer,
    kind,
    plain_text,
    record,
    rule,
    string,
    together,
)

_STYLE: Final = string(one_of=("primary", "danger"))
_NAME: Final = string(minimum=1)
_CONFIRM: Final = record(
    {
        "title": plain_text(limits.CONFIRM_TITLE),
        "text": any_text(limits.CONFIRM_TEXT),
        "confirm": plain_text(limits.CONFIRM_BUTTON),
        "deny": plain_text(limits.CONFIRM_BUTTON),
        "style": _STYLE,
    },
    ["text"],
)


def _option(text: Check, description: Check, with_url: bool = False) -> Check:
    fields = {"text": text, "value": string(limits.OPTION_VALUE, 1), "description": description}
    if with_url:
        fields["url"] = string(limits.BUTTON_URL)
    return record(fields, ["text", "value"])


OPTION: Final = _option(plain_text(limits.OPTION_TEXT), plain_text(limits.OPTION_TEXT))
_CHOICE: Final = _option(any_text(limits.OPTION_TEXT), any_text(limits.OPTION_TEXT))
_MENU_ITEM: Final = _option(
    plain_text(limits.OPTION_TEXT), plain_text(limits.OPTION_TEXT), with_url=True
)
OPTION_GROUP: Final = record(
    {
        "label": plain_text(limits.OPTION_TEXT),
        "options": array(OPTION, 1, limits.SELECT_OPTIONS),
    },
    ["label", "options"],
)
SUGGESTIONS: Final = together(
    record(
        {
            "options": array(OPTION, 0, limits.SELECT_OPTIONS),
            "option_groups": array(OPTION_GROUP, 0, limits.OPTION_GROUPS),
        }
    ),
    rule(
        lambda answer: ("options" in answer) != ("option_groups" in answer),
        "exactly one of options and option_groups is needed",
    ),
)

_PLACEHOLDER: Final = {"placeholder": plain_text(limits.PLACEHOLDER)}
_FOCUS: Final = {"focus_on_load": boolean}
_DISPATCH: Final = {
    "dispatch_action_config": record(
        {
            "trigger_actions_on": array(
                string(one_of=("on_enter_pressed", "on_character_entered")), 1
            )
        }
    )
}
_SOME_OPTIONS: Final = {
    "options": array(OPTION, 1, limits.SELECT_OPTIONS),
    "option_groups": array(OPTION_GROUP, 1, limits.OPTION_GROUPS),
}
_SELECTED: Final = {"max_selected_items": integer(1)}


def _interactive(fields: Mapping[str, Check], required: Sequence[str] = (), *rules: Check) -> Check:
    common = {"action_id": string(limits.ACTION_ID, 1), "confirm": _CONFIRM}
    return together(kind({**common, **fields}, required), *rules)


def _typed(fields: Mapping[str, Check], required: Sequence[str] = (), *rules: Check) -> Check:
    common = {"action_id": string(limits.ACTION_ID, 1), **_PLACEHOLDER, **_FOCUS, **_DISPATCH}
    return together(kind({**common, **fields}, required), *rules)


def _select(fields: Mapping[str, Check], required: Sequence[str] = (), *rules: Check) -> Check:
    return _interactive({**_PLACEHOLDER, **_FOCUS, **fields}, required, *rules)


_ONE_SOURCE: Final = rule(
    lambda element: ("options" in element) != ("option_groups" in element),
    "exactly one of options and option_groups is needed",
)


def _initial_is_offered(element: Json) -> bool:
    offered = [*_list(element.get("options"))]
    for group in _list(element.get("option_groups")):
        offered += _list(group.get("options")) if isinstance(group, dict) else []
    chosen = [*_list(element.get("initial_options"))]
    chosen += [element["initial_option"]] if "initial_option" in element else []
    return all(one in offered for one in chosen)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


_OFFERED: Final = rule(_initial_is_offered, "initial options must be among the options")


def _lengths_are_in_order(element: Json) -> bool:
    least, most = element.get("min_length", 0), element.get("max_length", limits.PLAIN_TEXT_INPUT)
    return not isinstance(least, int) or not isinstance(most, int) or least <= most


def _number_text(value: Any, at: str, report: Any) -> None:
    if not isinstance(value, str) or not re.fullmatch(r"-?\d+(\.\d+)?", value):
        report.add("must be a number in a string", at)


def _pattern(pattern: str, wording: str) -> Check:
    def check(value: Any, at: str, report: Any) -> None:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            report.add(wording, at)

    return check


_DATE: Final = _pattern(r"\d{4}-\d{2}-\d{2}", "must be a date like 2026-01-31")
_TIME: Final = _pattern(r"\d{2}:\d{2}", "must be a time like 23:59")
_HTTP_URL: Final = together(
    string(limits.BUTTON_URL), _pattern(r"https?://\S+|mailto:\S+|", "must be a valid url")
)

IMAGE_FIELDS: Final[dict[str, Check]] = {
    "image_url": string(limits.IMAGE_URL, 1),
    "slack_file": record({"id": _NAME, "url": _NAME}),
    "alt_text": string(limits.IMAGE_ALT_TEXT, 1),
}
ONE_IMAGE: Final = rule(
    lambda image: ("image_url" in image) != ("slack_file" in image),
    "exactly one of image_url and slack_file is needed",
)

_BUTTON: Final = _interactive(
    {
        "text": plain_text(limits.BUTTON_TEXT),
        "url": _HTTP_URL,
        "value": string(limits.BUTTON_VALUE),
        "style": _STYLE,
        "accessibility_label": string(limits.ACCESSIBILITY_LABEL),
    },
    ["text"],
)
_OVERFLOW: Final = _interactive(
    {"options": array(_MENU_ITEM, 1, limits.OVERFLOW_OPTIONS)}, ["options"]
)
_CHECKBOXES: Final = _interactive(
    {
        "options": array(_CHOICE, 1, limits.CHOICES),
        "initial_options": array(_CHOICE, 1, limits.CHOICES),
        **_FOCUS,
    },
    ["options"],
    _OFFERED,
)
_RADIO_BUTTONS: Final = _interactive(
    {"options": array(_CHOICE, 1, limits.CHOICES), "initial_option": _CHOICE, **_FOCUS},
    ["options"],
    _OFFERED,
)
_FILTER: Final = record(
    {
        "include": array(string(one_of=("im", "mpim", "private", "public")), 1),
        "exclude_external_shared_channels": boolean,
        "exclude_bot_users": boolean,
    }
)
_QUERY: Final = {"min_query_length": integer(0)}
_URL_REPLY: Final = {"response_url_enabled": boolean}
_CONVERSATION: Final = {"default_to_current_conversation": boolean, "filter": _FILTER}
_NAMES: Final = array(_NAME, 1)

_SELECTS: Final[dict[str, Check]] = {
    "static_select": _select(
        {**_SOME_OPTIONS, "initial_option": OPTION}, (), _ONE_SOURCE, _OFFERED
    ),
    "multi_static_select": _select(
        {**_SOME_OPTIONS, **_SELECTED, "initial_options": array(OPTION, 1)},
        (),
        _ONE_SOURCE,
        _OFFERED,
    ),
    "external_select": _select({**_QUERY, "initial_option": OPTION}),
    "multi_external_select": _select(
        {**_QUERY, **_SELECTED, "initial_options": array(OPTION, 1, limits.SELECT_OPTIONS)}
    ),
    "users_select": _select({"initial_user": _NAME}),
    "multi_users_select": _select({**_SELECTED, "initial_users": _NAMES}),
    "channels_select": _select({"initial_channel": _NAME, **_URL_REPLY}),
    "multi_channels_select": _select({**_SELECTED, "initial_channels": _NAMES}),
    "conversations_select": _select({"initial_conversation": _NAME, **_CONVERSATION, **_URL_REPLY}),
    "multi_conversations_select": _select(
        {**_SELECTED, "initial_conversations": _NAMES, **_CONVERSATION}
    ),
}
_PICKERS: Final[dict[str, Check]] = {
    "datepicker": _select({"initial_date": _DATE}),
    "timepicker": _select({"initial_time": _TIME, "timezone": _NAME}),
    # Slack takes ten digits: seconds since 1970, from 2001 on.
    "datetimepicker": _interactive(
        {"initial_date_time": integer(1_000_000_000, 9_999_999_999), **_FOCUS}
    ),
}
_TYPED: Final[dict[str, Check]] = {
    "plain_text_input": _typed(
        {
            "initial_value": string(limits.PLAIN_TEXT_INPUT),
            "multiline": boolean,
            "min_length": integer(0, limits.PLAIN_TEXT_INPUT),
            "max_length": integer(1, limits.PLAIN_TEXT_INPUT),
        },
        (),
        rule(_lengths_are_in_order, "min_length must be less than or equal to max_length"),
    ),
    "number_input": _typed(
        {
            "is_decimal_allowed": boolean,
            "initial_value": _number_text,
            "min_value": _number_text,
            "max_value": _number_text,
        },
        ["is_decimal_allowed"],
    ),
    "email_text_input": _typed({"initial_value": string()}),
    "url_text_input": _typed({"initial_value": string()}),
}
_CHOICES: Final = {"checkboxes": _CHECKBOXES, "radio_buttons": _RADIO_BUTTONS}
_BUTTONS: Final = {"button": _BUTTON, "overflow": _OVERFLOW}
IMAGE_ELEMENT: Final = together(kind(IMAGE_FIELDS, ["alt_text"]), ONE_IMAGE)

IN_ACTIONS: Final[Check] = by_type({**_BUTTONS, **_CHOICES, **_SELECTS, **_PICKERS})
IN_INPUT: Final[Check] = by_type({**_TYPED, **_CHOICES, **_SELECTS, **_PICKERS})
IN_SECTION: Final[Check] = by_type(
    {**_BUTTONS, **_CHOICES, **_SELECTS, **_PICKERS, "image": IMAGE_ELEMENT}
)
