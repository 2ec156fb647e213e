"""The vendor's SDK as its users use it: one server a call, then a look at each until it is off."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import pathlib
import subprocess
import tempfile
import venv
from collections.abc import Iterator

from bot.sandbox import demo
from bot.sandbox.data_centre import serve
from tests.benchmarks import children, stage

VERSION = "3.1.219"
INSTALL_S = 600
SWITCH_S = 900.0
SCRIPT = pathlib.Path(__file__).parent / "peers" / "vendor.py"


@dataclasses.dataclass(frozen=True)
class Switched:
    """What it took."""

    wall_s: float
    calls: int


@contextlib.contextmanager
def installed() -> Iterator[pathlib.Path]:
    """Install the SDK into an environment of its own; the value is its interpreter."""
    with tempfile.TemporaryDirectory(prefix="vendor-") as folder:
        venv.create(folder, with_pip=True)
        python = pathlib.Path(folder, "bin", "python")
        packages = [f"huaweicloudsdkcore=={VERSION}", f"huaweicloudsdkclouddc=={VERSION}"]
        pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages]
        subprocess.run([str(python), *pip], timeout=INSTALL_S, check=True)
        yield python


async def switch_off(
    python: pathlib.Path, count: int, *, duration_s: float, round_trip_s: float
) -> Switched:
    """Switch a whole fleet off, server by server."""
    centre = stage.centre(count, duration_s=duration_s, round_trip_s=round_trip_s)
    api = await serve.start(centre)
    ids = [machine.server.id for machine in centre.inventory.machines]
    try:
        with tempfile.TemporaryDirectory(prefix="bench-") as home:
            told = pathlib.Path(home, "told.json")
            account = [api.url, demo.ACCESS_KEY, demo.SECRET_KEY, demo.PROJECT_ID]
            await asyncio.to_thread(told.write_text, json.dumps([*account, ids]))
            # Importing the SDK writes a file to the home folder.
            env = children.environment(HOME=home)
            command = (str(SCRIPT), str(told))
            async with children.running(*command, env=env, python=str(python)) as child:
                wall_s = float(await child.said(within_s=SWITCH_S))
    finally:
        await api.stop()
    return Switched(wall_s, sum(centre.counts().values()))
