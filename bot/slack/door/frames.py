"""What comes through a socket: read by Bolt, and acknowledged whatever it is.

A frame without an acknowledgement is sent again, and its person sees a warning sign
(https://docs.slack.dev/apis/events-api/using-socket-mode#acknowledge).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from bot.slack.door import connection, turned_away
from bot.slack.door.turned_away import Check

log = structlog.get_logger()

# Envelopes' ids are UUIDs today; a longer one isn't Slack's and isn't sent back.
MOST_ID = 200
# Frames of the socket itself, which nobody acknowledges.
OF_THE_SOCKET = frozenset({"hello", "disconnect"})
OK = 200


class Frames:
    """Reads the frames of one socket."""

    def __init__(self, app: connection.PromptApp, away: turned_away.TurnedAway) -> None:
        """`away` counts the frames that can't be read."""
        self._app = app
        self._turned_away = away

    async def take(self, client: Any, message: Mapping[str, Any]) -> None:
        """Have a frame dealt with; `client` is the SDK's, and sends the acknowledgement."""
        kind, payload = message.get("type"), message.get("payload")
        if isinstance(kind, str) and kind in OF_THE_SOCKET:
            return
        envelope_id = message.get("envelope_id")
        if not isinstance(envelope_id, str) or not 0 < len(envelope_id) <= MOST_ID:
            self._turned_away.note(Check.FRAME_UNREADABLE)
            return
        # It has an id, so it is acknowledged: Slack would only send the same again.
        if not isinstance(kind, str) or not isinstance(payload, dict):
            self._turned_away.note(Check.FRAME_UNREADABLE)
            await _acknowledge(client, envelope_id)
            return
        await self._dispatch(client, SocketModeRequest(kind, envelope_id, payload), message)

    async def _dispatch(
        self, client: Any, request: SocketModeRequest, message: Mapping[str, Any]
    ) -> None:
        """Have Bolt deal with it; what Bolt doesn't know, or fails on, is acknowledged bare."""
        try:
            asked = AsyncBoltRequest(
                mode="socket_mode", body=request.payload, headers=_headers(message)
            )
            answer = await self._app.async_dispatch(asked)
            if answer.status == OK:
                await _acknowledge(client, request.envelope_id, _shown(answer))
                return
        except Exception as error:  # Whatever a payload does to Bolt, it must not be sent again.
            self._turned_away.note(Check.PAYLOAD_FAILED, error=type(error).__name__)
        else:
            self._turned_away.note(Check.FRAME_UNREADABLE)
        await _acknowledge(client, request.envelope_id)


def _headers(message: Mapping[str, Any]) -> dict[str, str | Sequence[str]]:
    """Return a frame's retries as Bolt expects them of a request's headers."""
    named = {"retry_attempt": "x-slack-retry-num", "retry_reason": "x-slack-retry-reason"}
    return {
        header: str(message[key])[:MOST_ID] for key, header in named.items() if message.get(key)
    }


def _shown(answer: BoltResponse) -> dict[str, Any] | None:
    """Return what an acknowledgement shows its person, None for nothing."""
    if not answer.body:
        return None
    if answer.headers.get("content-type", [""])[0].startswith("application/json"):
        shown: dict[str, Any] = json.loads(answer.body)
        return shown
    return {"text": answer.body}


async def _acknowledge(client: Any, envelope_id: str, shown: dict[str, Any] | None = None) -> None:
    """Say that a frame has come."""
    await client.send_socket_mode_response(SocketModeResponse(envelope_id, shown))
