"""The Web API's views.* methods: open, push, update a modal, publish a Home tab."""

from typing import Final

from bot.sandbox.workspace.api.method import Method
from bot.sandbox.workspace.base.json_types import Json
from bot.sandbox.workspace.base.refusal import RefusedError
from bot.sandbox.workspace.state.directory import UnknownNameError
from bot.sandbox.workspace.state.state import WorkspaceState
from bot.sandbox.workspace.state.view_book import View


def open_view(state: WorkspaceState, args: Json) -> Json:
    """Answer views.open."""
    view = state.checked_view("views.open", args["view"], "modal")
    _check_external_id(state, view, None)
    trigger = state.tickets.exchange_trigger(str(args["trigger_id"]))
    return _shown(state, state.views.open(trigger.user, view, trigger.channel))


def push(state: WorkspaceState, args: Json) -> Json:
    """Answer views.push."""
    view = state.checked_view("views.push", args["view"], "modal")
    _check_external_id(state, view, None)
    trigger = state.tickets.exchange_trigger(str(args["trigger_id"]))
    return _shown(state, state.views.push(trigger.user, view))


def update(state: WorkspaceState, args: Json) -> Json:
    """Answer views.update."""
    shown = _find(state, args)
    view = state.checked_view("views.update", args["view"], str(shown.content["type"]))
    _check_external_id(state, view, shown)
    state.views.update(shown, view, str(args.get("hash") or ""))
    return _shown(state, shown)


def publish(state: WorkspaceState, args: Json) -> Json:
    """Answer views.publish."""
    user, expected = str(args["user_id"]), str(args.get("hash") or "")
    if user not in state.directory.people:
        raise RefusedError("invalid_arguments", ["[ERROR] invalid `user_id`"])
    view = state.checked_view("views.publish", args["view"], "home")
    return _shown(state, state.views.publish(user, view, expected))


def _find(state: WorkspaceState, args: Json) -> View:
    try:
        if args.get("view_id"):
            return state.views.find(str(args["view_id"]))
        return state.views.find_external(str(args.get("external_id") or ""))
    except UnknownNameError:
        raise RefusedError("not_found") from None


def _check_external_id(state: WorkspaceState, view: Json, itself: View | None) -> None:
    if not view.get("external_id"):
        return
    try:
        other = state.views.find_external(view["external_id"])
    except UnknownNameError:
        return
    if other is not itself:
        raise RefusedError("duplicate_external_id")


def _shown(state: WorkspaceState, view: View) -> Json:
    state.changes.bump()
    return {"view": state.view_as_slack(view)}


METHODS: Final = (
    Method("views.open", open_view, ("trigger_id", "view")),
    Method("views.push", push, ("trigger_id", "view")),
    Method("views.update", update, ("view",), ("view_id", "external_id", "hash")),
    Method("views.publish", publish, ("user_id", "view"), ("hash",)),
)
