"""One request: what has happened is known, or honestly unknown; nothing secret is logged."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest

from bot.clouddc import exchange
from bot.power import errors
from tests.support import ticks

from .builders import Service, answer, http_for

URL = "https://clouddc.example/v1/p/physicalservers/power-state"
CALL = exchange.Call("switch", "PUT", URL, b"{}", "attempt-1")
Raw = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Serving:
    """A raw server on loopback that does to a connection what a test wants."""

    def __init__(self, serve: Raw) -> None:
        self._serve = serve

    async def __aenter__(self) -> str:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await self._serve(reader, writer)
            finally:
                writer.close()

        self._server = await asyncio.start_server(serve, "127.0.0.1", 0)
        return f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()


async def sent(call: exchange.Call) -> errors.CloudError | int:
    """What became of a call over a real connection: a status or an error."""
    async with exchange.open_http(trust_env=False) as http:
        try:
            return (await exchange.send(http, call, auth=None, clock=ticks.HandClock())).status
        except errors.CloudError as error:
            return error


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (httpx.ConnectError("refused"), errors.NotSent),
        (httpx.ConnectTimeout("slow"), errors.NotSent),
        (httpx.PoolTimeout("full"), errors.NotSent),
        (httpx.ProxyError("407"), errors.NotSent),
        (httpx.UnsupportedProtocol("gopher"), errors.NotSent),
        (httpx.ReadTimeout("slow"), errors.OutcomeUnknown),
        (httpx.ReadError("reset"), errors.OutcomeUnknown),
        (httpx.WriteTimeout("slow"), errors.OutcomeUnknown),
        (httpx.WriteError("broken pipe"), errors.OutcomeUnknown),
        (httpx.RemoteProtocolError("gone"), errors.OutcomeUnknown),
        (httpx.LocalProtocolError("bad"), errors.OutcomeUnknown),
        (httpx.DecodingError("gzip"), errors.OutcomeUnknown),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
async def test_transport_error_says_whether_anything_may_have_left(
    raised: Exception, expected: type[errors.CloudError]
) -> None:
    """Only what comes before the first byte is proven not sent."""
    service = Service(raised)

    with pytest.raises(errors.CloudError) as caught:
        await exchange.send(http_for(service), CALL, auth=None, clock=ticks.HandClock())

    assert type(caught.value) is expected
    assert len(service.requests) == 1


async def test_answer_that_never_comes_ends_in_an_unknown_outcome() -> None:
    """The whole exchange has a time limit of its own."""

    async def hang(request: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    call = exchange.Call("switch", "PUT", URL, whole_s=0.01)
    with pytest.raises(errors.OutcomeUnknown):
        await exchange.send(http_for(hang), call, auth=None, clock=ticks.HandClock())


async def test_answer_without_end_is_cut_off() -> None:
    """An answer is read to 16 MiB, then it is lost."""

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(1024 * 1024)

    async def respond(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=endless())

    with pytest.raises(errors.OutcomeUnknown):
        await exchange.send(http_for(respond), CALL, auth=None, clock=ticks.HandClock())


async def test_redirect_is_an_answer_and_is_not_followed() -> None:
    """A redirected power call goes nowhere else."""
    service = Service(answer(b"", 302, {"Location": "https://elsewhere.invalid/"}))

    found = await exchange.send(http_for(service), CALL, auth=None, clock=ticks.HandClock())

    assert found.status == 302
    assert len(service.requests) == 1


async def test_refused_connection_is_proven_not_sent() -> None:
    """Nobody listens: nothing left."""

    async def nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raise AssertionError

    async with Serving(nothing) as address:
        pass

    assert isinstance(await sent(exchange.Call("x", "PUT", f"http://{address}/")), errors.NotSent)


async def test_failed_name_lookup_is_proven_not_sent() -> None:
    """A host that doesn't exist was sent nothing."""
    call = exchange.Call("x", "PUT", "http://clouddc.invalid/")

    assert isinstance(await sent(call), errors.NotSent)


async def test_failed_tls_handshake_is_proven_not_sent() -> None:
    """A peer that doesn't speak TLS was sent no request."""

    async def speak_plainly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"220 hello\r\n" * 9)
        await writer.drain()

    async with Serving(speak_plainly) as address:
        found = await sent(exchange.Call("x", "PUT", f"https://{address}/"))

    assert isinstance(found, errors.NotSent)


async def test_request_that_may_not_leave_any_more_writes_nothing() -> None:
    """The last instant is looked at just before the first byte, after connecting."""
    came: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.set_result(await reader.read())

    async with Serving(read) as address:
        found = await sent(exchange.Call("x", "PUT", f"http://{address}/", b"{}", leave_by=-1.0))

        assert isinstance(found, errors.NotSent)
        assert await came == b""


async def test_connection_cut_before_the_answer_leaves_the_outcome_unknown() -> None:
    """The request was there to be read, so it may have been carried out."""

    async def read_and_cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")

    async with Serving(read_and_cut) as address:
        found = await sent(exchange.Call("x", "PUT", f"http://{address}/", b"{}"))

    assert isinstance(found, errors.OutcomeUnknown)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [(b"HTTP/1.1 407 No\r\n\r\n", errors.NotSent), (b"", errors.NotSent)],
    ids=["refuses", "cuts"],
)
async def test_proxy_that_opens_no_way_is_proven_not_sent(
    reply: bytes, expected: type[errors.CloudError]
) -> None:
    """What a proxy was told with `CONNECT` isn't the request."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(reply)
        await writer.drain()

    async with Serving(refuse) as address:
        verify = ssl.create_default_context()
        async with httpx.AsyncClient(
            proxy=f"http://{address}", verify=verify, trust_env=False
        ) as http:
            with pytest.raises(expected):
                await exchange.send(http, CALL, auth=None, clock=ticks.HandClock())


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SSL_CERT_FILE", "/nowhere/certificates.pem"),
        ("HTTPS_PROXY", "nonsense://user:secret@proxy"),
        ("ALL_PROXY", "http://user:secret@proxy:port"),
    ],
)
async def test_environment_that_leads_nowhere_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    """Certificates and proxies are read at the start, where somebody looks."""
    monkeypatch.setenv(variable, value)

    with pytest.raises(errors.CloudError, match=variable) as caught:
        async with exchange.open_http():
            raise AssertionError

    assert "secret" not in str(caught.value)
