"""The probes: what is wrong is named, to those who may know, and no part holds them up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from bot.operations import health
from bot.power import errors

TOKEN = "scrape-me"


async def good() -> str:
    """A part that works."""
    return ""


async def lost() -> str:
    """A database that is away."""
    raise errors.StoreUnavailable


async def hanging() -> str:
    """A part that never answers."""
    await asyncio.Event().wait()
    return ""


async def figures() -> bytes:
    """Figures."""
    return b"powerbot_up 1\n"


class Site:
    """Serves the probes."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self._runners: list[web.AppRunner] = []

    async def get(
        self,
        path: str,
        checks: health.Checks,
        *,
        host: str = "127.0.0.1",
        token: str = "",
        patience_s: float = 5.0,
        bearer: str = "",
    ) -> tuple[int, str]:
        """Serve with these checks and ask for a path."""
        site = web.Application()
        site.add_routes(
            health.routes(
                checks, figures, host=host, metrics_token=lambda: token, patience_s=patience_s
            )
        )
        runner = web.AppRunner(site)
        await runner.setup()
        self._runners.append(runner)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}{path}"
        async with self._session.get(
            url, headers={"Authorization": f"Bearer {bearer}"} if bearer else {}
        ) as answer:
            return answer.status, await answer.text()

    async def close(self) -> None:
        """Stop serving."""
        for runner in self._runners:
            await runner.cleanup()


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    """A way to the probes."""
    async with aiohttp.ClientSession() as session:
        made = Site(session)
        yield made
        await made.close()


async def test_a_process_that_runs_is_alive_whatever_is_away(site: Site) -> None:
    """A restart would mend nothing that is away, so `/healthz` doesn't ask for it."""
    assert (await site.get("/healthz", {"database": lost}))[0] == 200


async def test_a_bot_that_can_work_is_ready(site: Site) -> None:
    """Every part works."""
    status, said = await site.get("/readyz", {"database": good, "slack": good})

    assert (status, said) == (200, '{"ok": true, "problems": {}, "warnings": {}}')


async def test_what_is_away_is_named(site: Site) -> None:
    """503, and which part; one that hangs is one that is away."""
    checks = {"database": lost, "slack": good, "clouddc": hanging}

    status, said = await site.get("/readyz", checks, patience_s=0.05)

    assert status == 503
    assert '"database": "The database can' in said
    assert '"clouddc": "no answer in time"' in said
    assert "slack" not in said


async def test_strangers_learn_no_details_off_loopback(site: Site) -> None:
    """Where others can reach the address, details and figures want the token."""
    checks = {"database": lost}

    assert await site.get("/readyz", checks, host="0.0.0.0") == (503, '{"ok": false}')  # noqa: S104
    assert (await site.get("/metrics", checks, host="0.0.0.0"))[0] == 401  # noqa: S104
    status, said = await site.get("/metrics", checks, host="0.0.0.0", token=TOKEN, bearer=TOKEN)  # noqa: S104
    assert (status, said) == (200, "powerbot_up 1\n")
    assert (await site.get("/metrics", checks, token=TOKEN, bearer="wrong"))[0] == 401
