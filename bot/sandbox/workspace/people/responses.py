"""Answers that don't come through the Web API: a command's ack, and posts to a response URL."""

from aiohttp import web

from bot.sandbox.workspace.api import arguments, content
from bot.sandbox.workspace.base.json_types import Json
from bot.sandbox.workspace.base.refusal import RefusedError
from bot.sandbox.workspace.state.directory import UnknownNameError
from bot.sandbox.workspace.state.state import WorkspaceState
from bot.sandbox.workspace.state.tickets import ResponseUrl
from bot.sandbox.workspace.state.timeline import Message


class Responder:
    """Shows what the app answers to one person, or to the channel when it asks for that."""

    def __init__(self, state: WorkspaceState) -> None:
        self._state = state

    def has(self, key: str) -> bool:
        """Say whether this response URL is the app's."""
        return self._state.tickets.has_response_url(key)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer `POST /respond/<key>`."""
        body: Json = {}
        try:
            body = await arguments.read(request)
            response = self._state.tickets.use_response_url(request.match_info["key"])
            self._respond(response, body)
        except RefusedError as refused:
            self._state.journal.note("respond", refused.error, body=body)
            return web.json_response(refused.as_answer(), status=_status(refused.error))
        self._state.journal.note("respond", "ok", body=body)
        return web.Response(text="ok")

    def command_acked(self, user: str, channel: str, ack: Json) -> None:
        """Show the text that came with a slash command's ack, if any.

        Raises:
            RefusedError: when Slack or the forgery guard would not take it.
        """
        if ack:
            self._new(ResponseUrl(user, channel, 0.0), ack, "ack of a command")

    def _respond(self, response: ResponseUrl, body: Json) -> None:
        original = self._original(response)
        if original is not None and arguments.flag(body.get("delete_original")):
            self._state.timeline.delete(original)
        elif original is not None and arguments.flag(body.get("replace_original")):
            words = content.read(self._state, "response_url", body)
            self._state.timeline.edit(original, words.text, words.blocks)
        else:
            self._new(response, body, "response_url")
        self._state.changes.bump()

    def _original(self, response: ResponseUrl) -> Message | None:
        if response.message_ts is None:
            return None
        try:
            message = self._state.timeline.find(response.channel, response.message_ts)
        except UnknownNameError:
            return None
        # A message shortcut's URL belongs to what a person wrote, which no app can replace.
        return message if message.bot else None

    def _new(self, response: ResponseUrl, body: Json, where: str) -> None:
        words = content.read(self._state, where, body)
        in_channel = body.get("response_type") == "in_channel"
        self._state.timeline.post(
            response.channel,
            self._state.app.bot_user,
            words.text,
            blocks=words.blocks,
            bot=True,
            only_for=None if in_channel else response.user,
            thread_ts=body.get("thread_ts") or response.thread_ts,
        )
        self._state.changes.bump()


def _status(error: str) -> int:
    return 404 if error == "used_url" else 400
