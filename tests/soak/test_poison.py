"""One payload that kills whoever deals with it: a real process dies of it twice, and lives on."""

from __future__ import annotations

import asyncio
import pathlib
import signal

import pytest

from bot.power import ports
from bot.storage import opening
from tests.soak import poison, stage
from tests.soak.person import DANA, PATIENCE_S, SAM, Person
from tests.support import databases

FACTOR = 20.0


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> str:
    """The address of a fresh database of either kind."""
    if request.param == "sqlite":
        return databases.sqlite(tmp_path)
    server: databases.Postgres = request.getfixturevalue("postgres")
    return server.fresh()


async def set_aside(url: str) -> list[str]:
    """Return the kinds of the payloads that the audit says were set aside."""
    kept = opening.open_store(url)
    rows = await kept.read(lambda tx: _rows(tx))
    await kept.close()
    return [str(row["detail"]["kind"]) for row in rows]


def _rows(tx: ports.Tx) -> list[dict[str, dict[str, str]]]:
    found = tx.audit_rows(event="payload.set_aside")
    return [{"detail": dict(row["detail"])} for row in found]


async def until_set_aside(on: stage.Stage) -> None:
    """Wait until a process has set the payload aside."""
    async with asyncio.timeout(PATIENCE_S):
        while not await set_aside(on.database_url):  # noqa: ASYNC110 -- no event
            await asyncio.sleep(0.2)


async def test_a_payload_that_kills_two_processes_is_set_aside(
    tmp_path: pathlib.Path, url: str
) -> None:
    """It is in the audit, its person has a direct message, and the third process works on."""
    async with stage.standing(
        tmp_path, url, factor=FACTOR, servers=10, operation_s=10, ack_s=0.5
    ) as on:
        only = on.replicas[0]
        only.main = poison.main
        only.start()
        await on.ready()

        others = [
            asyncio.create_task(on.slack.command(SAM, "C0OPS", f"/power status web0{number}"))
            for number in range(1, 4)
        ]
        await on.slack.shortcut(DANA, "power_request")
        await asyncio.gather(*others)
        await until_set_aside(on)

        assert only.statuses == [-signal.SIGKILL] * 2
        assert await set_aside(url) == ["shortcut"]
        ended = await Person(on).reboot("web01")
        assert "rebooted: web01" in ended
        told = [one.text for one in on.slack.direct_messages(DANA)]
        assert any("crashed twice while" in text for text in told)
        assert only.starts == 3
