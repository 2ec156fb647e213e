"""What people choose and type: from simple values to Slack's state objects, by element type.

Also what Slack's own client checks before it sends a form: that needed inputs are filled in.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from bot.sandbox.workspace.base import limits
from bot.sandbox.workspace.base.json_types import Json
from bot.sandbox.workspace.blockkit import elements
from bot.sandbox.workspace.state.directory import UnknownNameError

_KEYS: Final = {
    "plain_text_input": "value",
    "number_input": "value",
    "email_text_input": "value",
    "url_text_input": "value",
    "static_select": "selected_option",
    "external_select": "selected_option",
    "radio_buttons": "selected_option",
    "multi_static_select": "selected_options",
    "multi_external_select": "selected_options",
    "checkboxes": "selected_options",
    "users_select": "selected_user",
    "multi_users_select": "selected_users",
    "channels_select": "selected_channel",
    "multi_channels_select": "selected_channels",
    "conversations_select": "selected_conversation",
    "multi_conversations_select": "selected_conversations",
    "datepicker": "selected_date",
    "timepicker": "selected_time",
    "datetimepicker": "selected_date_time",
}
_INITIAL: Final = {
    "value": "initial_value",
    "selected_option": "initial_option",
    "selected_options": "initial_options",
    "selected_user": "initial_user",
    "selected_users": "initial_users",
    "selected_channel": "initial_channel",
    "selected_channels": "initial_channels",
    "selected_conversation": "initial_conversation",
    "selected_conversations": "initial_conversations",
    "selected_date": "initial_date",
    "selected_time": "initial_time",
    "selected_date_time": "initial_date_time",
}


_CONVERSATIONS: Final[dict[str, Callable[[str], Any]]] = {
    "selected_conversation": lambda channel: channel,
    "selected_conversations": lambda channel: [channel],
}


def is_stateful(element: Json) -> bool:
    """Say whether an element keeps a value; buttons and menus don't."""
    return element["type"] in _KEYS


def state_of(element: Json, value: Any, offered: Sequence[Json] = ()) -> Json:
    """Build the state object for a value that is given simply: a string, number or list.

    Options are named by their value or their words, or given whole; `offered` are those that a
    typeahead has shown before.

    Raises:
        UnknownNameError: when an option is named that nobody offered.
    """
    key = _KEYS[element["type"]]
    return {"type": element["type"], key: _chosen(element, key, value, offered)}


def _chosen(element: Json, key: str, value: Any, offered: Sequence[Json]) -> Any:
    """Shape a simple value like the one that stands under `key` in a state object."""
    if value in (None, "", []):
        # Slack tells an emptied field from a full one by null, or by an empty list.
        return _empty(key)
    if key == "selected_option":
        return _option(element, value, offered)
    if key == "selected_date_time":
        return int(value)
    if not key.endswith("s"):
        return str(value)
    several = [value] if isinstance(value, str | dict) else list(value)
    if key == "selected_options":
        return [_option(element, one, offered) for one in several]
    return [str(one) for one in several]


def options_in(state: Json) -> list[Json]:
    """List the options that a state object holds."""
    one, several = state.get("selected_option"), state.get("selected_options")
    return [one] if one else list(several or [])


def initial_state(element: Json, channel: str = "") -> Json:
    """Build the state object of an element that nobody has touched, in a modal of a channel."""
    key = _KEYS[element["type"]]
    if element.get("default_to_current_conversation") and channel and key in _CONVERSATIONS:
        element = {_INITIAL[key]: _CONVERSATIONS[key](channel), **element}
    return {"type": element["type"], key: element.get(_INITIAL[key], _empty(key))}


def _empty(key: str) -> list[Json] | None:
    return [] if key.endswith("s") else None


def all_states(blocks: Iterable[Json], entered: Json, channel: str = "") -> Json:
    """Build `state.values` of a message or view: what was entered, or what stood there."""
    values: Json = {}
    for one in elements.placed(list(blocks)):
        if is_stateful(one.element):
            state = entered.get(one.block_id, {}).get(one.action_id)
            values.setdefault(one.block_id, {})[one.action_id] = state or initial_state(
                one.element, channel
            )
    return values


def missing(blocks: Iterable[Json], values: Json) -> dict[str, str]:
    """Find what Slack's client complains of before it sends a form, by block id."""
    errors: dict[str, str] = {}
    for one in elements.placed(list(blocks)):
        if one.block["type"] != "input":
            continue
        state = values[one.block_id][one.action_id]
        chosen = state[_KEYS[one.element["type"]]]
        if chosen in (None, [], ""):
            if not one.block.get("optional", False):
                errors[one.block_id] = "Please complete this required field."
        elif problem := _problem(one.element, chosen):
            errors[one.block_id] = problem
    return errors


def _problem(element: Json, chosen: Any) -> str:
    if element["type"] == "number_input":
        return _number_problem(element, str(chosen))
    if element["type"] == "plain_text_input":
        least = element.get("min_length", 0)
        most = element.get("max_length", limits.PLAIN_TEXT_INPUT)
        if len(chosen) < least:
            return f"Please enter at least {least} characters."
        if len(chosen) > most:
            return f"Please enter at most {most} characters."
    most = element.get("max_selected_items")
    if most is not None and len(chosen) > most:
        return f"Please choose at most {most}."
    return ""


def _number_problem(element: Json, chosen: str) -> str:
    if not re.fullmatch(r"-?\d+(\.\d+)?", chosen):
        return "Please enter a number."
    if "." in chosen and not element["is_decimal_allowed"]:
        return "Please enter a whole number."
    if "min_value" in element and float(chosen) < float(element["min_value"]):
        return f"Please enter a number that is at least {element['min_value']}."
    if "max_value" in element and float(chosen) > float(element["max_value"]):
        return f"Please enter a number that is at most {element['max_value']}."
    return ""


def _option(element: Json, named: Any, offered: Sequence[Json]) -> Json:
    key = _KEYS[element["type"]]
    initial = element.get(_INITIAL[key], [])
    known = [*elements.options(element), *offered]
    known += initial if isinstance(initial, list) else [initial]
    for option in known:
        if named == option or named in (option["value"], option["text"]["text"]):
            return option
    raise UnknownNameError(f"nobody offered the option {named!r}")
