"""A real Alertmanager and a real Prometheus, each on a port of its own in a folder of its own."""

from __future__ import annotations

import asyncio
import contextlib
import pathlib
from collections.abc import AsyncIterator

import httpx
import yaml

from tests.acceptance.test_http import free_port
from tests.operations.ship import tools

READY_S = 30.0


@contextlib.asynccontextmanager
async def alertmanager(folder: pathlib.Path) -> AsyncIterator[str]:
    """Run Debian's Alertmanager; gives its address."""
    (folder / "am.yml").write_text("route: {receiver: none}\nreceivers: [{name: none}]\n")
    port = free_port()
    arguments = [
        f"--config.file={folder / 'am.yml'}",
        f"--storage.path={folder / 'silences'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    async with _running("prometheus-alertmanager", arguments, port):
        yield f"http://127.0.0.1:{port}"


@contextlib.asynccontextmanager
async def prometheus(folder: pathlib.Path, targets: list[str]) -> AsyncIterator[str]:
    """Run Debian's Prometheus, which scrapes these targets each second; gives its address."""
    scrapes = [{"job_name": "node", "static_configs": [{"targets": targets}]}]
    (folder / "prometheus.yml").write_text(
        yaml.safe_dump({"global": {"scrape_interval": "1s"}, "scrape_configs": scrapes})
    )
    port = free_port()
    arguments = [
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    async with _running("prometheus", arguments, port):
        yield f"http://127.0.0.1:{port}"


@contextlib.asynccontextmanager
async def _running(name: str, arguments: list[str], port: int) -> AsyncIterator[None]:
    """Run a program until it says that it is ready, and until the block ends.

    Raises:
        TimeoutError: it isn't ready in time.
    """
    process = await asyncio.create_subprocess_exec(
        tools.tool(name), *arguments, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with httpx.AsyncClient(trust_env=False) as http, asyncio.timeout(READY_S):
            while True:
                with contextlib.suppress(httpx.TransportError):
                    if (await http.get(f"http://127.0.0.1:{port}/-/ready")).is_success:
                        break
                await asyncio.sleep(0.05)
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
