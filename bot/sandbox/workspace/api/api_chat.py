"""The Web API's chat.* methods: post, edit, delete, and the link to a message."""

from typing import Final

from bot.sandbox.workspace.api import content
from bot.sandbox.workspace.api.method import Method
from bot.sandbox.workspace.base.json_types import Json
from bot.sandbox.workspace.base.refusal import RefusedError
from bot.sandbox.workspace.state.directory import Channel, Person, UnknownNameError
from bot.sandbox.workspace.state.state import WorkspaceState
from bot.sandbox.workspace.state.timeline import Message


def post_message(state: WorkspaceState, args: Json) -> Json:
    """Answer chat.postMessage."""
    channel = _writable(state, str(args["channel"]))
    words = content.read(state, "chat.postMessage", args)
    state.check_unfurling("chat.postMessage", args)
    message = state.timeline.post(
        channel.id,
        state.app.bot_user,
        words.text,
        blocks=words.blocks,
        bot=True,
        thread_ts=_thread(state, channel, args),
        metadata=_metadata(args),
        client_msg_id=str(args["client_msg_id"]) if args.get("client_msg_id") else None,
    )
    state.changes.bump()
    return {"channel": channel.id, "ts": message.ts, "message": state.message_as_slack(message)}


def update(state: WorkspaceState, args: Json) -> Json:
    """Answer chat.update. Text without blocks takes the blocks away, as in Slack."""
    channel = _channel(state, str(args["channel"]))
    message = _own(state, channel, str(args["ts"]), "cant_update_message")
    words = content.read(state, "chat.update", args)
    # Blocks without text leave the old text in place.
    text = words.text if "text" in args else message.text
    state.timeline.edit(message, text, words.blocks)
    if "metadata" in args:
        message.metadata = _metadata(args)
    state.changes.bump()
    shape = state.message_as_slack(message)
    # This answer has the timestamp beside the message, and not in it.
    ts = shape.pop("ts")
    return {"channel": channel.id, "ts": ts, "text": text, "message": shape}


def post_ephemeral(state: WorkspaceState, args: Json) -> Json:
    """Answer chat.postEphemeral."""
    channel = _writable(state, str(args["channel"]))
    user = str(args["user"])
    if user not in channel.members:
        raise RefusedError("user_not_in_channel")
    words = content.read(state, "chat.postEphemeral", args)
    thread_ts = _thread(state, channel, args)
    if thread_ts and not state.timeline.find(channel.id, thread_ts).reply_count:
        # "Ephemeral messages in threads are only shown if there is already an active thread."
        state.journal.note("ephemeral", "not shown", channel=channel.id, thread_ts=thread_ts)
        return {"message_ts": state.timeline.new_ts()}
    message = state.timeline.post(
        channel.id,
        state.app.bot_user,
        words.text,
        blocks=words.blocks,
        bot=True,
        only_for=user,
        thread_ts=thread_ts,
    )
    state.changes.bump()
    return {"message_ts": message.ts}


def delete(state: WorkspaceState, args: Json) -> Json:
    """Answer chat.delete."""
    channel = _channel(state, str(args["channel"]))
    message = _own(state, channel, str(args["ts"]), "cant_delete_message")
    state.timeline.delete(message)
    state.changes.bump()
    return {"channel": channel.id, "ts": message.ts}


def get_permalink(state: WorkspaceState, args: Json) -> Json:
    """Answer chat.getPermalink."""
    channel = _channel(state, str(args["channel"]))
    message = _visible(state, channel, str(args["message_ts"]))
    host = f"https://{state.directory.team.domain}.slack.com"
    link = f"{host}/archives/{channel.id}/p{message.ts.replace('.', '')}"
    if message.thread_ts:
        link += f"?thread_ts={message.thread_ts}&cid={channel.id}"
    return {"channel": channel.id, "permalink": link}


def _channel(state: WorkspaceState, name: str) -> Channel:
    """Find where a call leads: a channel, or the direct message of a person."""
    try:
        if name in state.directory.people:
            return _direct(state, state.directory.people[name])
        channel = state.directory.channel(name)
    except UnknownNameError:
        raise RefusedError("channel_not_found") from None
    if channel.is_private and state.app.bot_user not in channel.members:
        raise RefusedError("channel_not_found")
    return channel


def _direct(state: WorkspaceState, person: Person) -> Channel:
    """Find the direct message of a person; nothing reaches who is deactivated.

    Slack says so in the same word as of a token whose account is gone.
    """
    if person.deleted:
        raise RefusedError("account_inactive")
    return state.directory.direct_message(person, state.app.bot_user)


def _writable(state: WorkspaceState, name: str) -> Channel:
    channel = _channel(state, name)
    if channel.is_archived:
        raise RefusedError("is_archived")
    if state.app.bot_user not in channel.members:
        raise RefusedError("not_in_channel")
    return channel


def _visible(state: WorkspaceState, channel: Channel, ts: str) -> Message:
    """Find a message that the API knows; it has no memory of ephemeral ones."""
    try:
        message = state.timeline.find(channel.id, ts)
    except UnknownNameError:
        raise RefusedError("message_not_found") from None
    if message.ephemeral:
        raise RefusedError("message_not_found")
    return message


def _own(state: WorkspaceState, channel: Channel, ts: str, error: str) -> Message:
    message = _visible(state, channel, ts)
    # The author decides, not the channel: even an admin's app can't edit what others wrote.
    if message.user != state.app.bot_user:
        raise RefusedError(error)
    return message


def _thread(state: WorkspaceState, channel: Channel, args: Json) -> str | None:
    if not args.get("thread_ts"):
        return None
    try:
        return state.timeline.root_ts(channel.id, str(args["thread_ts"]))
    except UnknownNameError:
        raise RefusedError("cannot_reply_to_message") from None


def _metadata(args: Json) -> Json | None:
    match args.get("metadata"):
        case None:
            return None
        case {"event_type": str(event_type), "event_payload": dict(payload)}:
            return {"event_type": event_type, "event_payload": payload}
        case _:
            raise RefusedError("invalid_metadata_format")


_WORDS: Final = ("text", "blocks", "parse", "link_names")
_WRITE: Final = ("chat:write",)

METHODS: Final = (
    Method(
        "chat.postMessage",
        post_message,
        ("channel",),
        (
            *_WORDS,
            "thread_ts",
            "reply_broadcast",
            "metadata",
            "unfurl_links",
            "unfurl_media",
            "mrkdwn",
            "client_msg_id",
        ),
        _WRITE,
    ),
    Method("chat.update", update, ("channel", "ts"), (*_WORDS, "metadata"), _WRITE),
    Method(
        "chat.postEphemeral", post_ephemeral, ("channel", "user"), (*_WORDS, "thread_ts"), _WRITE
    ),
    Method("chat.delete", delete, ("channel", "ts"), (), _WRITE),
    Method("chat.getPermalink", get_permalink, ("channel", "message_ts")),
)
