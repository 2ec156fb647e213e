"""What goes over the wire, as plain values: a request, an answer, or a cut connection.

Nothing here opens a socket; `serve` turns these values into bytes.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from bot.sandbox.data_centre.api import refusals

MAX_QUERY_FIELDS = 50


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request as it arrived: `target` is the raw path and query, never decoded.

    Signatures cover the exact bytes, so nothing may be normalised before they are checked.
    """

    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    @property
    def path(self) -> str:
        """The raw path, still percent-encoded."""
        return self.target.partition("?")[0]

    @property
    def raw_query(self) -> str:
        """The raw query string without its question mark."""
        return self.target.partition("?")[2]

    def header(self, name: str) -> str | None:
        """The first value of a header, whatever the case of its name."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)

    def query(self) -> dict[str, str]:
        """The decoded query, first value per name.

        Raises:
            Refusal: 400 iMetal.0001 when there are too many fields.
        """
        try:
            pairs = parse_qsl(
                self.raw_query, keep_blank_values=True, max_num_fields=MAX_QUERY_FIELDS
            )
        except ValueError:
            raise refusals.invalid("query") from None
        return dict(reversed(pairs))

    def json_object(self) -> dict[str, object]:
        """The body as a JSON object.

        Raises:
            Refusal: 400 iMetal.0001 when it is anything else.
        """
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError):
            raise refusals.invalid("request body") from None
        if not isinstance(value, dict):
            raise refusals.invalid("request body")
        return value


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """An answer; the server waits `delay_s` seconds before it sends it."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    delay_s: float = 0.0

    def json(self) -> object:
        """The decoded body, for tests and for faults that rewrite it."""
        return json.loads(self.body)

    def header(self, name: str) -> str | None:
        """The first value of a header, whatever the case of its name."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)


@dataclass(frozen=True, slots=True)
class Dropped:
    """The connection is cut without an answer; `applied` says if the action was carried out."""

    applied: bool


def json_response(
    status: int,
    body: Mapping[str, object] | Sequence[object] | str,
    headers: tuple[tuple[str, str], ...] = (),
) -> HttpResponse:
    """Build an answer with a JSON body, as compact UTF-8."""
    return encoded(status, compact(body), headers)


def compact(body: Mapping[str, object] | Sequence[object] | str) -> bytes:
    """Encode a value as compact JSON."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    # Echoed header values may hold bytes that are no text; they become question marks.
    return text.encode(errors="replace")


def encoded(status: int, body: bytes, headers: tuple[tuple[str, str], ...] = ()) -> HttpResponse:
    """Build an answer whose body is JSON already."""
    return HttpResponse(status, (("Content-Type", "application/json"), *headers), body)
