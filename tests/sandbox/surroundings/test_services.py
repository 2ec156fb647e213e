"""The services on the servers, and the series that tells of them."""

from __future__ import annotations

import httpx
import pytest

from bot.sandbox import surroundings
from tests.sandbox.surroundings import builders


async def answer(stage: builders.Stage, name: str = "web01") -> int:
    """Return the status that a service answers with, 0 for none."""
    async with httpx.AsyncClient(trust_env=False, timeout=0.3) as http:
        try:
            return (await http.get(f"{stage.url}/services/{name}/healthz")).status_code
        except httpx.TransportError:
            return 0


async def test_a_service_is_well_some_time_after_its_server_came_up() -> None:
    """Off it answers nothing, then 503, then 200."""
    async with builders.staged() as stage:
        seen = [await answer(stage)]
        del stage.up["web01"]
        seen.append(await answer(stage))
        stage.up["web01"] = stage.now
        seen.append(await answer(stage))
        stage.now += 2.0
        seen.append(await answer(stage))

    assert seen == [200, 0, 503, 200]


@pytest.mark.parametrize(
    ("fault", "seen"),
    [
        (surroundings.ServiceFault.UNWELL, [503, 503]),
        (surroundings.ServiceFault.FLAPS, [503, 200]),
        (surroundings.ServiceFault.HANGS, [0, 0]),
        (surroundings.ServiceFault.REFUSES, [0, 0]),
        (surroundings.ServiceFault.ELSEWHERE, [302, 302]),
    ],
)
async def test_a_service_has_the_fault_that_was_asked_for(
    fault: surroundings.ServiceFault, seen: list[int]
) -> None:
    """Its neighbours don't."""
    async with builders.staged() as stage:
        stage.around.services.faults["web01"] = fault

        assert [await answer(stage), await answer(stage)] == seen
        assert await answer(stage, "web02") == 200
        assert await answer(stage, "nobody") == 404


async def test_a_service_that_answers_too_early_is_well_while_its_server_goes_down() -> None:
    """And boots afterwards as any does."""
    async with builders.staged() as stage:
        stage.around.services.faults["web01"] = surroundings.ServiceFault.EARLY
        del stage.up["web01"]
        stage.busy.add("web01")
        early = await answer(stage)
        stage.busy.clear()
        stage.up["web01"] = stage.now

        assert (early, await answer(stage)) == (200, 503)


@pytest.mark.parametrize(
    ("query", "values"),
    [
        ('up{instance=~"web0[12].*"}', ["1", "0"]),
        ('up{instance=~"web0[12].*"} == 1', ["1"]),
        ('up{instance="web02:9100"}', ["0"]),
        ('up{instance="nobody"} == 1', []),
    ],
)
async def test_the_series_up_tells_of_the_services(query: str, values: list[str]) -> None:
    """A comparison leaves out what doesn't hold."""
    async with builders.staged() as stage, httpx.AsyncClient(trust_env=False) as http:
        del stage.up["web02"]
        url = f"{stage.url}/prometheus/api/v1/query"
        found = (await http.get(url, params={"query": query})).json()
        bad = await http.get(url, params={"query": "rate("})

    assert [row["value"][1] for row in found["data"]["result"]] == values
    assert bad.status_code == 400
