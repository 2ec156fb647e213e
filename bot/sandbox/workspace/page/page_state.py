"""What one person sees, as one JSON object for the page in the browser."""

from bot.sandbox.workspace.base import limits
from bot.sandbox.workspace.base.json_types import Json
from bot.sandbox.workspace.state import forms
from bot.sandbox.workspace.state.directory import Channel, Person
from bot.sandbox.workspace.state.state import WorkspaceState
from bot.sandbox.workspace.state.timeline import Message
from bot.sandbox.workspace.state.view_book import View


def of(state: WorkspaceState, user: str) -> Json:
    """Describe the workspace as this person sees it.

    Raises:
        UnknownNameError: when there is no such person.
    """
    me = state.directory.person(user)
    channels = state.directory.seen_by(me.id)
    home = state.views.homes.get(me.id)
    team = state.directory.team
    return {
        "version": state.changes.version,
        "me": _person(me),
        "team": {"id": team.id, "name": team.name},
        "people": [_person(person) for person in state.directory.people.values()],
        "channels": [_channel(state, channel) for channel in channels],
        "messages": {
            channel.id: [
                _message(message)
                for message in state.timeline.in_channel(channel.id)[-limits.PAGE_MESSAGES :]
                if message.seen_by(me.id)
            ]
            for channel in channels
        },
        "views": [_view(view) for view in state.views.stack(me.id)],
        "home": _view(home) if home else None,
        "toasts": [{"id": one.id, "text": one.text} for one in state.changes.toasts[me.id]],
        "shortcuts": [
            {"callback_id": one.callback_id, "name": one.name, "type": one.type}
            for one in state.manifest.shortcuts
        ],
        "commands": [
            {
                "command": one.command,
                "description": one.description,
                "usage_hint": one.usage_hint,
            }
            for one in state.manifest.commands
        ],
    }


def _person(person: Person) -> Json:
    return {
        "id": person.id,
        "name": person.name,
        "real_name": person.real_name,
        "role": person.role,
        "is_bot": person.is_bot,
    }


def _channel(state: WorkspaceState, channel: Channel) -> Json:
    return {
        "id": channel.id,
        "name": "Powerbot" if channel.is_im else channel.name,
        "member": state.app.bot_user in channel.members,
        "shared": channel.is_ext_shared,
        "direct": channel.is_im,
    }


def _message(message: Message) -> Json:
    return {
        "ts": message.ts,
        "thread_ts": message.thread_ts,
        "user": message.user,
        "bot": message.bot,
        "text": message.text,
        "blocks": message.blocks,
        "metadata": message.metadata,
        "edited": message.edited,
        "ephemeral": message.ephemeral,
        "deleted": message.deleted,
        "reply_count": message.reply_count,
        "reactions": {name: list(users) for name, users in message.reactions.items()},
    }


def _view(view: View) -> Json:
    content = view.content
    return {
        "id": view.id,
        "type": content["type"],
        "title": content.get("title"),
        "blocks": view.blocks,
        "submit": content.get("submit"),
        "close": content.get("close"),
        "callback_id": view.callback_id,
        "private_metadata": content.get("private_metadata", ""),
        "errors": view.errors,
        "state": {"values": forms.all_states(view.blocks, view.values, view.channel)},
    }
