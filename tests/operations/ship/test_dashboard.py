"""The dashboard: every expression is answered by a real Prometheus that has scraped a real bot."""

from __future__ import annotations

import asyncio
import contextlib
import json
import pathlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
import yaml

from bot.operations.metric_names import Figure
from bot.operations.ship import alarms, dashboard
from bot.sandbox import demo
from tests.acceptance.conftest import OLGA, PATIENCE_S, SAM, Stage
from tests.acceptance.test_http import free_port
from tests.operations.ship import tools

SCRAPE_S = 1


def expressions() -> Iterator[tuple[str, str]]:
    """Yield each panel's title with each of its expressions, as they are printed."""
    for panel in json.loads(tools.shipped("dashboard"))["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


@contextlib.asynccontextmanager
async def prometheus(folder: pathlib.Path, port: int) -> AsyncIterator[httpx.AsyncClient]:
    """Run a real Prometheus that scrapes the bot at a port, for as long as the block."""
    own = free_port()
    (folder / "prometheus.yml").write_text(
        yaml.safe_dump(
            {
                "global": {"scrape_interval": f"{SCRAPE_S}s"},
                "scrape_configs": [
                    {
                        "job_name": alarms.JOB,
                        "static_configs": [{"targets": [f"127.0.0.1:{port}"]}],
                    }
                ],
            }
        )
    )
    process = await asyncio.create_subprocess_exec(
        tools.tool("prometheus"),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{own}",
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{own}/api/v1") as http:
            yield http
    finally:
        process.terminate()
        await process.wait()


async def answered(http: httpx.AsyncClient, expr: str) -> list[Any]:
    """Return Prometheus' samples for an expression; an error of its is ours."""
    asked = expr.replace("$__rate_interval", "1m")
    answer = await http.get("/query", params={"query": asked})
    assert answer.status_code == 200, f"{expr}: {answer.text}"
    found: list[Any] = answer.json()["data"]["result"]
    return found


async def scraped(http: httpx.AsyncClient, expr: str) -> None:
    """Wait until Prometheus has something for an expression."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            with contextlib.suppress(httpx.TransportError, AssertionError):
                if await answered(http, expr):
                    return
            await asyncio.sleep(0.2)


async def busy(stage: Stage) -> None:
    """Play what leaves something in every figure: a reboot, a refusal, a message not taken."""
    stage.slack.chaos.fail("chat.postMessage", "error", error="fatal_error")
    card = await stage.ask("/power reboot web01 because kernel")
    await stage.slack.click(OLGA, card, "Approve")
    await stage.slack.click(SAM, card, "Approve")
    await stage.thread_says(card, "rebooted")


async def test_a_real_prometheus_answers_every_expression_of_the_dashboard(
    tmp_path: pathlib.Path,
) -> None:
    """After a request, a refusal and a message that Slack didn't take, no panel is empty."""
    port = free_port()
    where = demo.Where(port=0, servers=40, data=tmp_path, operation_s=1.0, bot_port=port)
    async with demo.running(where) as playing, prometheus(tmp_path, port) as http:
        await demo.ready(playing, PATIENCE_S)
        await scraped(http, f"{Figure.DATABASE_UP.series} == 1")
        await busy(Stage(playing))
        await scraped(http, f"rate({Figure.APPROVAL_WAIT_SECONDS.series}_count[1m]) > 0")
        await scraped(http, f"rate({Figure.SLACK_REFUSALS.total}[1m])")

        empty = [(title, e) for title, e in expressions() if not await answered(http, e)]
        broken = [one.name for one in alarms.ALARMS if await firing(http, one)]

    assert empty == []
    assert broken == []


async def firing(http: httpx.AsyncClient, alarm: alarms.AlertRule) -> bool:
    """Whether an alarm's condition holds; that of a call without an answer is not played here."""
    return bool(await answered(http, alarm.expr))


def test_every_expression_reads_only_figures_that_there_are() -> None:
    """A figure that was renamed would leave an empty panel."""
    known = {name for one in Figure for name in (one.series, one.total, one.bucket)}

    for title, expr in expressions():
        read = tools.series(expr.replace("$__rate_interval", "1m"))
        assert read, title
        assert read <= known | tools.OF_PROMETHEUS, title


def test_every_figure_is_drawn() -> None:
    """What is worth counting is worth a look."""
    drawn = " ".join(expr for _, expr in expressions())

    assert [one for one in Figure if one.series not in drawn] == []


def test_no_panel_lies_over_another_and_each_asks_the_chosen_source() -> None:
    """Grafana would show them one upon the other."""
    panels = json.loads(tools.shipped("dashboard"))["panels"]
    places = [tuple(one["gridPos"].values()) for one in panels]

    assert len(set(places)) == len(places)
    assert all(one["gridPos"]["x"] + one["gridPos"]["w"] <= dashboard.WIDTH for one in panels)
    assert all(one["datasource"] == dashboard.SOURCE for one in panels)
    assert len({one["id"] for one in panels}) == len(panels)


@pytest.mark.parametrize("name", ["up", "rate(powerbot_steps_total[5m])"])
def test_the_names_in_an_expression_are_found(name: str) -> None:
    """What the other tests rely on."""
    assert tools.series(f"sum by (event) ({name}) > 0") <= {"up", "powerbot_steps_total"}
    assert tools.series(f"sum by (event) ({name}) > 0")
