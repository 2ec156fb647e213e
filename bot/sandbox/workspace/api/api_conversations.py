"""The Web API's conversations.* methods, and the two with which a Workflow step ends."""

from typing import Final

from bot.sandbox.workspace.api.method import Method, page
from bot.sandbox.workspace.base.json_types import Json
from bot.sandbox.workspace.base.refusal import RefusedError
from bot.sandbox.workspace.state.directory import Channel, UnknownNameError
from bot.sandbox.workspace.state.state import WorkspaceState


def info(state: WorkspaceState, args: Json) -> Json:
    """Answer conversations.info."""
    return {"channel": _as_slack(state, _channel(state, str(args["channel"])))}


def members(state: WorkspaceState, args: Json) -> Json:
    """Answer conversations.members."""
    channel = _channel(state, str(args["channel"]))
    found, metadata = page(sorted(channel.members), args)
    return {"members": found, "response_metadata": metadata}


def list_channels(state: WorkspaceState, args: Json) -> Json:
    """Answer conversations.list, private channels only when the bot is in them."""
    kinds = set(str(args.get("types") or "public_channel").replace(" ", "").split(","))
    if not kinds <= {"public_channel", "private_channel", "im", "mpim"}:
        raise RefusedError("invalid_types")
    visible = [
        channel
        for channel in state.directory.channels.values()
        if _kind(channel) in kinds and _is_visible(state, channel)
    ]
    found, metadata = page(visible, args)
    shapes = [_as_slack(state, channel) for channel in found]
    return {"channels": shapes, "response_metadata": metadata}


def open_direct_message(state: WorkspaceState, args: Json) -> Json:
    """Answer conversations.open for one person."""
    users = str(args.get("users") or "").split(",")
    if users == [""]:
        raise RefusedError("users_list_not_supplied")
    if len(users) > 1:
        raise RefusedError("invalid_user_combination")
    person = state.directory.people.get(users[0])
    if person is None:
        raise RefusedError("user_not_found")
    if person.deleted:
        raise RefusedError("user_disabled")
    return {"channel": {"id": state.directory.direct_message(person, state.app.bot_user).id}}


def complete_step(state: WorkspaceState, args: Json) -> Json:
    """Answer functions.completeSuccess and functions.completeError."""
    execution = str(args["function_execution_id"])
    if execution not in state.running_steps:
        raise RefusedError("function_execution_not_found")
    state.running_steps.discard(execution)
    state.changes.bump()
    return {}


def _channel(state: WorkspaceState, name: str) -> Channel:
    try:
        channel = state.directory.channel(name)
    except UnknownNameError:
        raise RefusedError("channel_not_found") from None
    if not _is_visible(state, channel):
        raise RefusedError("channel_not_found")
    return channel


def _is_visible(state: WorkspaceState, channel: Channel) -> bool:
    hidden = channel.is_private or channel.is_im
    return not hidden or state.app.bot_user in channel.members


def _kind(channel: Channel) -> str:
    if channel.is_im:
        return "im"
    return "private_channel" if channel.is_private else "public_channel"


def _as_slack(state: WorkspaceState, channel: Channel) -> Json:
    return channel.as_slack(state.app.bot_user, state.directory.team.id)


_READ: Final = ("channels:read", "groups:read", "im:read", "mpim:read")
_OPEN: Final = ("im:write", "mpim:write", "channels:manage", "groups:write")
_STEP: Final = "function_execution_id"

METHODS: Final = (
    Method(
        "conversations.info",
        info,
        ("channel",),
        ("include_locale", "include_num_members"),
        _READ,
    ),
    Method("conversations.members", members, ("channel",), ("cursor", "limit"), _READ),
    Method(
        "conversations.list",
        list_channels,
        (),
        ("cursor", "limit", "types", "exclude_archived"),
        _READ,
    ),
    Method(
        "conversations.open",
        open_direct_message,
        (),
        ("users", "channel", "return_im", "prevent_creation"),
        _OPEN,
    ),
    Method("functions.completeSuccess", complete_step, (_STEP, "outputs")),
    Method("functions.completeError", complete_step, (_STEP, "error")),
)
