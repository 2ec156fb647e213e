"""What is asked of the surroundings and what comes back, as values, and whoever sends it.

The kinds of steps know this alone; `http_client` sends it.
"""

from __future__ import annotations

import dataclasses
import json
import socket
import ssl
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

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


class Http(Protocol):
    """Whoever sends a call: once, following no redirect."""

    async def send(self, call: HttpCall) -> Reply:
        """Send a request and return its answer.

        Raises:
            NoAnswer: there is none.
        """


def why_not(error: BaseException) -> str:
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
            # A file of certificates that can't be used is the operator's to mend, so it is named.
            case OSError() if one.filename:
                return f"{one.filename} can't be read"
    return "no answer"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and everything that led to it."""
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            # A host with several addresses fails once for each, all in one group.
            for one in error.exceptions:
                yield from _causes(one)
        error = error.__cause__ or error.__context__


def status_words(reply: Reply) -> str:
    """Return a status with what the answer says, such as `HTTP 403: not for you`."""
    return f"HTTP {reply.status}: {reply.words}" if reply.words else f"HTTP {reply.status}"
