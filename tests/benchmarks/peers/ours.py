"""The bot's own way to an ack: its listeners, guard, desk and store, joined as `bot.app` does.

Its first word is `http` or `socket`. The payload is verified, read, checked, found not to be a
double, stored, and noted as done. Nobody decides on it: the hello world does nothing after its
ack either.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence

from aiohttp import web

from bot import clock as clock_, settings
from bot.power import answers, form, offering, ports, request
from bot.slack import connection, delivery, desk, guard, listeners, sending, sockets
from bot.storage import opening


class Nobody:
    """Decides nothing, so that the time of an ack is all there is."""

    async def handle(self, inbound: ports.Inbound) -> answers.Answer | None:
        """Return no answer."""
        return None

    async def offers(self, person: request.Person, typed: str) -> Sequence[offering.Offer]:
        """Offer nothing."""
        return ()

    def problems(self, inbound: ports.Inbound) -> Mapping[form.Field, str]:
        """Find nothing wrong."""
        return {}


async def main() -> None:
    """Serve until the process is ended."""
    given = settings.load(None)
    clock = clock_.SystemClock()
    async with connection.open_session() as session:
        web_client = sending.web_client(
            given.slack_bot_token.get_secret_value(), session, given.slack_api_url
        )
        identity = await connection.introduce(web_client)
        kept = opening.open_store(given.database_url, sole=True, migrate=True)
        sender = sending.Sender(web_client, clock)
        taking = desk.Desk(kept, Nobody(), delivery.Delivery(sender, clock), clock)
        secret = given.slack_signing_secret.get_secret_value()
        app = connection.make_app(web_client, identity, secret)
        listeners.Listeners(taking, guard.Guard(identity.team_id, sender)).register(app)
        if sys.argv[1] == "socket":
            socket = sockets.SocketMode(app, given.slack_app_token.get_secret_value(), clock)
            await socket.start()
            print("READY 0", flush=True)  # noqa: T201
        else:
            site = web.Application()
            site.add_routes([web.post("/slack/events", connection.http_handler(app, secret))])
            runner = web.AppRunner(site, access_log=None)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            print(f"READY {runner.addresses[0][1]}", flush=True)  # noqa: T201
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
