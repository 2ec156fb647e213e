"""A real bot whose secrets lie in files, between the stand-ins."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import pathlib
import sys
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx

from bot.operations import manifest
from bot.sandbox import data_centre, demo, racks, surroundings, workspace
from bot.sandbox.data_centre import serve
from tests.acceptance.conftest import PATIENCE_S, Stage
from tests.acceptance.test_http import free_port, healthy

METRICS_TOKEN = "a-token-for-the-metrics"


def bearer(token: str) -> Mapping[str, str]:
    """Return the header with which a token is shown."""
    return {"Authorization": f"Bearer {token}"}


@dataclasses.dataclass
class Keyring:
    """The files of a running bot's secrets, and what stands around it."""

    folder: pathlib.Path
    stage: Stage
    http: httpx.AsyncClient

    @property
    def centre(self) -> data_centre.DataCentre:
        """The data centre."""
        return self.stage.playing.centre

    @property
    def slack(self) -> workspace.Workspace:
        """The workspace."""
        return self.stage.slack

    @property
    def bearer(self) -> Mapping[str, str]:
        """The header that opens the details and the figures."""
        return bearer(METRICS_TOKEN)

    def put(self, name: str, content: str) -> float:
        """Write a secret's file in place, and return when."""
        (self.folder / name).write_text(content)
        return time.monotonic()

    async def ready(self, token: str = METRICS_TOKEN) -> dict[str, Any]:
        """Return what /readyz says to whoever has the token."""
        answer = await self.http.get("/readyz", headers=bearer(token))
        found: dict[str, Any] = answer.json()
        return found

    async def warns(self, name: str, *, of: str = "", about: str = "secrets") -> None:
        """Wait until /readyz warns of a file, with these words; or without a file's name, of none.

        Raises:
            TimeoutError: it doesn't.
        """
        async with asyncio.timeout(PATIENCE_S):
            while True:
                told = (await self.ready())["warnings"].get(about, "")
                if (name in told and of in told) if name else not told:
                    return
                await asyncio.sleep(0.05)

    def logged(self) -> str:
        """Return what the bot has logged."""
        return (self.folder / "log").read_text()


def secrets_of(settings: Mapping[str, str], slack: workspace.Workspace) -> dict[str, str]:
    """Return the secrets of a bot, by their settings."""
    named = ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK")
    return {
        **{name: settings[name] for name in named},
        "SLACK_SIGNING_SECRET": slack.app.signing_secret,
        "POWERBOT_METRICS_TOKEN": METRICS_TOKEN,
        "POWERBOT_DATABASE_URL": settings["POWERBOT_DATABASE_URL"],
    }


@contextlib.asynccontextmanager
async def running(
    folder: pathlib.Path, transport: str = "socket", **further: str
) -> AsyncIterator[Keyring]:
    """Run a bot with a file for each of its secrets, for as long as the block.

    `further` settings are by their variables.
    """
    (folder / "policy.toml").write_text(demo.POLICY)
    command = further.get("POWERBOT_COMMAND", "/power")
    label = further.get("POWERBOT_LABEL", "")
    registered = manifest.build("socket", command=command, label=label)
    slack = workspace.Workspace(
        app=workspace.App(scopes=tuple(registered["oauth_config"]["scopes"]["bot"])),
        registered=registered,
        clock=time.time,
    )
    centre = demo.simulated_centre(40, operation_s=1.0)
    api = await serve.start(centre)
    await slack.start()
    port = free_port()
    if transport == "http":
        slack.use_request_url(f"http://127.0.0.1:{port}/slack/events")
    settings = demo.environment(slack.api_url, api.url, folder)
    secrets = secrets_of(settings, slack)
    files = {f"{name}_FILE": str(folder / name) for name in secrets}
    for name, value in secrets.items():
        (folder / name).write_text(f"{value}\n")
    own = {"PORT": str(port), "POWERBOT_LOG_LEVEL": "info", **files, **further}
    plain = {name: value for name, value in settings.items() if name not in secrets}
    with (folder / "log").open("w") as log:
        bot = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", "run", "--transport", transport),
            env=plain | own,
            cwd=folder,
            stderr=log,
        )
    around = surroundings.Surroundings(racks.of(centre))
    playing = demo.Demo("", slack, centre, around, demo.BotProcess(folder))
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
            await healthy(http)
            yield Keyring(folder, Stage(playing), http)
    finally:
        if bot.returncode is None:
            bot.terminate()
        await bot.wait()
        await slack.stop()
        await api.stop()
