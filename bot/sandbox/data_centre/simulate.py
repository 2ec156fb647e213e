"""The data centre alone, in the foreground, until somebody stops it."""

import asyncio
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager
from datetime import UTC, datetime

from bot.sandbox.data_centre import serve
from bot.sandbox.data_centre.centre import DataCentre, Switches
from bot.sandbox.data_centre.iam.iam import Account
from bot.sandbox.data_centre.machines import fleet
from bot.sandbox.data_centre.machines.actions import Generation
from bot.sandbox.data_centre.machines.machine import Pace


async def serve_forever(
    host: str,
    port: int,
    *,
    echo: Callable[[str], None],
    servers: int = 200,
    project_id: str | None = None,
    ak: str | None = None,
    sk: str | None = None,
    token: str | None = None,
    generation: Generation | str = Generation.NEW,
    duration_s: float = 5.0,
    seed: int = 0,
    beside: Callable[[DataCentre], AbstractAsyncContextManager[str]] | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM; `echo` is told once where, and what to set.

    Left-out credentials are the sandbox's own make-believe ones. `beside` serves what else stands
    around this data centre, and gives a line about it.

    Raises:
        OSError: when the address can't be had.
        ValueError: for a number of servers or a generation that does not exist.
    """
    usual = Account()
    account = Account(
        project_id=project_id or usual.project_id, ak=ak or usual.ak, sk=sk or usual.sk, token=token
    )
    centre = DataCentre(
        fleet.build(servers, seed=seed),
        clock=time.monotonic,
        wall=lambda: datetime.now(UTC),
        account=account,
        switches=Switches(generation=Generation(generation)),
        pace=Pace(duration_s),
        seed=seed,
    )
    # The handlers stand before the socket does, so that an early signal isn't lost.
    with _stop_signals() as stopped:
        async with AsyncExitStack() as serving:
            running = await serve.start(centre, host, port)
            serving.push_async_callback(running.stop)
            lines = [_greeting(running.url, servers, account, own_secret=bool(sk))]
            if beside is not None:
                lines.append(await serving.enter_async_context(beside(centre)))
            echo("\n".join(lines))
            await stopped.wait()


def _greeting(url: str, servers: int, account: Account, *, own_secret: bool) -> str:
    """Where it is, and lines for `.env`; a secret that the caller chose is not repeated."""
    settings = {
        "CLOUDDC_ENDPOINT": url,
        "CLOUDDC_PROJECT_ID": account.project_id,
        "HUAWEICLOUD_SDK_AK": account.ak,
        "HUAWEICLOUD_SDK_SK": "(your --sk)" if own_secret else account.sk,
    }
    lines = [f"{name}={value}" for name, value in settings.items()]
    where = f"Simulated CloudDC and IAM with {servers} servers at {url} (Ctrl-C ends it). For .env:"
    return "\n".join((where, *lines))


@contextmanager
def _stop_signals() -> Iterator[asyncio.Event]:
    """An event that SIGINT and SIGTERM set, for as long as the block lasts."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        loop.add_signal_handler(number, stopped.set)
    try:
        yield stopped
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
