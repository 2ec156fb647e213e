"""The bot over HTTP: signed requests, health, metrics, and a stop that ends it cleanly."""

from __future__ import annotations

import asyncio
import pathlib
import signal
import socket
import sys
import time

import httpx

from bot.sandbox import demo, workspace
from bot.sandbox.data_centre import serve
from tests.acceptance.conftest import DANA, OPS, PATIENCE_S


def free_port() -> int:
    """Return a port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def healthy(http: httpx.AsyncClient) -> None:
    """Wait until the process answers."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                if (await http.get("/healthz")).status_code == 200:
                    return
            except httpx.TransportError:
                await asyncio.sleep(0.1)


async def test_the_bot_serves_http_and_stops_when_told(tmp_path: pathlib.Path) -> None:
    """A command arrives by a signed request, the probes answer, and SIGTERM ends with 0."""
    (tmp_path / "policy.toml").write_text(demo.POLICY)
    port = free_port()
    slack = workspace.Workspace(clock=time.time)
    api = await serve.start(demo.simulated_centre(20))
    await slack.start()
    slack.use_request_url(f"http://127.0.0.1:{port}/slack/events")
    settings = demo.environment(slack.api_url, api.url, tmp_path)
    settings |= {"PORT": str(port), "SLACK_SIGNING_SECRET": slack.app.signing_secret}
    del settings["SLACK_APP_TOKEN"]
    bot = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "run"), env=settings, cwd=tmp_path
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
            await healthy(http)
            await slack.command(DANA, OPS, "/power reboot web[01-02] because test")
            plan = await slack.wait_for(lambda: slack.ephemerals(DANA), PATIENCE_S)
            forged = await http.post("/slack/events", content=b"command=%2Fpower&text=on+web01")
            ready, metrics = await http.get("/readyz"), await http.get("/metrics")
        bot.send_signal(signal.SIGTERM)
        status = await asyncio.wait_for(bot.wait(), PATIENCE_S)
    finally:
        if bot.returncode is None:
            bot.kill()
            await bot.wait()
        await slack.stop()
        await api.stop()

    assert "web[01-02]" in plan[-1].text
    assert (ready.status_code, metrics.status_code, forged.status_code) == (200, 200, 401)
    assert 'powerbot_refused_requests_total{check="timestamp_missing"} 1.0' in metrics.text
    assert status == 0
