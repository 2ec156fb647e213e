"""The demo: the real bot as a child process, between a Slack and a data centre of our own.

The only module of the sandbox that knows the bot, and it knows it as an operator does: by its
command and its settings. So what is seen here is what runs in production.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime
import os
import pathlib
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping

from aiohttp import web

from bot import settings as settings_
from bot.operations import manifest
from bot.sandbox import data_centre, demo_policy, racks, surroundings, workspace
from bot.sandbox.data_centre import control, serve
from bot.sandbox.surroundings import control as around_control

PROJECT_ID = "0123456789abcdef0123456789abcdef"
ACCESS_KEY = "DEMOACCESSKEY0000000"
SECRET_KEY = "demo-secret-key-that-guards-nothing"  # noqa: S105 -- it opens the simulated centre alone
PAGE = pathlib.Path(__file__).parent / "web"
# Where the page's address has what surrounds the servers.
AROUND = "/around"
POLICY = demo_policy.POLICY
OPERATION_S = 8.0
STOP_S = 15.0
START_S = 20.0


@dataclasses.dataclass(frozen=True)
class Where:
    """Where the demo listens, how large its data centre is, and where its story is kept.

    `operation_s` is how long a simulated server takes for one operation. `bot_port` is where the
    bot itself answers, 0 picks a free one.
    """

    host: str = "127.0.0.1"
    port: int = 8090
    servers: int = 200
    data: pathlib.Path | None = None
    operation_s: float = OPERATION_S
    bot_port: int = 0


class BotProcess:
    """The bot as a child process that can be killed and comes back."""

    def __init__(self, folder: pathlib.Path) -> None:
        """`folder` is the child's working directory."""
        self.folder = folder
        self._process: asyncio.subprocess.Process | None = None
        self.restarts = 0

    @property
    def pid(self) -> int:
        """The child's process id, 0 while there is none."""
        if self._process is None or self._process.returncode is not None:
            return 0
        return self._process.pid

    async def keep_running(self, environment: Mapping[str, str]) -> None:
        """Start the bot, and start it again whenever it ends, until cancelled."""
        try:
            while True:
                self._process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "bot", "run", "--transport", "socket"),
                    env=dict(environment),
                    cwd=self.folder,
                )
                await self._process.wait()
                self.restarts += 1
                await asyncio.sleep(1.0)
        finally:
            await self._stop()

    def kill(self) -> bool:
        """Kill the bot as a crash would; False when it isn't running."""
        if not self.pid:
            return False
        os.kill(self.pid, signal.SIGKILL)
        return True

    async def _stop(self) -> None:
        """Ask the bot to stop, and wait."""
        if self._process is None or not self.pid:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), STOP_S)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    def routes(self, connected: Callable[[], bool]) -> list[web.RouteDef]:
        """Let the page see the bot's process and kill it; `connected` says whether it listens."""

        async def status(_: web.Request) -> web.Response:
            state = ("running" if connected() else "starting") if self.pid else "stopped"
            return web.json_response({"bot": state, "pid": self.pid, "restarts": self.restarts})

        async def kill(_: web.Request) -> web.Response:
            return web.json_response({"ok": self.kill()})

        return [web.get("/demo/status", status), web.post("/demo/kill-bot", kill)]


@dataclasses.dataclass(frozen=True)
class Demo:
    """A running demo: its page's address, the stand-ins, and the bot."""

    url: str
    slack: workspace.Workspace
    centre: data_centre.DataCentre
    around: surroundings.Surroundings
    bot: BotProcess


@contextlib.asynccontextmanager
async def running(where: Where) -> AsyncIterator[Demo]:
    """Run the whole demo while the block lasts."""
    with _folder(where) as folder:
        bot = BotProcess(folder)
        centre = simulated_centre(where.servers, where.operation_s)
        around = surroundings.Surroundings(racks.of(centre))
        api = await serve.start(centre)
        registered = manifest.build("socket", step=True)
        granted = tuple(registered["oauth_config"]["scopes"]["bot"])
        slack = workspace.Workspace(
            app=workspace.App(scopes=granted), registered=registered, clock=time.time
        )
        routes = [
            *control.routes(centre),
            *around_control.routes(around),
            *around.routes(AROUND),
            *bot.routes(lambda: slack.hub.connected > 0),
            *page_routes(),
        ]
        try:
            await _serve_page(slack, where, routes)
        except settings_.SettingsError:
            await api.stop()
            raise
        _write_policy(folder / "policy.toml", slack.url)
        settings = environment(slack.api_url, api.url, folder) | {"PORT": str(where.bot_port)}
        settings |= racks.variables(around)
        keeping = asyncio.create_task(bot.keep_running(settings))
        try:
            yield Demo(slack.api_url.removesuffix("api/"), slack, centre, around, bot)
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
            await slack.stop()
            await api.stop()


async def _serve_page(
    slack: workspace.Workspace, where: Where, routes: Iterable[web.RouteDef]
) -> None:
    """Open the page's address.

    Raises:
        SettingsError: it can't be had; the sentence says what to try instead.
    """
    try:
        await slack.start(where.host, where.port, extra_routes=routes)
    except ValueError:
        said = "the demo has no password, so it listens on this machine only; leave --host out."
        raise settings_.SettingsError(f"--host {where.host}: {said}") from None
    except OSError as error:
        better = settings_.FREE_PORT
        raise settings_.unusable_port(where.host, where.port, error, better) from None


@contextlib.contextmanager
def _folder(where: Where) -> Iterator[pathlib.Path]:
    """Make the folder of the story, a temporary one unless it was named."""
    with contextlib.ExitStack() as cleanup:
        folder = where.data
        if folder is None:
            made = cleanup.enter_context(tempfile.TemporaryDirectory(prefix="powerbot-demo-"))
            folder = pathlib.Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        yield folder


def _write_policy(path: pathlib.Path, url: str) -> None:
    """Write the policy, or let one that was kept know where the surroundings are now."""
    # Made anew or left as it is, and never written through a link.
    with contextlib.suppress(FileExistsError), path.open("x") as file:
        file.write(demo_policy.with_steps(f"{url}{AROUND}"))
        return
    if path.is_symlink():
        return
    text = path.read_text()
    if (moved := demo_policy.moved(text, url)) != text:
        path.write_text(moved)


def simulated_centre(servers: int, operation_s: float = OPERATION_S) -> data_centre.DataCentre:
    """Return the data centre of the demo."""
    return data_centre.DataCentre(
        data_centre.build(servers, seed=0),
        clock=time.monotonic,
        wall=lambda: datetime.datetime.now(datetime.UTC),
        account=data_centre.Account(project_id=PROJECT_ID, ak=ACCESS_KEY, sk=SECRET_KEY),
        pace=data_centre.Pace(operation_s),
    )


def environment(slack_api_url: str, centre_url: str, folder: pathlib.Path) -> dict[str, str]:
    """Return the bot's environment: its real settings, pointed at the stand-ins."""
    ours = ("SLACK_", "CLOUDDC_", "HUAWEICLOUD_", "HW_", "POWERBOT_", "DATABASE_URL")
    # Slack's client would send even loopback calls to a proxy (python-slack-sdk, proxy settings).
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(ours) and not key.lower().endswith("_proxy")
    }
    return {
        **kept,
        "SLACK_API_URL": slack_api_url,
        "SLACK_BOT_TOKEN": "xoxb-demo",
        "SLACK_APP_TOKEN": "xapp-demo",
        "CLOUDDC_ENDPOINT": centre_url,
        "CLOUDDC_REGION": "cn-east-3",
        "CLOUDDC_PROJECT_ID": PROJECT_ID,
        "HUAWEICLOUD_SDK_AK": ACCESS_KEY,
        "HUAWEICLOUD_SDK_SK": SECRET_KEY,
        "POWERBOT_DATABASE_URL": f"sqlite:///{(folder / 'powerbot.db').absolute()}",
        "POWERBOT_POLICY": str((folder / "policy.toml").absolute()),
        "POWERBOT_LOG_LEVEL": os.environ.get("POWERBOT_LOG_LEVEL", "warning"),
        "PORT": "0",
        # The simulated servers take seconds, not minutes, and nobody pays for the calls.
        "POWERBOT_POLL_FIRST": "500ms",
        "POWERBOT_POLL_CAP": "2s",
        "POWERBOT_SETTLE": "15s",
        "POWERBOT_DEADLINE_POWER": "60s",
        "POWERBOT_DEADLINE_REBOOT": "60s",
        "POWERBOT_CARD_PACE": "1500ms",
        "POWERBOT_RATE": "20",
    }


def page_routes() -> list[web.RouteDef]:
    """Serve the page: an index and the files beside it."""
    files = {path.name: path for path in PAGE.iterdir() if path.is_file()}

    async def index(_: web.Request) -> web.FileResponse:
        return web.FileResponse(PAGE / "index.html")

    async def static(request: web.Request) -> web.FileResponse:
        path = files.get(request.match_info["name"])
        if path is None:
            raise web.HTTPNotFound
        return web.FileResponse(path)

    return [web.get("/", index), web.get("/static/{name}", static)]


async def ready(playing: Demo, patience_s: float) -> None:
    """Wait until the bot has connected.

    Raises:
        TimeoutError: it has not, in that time.
    """
    async with asyncio.timeout(patience_s):
        while not playing.slack.hub.connected:  # noqa: ASYNC110 -- the hub has no event for it
            await asyncio.sleep(0.1)


async def serve_until_stopped(where: Where) -> int:
    """Run the demo until SIGINT or SIGTERM; returns the exit status."""
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    async with running(where) as demo:
        # Whoever opens the page at once should not be told that nobody answers.
        with contextlib.suppress(TimeoutError):
            await ready(demo, START_S)
        print(f"Powerbot's demo is at {demo.url} (Ctrl-C ends it)", flush=True)  # noqa: T201 -- the address is what the command prints
        await stop.wait()
    return 0
