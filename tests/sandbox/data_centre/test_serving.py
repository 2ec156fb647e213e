"""On a socket the data centre behaves as in memory: raw paths, waits, and real cuts."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import httpx
import pytest

from bot.sandbox.data_centre import CallFault, CallFaultKind, HttpRequest, serve, simulate

from .builders import ACCOUNT, FIXED_TOKEN, START, Bench, signed

LIST = f"/v1/{ACCOUNT.project_id}/physicalservers"
TOKEN = {"X-Auth-Token": FIXED_TOKEN}


@pytest.fixture
def bench() -> Bench:
    """A data centre on the bench."""
    return Bench()


@pytest.fixture
async def client(bench: Bench) -> AsyncIterator[httpx.AsyncClient]:
    """A client on the served data centre."""
    running = await serve.start(bench.centre)
    async with httpx.AsyncClient(base_url=running.url, trust_env=False) as client:
        yield client
    await running.stop()


async def test_served_centre_listens_on_loopback_only(bench: Bench) -> None:
    """Unless told otherwise nobody else on the network can reach it."""
    running = await serve.start(bench.centre)

    assert urlsplit(running.url).hostname == "127.0.0.1"
    await running.stop()


async def test_served_centre_answers_with_a_request_id(client: httpx.AsyncClient) -> None:
    """Status, body and headers come as the core made them, with one content type."""
    response = await client.get(LIST, headers=TOKEN)

    assert response.status_code == 200
    assert response.json()["count"] == 20
    assert response.headers.get_list("Content-Type") == ["application/json"]
    assert len(response.headers["X-Request-Id"]) == 32


@pytest.mark.parametrize("target", [f"{LIST}?limit=20&manage_state=in-use", f"{LIST}/%61b%2Fc"])
async def test_served_centre_verifies_the_path_as_it_was_sent(
    bench: Bench, client: httpx.AsyncClient, target: str
) -> None:
    """Percent-encodings survive up to the verifier, so that signatures match."""
    request = signed(HttpRequest("GET", target), at=START)

    response = await client.get(httpx.URL(target), headers=dict(request.headers))

    assert response.status_code in {200, 400}, response.text


@pytest.mark.parametrize(
    ("kind", "reboots"), [(CallFaultKind.DROP_BEFORE, 0), (CallFaultKind.DROP_AFTER, 1)]
)
async def test_dropped_call_really_loses_its_connection(
    bench: Bench, client: httpx.AsyncClient, kind: CallFaultKind, reboots: int
) -> None:
    """The client sees a broken connection and not an answer; the next call works."""
    bench.centre.queue_fault(kind)
    body = {"action": "rebooting", "server_id_set": [bench.id_of("web01")]}

    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        await client.put(f"{LIST}/power-state", json=body, headers=TOKEN)

    assert bench.centre.reboots_received("web01") == reboots
    assert (await client.get(LIST, headers=TOKEN)).status_code == 200


async def test_delayed_answer_comes_late(bench: Bench, client: httpx.AsyncClient) -> None:
    """A client that waits less than the delay sees a time-out."""
    bench.centre.call_faults.queue(CallFault(CallFaultKind.DELAY, delay_s=30))

    with pytest.raises(httpx.ReadTimeout):
        await client.get(LIST, headers=TOKEN, timeout=0.05)


async def test_short_delay_ends_in_the_answer(bench: Bench, client: httpx.AsyncClient) -> None:
    """Who waits long enough gets the answer."""
    bench.centre.call_faults.queue(CallFault(CallFaultKind.DELAY, delay_s=0.01))

    assert (await client.get(LIST, headers=TOKEN)).status_code == 200


async def test_served_centre_reads_no_more_than_its_limit(client: httpx.AsyncClient) -> None:
    """A body over a megabyte is refused, and its connection closed."""
    response = await client.put(f"{LIST}/power-state", content=b"x" * 1_048_577, headers=TOKEN)

    assert response.status_code == 413
    assert response.headers["Connection"] == "close"


async def test_served_centre_takes_long_tokens(client: httpx.AsyncClient) -> None:
    """IAM's tokens can be longer than servers usually allow a header to be."""
    response = await client.get(LIST, headers={"X-Auth-Token": "t" * 16_384})

    assert response.status_code == 401


async def test_redirect_is_served_without_a_content_type(
    bench: Bench, client: httpx.AsyncClient
) -> None:
    """A 302 has its address and nothing else."""
    bench.centre.queue_fault(CallFaultKind.REDIRECT)

    response = await client.get(LIST, headers=TOKEN)

    assert response.status_code == 302
    assert response.headers["Location"] == "https://elsewhere.invalid/"


async def test_taken_port_is_reported_and_leaves_nothing_behind(bench: Bench) -> None:
    """Who can't have the address gets the system's error."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()

        with pytest.raises(OSError, match="address already in use"):
            await serve.start(bench.centre, port=taken.getsockname()[1])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_simulation_says_what_to_set_and_stops_on_a_signal(number: signal.Signals) -> None:
    """It names the address and the settings once; a signal ends it cleanly."""
    lines: asyncio.Queue[str] = asyncio.Queue()
    task = asyncio.create_task(
        simulate.serve_forever("127.0.0.1", 0, servers=10, echo=lines.put_nowait)
    )
    line = await asyncio.wait_for(lines.get(), 60)

    os.kill(os.getpid(), number)
    await asyncio.wait_for(task, 60)

    assert "with 10 servers at http://127.0.0.1:" in line
    assert "CLOUDDC_ENDPOINT=http://127.0.0.1:" in line
    assert f"HUAWEICLOUD_SDK_SK={ACCOUNT.sk}" in line
    assert lines.empty()


async def test_simulation_serves_with_the_credentials_it_was_given() -> None:
    """The caller's token works, and the caller's secret is not repeated."""
    lines: asyncio.Queue[str] = asyncio.Queue()
    task = asyncio.create_task(
        simulate.serve_forever(
            "127.0.0.1", 0, project_id="p1", ak="a", sk="hush-hush", token="t", generation="old",
            duration_s=0.1, seed=3, servers=10, echo=lines.put_nowait,
        )
    )  # fmt: skip
    line = await asyncio.wait_for(lines.get(), 60)
    url = next(word for word in line.split() if word.startswith("CLOUDDC_ENDPOINT=")).partition("=")

    async with httpx.AsyncClient(base_url=url[2], trust_env=False) as client:
        response = await client.get("/v1/p1/physicalservers", headers={"X-Auth-Token": "t"})
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert response.json()["count"] == 10
    assert "operation_state" not in response.text
    assert "hush-hush" not in line


def test_ipv6_addresses_are_written_with_brackets() -> None:
    """An address with colons stands in brackets in a URL."""
    assert serve.shown_url("::1", 80) == "http://[::1]:80"


async def test_a_client_that_dies_with_its_call_half_sent_leaves_no_trace() -> None:
    """What has not arrived whole is not carried out, and is no error of the centre."""
    bench = Bench()
    running = await serve.start(bench.centre)
    host, port = running.url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    head = "PUT /v1/p/physicalservers/power-state HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n"
    writer.write(head.encode() + b'{"action": "rebooting"')
    await writer.drain()
    await asyncio.sleep(0.05)
    transport = writer.transport
    assert isinstance(transport, asyncio.Transport)
    transport.abort()
    await asyncio.sleep(0.05)

    assert bench.centre.power_calls() == []
    await running.stop()
