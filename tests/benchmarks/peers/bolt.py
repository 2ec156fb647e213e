"""A bare Bolt hello world: it acknowledges and stores nothing. The peer of the ack's rows.

python -m tests.benchmarks.peers.bolt http|socket [--before-response]
"""

from __future__ import annotations

import asyncio
import os
import sys

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_sdk.web.async_client import AsyncWebClient


def make_app(*, before_response: bool) -> AsyncApp:
    """Return an app with a command and a button."""
    client = AsyncWebClient(token="xoxb-bench", base_url=os.environ["SLACK_API_URL"])
    app = AsyncApp(
        client=client,
        signing_secret=os.environ["SLACK_SIGNING_SECRET"],
        process_before_response=before_response,
    )

    hold_s = float(os.environ.get("BENCH_HOLD_S", "0"))

    async def command_received(ack: AsyncAck) -> None:
        await ack()

    async def button_pressed(ack: AsyncAck) -> None:
        if hold_s:
            await asyncio.sleep(hold_s)
        await ack()

    app.command("/power")(command_received)
    app.action("pb:approve")(button_pressed)
    return app


async def over_socket(app: AsyncApp) -> None:
    """Serve Socket Mode until the process is ended."""
    handler = AsyncSocketModeHandler(app, os.environ["SLACK_APP_TOKEN"])
    await handler.connect_async()  # type: ignore[no-untyped-call]
    await asyncio.Event().wait()


def main() -> None:
    """Run the peer; its arguments are those of the bot, and `--before-response`."""
    app = make_app(before_response="--before-response" in sys.argv)
    if "socket" in sys.argv:
        asyncio.run(over_socket(app))
    else:
        port = int(os.environ["PORT"])
        app.server(port=port, path="/slack/events", host="127.0.0.1").start()


if __name__ == "__main__":
    main()
