"""The JSON that Slack sends to an app, one function for each kind of payload."""

from bot.sandbox.workspace.base.json_types import Json
from bot.sandbox.workspace.blockkit.elements import Placed
from bot.sandbox.workspace.state.directory import Channel, Person
from bot.sandbox.workspace.state.forms import all_states
from bot.sandbox.workspace.state.manifest import Shortcut
from bot.sandbox.workspace.state.state import WorkspaceState
from bot.sandbox.workspace.state.timeline import Message
from bot.sandbox.workspace.state.view_book import View


def slash_command(
    state: WorkspaceState, person: Person, channel: Channel, command: str, text: str
) -> Json:
    """A slash command; its fields are all strings, as in a form."""
    return {
        "token": state.app.verification_token,
        "team_id": state.directory.team.id,
        "team_domain": state.directory.team.domain,
        "channel_id": channel.id,
        "channel_name": "directmessage" if channel.is_im else channel.name,
        "user_id": person.id,
        "user_name": person.name,
        "command": command,
        "text": text,
        "api_app_id": state.app.id,
        "is_enterprise_install": "false",
        "response_url": _response_url(state, person, channel),
        "trigger_id": state.tickets.new_trigger(person.id, channel.id),
    }


def block_action(
    state: WorkspaceState, person: Person, place: Message | View, chosen: Placed, value: Json
) -> Json:
    """A click or a choice; `value` holds the keys that depend on the element."""
    element = chosen.element
    action: Json = {
        "action_id": chosen.action_id,
        "block_id": chosen.block_id,
        "type": element["type"],
        "action_ts": state.timeline.new_ts(),
        **value,
    }
    copied = ("text", "value", "style", "confirm", "url", "placeholder")
    action |= {key: element[key] for key in copied if key in element and key not in action}
    return {
        "type": "block_actions",
        **_who(state, person),
        "user": _full_user(person),
        **_place(state, person, place),
        "trigger_id": state.tickets.new_trigger(person.id, place.channel),
        "actions": [action],
    }


def block_suggestion(
    state: WorkspaceState, person: Person, place: Message | View, chosen: Placed, query: str
) -> Json:
    """What was typed into a typeahead select."""
    payload = {
        "type": "block_suggestion",
        **_who(state, person),
        "user": _full_user(person),
        **_place(state, person, place),
        "action_id": chosen.action_id,
        "block_id": chosen.block_id,
        "value": query,
    }
    # A suggestion is asked for while typing; nothing may be posted in answer to it.
    payload.pop("response_url", None)
    payload.pop("state", None)
    return payload


def view_submission(state: WorkspaceState, person: Person, view: View) -> Json:
    """A submitted modal, with everything that was entered."""
    return {
        "type": "view_submission",
        **_who(state, person),
        "user": _full_user(person),
        "trigger_id": state.tickets.new_trigger(person.id, view.channel),
        "view": state.view_as_slack(view),
    }


def view_closed(state: WorkspaceState, person: Person, view: View, is_cleared: bool) -> Json:
    """A modal that was closed without submitting it."""
    return {
        "type": "view_closed",
        **_who(state, person),
        "user": _full_user(person),
        "view": state.view_as_slack(view),
        "is_cleared": is_cleared,
    }


def message_shortcut(
    state: WorkspaceState, person: Person, shortcut: Shortcut, message: Message
) -> Json:
    """A shortcut that was used on a message; it carries the message."""
    channel = state.directory.channels[message.channel]
    payload = {
        "type": "message_action",
        **_who(state, person),
        "user": {"id": person.id, "name": person.name, "team_id": person.shown_team},
        "action_ts": state.timeline.new_ts(),
        "channel": {"id": channel.id, "name": channel.name},
        "callback_id": shortcut.callback_id,
        "trigger_id": state.tickets.new_trigger(person.id, channel.id),
        "response_url": _response_url(state, person, channel, message),
        "message_ts": message.ts,
        "message": state.message_as_slack(message),
    }
    payload.pop("api_app_id")
    return payload


def global_shortcut(state: WorkspaceState, person: Person, shortcut: Shortcut) -> Json:
    """A shortcut from the lightning menu; it carries no channel."""
    payload = {
        "type": "shortcut",
        **_who(state, person),
        "user": {"id": person.id, "username": person.name, "team_id": person.shown_team},
        "action_ts": state.timeline.new_ts(),
        "callback_id": shortcut.callback_id,
        "trigger_id": state.tickets.new_trigger(person.id),
    }
    payload.pop("api_app_id")
    return payload


def event(state: WorkspaceState, inner: Json, channel: Channel | None = None) -> Json:
    """An event with the envelope that the Events API puts around it."""
    team = state.directory.team.id
    authorization = {
        "enterprise_id": state.directory.team.enterprise_id or None,
        "team_id": team,
        "user_id": state.app.bot_user,
        "is_bot": True,
        "is_enterprise_install": False,
    }
    return {
        "token": state.app.verification_token,
        "team_id": team,
        "api_app_id": state.app.id,
        "event": inner,
        "type": "event_callback",
        "event_id": f"Ev{state.rng.getrandbits(40):010X}",
        "event_time": int(state.clock()),
        "authorizations": [authorization],
        "is_ext_shared_channel": channel is not None and channel.is_ext_shared,
        "event_context": f"4-{state.rng.getrandbits(64):016x}",
    }


def _who(state: WorkspaceState, person: Person) -> Json:
    team = {"id": state.directory.team.id, "domain": state.directory.team.domain}
    enterprise = state.directory.team.enterprise_id
    return {
        "team": team,
        "enterprise": {"id": enterprise} if enterprise else None,
        "api_app_id": state.app.id,
        "token": state.app.verification_token,
        "is_enterprise_install": False,
    }


def _full_user(person: Person) -> Json:
    return {
        "id": person.id,
        "username": person.name,
        "name": person.name,
        "team_id": person.shown_team,
    }


def _place(state: WorkspaceState, person: Person, place: Message | View) -> Json:
    if isinstance(place, View):
        return {
            "container": {"type": "view", "view_id": place.id},
            "view": state.view_as_slack(place),
        }
    channel = state.directory.channels[place.channel]
    container: Json = {
        "type": "message",
        "message_ts": place.ts,
        "channel_id": channel.id,
        "is_ephemeral": place.ephemeral,
        **({"thread_ts": place.thread_ts} if place.thread_ts else {}),
    }
    payload: Json = {
        "container": container,
        "channel": {"id": channel.id, "name": "directmessage" if channel.is_im else channel.name},
        "response_url": _response_url(state, person, channel, place),
        "state": {"values": all_states(place.blocks, place.values)},
    }
    # Slack keeps no copy of an ephemeral message, so it can't send one along.
    return payload if place.ephemeral else {**payload, "message": state.message_as_slack(place)}


def _response_url(
    state: WorkspaceState, person: Person, channel: Channel, message: Message | None = None
) -> str:
    key = state.tickets.new_response_url(
        person.id,
        channel.id,
        message.ts if message else None,
        message.thread_ts if message else None,
    )
    return f"{state.base_url}/respond/{key}"
