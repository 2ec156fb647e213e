"""One request to one of the surroundings: one bounded answer, or words for why there is none.

Nothing is sent twice here, and no redirect is followed.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
import math
import pathlib
import socket
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import httpx
import structlog

from bot.steps import credentials

log = structlog.get_logger()

# A list of silences may be long: Alertmanager keeps those that have ended for five days.
LARGEST_ANSWER = 16 * 1024 * 1024
LONGEST_WORDS = 200
LONGEST_WAIT_S = 60.0
# An idle connection that the other side closes just as a call goes out loses the call's answer.
KEEP_IDLE_S = 4.0
MOST_CONNECTIONS = 100
TIMEOUT = httpx.Timeout(10.0, connect=5.0)

TOO_MANY = 429
REFUSALS = frozenset({401, 403})


class NoAnswer(Exception):
    """There is no answer, in a few words; `left` says that the request may have arrived."""

    def __init__(self, words: str, *, left: bool) -> None:
        super().__init__(words)
        self.words = words
        self.left = left


@dataclasses.dataclass(frozen=True, slots=True)
class HttpCall:
    """A request; `within_s` bounds it from the look-up of its host's name to its last byte.

    `ca` is a file of certificates to trust instead of the system's. `secrets` are taken out of
    what comes back, beside the Authorization header's value.
    """

    method: str
    url: str
    within_s: float
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict, repr=False)
    body: bytes = dataclasses.field(default=b"", repr=False)
    ca: str = ""
    secrets: tuple[str, ...] = dataclasses.field(default=(), repr=False)


@dataclasses.dataclass(frozen=True, slots=True)
class Reply:
    """An answer, whatever its status; `words` is what it says in a line, without secrets.

    `body` is None where it was longer than we read. `again_s` is its Retry-After, bounded.
    """

    status: int
    body: bytes | None
    words: str
    again_s: float

    @property
    def good(self) -> bool:
        """Whether the status is one of success."""
        return 200 <= self.status < 300

    @property
    def passing(self) -> bool:
        """Whether it may be otherwise in a while."""
        return self.status == TOO_MANY or self.status >= 500

    def json(self) -> Any:
        """Return what the body holds, None where it can't be read."""
        try:
            return json.loads(self.body or b"")
        except (ValueError, RecursionError):
            return None


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

    async def send(self, call: HttpCall) -> Reply:
        """Send a request and return its answer.

        Raises:
            NoAnswer: there is none.
        """
        trace = _Trace()
        self._learn(credentials.parts(_secrets(call)))
        try:
            reply = await self._sent(call, trace)
        except NoAnswer as error:
            log.debug("around.no_answer", method=call.method, to=_place(call.url), why=error.words)
            raise
        log.debug("around.answered", method=call.method, to=_place(call.url), status=reply.status)
        return reply

    async def _sent(self, call: HttpCall, trace: _Trace) -> Reply:
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
            raise NoAnswer("no answer", left=trace.began) from None
        except (httpx.TransportError, httpx.InvalidURL, OSError, ValueError) as error:
            raise NoAnswer(_words(error), left=trace.began) from error

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
    """Return when a file was written last; certificates are exchanged while we run."""
    return pathlib.Path(path).stat().st_mtime_ns


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


async def _reply(response: httpx.Response, call: HttpCall) -> Reply:
    """Read an answer up to a bound."""
    parts, size = [], 0
    async for chunk in response.aiter_raw():
        parts.append(chunk)
        size += len(chunk)
        if size > LARGEST_ANSWER:
            break
    body = b"".join(parts)
    return Reply(
        response.status_code,
        body if size <= LARGEST_ANSWER else None,
        # A secret that the cut goes through would not be known by its value any more.
        _cut(credentials.redacted(_said(body[:65_536]), *_secrets(call))),
        _again_s(response.headers.get("Retry-After", "")),
    )


def _secrets(call: HttpCall) -> tuple[str, ...]:
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


def _words(error: BaseException) -> str:
    """Return why there is no answer, in the words that people read."""
    for one in _causes(error):
        match one:
            case ConnectionRefusedError():
                return "connection refused"
            case socket.gaierror():
                return "name not known"
            case ssl.SSLCertVerificationError():
                return f"certificate not trusted: {one.verify_message}"
            case ssl.SSLError():
                return "TLS failed"
            case FileNotFoundError() | PermissionError():
                return f"{one.filename} can't be read"
    return "no answer"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and everything that led to it."""
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            for one in error.exceptions:
                yield from _causes(one)
        error = error.__cause__ or error.__context__


def status_words(reply: Reply) -> str:
    """Return a status with what the answer says, such as `HTTP 403: not for you`."""
    return f"HTTP {reply.status}: {reply.words}" if reply.words else f"HTTP {reply.status}"


def why_not(error: OSError) -> str:
    """Return why a connection can't be had, in the same words."""
    return _words(error)
