"""Probes: one look by HTTP, TCP and PromQL, and the words for what it saw."""

from __future__ import annotations

import asyncio
import contextlib
import pathlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from bot.power.steps import definition, protocol
from bot.sandbox import surroundings
from bot.steps.kinds import probe
from tests.acceptance.test_http import free_port
from tests.sandbox.surroundings import builders as stages
from tests.steps import builders, daemons

SCRAPED_S = 15.0


def step(**changed: Any) -> definition.Step:
    """Return a step that asks whether something answers."""
    return definition.Step(name="answering", kind="probe", **changed)


async def look(step: definition.Step, *names: str, within_s: float = 5.0) -> dict[str, str]:
    """Look once; return the words for each server, nothing where all is well."""
    async with builders.http() as http:
        asked = builders.asked(step, *(names or ("web01",)), within_s=within_s)
        answer = await probe.Probe(http).after(asked)
    found = builders.words(answer)
    assert all(word == ("again" if detail else "done") for word, detail, _ in found.values())
    assert not any(stands for _, _, stands in found.values())
    return {name: detail for name, (_, detail, _) in found.items()}


async def test_services_are_asked_each_by_its_name() -> None:
    """Any 2xx is well; the words are the answer's."""
    async with stages.staged() as stage:
        faults = stage.around.services.faults
        faults["web02"] = surroundings.ServiceFault.UNWELL
        faults["web03"] = surroundings.ServiceFault.ELSEWHERE
        faults["db01"] = surroundings.ServiceFault.REFUSES
        http = f"{stage.url}/services/{{name}}/healthz"

        seen = await look(step(http=http), "web01", "web02", "web03", "db01", "nobody")

    assert seen == {
        "web01": "",
        "web02": "HTTP 503",
        "web03": "HTTP 302",
        "db01": "no answer",
        "nobody": "HTTP 404",
    }


async def test_a_service_that_hangs_is_no_answer() -> None:
    """Within the time that there is."""
    async with stages.staged() as stage:
        stage.around.services.faults["web01"] = surroundings.ServiceFault.HANGS

        seen = await look(step(http=f"{stage.url}/services/{{name}}/healthz"), within_s=0.3)

    assert seen == {"web01": "no answer"}


async def test_an_answer_without_an_end_is_an_answer() -> None:
    """Its status is what counts, and no more is read than we bear."""
    async with stages.staged() as stage:
        stage.around.faults.set(surroundings.Part.PROMETHEUS, surroundings.Fault.ENDLESS)

        seen = await look(step(http=f"{stage.url}/prometheus/-/ready"))

    assert seen == {"web01": ""}


@pytest.mark.parametrize("way", ["http", "tcp"])
async def test_nobody_there_is_said_in_the_same_words(way: str) -> None:
    """A port that is closed, and a name that nobody knows."""
    scheme = "http://" if way == "http" else ""
    port = free_port()

    closed = await look(step(**{way: f"{scheme}127.0.0.1:{port}"}))
    unknown = await look(step(**{way: f"{scheme}{{name}}.invalid:{port}"}))

    assert closed == {"web01": "connection refused"}
    assert unknown == {"web01": "name not known"}


async def test_a_port_that_takes_connections_is_well() -> None:
    """By name or address, IPv6 in brackets."""
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        assert await look(step(tcp=f"127.0.0.1:{port}")) == {"web01": ""}


async def test_a_port_that_never_takes_a_connection_is_no_answer() -> None:
    """An address of the documentation's range, where nobody is (RFC 5737)."""
    seen = await look(step(tcp="192.0.2.1:22"), within_s=0.2)

    assert seen["web01"] in ("no answer", "connection refused")


@contextlib.asynccontextmanager
async def exporter() -> AsyncIterator[str]:
    """Serve figures as an exporter does; gives its host and port."""
    text = "shop_ready 1\nshop_errors 0\nshop_unknown NaN\n"
    async with builders.answering(lambda _: web.Response(text=text)) as url:
        yield url.removeprefix("http://")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def scraped(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[str, str]]:
    """A real Prometheus that has scraped an exporter; gives both addresses."""
    folder: pathlib.Path = tmp_path_factory.mktemp("prometheus")
    async with exporter() as up:
        down = f"127.0.0.1:{free_port()}"
        async with daemons.prometheus(folder, [up, down]) as url:
            step_ = step(promql="count(up) == 2", urls=(url,))
            async with asyncio.timeout(SCRAPED_S):
                while await look(step_) != {"web01": ""}:  # noqa: ASYNC110 -- it tells nobody
                    await asyncio.sleep(0.1)
            yield url, up


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("promql", "words"),
    [
        ('shop_ready{instance=~"{name}:.*"}', ""),
        ('shop_ready{instance=~"{name}:.*"} == 1', ""),
        ('shop_ready{instance=~"{name}:.*"} == 0', "no data"),
        ('shop_errors{instance=~"{name}:.*"}', "value 0"),
        ('shop_unknown{instance=~"{name}:.*"}', "no data"),
        ('shop_ready{instance="nobody"}', "no data"),
        ("up", "value 0"),
        ("scalar(sum(up))", ""),
        ("vector(0)", "value 0"),
        ('"words"', "no data"),
        ("up[1m]", "no data"),
        ("rate(", "HTTP 400"),
    ],
)
async def test_a_real_prometheus_says_whether_all_is_well(
    scraped: tuple[str, str], promql: str, words: str
) -> None:
    """At least one sample and none of them 0; no data is never well."""
    url, up = scraped
    host = up.partition(":")[0]

    assert await look(step(promql=promql, urls=(url,)), host) == {host: words}


@pytest.mark.asyncio(loop_scope="module")
async def test_a_real_prometheus_is_asked_whether_it_is_ready(scraped: tuple[str, str]) -> None:
    """Where it isn't there, that is said with its address."""
    dead = f"http://127.0.0.1:{free_port()}"
    async with builders.http() as http:
        kind = probe.Probe(http)
        good = await kind.check(step(promql="up", urls=(scraped[0],)))
        bad = await kind.check(step(promql="up", urls=(scraped[0], dead)))

    assert (good, bad) == ("", f"{dead}: connection refused")


@pytest.mark.parametrize(
    ("fault", "words"),
    [("500", "HTTP 500"), ("garbled", "no data"), ("dropped", "no answer"), ("401", "HTTP 401")],
)
async def test_a_prometheus_that_is_not_well_makes_nothing_well(fault: str, words: str) -> None:
    """What it says or doesn't say is shown."""
    async with stages.staged() as stage:
        stage.around.faults.set(surroundings.Part.PROMETHEUS, surroundings.Fault(fault))
        asks = step(promql='up{instance=~"{name}:.*"}', urls=(f"{stage.url}/prometheus",))

        assert await look(asks) == {"web01": words}
        assert await look(asks) == {"web01": ""}


async def test_the_next_prometheus_is_asked_where_one_does_not_answer() -> None:
    """An answer of whatever kind is an answer."""
    async with stages.staged() as stage:
        dead = f"http://127.0.0.1:{free_port()}"
        urls = (dead, f"{stage.url}/prometheus")

        assert await look(step(promql="up == 1", urls=urls)) == {"web01": ""}


async def test_a_look_at_the_world_needs_no_server() -> None:
    """It is asked about before each wave, without placeholders."""
    async with stages.staged() as stage, builders.http() as http:
        world = protocol.Subject(id=protocol.WORLD)
        asks = step(promql="up == 1", urls=(f"{stage.url}/prometheus",))

        asked = builders.asked(asks, servers=(world,))
        answer = await probe.Probe(http).before(asked)

    assert builders.words(answer) == {"": ("done", "", False)}


async def test_a_server_that_cannot_be_asked_about_is_refused() -> None:
    """Without the value there isn't an address; a secret that isn't there is named."""
    async with builders.http() as http:
        kind = probe.Probe(http)
        for asks, words in (
            (step(http="http://{tag:host}/"), "tag"),
            (step(http="http://127.0.0.1:9/", auth="NOT_SET_ANYWHERE"), "NOT_SET_ANYWHERE"),
        ):
            answer = await kind.after(builders.asked(asks, "web01"))
            [(word, detail, _)] = builders.words(answer).values()
            assert word == "refused"
            assert words in detail
