"""One request to one of the surroundings: one bounded answer, or words for why there is none.

Nothing is sent twice here, and no redirect is followed.
"""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import math
import pathlib
import ssl
import stat
from collections.abc import Callable, Iterable, Mapping

import httpx
import structlog

from bot.steps import credentials, http_calls

log = structlog.get_logger()

# A list of silences may be long: Alertmanager keeps those that have ended for five days.
LARGEST_ANSWER = 16 * 1024 * 1024
LONGEST_WORDS = 200  # Characters of an answer that fit a line of the thread.
LONGEST_WAIT_S = 60.0  # The longest Retry-After that is believed.
# An idle connection that the other side closes just as a call goes out loses the call's answer.
KEEP_IDLE_S = 4.0
MOST_CONNECTIONS = 100  # As many as servers may be probed at once.
TIMEOUT = httpx.Timeout(10.0, connect=5.0)


class Client:
    """HTTP for all steps: a pool of connections for each file of certificates."""

    def __init__(
        self, *, trust_env: bool = True, learn: Callable[[Iterable[str]], None] = lambda _: None
    ) -> None:
        """`trust_env` off leaves the proxies of the environment out. Must be closed.

        `learn` is told of each request's secrets before it leaves, so that no log holds them.
        """
        # At the debug level httpcore writes headers down.
        logging.getLogger("httpcore").setLevel(logging.INFO)
        self._trust_env = trust_env
        self._learn = learn
        self._pools: dict[tuple[str, int], httpx.AsyncClient] = {}
        self._making = asyncio.Lock()

    async def send(self, call: http_calls.HttpCall) -> http_calls.Reply:
        """Send a request and return its answer.

        Raises:
            NoAnswer: there is none.
        """
        trace = _Trace()
        self._learn(credentials.parts(_secrets(call)))
        try:
            reply = await self._sent(call, trace)
        except http_calls.NoAnswer as error:
            log.debug("around.no_answer", method=call.method, to=_place(call.url), why=error.words)
            raise
        log.debug("around.answered", method=call.method, to=_place(call.url), status=reply.status)
        return reply

    async def _sent(self, call: http_calls.HttpCall, trace: _Trace) -> http_calls.Reply:
        """Send a request whose departure is seen by `trace`.

        Raises:
            NoAnswer: there is none.
        """
        try:
            async with asyncio.timeout(call.within_s):
                pool = await self._pool(call.ca)
                request = pool.build_request(
                    call.method,
                    call.url,
                    # Bodies are read raw, so that nothing packed can unfold beyond the bound.
                    headers={"Accept-Encoding": "identity", **call.headers},
                    content=call.body or None,
                    extensions={"trace": trace},
                )
                response = await pool.send(request, stream=True)
                try:
                    return await _reply(response, call)
                finally:
                    await response.aclose()
        except TimeoutError:
            raise http_calls.NoAnswer("no answer", left=trace.began) from None
        except (httpx.TransportError, httpx.InvalidURL, OSError, ValueError) as error:
            raise http_calls.NoAnswer(http_calls.why_not(error), left=trace.began) from error

    async def aclose(self) -> None:
        """Close all connections."""
        for pool in self._pools.values():
            await pool.aclose()

    async def _pool(self, ca: str) -> httpx.AsyncClient:
        """Return the pool of connections for a file of certificates as it is now.

        Raises:
            OSError: the file can't be read.
        """
        async with self._making:
            key = (ca, await asyncio.to_thread(_written_at, ca) if ca else 0)
            if key not in self._pools:
                # Reading the certificates takes a while, which a click needn't wait for.
                self._pools[key] = await asyncio.to_thread(self._open, ca)
            return self._pools[key]

    def _open(self, ca: str) -> httpx.AsyncClient:
        """Open a pool: no retries, no redirects.

        Raises:
            OSError: the certificates can't be read.
        """
        return httpx.AsyncClient(
            verify=ssl.create_default_context(cafile=ca) if ca else True,
            trust_env=self._trust_env,
            timeout=TIMEOUT,
            limits=httpx.Limits(max_connections=MOST_CONNECTIONS, keepalive_expiry=KEEP_IDLE_S),
        )


def _written_at(path: str) -> int:
    """Return when a file was written last; certificates are exchanged while we run.

    Raises:
        OSError: there is no regular file; a pipe would be waited for, with everybody's steps.
    """
    found = pathlib.Path(path).stat()
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "it isn't a regular file", path)
    return found.st_mtime_ns


def _place(url: str) -> str:
    """Return where an address is, without what is asked there."""
    return url.partition("?")[0]


class _Trace:
    """Sees by httpcore's events whether a request has begun to leave."""

    def __init__(self) -> None:
        self.began = False

    async def __call__(self, event: str, info: Mapping[str, object]) -> None:
        """Note an event; the `CONNECT` that opens a way through a proxy isn't the request yet."""
        is_connect = getattr(info.get("request"), "method", b"") == b"CONNECT"
        if event.endswith("send_request_headers.started") and not is_connect:
            self.began = True


async def _reply(response: httpx.Response, call: http_calls.HttpCall) -> http_calls.Reply:
    """Read an answer up to a bound."""
    parts, size = [], 0
    async for chunk in response.aiter_raw():
        parts.append(chunk)
        size += len(chunk)
        # What lies behind the bound isn't read at all: a status alone may be enough.
        if size > LARGEST_ANSWER:
            break
    body = b"".join(parts)
    return http_calls.Reply(
        response.status_code,
        body if size <= LARGEST_ANSWER else None,
        # A secret that the cut goes through would not be known by its value any more.
        _cut(credentials.redacted(_said(body[:65_536]), *_secrets(call))),
        _again_s(response.headers.get("Retry-After", "")),
    )


def _secrets(call: http_calls.HttpCall) -> tuple[str, ...]:
    """Return what nobody may read of a request."""
    return (call.headers.get("Authorization", ""), *call.secrets)


def _said(body: bytes) -> str:
    """Return what an answer says to a person: `detail`, `message`, or the first line."""
    text = body.decode(errors="replace")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict):
        text = next(
            (str(found[key]) for key in ("detail", "message", "error") if found.get(key)), ""
        )
    elif isinstance(found, str):
        text = found
    line = next((one.strip() for one in text.splitlines() if one.strip()), "")
    # A page for browsers says nothing in its first line, and the status is shown anyway.
    if line.startswith("<"):
        return ""
    return line


def _cut(line: str) -> str:
    """Return as much of a line as people read, all of it printable."""
    return "".join(one if one.isprintable() else " " for one in line[:LONGEST_WORDS])


def _again_s(header: str) -> float:
    """Return the seconds that a Retry-After asks for; a date or nonsense asks for none."""
    try:
        seconds = float(header)
    except ValueError:
        return 0.0
    return min(max(seconds, 0.0), LONGEST_WAIT_S) if math.isfinite(seconds) else 0.0
