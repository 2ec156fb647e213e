"""The JSON that Slack makes of a message, in answers and payloads."""

from bot.sandbox.workspace.base.json_types import Json
from bot.sandbox.workspace.state.timeline import Message


def as_slack(message: Message, team: str, bot_profile: Json | None) -> Json:
    """Shape a message; `bot_profile` is the app's, for messages that the app posted."""
    shape: Json = {
        "type": "message",
        "user": message.user,
        "text": message.text,
        "ts": message.ts,
        "team": team,
    }
    if bot_profile is not None:
        shape |= {"bot_id": bot_profile["id"], "app_id": bot_profile["app_id"]}
        shape["bot_profile"] = bot_profile
    if message.blocks:
        shape["blocks"] = message.blocks
    shape |= _thread(message)
    if message.edited_ts is not None:
        shape["edited"] = {"user": message.user, "ts": message.edited_ts}
    if message.client_msg_id is not None:
        shape["client_msg_id"] = message.client_msg_id
    if message.metadata is not None:
        shape["metadata"] = message.metadata
    if message.reactions:
        shape["reactions"] = [
            {"name": name, "users": users, "count": len(users)}
            for name, users in message.reactions.items()
        ]
    return shape


def _thread(message: Message) -> Json:
    if message.thread_ts is not None:
        return {"thread_ts": message.thread_ts}
    if message.reply_count:
        return {
            "thread_ts": message.ts,
            "reply_count": message.reply_count,
            "latest_reply": message.latest_reply,
        }
    return {}
