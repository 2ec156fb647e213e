"""A bare Bolt app that does what a person asks at once: it checks, stores and proves nothing.

The peer of what a person feels. It takes the command for granted, calls for the servers when
Approve is pressed, looks at them as often as the bot does, and then says so on its card. A command
names servers by their ids, since this app knows no fleet.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any

import aiohttp
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_sdk.web.async_client import AsyncWebClient

POLL_S = 0.2
LINES = 12


def message(words: str, *buttons: str, ids: str = "") -> dict[str, Any]:
    """Return a message of a plan's size with these buttons; `ids` are the servers."""
    line = {"type": "mrkdwn", "text": f"{words}: five servers, in cn-east-3, asked by Dana. " * 2}
    shown: list[dict[str, Any]] = [{"type": "section", "text": line} for _ in range(LINES)]
    if buttons:
        shown.append({"type": "actions", "elements": [_button(one, ids) for one in buttons]})
    return {"text": words, "blocks": shown}


def _button(words: str, ids: str) -> dict[str, Any]:
    return {
        "type": "button",
        "action_id": f"pb:{words.lower()}",
        "text": {"type": "plain_text", "text": words},
        "value": ids,
    }


class Answering:
    """What the app does at a command and at two buttons."""

    def __init__(self, client: AsyncWebClient, session: aiohttp.ClientSession) -> None:
        """`session` is the one to CloudDC, kept open as any app would keep it."""
        self._client = client
        self._session = session
        project = os.environ["CLOUDDC_PROJECT_ID"]
        self._servers = f"{os.environ['CLOUDDC_ENDPOINT']}/v1/{project}/physicalservers"

    async def plan(self, ack: AsyncAck, command: dict[str, str]) -> None:
        """Show a plan with the acknowledgement."""
        ids = command["text"].split()[1]
        await ack(**message("The plan", "Request", ids=ids))

    async def request(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Post a card."""
        await ack()
        ids, channel = body["actions"][0]["value"], body["channel"]["id"]
        await self._client.chat_postMessage(
            channel=channel,
            unfurl_links=False,
            unfurl_media=False,
            **message("Waiting", "Approve", ids=ids),
        )

    async def approve(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Call, look until the servers are off, and say so."""
        ids = body["actions"][0]["value"].split(",")
        asked = {"action": "power off", "server_id_set": ids}
        async with self._session.put(f"{self._servers}/power-state", json=asked) as answer:
            answer.raise_for_status()
        await ack()
        while not all(await asyncio.gather(*map(self._is_off, ids))):  # noqa: ASYNC110 -- it polls
            await asyncio.sleep(POLL_S)
        place = {"channel": body["channel"]["id"], "ts": body["message"]["ts"]}
        await self._client.chat_update(**place, **message("Off"))

    async def _is_off(self, server_id: str) -> bool:
        async with self._session.get(f"{self._servers}/{server_id}") as answer:
            record = await answer.json()
        return bool(record["power_state"] == "off")


async def main() -> None:
    """Serve Socket Mode until the process is ended."""
    client = AsyncWebClient(
        token=os.environ["SLACK_BOT_TOKEN"], base_url=os.environ["SLACK_API_URL"]
    )
    app = AsyncApp(client=client)
    token = {"X-Auth-Token": os.environ["BENCH_TOKEN"]}
    async with aiohttp.ClientSession(headers=token) as session:
        answering = Answering(client, session)
        app.command("/power")(answering.plan)
        app.action("pb:request")(answering.request)
        app.action("pb:approve")(answering.approve)
        handler = AsyncSocketModeHandler(app, os.environ["SLACK_APP_TOKEN"])
        await handler.connect_async()  # type: ignore[no-untyped-call]
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
