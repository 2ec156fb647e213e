"""One request out, one answer back, or one error that says whether anything left.

Nothing is sent twice here and no redirect is followed. Every request makes one log event, which
never holds headers, tokens or bodies.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import math
import ssl
from collections.abc import AsyncIterator, Mapping
from http import HTTPStatus

import httpx
import structlog

from bot.clouddc import error_answers, wire
from bot.power import errors, ports

log = structlog.get_logger()

# The phases before the first byte (pool, connect, TLS) together take less than the whole, so
# that each of them ends in an error of its own.
TIMEOUT = httpx.Timeout(20.0, connect=5.0, pool=2.0)
WHOLE_S = 20.0  # From connecting to the last byte of the answer, in seconds.
# A page of a thousand records has about 800 KB.
LARGEST_ANSWER = 16 * 1024 * 1024
# An idle connection that the gateway closes just as a call goes out loses the call's answer.
KEEP_IDLE_S = 4.0

# Raised before the first byte of a request: no connection, no TLS, no free place, no proxy.
NEVER_LEFT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)


@dataclasses.dataclass(frozen=True, slots=True)
class Call:
    """A request to be sent; `asked` are the ids that it names.

    `leave_by` is the last instant (monotonic) at which its first byte may leave.
    """

    operation: str
    method: str
    url: str
    body: bytes = dataclasses.field(default=b"", repr=False)
    attempt_id: str = ""
    asked: tuple[str, ...] = ()
    whole_s: float = WHOLE_S
    leave_by: float = math.inf


class Departure:
    """Watches in httpx's transport whether it has begun to write the request.

    The `CONNECT` that opens a way through a proxy isn't the request yet.
    """

    def __init__(self, leave_by: float, clock: ports.Clock) -> None:
        self._leave_by = leave_by
        self._clock = clock
        self._watching = False
        self._began = False

    async def __call__(self, event: str, info: Mapping[str, object]) -> None:
        """Note one of httpcore's trace events, and stop a request that comes too late.

        Raises:
            NotSent: the last instant to leave has passed.
        """
        self._watching = True
        if not event.endswith("send_request_headers.started"):
            return
        if getattr(info.get("request"), "method", b"") == b"CONNECT":
            return
        if self._clock.monotonic() > self._leave_by:
            # Its lease may be over by now, and another process at work on the same servers.
            raise errors.NotSent.since("the call was held up for too long")
        self._began = True

    @property
    def ruled_out(self) -> bool:
        """Whether it is proven that no byte left; a transport without events proves nothing."""
        return self._watching and not self._began


async def trusted(*, trust_env: bool = True) -> ssl.SSLContext:
    """Read the certificates that are trusted: in a thread, since it takes a while.

    Raises:
        CloudError: those that the environment names can't be read.
    """
    try:
        return await asyncio.to_thread(httpx.create_ssl_context, trust_env=trust_env)
    except OSError as error:
        raise errors.CloudError(
            f"The certificates that SSL_CERT_FILE names can't be read ({type(error).__name__})."
        ) from error


@contextlib.asynccontextmanager
async def open_http(
    trusting: ssl.SSLContext | None = None, *, trust_env: bool = True
) -> AsyncIterator[httpx.AsyncClient]:
    """Open the HTTP client of a process: no retries, no redirects, connections kept.

    Proxies and certificates (`trusting`, or read now) come from the environment as httpx reads it
    (`HTTPS_PROXY`, `NO_PROXY`, `SSL_CERT_FILE`), unless `trust_env` is off: a stand-in on
    loopback wants no proxy.

    Raises:
        CloudError: the environment names certificates or a proxy that can't be used.
    """
    # At the debug level httpcore writes answers' headers down, and IAM's token is one of them.
    logging.getLogger("httpcore").setLevel(logging.INFO)
    trusting = trusting or await trusted(trust_env=trust_env)
    limits = httpx.Limits(max_connections=20, keepalive_expiry=KEEP_IDLE_S)
    try:
        http = httpx.AsyncClient(
            verify=trusting, trust_env=trust_env, limits=limits, timeout=TIMEOUT
        )
    except (ValueError, httpx.InvalidURL) as error:
        # The error's own text would quote the address, which may hold a password.
        raise errors.CloudError(
            "The proxy that HTTPS_PROXY, HTTP_PROXY or ALL_PROXY names can't be used; "
            "write it as http://HOST:PORT."
        ) from error
    async with http:
        yield http


async def send(
    http: httpx.AsyncClient, call: Call, *, auth: httpx.Auth | None, clock: ports.Clock
) -> wire.HttpAnswer:
    """Send a call once and return its answer, whatever its status.

    Raises:
        NotSent: proven that nothing left.
        OutcomeUnknown: it may have left, and no whole answer came.
    """
    began = clock.monotonic()
    event = {"operation": call.operation, "attempt_id": call.attempt_id}
    try:
        answer = await _exchange(http, call, auth, Departure(call.leave_by, clock))
    except errors.CloudError as error:
        cause = type(error.__cause__ or error).__name__
        outcome = type(error).__name__
        duration_s = round(clock.monotonic() - began, 3)
        log.warning("clouddc.call", **event, outcome=outcome, cause=cause, duration_s=duration_s)
        raise
    # Reads that go well are many and say nothing new.
    tell = (
        log.debug if call.method == "GET" and answer.status < HTTPStatus.BAD_REQUEST else log.info
    )
    tell(
        "clouddc.call",
        **event,
        status=answer.status,
        cloud_request=error_answers.request_id(answer),
        duration_s=round(clock.monotonic() - began, 3),
    )
    return answer


async def _exchange(
    http: httpx.AsyncClient, call: Call, auth: httpx.Auth | None, departure: Departure
) -> wire.HttpAnswer:
    request = http.build_request(
        call.method,
        call.url,
        content=call.body or None,
        headers={"Content-Type": "application/json", "Accept": "application/json"},
        timeout=TIMEOUT,
        extensions={"trace": departure},
    )
    try:
        async with asyncio.timeout(call.whole_s):
            response = await http.send(request, auth=auth, stream=True, follow_redirects=False)
            try:
                body = await _whole_body(response)
            finally:
                await response.aclose()
    # These prove it by themselves, though a transport may have told no events.
    except NEVER_LEFT as error:
        raise _not_sent(error) from error
    except (httpx.RequestError, TimeoutError) as error:
        if departure.ruled_out:
            raise _not_sent(error) from error
        raise errors.OutcomeUnknown(
            f"CloudDC's answer was lost ({type(error).__name__}); it may have happened"
        ) from error
    return wire.HttpAnswer(response.status_code, response.headers, body)


async def _whole_body(response: httpx.Response) -> bytes:
    """Read a body of at most `LARGEST_ANSWER` bytes, counted after decompression."""
    chunks, size = [], 0
    async for chunk in response.aiter_bytes():
        chunks.append(chunk)
        size += len(chunk)
        if size > LARGEST_ANSWER:
            raise httpx.DecodingError("the answer is too large", request=response.request)
    return b"".join(chunks)


def _not_sent(error: Exception) -> errors.NotSent:
    return errors.NotSent.since(f"CloudDC could not be reached ({type(error).__name__})")
