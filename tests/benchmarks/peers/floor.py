"""The floor under every ack: a handler that checks the signature and does nothing else."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os

from aiohttp import web


async def main() -> None:
    """Serve until the process is ended."""
    secret = os.environ["SLACK_SIGNING_SECRET"].encode()

    async def check(request: web.BaseRequest) -> web.Response:
        body = await request.read()
        stamp = request.headers["X-Slack-Request-Timestamp"].encode()
        wanted = hmac.new(secret, b"v0:" + stamp + b":" + body, hashlib.sha256).hexdigest()
        good = hmac.compare_digest(f"v0={wanted}", request.headers["X-Slack-Signature"])
        return web.Response(status=200 if good else 401)

    runner = web.ServerRunner(web.Server(check, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", int(os.environ["PORT"])).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
